#pragma once

#include <complex>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "torch/program.h"
#include "values/builder.h"

/// What an operator's lowering works with: one call of the program, its arguments as ONNX values, and a builder.
namespace olivine::torch {

class Lowering;

using values::Attr;
using values::Attrs;
using values::Ints;
using values::Values;

/// A Python number among the arguments. A symbolic one is a tensor of one element, int64[1], double[1] or bool[1].
class Number {
 public:
  explicit Number(std::variant<bool, std::int64_t, double, std::complex<double>, ir::Value*> content)
      : content_(content) {}

  /// PyTorch's default type of such a number: bool, int64, float32 or complex64.
  DataType dtype() const;
  bool is_symbolic() const { return std::holds_alternative<ir::Value*>(content_); }
  ir::Value* symbol() const { return std::get<ir::Value*>(content_); }
  bool is_complex() const { return std::holds_alternative<std::complex<double>>(content_); }
  /// Of a number that is neither symbolic nor complex.
  double real() const;
  std::complex<double> complex() const;
  /// The same, exact for large integers; a real one is cut towards zero.
  std::int64_t integer() const;

 private:
  std::variant<bool, std::int64_t, double, std::complex<double>, ir::Value*> content_;
};

/// One call on its way to ONNX. Everything that is made stands at the end of the graph that is being built, is typed,
/// becomes a constant where all that it needs is known, and is made once: the same operator of the same inputs is the
/// same value. Symbolic sizes are int64[1] values; lists of sizes are int64[n] values; `find_ints` tells whether they
/// are known. Complex tensors are pairs of reals in a last dimension of 2.
class Call final : public values::Builder {
 public:
  /// `self`: what stands for the call's first argument, where it is a view that is taken again.
  Call(Lowering& lowering, const Node& node, std::string_view target, ir::Value* self = nullptr);

  const Node& node() const { return node_; }
  std::string_view target() const { return target_; }
  /// The overload's operator without namespace and overload: "add".
  std::string_view name() const;

  /// @name Arguments, by the name in the operator's schema. An argument that is not given, or None, is absent.
  /// @{
  bool has(std::string_view name) const { return find(name) != nullptr; }
  const Argument* find(std::string_view name) const;
  ir::Value* tensor(std::string_view name) const;       ///< refuses where it is absent
  ir::Value* find_tensor(std::string_view name) const;  ///< null where it is absent
  /// A list of tensors; an element that is None is null. Empty where it is absent.
  Values tensors(std::string_view name) const;
  bool is_tensor(std::string_view name) const;
  /// A number; refuses where it is absent or no number.
  Number number_argument(std::string_view name) const;
  std::optional<Number> find_number_argument(std::string_view name) const;
  /// By position: Python's operators and those of higher order have no names for their arguments.
  Number number_at(std::size_t index) const;
  /// A number known now; refuses where it is symbolic.
  std::int64_t integer(std::string_view name) const;
  std::int64_t integer(std::string_view name, std::int64_t fallback) const;
  double real(std::string_view name, double fallback) const;
  bool flag(std::string_view name, bool fallback) const;
  std::string string(std::string_view name, std::string fallback) const;
  std::optional<DataType> dtype_argument(std::string_view name) const;
  /// A list of integers known now (one integer counts as a list of one); nothing where it is absent.
  std::optional<Ints> integers(std::string_view name) const;
  std::optional<std::vector<double>> reals_argument(std::string_view name) const;
  /// One integer, symbolic or not, as int64[1]; a list of them as int64[n].
  ir::Value* size_argument(std::string_view name) const;
  ir::Value* sizes_argument(std::string_view name) const;
  /// The same, element by element: each int64[1].
  Values size_list(std::string_view name) const;
  /// @}

  /// An argument's values: a tensor, a symbolic size, or the elements of a list. None gives null.
  Values values_of(const Argument& argument) const;

  /// @name What the program says
  /// @{
  /// Of an argument that is a tensor.
  const TensorMeta& meta(std::string_view name) const;
  bool is_complex(std::string_view name) const;
  /// Of a result, lists' elements counted one by one.
  const TensorMeta& result(std::size_t index = 0) const;
  std::size_t result_count() const;
  DataType result_dtype(std::size_t index = 0) const { return result(index).dtype; }
  /// Whether any call, or the program's outputs, use it.
  bool is_used(std::size_t index) const;
  /// @}

  /// @name Making, beyond what Builder offers
  /// @{
  Values emit_node(std::string op_type, Values inputs, std::size_t outputs,
                   const std::function<void(ir::Node&)>& fill) override;
  ir::Value* constant(tensor::Tensor tensor) override;
  /// The value itself when it has the type already. What float 8 cannot hold becomes what PyTorch makes of it.
  ir::Value* cast(ir::Value* value, DataType dtype);
  /// A number as a scalar of `dtype`, symbolic or not.
  ir::Value* scalar(const Number& number, DataType dtype);
  /// Arguments brought to the type that PyTorch promotes them to: tensors and numbers, by name.
  Values promoted(std::initializer_list<std::string_view> names);
  /// The type that PyTorch promotes arguments to.
  DataType promoted_type(std::initializer_list<std::string_view> names) const;
  /// Reshape to a list of sizes (int64[n], no -1): with as little shape arithmetic at run time as can be.
  ir::Value* reshape_to(ir::Value* value, ir::Value* sizes);
  /// The shape as int64[rank], with the sizes that are known as constants.
  ir::Value* sizes(ir::Value* value);
  /// Expand to exactly these sizes (int64[n]); the value itself where it has them already.
  ir::Value* expand_to(ir::Value* value, ir::Value* sizes);
  /// An int64[1] (or other one-element) value as a scalar.
  ir::Value* as_scalar(ir::Value* value);
  /// A tensor of sizes filled with one number.
  ir::Value* filled(ir::Value* sizes, const Number& number, DataType dtype);
  /// @}

  /// @name Graphs, for If, Loop and Scan
  /// @{
  /// A new graph that later emits go to until `end_graph` takes it; inner nodes may use every value made before.
  void begin_graph();
  ir::Value* graph_input(DataType dtype, std::optional<ir::Shape> shape);
  ir::Value* graph_input_like(const TensorMeta& meta);
  std::unique_ptr<ir::Graph> end_graph(const Values& outputs);
  /// Lowers a graph argument's nodes into the graph that is being built, with its inputs standing for `inputs`. In a
  /// region of autocast, `autocast` is its type; `undefined` ends an outer region's.
  Values inline_graph(const Graph& graph, const Values& inputs, std::optional<DataType> autocast = {});
  /// @}

  /// What the call does to an argument beside its results: a layer's stored statistics.
  void write(std::string_view name, ir::Value* fresh);

  Lowering& lowering() { return lowering_; }

 private:
  ir::Value* tensor_of(const Argument& argument) const;
  /// A result, lists' elements counted one by one; null beyond the end and for what is no tensor.
  const TensorName* result_name(std::size_t index) const;
  /// A number known now; `name` is its argument's.
  Number known_number(const Argument& argument, std::string_view name) const;
  Number number_of(const Argument& argument) const;

  Lowering& lowering_;
  const Node& node_;
  std::string_view target_;
  ir::Value* self_;
  mutable std::deque<TensorMeta> cast_metas_;  ///< of arguments that a region of autocast casts
};

}  // namespace olivine::torch

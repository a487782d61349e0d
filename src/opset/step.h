#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/graph.h"
#include "onnx/onnx.h"

/// What an adapter works with: one node on its way from one version of its operator to the next.
namespace olivine::opset {

class Converter;

/// The node has no equal in the target opset. Caught by the converter, which lists all of them.
struct Refusal {
  std::string reason;
};

/// An attribute of a node that is made.
struct Attr {
  using Content = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>,
                               std::vector<std::string>>;

  Attr(std::string_view name, std::int64_t value) : name(name), content(value) {}
  Attr(std::string_view name, int value) : name(name), content(std::int64_t{value}) {}
  Attr(std::string_view name, DataType value) : name(name), content(static_cast<std::int64_t>(value)) {}
  Attr(std::string_view name, float value) : name(name), content(value) {}
  Attr(std::string_view name, const char* value) : name(name), content(std::string(value)) {}
  Attr(std::string_view name, std::string value) : name(name), content(std::move(value)) {}
  Attr(std::string_view name, std::vector<std::int64_t> value) : name(name), content(std::move(value)) {}
  Attr(std::string_view name, std::vector<float> value) : name(name), content(std::move(value)) {}

  ir::AttributeValue value() const {
    return std::visit([](const auto& held) -> ir::AttributeValue { return held; }, content);
  }

  std::string_view name;
  Content content;
};

using Values = std::vector<ir::Value*>;
using Attrs = std::vector<Attr>;
using Ints = std::vector<std::int64_t>;

/// Values that are made here stand before the node, are typed, and become constants at once where all that they need is
/// known. Nodes that are made are of opset `opset()` and are brought on to the target afterwards: an adapter looks at
/// one step only.
class Step {
 public:
  Step(Converter& converter, ir::Node& node, const onnx::Schema& schema, std::int64_t opset)
      : converter_(converter), node_(&node), schema_(schema), opset_(opset) {}

  /// @name The node as it is
  /// @{
  ir::Node& node() const { return *node_; }
  ir::Value* input(std::size_t index) const { return node_->input(index); }
  /// The output if anybody uses it, else null.
  ir::Value* used_output(std::size_t index) const;
  /// The operator's version that the node is of.
  const onnx::Schema& schema() const { return schema_; }
  /// The operator's version on the other side of the step, if it exists there.
  std::optional<onnx::Schema> other_schema() const {
    return onnx::find_standard_schema(schema_.name(), schema_.domain(), opset_);
  }
  /// The opset of what comes out of this step.
  std::int64_t opset() const { return opset_; }
  /// @}

  /// @name Attributes: what the node says, else the schema's default. Refuse where it is a function's parameter.
  /// @{
  bool has(std::string_view name) const { return node_->find(name) != nullptr; }
  std::int64_t integer(std::string_view name) const;
  float floating(std::string_view name) const;
  std::string string(std::string_view name) const;
  std::optional<Ints> integers(std::string_view name) const;
  std::optional<std::vector<float>> floats(std::string_view name) const;
  /// @}

  /// @name What is known of values. Those without "find" refuse where it isn't known.
  /// @{
  DataType dtype(const ir::Value* value) const;
  std::optional<std::int64_t> find_rank(const ir::Value* value) const;
  std::int64_t rank(const ir::Value* value) const;
  /// A dimension that is a number; `axis` may count from the end.
  std::optional<std::int64_t> find_dim(const ir::Value* value, std::int64_t axis) const;
  std::optional<Ints> find_dims(const ir::Value* value) const;
  /// The elements of an integer or bool tensor of at most a few thousand elements, in row-major order.
  std::optional<Ints> find_ints(const ir::Value* value) const;
  /// The elements of an int64[n] as dimensions, each a number, a symbol or unknown.
  std::optional<ir::Shape> find_elements(const ir::Value* value) const;
  std::optional<std::vector<double>> find_reals(const ir::Value* value) const;
  /// The only element of a tensor of any real type.
  std::optional<double> find_number(const ir::Value* value) const;
  /// A constant of any size.
  std::optional<tensor::Tensor> find_constant(const ir::Value* value) const;
  /// `axis` counted from the start.
  std::int64_t positive_axis(std::int64_t axis, std::int64_t rank) const;
  /// @}

  /// @name Making
  /// @{
  ir::Value* emit(std::string op_type, Values inputs, Attrs attributes = {}) {
    return emit_many(std::move(op_type), std::move(inputs), 1, std::move(attributes)).front();
  }
  Values emit_many(std::string op_type, Values inputs, std::size_t outputs, Attrs attributes = {});
  /// For nodes with graphs or the like: `fill` sets the attributes before types are inferred.
  Values emit_node(std::string op_type, Values inputs, std::size_t outputs, const std::function<void(ir::Node&)>& fill);

  /// Another node of this operator, with as many outputs and the same attributes.
  Values emit_same(Values inputs);

  ir::Value* constant(tensor::Tensor tensor);
  ir::Value* ints(const Ints& values);              ///< int64[n]
  ir::Value* integer_scalar(std::int64_t value);    ///< int64[]
  ir::Value* number(double value, DataType dtype);  ///< a scalar, rounded to `dtype`
  ir::Value* number_like(double value, const ir::Value* like) { return number(value, dtype(like)); }
  /// A 1-D or other tensor of floats, rounded to `dtype`.
  ir::Value* reals(const std::vector<double>& values, Ints dims, DataType dtype);

  /// The value itself when it has the type already.
  ir::Value* cast(ir::Value* value, DataType dtype);
  ir::Value* reshape(ir::Value* value, const Ints& dims);
  /// Where, for the types too that runtimes don't choose among: these pass as others that hold the same bits.
  ir::Value* where(ir::Value* condition, ir::Value* yes, ir::Value* no);
  ir::Value* unsqueeze(ir::Value* value, const Ints& axes);
  ir::Value* squeeze(ir::Value* value, const Ints& axes);
  ir::Value* transpose(ir::Value* value, const Ints& permutation) {
    return emit("Transpose", {value}, {{"perm", permutation}});
  }
  /// ReduceSum, ReduceMax …; empty axes: all of them.
  ir::Value* reduce(std::string_view op_type, ir::Value* value, const Ints& axes, bool keepdims = true);
  ir::Value* slice(ir::Value* value, std::int64_t axis, std::int64_t start, std::int64_t end, std::int64_t step = 1);
  ir::Value* concat(Values values, std::int64_t axis) { return emit("Concat", std::move(values), {{"axis", axis}}); }
  ir::Value* shape(ir::Value* value) { return emit("Shape", {value}); }
  /// One size as int64[1].
  ir::Value* size(ir::Value* value, std::int64_t axis);
  /// 0, 1 … `count` - 1 as int64[count]; `count` is int64[1].
  ir::Value* range(ir::Value* count);
  /// @}

  /// @name Finishing. A node that is changed in place needs none.
  /// @{
  /// The node goes; its outputs' users and names go to `values` (null for an output that nobody uses).
  void replace(const Values& values);
  void replace_by(std::string op_type, Values inputs, Attrs attributes = {}) {
    replace({emit(std::move(op_type), std::move(inputs), std::move(attributes))});
  }
  /// By the function that onnx defines the operator with. Refuses where there is none.
  void replace_by_function();
  /// The node becomes an operator that takes the same inputs.
  void rename(std::string op_type) { node_->op_type = std::move(op_type); }
  /// The node's own attribute (or the schema's default) goes and becomes input `index`, int64[n]; nothing happens where
  /// there is neither. Takes a function's parameter along.
  void attribute_to_input(std::string_view name, std::size_t index);
  /// The other way round. Refuses where the elements are not known.
  void input_to_attribute(std::size_t index, std::string_view name);
  /// Input `first` and those after it go.
  void drop_inputs(std::size_t first);
  /// The nodes of a graph that is put into a node to be made are of the target's opset already.
  void mark_converted(const ir::Graph& graph);
  [[noreturn]] void refuse(std::string reason) const { throw Refusal{std::move(reason)}; }
  /// @}

 private:
  const ir::Attribute* given(std::string_view name) const;
  void rename_values(ir::Graph& graph);

  Converter& converter_;
  ir::Node* node_;
  const onnx::Schema& schema_;
  std::int64_t opset_;
};

}  // namespace olivine::opset

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "onnx/onnx.h"
#include "values/builder.h"

/// What an adapter works with: one node on its way from one version of its operator to the next.
namespace olivine::opset {

class Converter;

using values::Attr;
using values::Attrs;
using values::Ints;
using values::Refusal;
using values::Values;

/// Values that are made here stand before the node. They are of opset `opset()`, which is that of what comes out of
/// this step, and are brought on to the target afterwards: an adapter looks at one step only.
class Step final : public values::Builder {
 public:
  Step(Converter& converter, ir::Node& node, const onnx::Schema& schema, std::int64_t opset);

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
    return onnx::find_standard_schema(schema_.name(), schema_.domain(), opset());
  }
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

  /// @name Making
  /// @{
  Values emit_node(std::string op_type, Values inputs, std::size_t outputs,
                   const std::function<void(ir::Node&)>& fill) override;
  /// Another node of this operator, with as many outputs and the same attributes.
  Values emit_same(Values inputs);
  ir::Value* constant(tensor::Tensor tensor) override;
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
  /// @}

 private:
  const ir::Attribute* given(std::string_view name) const;
  void rename_values(ir::Graph& graph);

  Converter& converter_;
  ir::Node* node_;
  const onnx::Schema& schema_;
};

}  // namespace olivine::opset

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ir/cloner.h"
#include "ir/each_value.h"
#include "opset/converter.h"
#include "opset/step.h"

/// The part of Step that makes nodes and finishes.
namespace olivine::opset {

Values Step::emit_node(std::string op_type, Values inputs, std::size_t outputs,
                       const std::function<void(ir::Node&)>& fill) {
  return converter_.make(*node_, std::move(op_type), std::move(inputs), outputs, fill, opset(), node_->domain);
}

Values Step::emit_same(Values inputs) {
  ir::Cloner cloner;
  return emit_node(node_->op_type, std::move(inputs), node_->output_count(),
                   [&](ir::Node& made) { cloner.copy_attributes(*node_, made); });
}

ir::Value* Step::constant(tensor::Tensor tensor) { return converter_.constant(*node_, std::move(tensor)); }

// ---- Finishing

void Step::replace(const Values& values) { converter_.replace(*node_, values, opset()); }

void Step::mark_converted(const ir::Graph& graph) { converter_.mark_converted(graph); }

void Step::attribute_to_input(std::string_view name, std::size_t index) {
  ir::Value* value = nullptr;
  const ir::Attribute* attribute = node_->find(name);
  if (attribute != nullptr && !attribute->reference.empty()) {
    if (opset() < 12) given(name);  // refuses
    const std::string parameter = attribute->reference;
    value = emit_node("Constant", {}, 1, [&](ir::Node& node) {
              ir::Attribute numbers;
              numbers.name = "value_ints";
              numbers.reference = parameter;
              numbers.reference_kind = ir::AttributeKind::integers;
              node.add(std::move(numbers));
            }).front();
    value->type = ir::tensor_type(DataType::int64, ir::Shape{ir::Dim()});
  } else if (const auto numbers = integers(name)) {
    value = ints(*numbers);
  } else {
    return;
  }
  node_->remove(name);
  node_->set_input(index, value);
}

void Step::drop_inputs(std::size_t first) {
  for (std::size_t i = first; i < node_->inputs().size(); ++i) converter_.note_loose(input(i));
  if (first < node_->inputs().size()) node_->resize_inputs(first);
}

void Step::input_to_attribute(std::size_t index, std::string_view name) {
  ir::Value* value = input(index);
  if (value == nullptr) return;
  const auto numbers = find_ints(value);
  if (!numbers) {
    refuse(fmt::format("'{}' is computed when the model runs; in opset {} it is an attribute", value->name(), opset()));
  }
  converter_.note_loose(value);
  node_->set_input(index, nullptr);
  std::size_t count = node_->inputs().size();
  while (count > 0 && node_->input(count - 1) == nullptr) --count;
  node_->resize_inputs(count);
  node_->set(std::string(name), *numbers);
}

// ---- Functions

void Step::replace_by_function() {
  const std::int64_t written_for = schema_.since_version();
  auto body = onnx::function_body(*node_, written_for, converter_.known());
  if (!body) {
    refuse(
        fmt::format("there is no {} in opset {}, and it is not defined by other operators", schema_.name(), opset()));
  }
  std::int64_t opset = written_for;
  for (const ir::OpsetImport& import : body->opset_imports) {
    if (import.domain.empty()) opset = import.version;
  }
  std::vector<std::unique_ptr<ir::Attribute>> defaults;
  ir::Cloner cloner;
  cloner.resolve = [&](const ir::Attribute& reference) -> const ir::Attribute* {
    if (const ir::Attribute* set = given(reference.reference)) return set;
    ir::AttributeValue fallback = schema_.attribute_default(reference.reference);
    if (fallback.index() == 0) return nullptr;
    defaults.push_back(std::make_unique<ir::Attribute>());
    defaults.back()->value = std::move(fallback);
    return defaults.back().get();
  };
  const auto formals = body->body->inputs();
  for (std::size_t i = 0; i < formals.size(); ++i) cloner.map(*formals[i], input(i));
  for (const ir::Node& inner : body->body->nodes()) {
    Values inputs;
    for (const ir::Value* value : inner.inputs()) inputs.push_back(cloner.mapped(value));
    const auto fill = [&](ir::Node& made) {
      cloner.copy_attributes(inner, made);
      // A nest has no two values of one name.
      for (ir::Graph* subgraph : made.subgraphs()) {
        for_each_graph(*subgraph, [&](ir::Graph& graph) { rename_values(graph); });
      }
    };
    const Values made =
        converter_.make(*node_, inner.op_type, std::move(inputs), inner.output_count(), fill, opset, inner.domain);
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (inner.output(i) != nullptr) cloner.map(*inner.output(i), made[i]);
    }
  }
  Values results;
  for (const ir::Value* result : body->body->outputs()) results.push_back(cloner.mapped(result));
  replace(results);
}

void Step::rename_values(ir::Graph& graph) {
  for_each_value(graph, [&](ir::Value& value) { value.set_name(node_->graph().unique_name(value.name())); });
}

}  // namespace olivine::opset

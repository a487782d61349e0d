#include "passes/support/inline_branch.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "ir/each_value.h"

namespace olivine::passes {
namespace {

/// Moves a value's nature to the one that takes its place.
void describe_as(ir::Value& fresh, ir::Value& old) {
  fresh.annotations = std::move(old.annotations);
  fresh.listed = old.listed;
}

/// Moves a constant of the branch into the graph around.
void hoist_initializer(ir::Graph& outer, ir::Value& constant) {
  ir::Value* fresh = nullptr;
  if (const ir::SparseTensor* sparse = constant.sparse_initializer()) {
    ir::SparseTensor copy = *sparse;
    copy.values.name = constant.name();
    fresh = &outer.add_sparse_initializer(std::move(copy));
  } else {
    fresh = &outer.add_initializer(constant.name(), *constant.initializer());
    fresh->initializer_annotations() = std::move(constant.initializer_annotations());
  }
  describe_as(*fresh, constant);
  outer.replace_all_uses(constant, *fresh);
}

/// Moves a node of the branch in front of `position` in the graph around; the old node stays behind, without uses.
ir::Node& hoist_node(ir::Graph& outer, ir::Node& position, ir::Node& node) {
  ir::Node& fresh =
      outer.insert_before(&position, node.op_type, {node.inputs().begin(), node.inputs().end()}, node.domain);
  fresh.name = node.name;
  fresh.overload = node.overload;
  fresh.annotations = std::move(node.annotations);
  for (ir::Attribute& attribute : node.attributes()) fresh.add(std::move(attribute));
  for (const auto& output : node.outputs()) {
    ir::Value* value = fresh.add_output(output ? output->name() : std::string(), output ? output->type : ir::Type());
    if (output == nullptr) continue;
    describe_as(*value, *output);
    outer.replace_all_uses(*output, *value);
  }
  return fresh;
}

/// Whether a value may take over the name of an output: an inner value of the same graph that isn't an output itself.
bool can_be_output(const ir::Value& value, const ir::Graph& graph, const ir::Graph& branch) {
  return value.producer() != nullptr && value.graph() == &graph &&
         std::none_of(value.uses().begin(), value.uses().end(),
                      [&](const ir::Use& use) { return use.node == nullptr && use.graph != &branch; });
}

/// What is declared of an output holds of the value that becomes it.
void take_declared_type(ir::Value& value, const ir::Type& declared) {
  if (!value.type.known()) value.type = declared;
  ir::TensorType* tensor = value.type.tensor();
  if (tensor != nullptr && !tensor->shape && declared.tensor() != nullptr) tensor->shape = declared.tensor()->shape;
}

}  // namespace

void BranchInliner::count_names(ir::Graph& top, int change) {
  for_each_graph(top, [&](ir::Graph& graph) {
    for_each_value(graph, [&](const ir::Value& value) { names_[value.name()] += change; });
  });
}

void BranchInliner::rename_if_taken(ir::Value& value) {
  int& bearers = names_[value.name()];
  if (bearers < 2) return;
  --bearers;
  value.set_name(value.graph()->unique_name(value.name()));
  ++names_[value.name()];
}

void BranchInliner::adopt(ir::Graph& body) {
  count_names(names_.empty() ? body.root() : body, 1);
  for_each_graph(body,
                 [&](ir::Graph& graph) { for_each_value(graph, [&](ir::Value& value) { rename_if_taken(value); }); });
}

ir::Node* BranchInliner::inline_branch(ir::Node& node, bool condition) {
  ir::Graph& outer = node.graph();
  if (names_.empty()) count_names(outer.root(), 1);
  const std::string_view taken = condition ? "then_branch" : "else_branch";
  const std::string_view left = condition ? "else_branch" : "then_branch";
  if (const ir::Attribute* other = node.find(left)) {
    count_names(*std::get<std::unique_ptr<ir::Graph>>(other->value), -1);
    node.remove(left);
  }
  ir::Graph& branch = *std::get<std::unique_ptr<ir::Graph>>(node.find(taken)->value);
  for (ir::Value* constant : branch.initializers()) {
    rename_if_taken(*constant);
    hoist_initializer(outer, *constant);
  }
  ir::Node* first = nullptr;
  for (ir::Node& inner : branch.nodes()) {
    for (const auto& output : inner.outputs()) {
      if (output) rename_if_taken(*output);
    }
    ir::Node& fresh = hoist_node(outer, node, inner);
    if (first == nullptr) first = &fresh;
  }
  outer.quantization_annotations.insert(outer.quantization_annotations.end(), branch.quantization_annotations.begin(),
                                        branch.quantization_annotations.end());

  for (std::size_t i = 0; i < node.output_count(); ++i) {
    ir::Value* output = node.output(i);
    if (output == nullptr) continue;
    ir::Value* result = branch.outputs()[i];
    const std::string name = output->name();
    if (!output->is_graph_output()) {
      --names_[name];
      outer.replace_all_uses(*output, *result);
      continue;
    }
    if (can_be_output(*result, outer, branch)) {
      --names_[result->name()];
      result->set_name(name);
    } else {
      ir::Node& copy = outer.insert_before(&node, "Identity", {result});
      if (first == nullptr) first = &copy;
      result = copy.add_output(name);
    }
    take_declared_type(*result, output->type);
    describe_as(*result, *output);
    outer.replace_all_uses(*output, *result);
  }
  ir::Node* after = node.next();
  outer.erase(node);
  return first != nullptr ? first : after;
}

}  // namespace olivine::passes

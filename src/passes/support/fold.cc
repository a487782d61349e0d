#include "passes/support/fold.h"

#include <algorithm>
#include <string>
#include <utility>

namespace olivine::passes {
ir::Node* ShapeFolder::enter(ir::Node& node) {
  if (!node.is("If") || node.input(0) == nullptr) return &node;
  const values::PartialTensor* condition = find(*node.input(0));
  if (condition == nullptr || condition->cells.size() != 1 || !condition->cells[0].known()) return &node;
  const bool taken = condition->cells[0].integer() != 0;
  // Before IR version 4 the branch's constants would become inputs.
  const ir::Attribute* branch = node.find(taken ? "then_branch" : "else_branch");
  const auto* graph = branch ? std::get_if<std::unique_ptr<ir::Graph>>(&branch->value) : nullptr;
  if (graph == nullptr || (model().ir_version < 4 && !(*graph)->initializers().empty())) return &node;
  // What led to the condition is erased after the walk: until then an address stands for one value.
  loose_.push_back(node.input(0));
  ++counts_.branches;
  return inliner_.inline_branch(node, taken);
}

// ---- Folding

/// Function bodies have no initializers; before IR version 4 these are listed as inputs; a value that a graph hands out
/// is made by a node; and Constant makes floats only before opset 9.
ir::Value* ShapeFolder::make_constant(ir::Node& position, const std::string& name, tensor::Tensor tensor,
                                      bool by_node) {
  ir::Graph& graph = position.graph();
  const ir::Graph& top = graph.root();
  const bool in_function = &top != model().graph.get();
  const ir::Type type = ir::tensor_type(tensor.dtype(), ir::Shape(tensor.dims().begin(), tensor.dims().end()));
  if (!by_node && !in_function && model().ir_version >= 4) return &graph.add_initializer(name, std::move(tensor));
  const auto schema = onnx::find_schema("Constant", "", model().opset().value_or(1));
  if (in_function || (schema && schema->output(0)->accepts(type))) {
    ir::Node& node = graph.insert_before(&position, "Constant", {});
    node.set("value", ir::NamedTensor{name, std::move(tensor), {}});
    return node.add_output(name, type);
  }
  if (model().ir_version < 4 && &graph != &top) return nullptr;
  ir::Value* stored = nullptr;
  const std::string stored_name = by_node ? graph.unique_name(name) : name;
  if (model().ir_version < 4) {
    stored = &graph.add_input(stored_name, type);
    graph.make_initializer(*stored, std::move(tensor));
  } else {
    stored = &graph.add_initializer(stored_name, std::move(tensor));
  }
  return by_node ? graph.insert_before(&position, "Identity", {stored}).add_output(name, type) : stored;
}

bool ShapeFolder::is_folded(const ir::Node& node, std::size_t output) {
  const ir::Value* value = node.output(output);
  if (value == nullptr || value->uses().empty()) return false;
  const values::PartialTensor* known = evaluated(*value);
  return known != nullptr && known->from_shapes && known->all_known();
}

void ShapeFolder::fold_node(ir::Node& node) {
  std::size_t needed = 0;
  for (std::size_t i = 0; i < node.output_count(); ++i) {
    if (node.output(i) != nullptr && !node.output(i)->uses().empty() && !is_folded(node, i)) ++needed;
  }
  for (std::size_t i = 0; i < node.output_count(); ++i) {
    if (!is_folded(node, i)) continue;
    ir::Value& value = *node.output(i);
    // The constant bears the name of what it replaces.
    ir::Value* fresh = make_constant(node, value.name(), make_tensor(*evaluated(value)), value.is_graph_output());
    if (fresh == nullptr) continue;
    if (needed != 0) value.set_name(node.graph().unique_name(value.name()));
    fresh->annotations = std::move(value.annotations);
    fresh->type.denotation = value.type.denotation;
    ir::Graph::replace_all_uses(value, *fresh);
    ++counts_.folded;
  }
  dead_.erase_if_dead(node);
}

/// Reshape(x, [n, -1]) -> Reshape(x, [n, m]): 0 and -1 are written out where they are known, and one dimension that
/// isn't becomes -1. Not where a dimension is 0: then -1 is ambiguous, and 0 stands for the input's dimension.
void ShapeFolder::write_out_target(ir::Node& reshape) {
  ir::Value* target = reshape.input(1);
  if (target == nullptr || values::has_references(reshape)) return;
  const values::PartialTensor* known = find(*target);
  if (known == nullptr || known->is_real() || known->dims.size() != 1) return;
  const ir::TensorType* input = reshape.input(0) ? reshape.input(0)->type.tensor() : nullptr;
  const bool copies_zero = reshape.integer("allowzero", 0) == 0;
  std::vector<std::int64_t> wanted;
  std::size_t open = 0;
  std::int64_t product = 1;
  for (std::size_t i = 0; i < known->cells.size(); ++i) {
    const values::Cell& cell = known->cells[i];
    std::int64_t dim = cell.known() ? cell.integer() : -1;
    if (dim == 0 && copies_zero && input && input->shape && i < input->shape->size() && (*input->shape)[i].is_value()) {
      dim = (*input->shape)[i].value();
    }
    if (dim == 0) return;
    if (dim < 0) {
      ++open;
    } else if (__builtin_mul_overflow(product, dim, &product)) {
      return;
    }
    wanted.push_back(dim);
  }
  if (open > 1) return;
  const auto dims = reshape.input(0) ? values::static_dims(reshape.input(0)->type) : std::nullopt;
  if (open == 1 && dims) {
    std::int64_t total = 1;
    for (const std::int64_t dim : *dims) {
      if (__builtin_mul_overflow(total, dim, &total)) return;
    }
    if (total == 0 || total % product != 0) return;
    *std::find_if(wanted.begin(), wanted.end(), [](std::int64_t dim) { return dim < 0; }) = total / product;
  }
  const auto& cells = known->cells;
  const bool same =
      std::equal(cells.begin(), cells.end(), wanted.begin(),
                 [](const values::Cell& cell, std::int64_t dim) { return cell.known() && cell.integer() == dim; });
  if (same) return;
  ir::Value* fresh =
      make_constant(reshape, reshape.graph().unique_name(target->name()), tensor::from_int64s(wanted), false);
  if (fresh == nullptr) return;
  reshape.set_input(1, fresh);
  ++counts_.targets;
  dead_.drop({target});
}

ShapeFolder::Counts ShapeFolder::fold() {
  dead_.drop(std::move(loose_));
  std::vector<ir::Node*> reshapes;
  std::vector<ir::Node*> evaluated;
  for_each_graph(model(), [&](ir::Graph& graph) {
    for (ir::Node& node : graph.nodes()) {
      if (node.is("Reshape")) reshapes.push_back(&node);
      bool any = false;
      for (std::size_t i = 0; i < node.output_count(); ++i) any = any || is_folded(node, i);
      if (any) evaluated.push_back(&node);
    }
  });
  for (ir::Node* reshape : reshapes) {
    if (!dead_.erased().contains(reshape)) write_out_target(*reshape);
  }
  // From the end: what only leads to a constant is dead by the time its turn comes.
  for (auto node = evaluated.rbegin(); node != evaluated.rend(); ++node) {
    if (!dead_.erased().contains(*node)) fold_node(**node);
  }
  counts_.removed = dead_.count();
  return counts_;
}

}  // namespace olivine::passes

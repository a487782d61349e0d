#include "passes/support/fold.h"

#include <algorithm>
#include <string>
#include <utility>

namespace olivine::passes {
namespace {

/// Elements that are kept in all: a model of thousands of large constants made from shapes keeps some of its nodes.
constexpr std::uint64_t kCells = 1 << 22;
constexpr std::uint64_t kFewCells = 64;

/// Initializers below IR version 4 must be inputs too, and are constants nevertheless; later they are defaults.
bool may_be_overridden(const ir::Value& value, const ir::Model& model) {
  return value.is_graph_input() && model.ir_version >= 4;
}

bool has_references(const ir::Node& node) {
  return std::any_of(node.attributes().begin(), node.attributes().end(),
                     [](const ir::Attribute& attribute) { return !attribute.reference.empty(); });
}

/// Static dims, or nothing.
std::optional<tensor::Dims> static_dims(const ir::Type& type) {
  const ir::TensorType* tensor = type.tensor();
  if (tensor == nullptr || !tensor->shape) return std::nullopt;
  tensor::Dims dims;
  for (const ir::Dim& dim : *tensor->shape) {
    if (!dim.is_value() || dim.value() < 0) return std::nullopt;
    dims.push_back(dim.value());
  }
  return dims;
}

bool is_too_large(const ir::Type& type) {
  const auto dims = static_dims(type);
  return dims && !small_count(*dims);
}

/// The value of a Constant node, or nothing.
std::optional<PartialTensor> read_constant(const ir::Node& node) {
  if (!node.is("Constant") || has_references(node)) return std::nullopt;
  if (const tensor::Tensor* tensor = node.tensor("value")) return read_partial(*tensor);
  if (const ir::Attribute* number = node.find("value_int")) {
    return PartialTensor{DataType::int64, {}, {Cell::integer(std::get<std::int64_t>(number->value))}, false};
  }
  if (const ir::Attribute* number = node.find("value_float")) {
    return PartialTensor{DataType::float32, {}, {Cell::real(std::get<float>(number->value))}, false};
  }
  PartialTensor list;
  if (const auto* numbers = node.integers("value_ints")) {
    list.dtype = DataType::int64;
    for (const std::int64_t number : *numbers) list.cells.push_back(Cell::integer(number));
  } else if (const ir::Attribute* floats = node.find("value_floats")) {
    list.dtype = DataType::float32;
    for (const float number : std::get<std::vector<float>>(floats->value)) list.cells.push_back(Cell::real(number));
  } else {
    return std::nullopt;
  }
  list.dims = {static_cast<std::int64_t>(list.cells.size())};
  if (list.cells.size() > kFoldedElements) return std::nullopt;
  return list;
}

}  // namespace

// ---- What is known

const tensor::Tensor* ShapeFolder::stored_constant(const ir::Value& value) const {
  if (value.initializer() != nullptr && !may_be_overridden(value, model_)) return value.initializer();
  const ir::Node* producer = value.producer();
  return producer != nullptr && producer->is("Constant") ? producer->tensor("value") : nullptr;
}

ShapeFolder::Known* ShapeFolder::find(const ir::Value& value) {
  const auto entry = known_.find(&value);
  if (entry != known_.end()) return &entry->second;
  std::optional<PartialTensor> partial;
  if (const tensor::Tensor* tensor = stored_constant(value)) {
    partial = read_partial(*tensor);
  } else if (value.producer() != nullptr) {
    partial = read_constant(*value.producer());
  }
  return partial ? &known_.emplace(&value, Known{std::move(*partial), std::nullopt}).first->second : nullptr;
}

const tensor::Tensor* ShapeFolder::constant(const ir::Value& value) {
  if (const tensor::Tensor* tensor = stored_constant(value)) return tensor;
  Known* known = find(value);
  if (known == nullptr || !known->partial.all_known()) return nullptr;
  if (!known->constant) known->constant = make_tensor(known->partial);
  return &*known->constant;
}

std::optional<ir::Shape> ShapeFolder::elements(const ir::Value& value) {
  const auto entry = known_.find(&value);
  if (entry == known_.end()) return std::nullopt;
  const PartialTensor& partial = entry->second.partial;
  if (partial.is_real() || partial.dims.size() != 1) return std::nullopt;
  ir::Shape shape;
  for (const Cell& cell : partial.cells) {
    if (cell.known()) {
      shape.emplace_back(cell.integer());
    } else if (cell.kind() == Cell::Kind::dimension && cell.symbol() != 0) {
      shape.emplace_back(symbols_.name(cell.symbol()));
    } else {
      shape.emplace_back();
    }
  }
  return shape;
}

void ShapeFolder::bind(const ir::Value& formal, const ir::Value* actual) {
  const Known* known = actual != nullptr ? find(*actual) : nullptr;
  if (known == nullptr) {
    known_.erase(&formal);
  } else {
    Known copy = *known;
    known_.insert_or_assign(&formal, std::move(copy));
  }
}

void ShapeFolder::keep(ir::Value& value, PartialTensor partial) {
  const std::uint64_t count = partial.cells.size();
  if (!partial.any_known() || (count > kFewCells && cells_ + count > kCells)) return;
  cells_ += count;
  // Evaluation knows some sizes that inference doesn't: how many elements aren't zero.
  if (!static_dims(value.type)) {
    const std::string denotation = std::move(value.type.denotation);
    value.type = ir::tensor_type(partial.dtype, ir::Shape(partial.dims.begin(), partial.dims.end()));
    value.type.denotation = denotation;
  }
  known_.insert_or_assign(&value, Known{std::move(partial), std::nullopt});
}

// ---- Evaluating

/// A short list of integers of which nothing but the length is known.
const PartialTensor* ShapeFolder::unknown_elements(const ir::Value& value) {
  const auto dims = static_dims(value.type);
  const DataType dtype = element_type(value.type);
  if (!dims || dims->size() > 1 || is_float(dtype) || !can_be_partial(dtype)) return nullptr;
  const auto count = small_count(*dims);
  if (!count || *count > kFewCells) return nullptr;
  unknown_.push_back(std::make_unique<PartialTensor>(PartialTensor{dtype, *dims, std::vector<Cell>(*count), false}));
  return unknown_.back().get();
}

bool ShapeFolder::take_inputs(const ir::Node& node, const Operator& op, std::vector<const PartialTensor*>& inputs) {
  // Nothing is read before it is clear that all can be told: a weight is not read for an Add that is no arithmetic.
  const auto is_at_hand = [&](const ir::Value& value) {
    if (known_.contains(&value)) return true;
    if (const tensor::Tensor* tensor = stored_constant(value)) return tensor->element_count() <= kFoldedElements;
    return value.producer() != nullptr && value.producer()->is("Constant");
  };
  bool any = false;
  for (const ir::Value* value : node.inputs()) {
    const bool at_hand = value == nullptr || is_at_hand(*value);
    if (!at_hand && !op.takes_unknown) return false;
    any = any || (value != nullptr && at_hand);
  }
  if (!any) return false;
  unknown_.clear();
  for (const ir::Value* value : node.inputs()) {
    if (value == nullptr) {
      inputs.push_back(nullptr);
      continue;
    }
    const Known* known = find(*value);
    const PartialTensor* partial = known ? &known->partial : op.takes_unknown ? unknown_elements(*value) : nullptr;
    if (partial == nullptr) return false;
    inputs.push_back(partial);
  }
  return true;
}

void ShapeFolder::leave(const ir::Node& node, std::int64_t opset) {
  if (!node.domain.empty() || node.output_count() == 0 || node.output(0) == nullptr) return;
  const Operator* op = find_operator(node.op_type);
  if (op == nullptr) return;
  // A function's body is evaluated once a call.
  for (const auto& output : node.outputs()) {
    if (output) known_.erase(output.get());
  }
  const ir::Type& type = node.output(0)->type;
  if (is_too_large(type) || has_references(node)) return;
  const DataType dtype = element_type(type);
  if (dtype != DataType::undefined && !can_be_partial(dtype)) return;
  Operation operation{node, opset, {}, symbols_};
  if (!op->reads_types && !take_inputs(node, *op, operation.inputs)) return;
  Results results = op->evaluate(operation);
  const bool from_shapes =
      op->reads_types || std::any_of(operation.inputs.begin(), operation.inputs.end(),
                                     [](const PartialTensor* input) { return input != nullptr && input->from_shapes; });
  for (std::size_t i = 0; i < std::min(results.size(), node.output_count()); ++i) {
    if (node.output(i) == nullptr) continue;
    results[i].from_shapes = from_shapes;
    keep(*node.output(i), std::move(results[i]));
  }
}

ir::Node* ShapeFolder::enter(ir::Node& node) {
  if (!node.is("If") || node.input(0) == nullptr) return &node;
  const Known* condition = find(*node.input(0));
  if (condition == nullptr || condition->partial.cells.size() != 1 || !condition->partial.cells[0].known())
    return &node;
  const bool taken = condition->partial.cells[0].integer() != 0;
  // Before IR version 4 the branch's constants would become inputs.
  const ir::Attribute* branch = node.find(taken ? "then_branch" : "else_branch");
  const auto* graph = branch ? std::get_if<std::unique_ptr<ir::Graph>>(&branch->value) : nullptr;
  if (graph == nullptr || (model_.ir_version < 4 && !(*graph)->initializers().empty())) return &node;
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
  const bool in_function = &top != model_.graph.get();
  const ir::Type type = ir::tensor_type(tensor.dtype(), ir::Shape(tensor.dims().begin(), tensor.dims().end()));
  if (!by_node && !in_function && model_.ir_version >= 4) return &graph.add_initializer(name, std::move(tensor));
  const auto schema = onnx::find_schema("Constant", "", model_.opset().value_or(1));
  if (in_function || (schema && schema->output(0)->accepts(type))) {
    ir::Node& node = graph.insert_before(&position, "Constant", {});
    node.set("value", ir::NamedTensor{name, std::move(tensor), {}});
    return node.add_output(name, type);
  }
  if (model_.ir_version < 4 && &graph != &top) return nullptr;
  ir::Value* stored = nullptr;
  const std::string stored_name = by_node ? graph.unique_name(name) : name;
  if (model_.ir_version < 4) {
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
  const auto entry = known_.find(value);
  return entry != known_.end() && entry->second.partial.from_shapes && entry->second.partial.all_known();
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
    ir::Value* fresh =
        make_constant(node, value.name(), make_tensor(known_.at(&value).partial), value.is_graph_output());
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
  if (target == nullptr || has_references(reshape)) return;
  const Known* known = find(*target);
  if (known == nullptr || known->partial.is_real() || known->partial.dims.size() != 1) return;
  const ir::TensorType* input = reshape.input(0) ? reshape.input(0)->type.tensor() : nullptr;
  const bool copies_zero = reshape.integer("allowzero", 0) == 0;
  std::vector<std::int64_t> wanted;
  std::size_t open = 0;
  std::int64_t product = 1;
  for (std::size_t i = 0; i < known->partial.cells.size(); ++i) {
    const Cell& cell = known->partial.cells[i];
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
  const auto dims = reshape.input(0) ? static_dims(reshape.input(0)->type) : std::nullopt;
  if (open == 1 && dims) {
    std::int64_t total = 1;
    for (const std::int64_t dim : *dims) {
      if (__builtin_mul_overflow(total, dim, &total)) return;
    }
    if (total == 0 || total % product != 0) return;
    *std::find_if(wanted.begin(), wanted.end(), [](std::int64_t dim) { return dim < 0; }) = total / product;
  }
  const auto& cells = known->partial.cells;
  const bool same = std::equal(cells.begin(), cells.end(), wanted.begin(), [](const Cell& cell, std::int64_t dim) {
    return cell.known() && cell.integer() == dim;
  });
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
  for_each_graph(model_, [&](ir::Graph& graph) {
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

#include "values/known_values.h"

#include <algorithm>
#include <utility>

namespace olivine::values {
namespace {

/// Elements that are kept in all: a model of thousands of large constants made from shapes keeps some of its nodes.
constexpr std::uint64_t kCells = 1 << 22;
constexpr std::uint64_t kFewCells = 64;

/// Initializers below IR version 4 must be inputs too, and are constants nevertheless; later they are defaults.
bool may_be_overridden(const ir::Value& value, const ir::Model& model) {
  return value.is_graph_input() && model.ir_version >= 4;
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

bool has_references(const ir::Node& node) {
  return std::any_of(node.attributes().begin(), node.attributes().end(),
                     [](const ir::Attribute& attribute) { return !attribute.reference.empty(); });
}

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

// ---- What is known

const tensor::Tensor* KnownValues::stored_constant(const ir::Value& value) const {
  if (value.initializer() != nullptr && !may_be_overridden(value, model_)) return value.initializer();
  const ir::Node* producer = value.producer();
  return producer != nullptr && producer->is("Constant") ? producer->tensor("value") : nullptr;
}

KnownValues::Known* KnownValues::find_known(const ir::Value& value) {
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

const PartialTensor* KnownValues::find(const ir::Value& value) {
  const Known* known = find_known(value);
  return known != nullptr ? &known->partial : nullptr;
}

const tensor::Tensor* KnownValues::constant(const ir::Value& value) {
  if (const tensor::Tensor* tensor = stored_constant(value)) return tensor;
  Known* known = find_known(value);
  if (known == nullptr || !known->partial.all_known()) return nullptr;
  if (!known->constant) known->constant = make_tensor(known->partial);
  return &*known->constant;
}

std::optional<ir::Shape> KnownValues::elements(const ir::Value& value) {
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

void KnownValues::bind(const ir::Value& formal, const ir::Value* actual) {
  const Known* known = actual != nullptr ? find_known(*actual) : nullptr;
  if (known == nullptr) {
    known_.erase(&formal);
  } else {
    Known copy = *known;
    known_.insert_or_assign(&formal, std::move(copy));
  }
}

void KnownValues::keep(ir::Value& value, PartialTensor partial) {
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
const PartialTensor* KnownValues::unknown_elements(const ir::Value& value) {
  const auto dims = static_dims(value.type);
  const DataType dtype = element_type(value.type);
  if (!dims || dims->size() > 1 || is_float(dtype) || !can_be_partial(dtype)) return nullptr;
  const auto count = small_count(*dims);
  if (!count || *count > kFewCells) return nullptr;
  unknown_.push_back(std::make_unique<PartialTensor>(PartialTensor{dtype, *dims, std::vector<Cell>(*count), false}));
  return unknown_.back().get();
}

bool KnownValues::take_inputs(const ir::Node& node, const Operator& op, std::vector<const PartialTensor*>& inputs) {
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
    const Known* known = find_known(*value);
    const PartialTensor* partial = known ? &known->partial : op.takes_unknown ? unknown_elements(*value) : nullptr;
    if (partial == nullptr) return false;
    inputs.push_back(partial);
  }
  return true;
}

void KnownValues::leave(const ir::Node& node, std::int64_t opset) {
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

}  // namespace olivine::values

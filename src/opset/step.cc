#include "opset/step.h"

#include <fmt/format.h>

#include <algorithm>

#include "opset/converter.h"

namespace olivine::opset {

// ---- Attributes

ir::Value* Step::used_output(std::size_t index) const {
  ir::Value* output = node_->output(index);
  return output != nullptr && !output->uses().empty() ? output : nullptr;
}

const ir::Attribute* Step::given(std::string_view name) const {
  const ir::Attribute* attribute = node_->find(name);
  if (attribute != nullptr && !attribute->reference.empty()) {
    refuse(fmt::format("its attribute '{}' is a parameter of the function that it is in", name));
  }
  return attribute;
}

namespace {

template <typename T>
std::optional<T> read(const ir::Attribute* given, const onnx::Schema& schema, std::string_view name) {
  if (given != nullptr) {
    const T* value = std::get_if<T>(&given->value);
    return value != nullptr ? std::optional<T>(*value) : std::nullopt;
  }
  const ir::AttributeValue fallback = schema.attribute_default(name);
  const T* value = std::get_if<T>(&fallback);
  return value != nullptr ? std::optional<T>(*value) : std::nullopt;
}

}  // namespace

std::int64_t Step::integer(std::string_view name) const {
  return read<std::int64_t>(given(name), schema_, name).value_or(0);
}
float Step::floating(std::string_view name) const { return read<float>(given(name), schema_, name).value_or(0); }
std::string Step::string(std::string_view name) const {
  return read<std::string>(given(name), schema_, name).value_or("");
}
std::optional<Ints> Step::integers(std::string_view name) const { return read<Ints>(given(name), schema_, name); }
std::optional<std::vector<float>> Step::floats(std::string_view name) const {
  return read<std::vector<float>>(given(name), schema_, name);
}

// ---- Knowledge

DataType Step::dtype(const ir::Value* value) const {
  const DataType dtype = value != nullptr ? ir::element_type(value->type) : DataType::undefined;
  if (dtype == DataType::undefined) {
    refuse(fmt::format("the type of '{}' is not known", value != nullptr ? value->name() : "an absent input"));
  }
  return dtype;
}

std::optional<std::int64_t> Step::find_rank(const ir::Value* value) const {
  const ir::TensorType* tensor = value != nullptr ? value->type.tensor() : nullptr;
  if (tensor == nullptr || !tensor->shape) return std::nullopt;
  return static_cast<std::int64_t>(tensor->shape->size());
}

std::int64_t Step::rank(const ir::Value* value) const {
  const auto rank = find_rank(value);
  if (!rank) refuse(fmt::format("the rank of '{}' is not known", value != nullptr ? value->name() : "an absent input"));
  return *rank;
}

std::optional<std::int64_t> Step::find_dim(const ir::Value* value, std::int64_t axis) const {
  const auto rank = find_rank(value);
  if (rank && axis < 0) axis += *rank;
  if (!rank || axis < 0 || axis >= *rank) return std::nullopt;
  const ir::Dim& dim = (*value->type.tensor()->shape)[static_cast<std::size_t>(axis)];
  return dim.is_value() ? std::optional(dim.value()) : std::nullopt;
}

std::optional<Ints> Step::find_dims(const ir::Value* value) const {
  return value != nullptr ? values::static_dims(value->type) : std::nullopt;
}

std::optional<Ints> Step::find_ints(const ir::Value* value) const {
  const tensor::Tensor* tensor = value != nullptr ? converter_.known().constant(*value) : nullptr;
  return tensor != nullptr ? tensor::as_int64s(*tensor) : std::nullopt;
}

std::optional<ir::Shape> Step::find_elements(const ir::Value* value) const {
  if (const auto numbers = find_ints(value)) return ir::Shape(numbers->begin(), numbers->end());
  return value != nullptr ? converter_.known().elements(*value) : std::nullopt;
}

std::optional<std::vector<double>> Step::find_reals(const ir::Value* value) const {
  const tensor::Tensor* tensor = value != nullptr ? converter_.known().constant(*value) : nullptr;
  return tensor != nullptr ? tensor::as_doubles(*tensor) : std::nullopt;
}

std::optional<double> Step::find_number(const ir::Value* value) const {
  const auto reals = find_reals(value);
  if (reals && reals->size() == 1) return reals->front();
  const auto integers = find_ints(value);
  if (integers && integers->size() == 1) return static_cast<double>(integers->front());
  return std::nullopt;
}

std::optional<tensor::Tensor> Step::find_constant(const ir::Value* value) const {
  const tensor::Tensor* tensor = value != nullptr ? converter_.known().constant(*value) : nullptr;
  return tensor != nullptr ? std::optional(*tensor) : std::nullopt;
}

std::int64_t Step::positive_axis(std::int64_t axis, std::int64_t rank) const {
  const std::int64_t positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive > rank) refuse(fmt::format("axis {} lies outside of rank {}", axis, rank));
  return positive;
}

}  // namespace olivine::opset

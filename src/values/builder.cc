#include "values/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace olivine::values {
namespace {

constexpr std::uint64_t kSharedBytes = 4096;

}  // namespace

std::string content_key(const tensor::Tensor& tensor) {
  if (tensor.dtype() == DataType::string || tensor.byte_size() > kSharedBytes) return {};
  std::string key = fmt::format("{} {} ", name_of(tensor.dtype()), fmt::join(tensor.dims(), ","));
  const std::vector<std::byte> bytes = tensor::evaluate(tensor);
  key.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return key;
}

// ---- Knowledge

DataType Builder::dtype(const ir::Value* value) const {
  const DataType dtype = value != nullptr ? ir::element_type(value->type) : DataType::undefined;
  if (dtype == DataType::undefined) {
    refuse(fmt::format("the type of '{}' is not known", value != nullptr ? value->name() : "an absent input"));
  }
  return dtype;
}

std::optional<std::int64_t> Builder::find_rank(const ir::Value* value) const {
  const ir::TensorType* tensor = value != nullptr ? value->type.tensor() : nullptr;
  if (tensor == nullptr || !tensor->shape) return std::nullopt;
  return static_cast<std::int64_t>(tensor->shape->size());
}

std::int64_t Builder::rank(const ir::Value* value) const {
  const auto rank = find_rank(value);
  if (!rank) refuse(fmt::format("the rank of '{}' is not known", value != nullptr ? value->name() : "an absent input"));
  return *rank;
}

std::optional<std::int64_t> Builder::find_dim(const ir::Value* value, std::int64_t axis) const {
  const auto rank = find_rank(value);
  if (rank && axis < 0) axis += *rank;
  if (!rank || axis < 0 || axis >= *rank) return std::nullopt;
  const ir::Dim& dim = (*value->type.tensor()->shape)[static_cast<std::size_t>(axis)];
  return dim.is_value() ? std::optional(dim.value()) : std::nullopt;
}

std::optional<Ints> Builder::find_dims(const ir::Value* value) const {
  return value != nullptr ? static_dims(value->type) : std::nullopt;
}

std::optional<Ints> Builder::find_ints(const ir::Value* value) const {
  const tensor::Tensor* tensor = value != nullptr ? known_.constant(*value) : nullptr;
  return tensor != nullptr ? tensor::as_int64s(*tensor) : std::nullopt;
}

std::optional<ir::Shape> Builder::find_elements(const ir::Value* value) const {
  if (const auto numbers = find_ints(value)) return ir::Shape(numbers->begin(), numbers->end());
  return value != nullptr ? known_.elements(*value) : std::nullopt;
}

std::optional<std::vector<double>> Builder::find_reals(const ir::Value* value) const {
  const tensor::Tensor* tensor = value != nullptr ? known_.constant(*value) : nullptr;
  return tensor != nullptr ? tensor::as_doubles(*tensor) : std::nullopt;
}

std::optional<double> Builder::find_number(const ir::Value* value) const {
  const auto reals = find_reals(value);
  if (reals && reals->size() == 1) return reals->front();
  const auto integers = find_ints(value);
  if (integers && integers->size() == 1) return static_cast<double>(integers->front());
  return std::nullopt;
}

std::optional<tensor::Tensor> Builder::find_constant(const ir::Value* value) const {
  const tensor::Tensor* tensor = value != nullptr ? known_.constant(*value) : nullptr;
  return tensor != nullptr ? std::optional(*tensor) : std::nullopt;
}

std::int64_t Builder::positive_axis(std::int64_t axis, std::int64_t rank) const {
  const std::int64_t positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive > rank) refuse(fmt::format("axis {} lies outside of rank {}", axis, rank));
  return positive;
}

// ---- Making

Values Builder::emit_many(std::string op_type, Values inputs, std::size_t outputs, Attrs attributes) {
  return emit_node(std::move(op_type), std::move(inputs), outputs, [&](ir::Node& node) {
    for (const Attr& attribute : attributes) node.set(std::string(attribute.name), attribute.value());
  });
}

ir::Value* Builder::ints(const Ints& values) { return constant(tensor::from_int64s(values)); }
ir::Value* Builder::integer_scalar(std::int64_t value) { return constant(tensor::scalar_int64(value)); }

ir::Value* Builder::number(double value, DataType dtype) { return reals({value}, {}, dtype); }

ir::Value* Builder::reals(const std::vector<double>& values, Ints dims, DataType dtype) {
  const auto wide = tensor::from_values<double>(DataType::float64, std::move(dims), values);
  return constant(tensor::from_bytes(dtype, wide.dims(), tensor::evaluate(tensor::cast(wide, dtype))));
}

ir::Value* Builder::cast(ir::Value* value, DataType to) {
  return dtype(value) == to ? value : emit("Cast", {value}, {{"to", to}});
}

ir::Value* Builder::where(ir::Value* condition, ir::Value* yes, ir::Value* no) {
  const DataType own = dtype(yes);
  if (own == DataType::boolean) {
    ir::Value* otherwise = emit("And", {emit("Not", {condition}), no});
    return emit("Or", {emit("And", {condition, yes}), otherwise});
  }
  DataType carrier = own;
  if (own == DataType::uint64 || own == DataType::int16 || own == DataType::uint16) carrier = DataType::int64;
  if (own == DataType::float16 || own == DataType::bfloat16) carrier = DataType::float32;
  return cast(emit("Where", {condition, cast(yes, carrier), cast(no, carrier)}), own);
}

ir::Value* Builder::reshape(ir::Value* value, const Ints& dims) { return emit("Reshape", {value, ints(dims)}); }

ir::Value* Builder::unsqueeze(ir::Value* value, const Ints& axes) {
  return opset_ >= 13 ? emit("Unsqueeze", {value, ints(axes)}) : emit("Unsqueeze", {value}, {{"axes", axes}});
}

ir::Value* Builder::squeeze(ir::Value* value, const Ints& axes) {
  return opset_ >= 13 ? emit("Squeeze", {value, ints(axes)}) : emit("Squeeze", {value}, {{"axes", axes}});
}

ir::Value* Builder::reduce(std::string_view op_type, ir::Value* value, const Ints& axes, bool keepdims) {
  const int since = op_type == "ReduceSum" ? 13 : 18;
  Attrs attributes = {{"keepdims", keepdims ? 1 : 0}};
  if (axes.empty()) return emit(std::string(op_type), {value}, attributes);
  if (opset_ >= since) return emit(std::string(op_type), {value, ints(axes)}, attributes);
  attributes.emplace_back("axes", axes);
  return emit(std::string(op_type), {value}, attributes);
}

ir::Value* Builder::slice(ir::Value* value, std::int64_t axis, std::int64_t start, std::int64_t end,
                          std::int64_t step) {
  if (opset_ < 10) {
    if (step != 1) refuse(fmt::format("Slice takes no steps in opset {}", opset_));
    return emit("Slice", {value}, {{"axes", Ints{axis}}, {"starts", Ints{start}}, {"ends", Ints{end}}});
  }
  Values inputs = {value, ints({start}), ints({end}), ints({axis})};
  if (step != 1) inputs.push_back(ints({step}));
  return emit("Slice", std::move(inputs));
}

ir::Value* Builder::size(ir::Value* value, std::int64_t axis) {
  if (const auto known = find_dim(value, axis)) return ints({*known});
  if (axis < 0 && find_rank(value)) axis += *find_rank(value);
  return emit("Gather", {shape(value), ints({axis})}, {{"axis", 0}});
}

/// There is no Range below opset 11.
ir::Value* Builder::range(ir::Value* count) {
  if (opset_ >= 11) return emit("Range", {integer_scalar(0), squeeze(count, {0}), integer_scalar(1)});
  const auto one = tensor::from_int64s(std::array<std::int64_t, 1>{1});
  const auto fill = [&](ir::Node& node) { node.set("value", ir::NamedTensor{"", one, {}}); };
  return reshape(emit("NonZero", emit_node("ConstantOfShape", {count}, 1, fill)), {-1});
}

}  // namespace olivine::values

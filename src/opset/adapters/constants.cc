#include <algorithm>

#include "opset/adapters/families.h"

/// Constants and what is made of none or few inputs.
namespace olivine::opset {
namespace {

// ---- Constant

tensor::Tensor vector_of(const std::vector<float>& values) {
  return tensor::from_values<float>(DataType::float32, {static_cast<std::int64_t>(values.size())}, values);
}

/// The tensor that one of the short attributes stands for, or nothing.
std::optional<tensor::Tensor> short_form(const ir::Node& node) {
  for (const ir::Attribute& attribute : node.attributes()) {
    const ir::AttributeValue& value = attribute.value;
    if (attribute.name == "value_float") return tensor::scalar_float(std::get<float>(value));
    if (attribute.name == "value_floats") return vector_of(std::get<std::vector<float>>(value));
    if (attribute.name == "value_int") return tensor::scalar_int64(std::get<std::int64_t>(value));
    if (attribute.name == "value_ints") return tensor::from_int64s(std::get<Ints>(value));
    if (attribute.name == "value_string") return tensor::Tensor({}, {std::get<std::string>(value)});
    if (attribute.name == "value_strings") {
      const auto& strings = std::get<std::vector<std::string>>(value);
      return tensor::Tensor({static_cast<std::int64_t>(strings.size())}, strings);
    }
  }
  return std::nullopt;
}

void constant_as_tensor(Step& s) {
  ir::Node& node = s.node();
  for (const ir::Attribute& attribute : node.attributes()) {
    if (!attribute.reference.empty() && attribute.name.starts_with("value_")) {
      s.refuse("its value is a parameter of the function that it is in, which only '" + attribute.name + "' can take");
    }
  }
  auto tensor = short_form(node);
  if (!tensor) return;
  for (const char* name : {"value_float", "value_floats", "value_int", "value_ints", "value_string", "value_strings"}) {
    node.remove(name);
  }
  node.set("value", ir::NamedTensor{node.output(0)->name(), std::move(*tensor), {}});
}

/// The values at their places in a dense tensor of zeros.
tensor::Tensor densified(const ir::SparseTensor& sparse) {
  const tensor::Tensor& values = sparse.values.tensor;
  const std::vector<std::int64_t> indices = tensor::as_int64s(sparse.indices.tensor, std::uint64_t{1} << 32).value();
  const std::vector<std::byte> bytes = tensor::evaluate(values);
  std::int64_t count = 1;
  for (const std::int64_t dim : sparse.dims) count *= dim;
  const auto width = static_cast<std::size_t>(bit_width(values.dtype())) / 8;
  std::vector<std::byte> dense(static_cast<std::size_t>(count) * width);
  const std::size_t rank = sparse.indices.tensor.dims().size() == 2 ? sparse.dims.size() : 1;
  for (std::size_t i = 0; i < values.element_count(); ++i) {
    std::int64_t place = 0;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      place = rank == 1 ? indices[i] : place * sparse.dims[axis] + indices[i * rank + axis];
    }
    if (place < 0 || place >= count) continue;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(i * width), width,
                dense.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(place) * width));
  }
  return tensor::from_bytes(values.dtype(), sparse.dims, std::move(dense));
}

void constant_as_dense(Step& s) {
  constexpr std::int64_t kLargest = std::int64_t{1} << 24;
  ir::Node& node = s.node();
  const ir::Attribute* attribute = node.find("sparse_value");
  const auto* sparse = attribute != nullptr ? std::get_if<ir::SparseTensor>(&attribute->value) : nullptr;
  if (sparse == nullptr) return;
  std::int64_t count = 1;
  for (const std::int64_t dim : sparse->dims) {
    if (dim < 0 || __builtin_mul_overflow(count, dim, &count)) count = kLargest + 1;
  }
  if (count > kLargest || bit_width(sparse->values.tensor.dtype()) < 8) {
    s.refuse("a sparse constant of this size is not made dense, and opset 10 has no sparse ones");
  }
  tensor::Tensor dense = densified(*sparse);
  node.remove("sparse_value");
  node.set("value", ir::NamedTensor{node.output(0)->name(), std::move(dense), {}});
}

// Below opset 9 a Constant is of floats; initializers are of all types.
void constant_as_initializer(Step& s) {
  const tensor::Tensor* tensor = s.node().tensor("value");
  if (tensor == nullptr || is_float(tensor->dtype())) return;
  s.replace({s.constant(*tensor)});
}

// ---- ConstantOfShape

// Types that came later are cast to.
void constant_of_shape_types(Step& s) {
  const tensor::Tensor* value = s.node().tensor("value");
  if (value == nullptr || s.other_schema()->output(0)->accepts(value->dtype())) return;
  if (value->dtype() == DataType::string) s.refuse("it makes no strings");
  const DataType carrier = is_float(value->dtype()) ? DataType::float32 : DataType::int32;
  const auto filled = s.emit_node("ConstantOfShape", {s.input(0)}, 1, [&](ir::Node& node) {
    node.set("value", ir::NamedTensor{"value", tensor::cast(*value, carrier), {}});
  });
  s.replace({s.cast(filled.front(), value->dtype())});
}

void constant_of_shape_by_expand(Step& s) {
  if (s.opset() < 8) s.refuse("there is neither ConstantOfShape nor Expand in this opset");
  const tensor::Tensor* value = s.node().tensor("value");
  const tensor::Tensor scalar =
      value != nullptr ? tensor::reshape(*value, {}) : tensor::scalar_float(0, DataType::float32);
  s.replace_by("Expand", {s.constant(scalar), s.input(0)});
}

// ---- Range

// In opset 10 the places of ones in a row of ones count: start + delta (0, 1, …).
void range_by_counting(Step& s) {
  if (s.opset() < 9) s.refuse("there is neither Range nor NonZero in this opset");
  const DataType dtype = s.dtype(s.input(0));
  const auto wide = [&](std::size_t index) { return s.cast(s.input(index), DataType::float64); };
  ir::Value* steps = s.emit("Ceil", {s.emit("Div", {s.emit("Sub", {wide(1), wide(0)}), wide(2)})});
  ir::Value* count = s.emit("Max", {steps, s.number(0, DataType::float64)});
  ir::Value* length = s.reshape(s.cast(count, DataType::int64), {1});
  ir::Value* places = s.cast(s.range(length), dtype);
  s.replace_by("Add", {s.input(0), s.emit("Mul", {places, s.input(2)})});
}

constexpr std::string_view kLaterTypes = "types that it does not make are cast to";

constexpr Adapter kAdapters[] = {
    down("Constant", 12, &constant_as_tensor, "numbers and lists become a tensor"),
    down("Constant", 11, &constant_as_dense, "a sparse tensor becomes a dense one"),
    down("Constant", 9, &constant_as_initializer, "types other than floats become initializers"),
    down("ConstantOfShape", 25, &constant_of_shape_types, kLaterTypes),
    down("ConstantOfShape", 24, &constant_of_shape_types, kLaterTypes),
    down("ConstantOfShape", 23, &constant_of_shape_types, kLaterTypes),
    down("ConstantOfShape", 21, &constant_of_shape_types, kLaterTypes),
    down("ConstantOfShape", 20, &constant_of_shape_types, kLaterTypes),
    down("ConstantOfShape", 9, &constant_of_shape_by_expand, "a constant, expanded"),
    down("Range", 11, &range_by_counting, "the places of ones in a row of ones, scaled"),
};

}  // namespace

std::span<const Adapter> constant_adapters() { return kAdapters; }

}  // namespace olivine::opset

#include "ir/type.h"

#include <fmt/format.h>

namespace olivine::ir {
namespace {

bool same_pointee(const std::shared_ptr<const Type>& a, const std::shared_ptr<const Type>& b) {
  return a == b || (a != nullptr && b != nullptr && *a == *b);
}

struct ElementType {
  DataType operator()(const TensorType& type) const { return type.dtype; }
  DataType operator()(const SparseTensorType& type) const { return type.dtype; }
  DataType operator()(const SequenceType& type) const {
    return type.element ? element_type(*type.element) : DataType::undefined;
  }
  DataType operator()(const OptionalType& type) const {
    return type.element ? element_type(*type.element) : DataType::undefined;
  }
  template <typename Other>
  DataType operator()(const Other&) const {
    return DataType::undefined;
  }
};

struct Printer {
  std::string operator()(std::monostate) const { return "unknown"; }
  std::string operator()(const TensorType& type) const { return tensor(type.dtype, type.shape); }
  std::string operator()(const SparseTensorType& type) const {
    return fmt::format("sparse_tensor({})", tensor(type.dtype, type.shape));
  }
  std::string operator()(const SequenceType& type) const { return fmt::format("seq({})", element(type.element)); }
  std::string operator()(const OptionalType& type) const { return fmt::format("optional({})", element(type.element)); }
  std::string operator()(const MapType& type) const {
    return fmt::format("map({},{})", name_of(type.key), element(type.value));
  }
  std::string operator()(const OpaqueType& type) const { return fmt::format("opaque({},{})", type.domain, type.name); }

  static std::string element(const std::shared_ptr<const Type>& type) { return type ? to_string(*type) : "unknown"; }
  static std::string tensor(DataType dtype, const std::optional<Shape>& shape) {
    return std::string(name_of(dtype)) +
           (shape ? shape->empty() ? std::string() : to_string(*shape) : std::string("[]"));
  }
};

}  // namespace

bool operator==(const SequenceType& a, const SequenceType& b) { return same_pointee(a.element, b.element); }
bool operator==(const OptionalType& a, const OptionalType& b) { return same_pointee(a.element, b.element); }
bool operator==(const MapType& a, const MapType& b) { return a.key == b.key && same_pointee(a.value, b.value); }

Type tensor_type(DataType dtype, std::optional<Shape> shape) {
  return Type{TensorType{dtype, std::move(shape)}, {}, {}};
}

DataType element_type(const Type& type) { return std::visit(ElementType(), type.kind); }

Type with_element_type(const Type& type, DataType dtype) {
  Type result = type;
  const auto replaced = [dtype](const std::shared_ptr<const Type>& element) {
    return element ? std::make_shared<const Type>(with_element_type(*element, dtype)) : element;
  };
  if (auto* tensor = std::get_if<TensorType>(&result.kind)) tensor->dtype = dtype;
  if (auto* sparse = std::get_if<SparseTensorType>(&result.kind)) sparse->dtype = dtype;
  if (auto* sequence = std::get_if<SequenceType>(&result.kind)) sequence->element = replaced(sequence->element);
  if (auto* optional = std::get_if<OptionalType>(&result.kind)) optional->element = replaced(optional->element);
  return result;
}

std::string to_string(const Type& type) { return std::visit(Printer(), type.kind); }

std::string to_string(const Shape& shape) {
  std::string result = "[";
  for (const Dim& dim : shape) {
    if (result.size() > 1) result += ",";
    result += dim.is_value() ? std::to_string(dim.value()) : dim.is_symbol() ? dim.symbol() : "?";
  }
  return result + "]";
}

}  // namespace olivine::ir

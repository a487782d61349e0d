#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/dtype.h"

namespace olivine::ir {

/// One dimension of a shape: a number, a symbol ("batch"), or unknown.
class Dim {
 public:
  Dim() = default;
  Dim(std::int64_t value) : extent_(value) {}              // NOLINT(google-explicit-constructor)
  Dim(std::string symbol) : extent_(std::move(symbol)) {}  // NOLINT(google-explicit-constructor)

  bool is_unknown() const { return std::holds_alternative<std::monostate>(extent_); }
  bool is_value() const { return std::holds_alternative<std::int64_t>(extent_); }
  bool is_symbol() const { return std::holds_alternative<std::string>(extent_); }
  std::int64_t value() const { return std::get<std::int64_t>(extent_); }
  const std::string& symbol() const { return std::get<std::string>(extent_); }

  std::string denotation;

  friend bool operator==(const Dim&, const Dim&) = default;

 private:
  std::variant<std::monostate, std::int64_t, std::string> extent_;
};

using Shape = std::vector<Dim>;

struct Type;

struct TensorType {
  DataType dtype = DataType::undefined;
  std::optional<Shape> shape;  ///< absent: the rank is unknown
  friend bool operator==(const TensorType&, const TensorType&) = default;
};
struct SparseTensorType {
  DataType dtype = DataType::undefined;
  std::optional<Shape> shape;
  friend bool operator==(const SparseTensorType&, const SparseTensorType&) = default;
};
struct SequenceType {
  std::shared_ptr<const Type> element;
};
struct OptionalType {
  std::shared_ptr<const Type> element;
};
struct MapType {
  DataType key = DataType::undefined;
  std::shared_ptr<const Type> value;
};
struct OpaqueType {
  std::string domain;
  std::string name;
  friend bool operator==(const OpaqueType&, const OpaqueType&) = default;
};
bool operator==(const SequenceType& a, const SequenceType& b);
bool operator==(const OptionalType& a, const OptionalType& b);
bool operator==(const MapType& a, const MapType& b);

/// The type of a value; `std::monostate` when it is not known.
struct Type {
  std::variant<std::monostate, TensorType, SparseTensorType, SequenceType, OptionalType, MapType, OpaqueType> kind;
  std::string denotation;
  std::string unknown_fields;  ///< protobuf fields that this version doesn't know, as they came

  bool known() const { return !std::holds_alternative<std::monostate>(kind); }
  TensorType* tensor() { return std::get_if<TensorType>(&kind); }
  const TensorType* tensor() const { return std::get_if<TensorType>(&kind); }

  friend bool operator==(const Type&, const Type&) = default;
};

Type tensor_type(DataType dtype, std::optional<Shape> shape = std::nullopt);

/// The element type at the bottom: of a tensor itself, or of the tensors in a sequence or an optional, however deep;
/// `undefined` for maps, opaque and unknown types.
DataType element_type(const Type& type);

/// The same type with the element type at the bottom replaced.
Type with_element_type(const Type& type, DataType dtype);

/// As the onnx text format writes it: `float[batch,3,?]`, `seq(int64[])`.
std::string to_string(const Type& type);
std::string to_string(const Shape& shape);

}  // namespace olivine::ir

#pragma once

#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "tensor/tensor.h"

namespace olivine::tensor {

struct AnyValue;

/// A sequence of tensors (or of whatever ONNX allows as an element).
struct Sequence {
  std::vector<AnyValue> items;
};

/// A map as two one-dimensional tensors of equal length; keys are strings or integers.
struct Map {
  Tensor keys;
  Tensor values;
};

/// What an input or output of a model holds at run time; `std::monostate` is an optional without content.
struct AnyValue {
  AnyValue() = default;
  AnyValue(Tensor tensor) : content(std::move(tensor)) {}        // NOLINT(google-explicit-constructor)
  AnyValue(Sequence sequence) : content(std::move(sequence)) {}  // NOLINT(google-explicit-constructor)
  AnyValue(Map map) : content(std::move(map)) {}                 // NOLINT(google-explicit-constructor)

  const Tensor* tensor() const { return std::get_if<Tensor>(&content); }
  const Sequence* sequence() const { return std::get_if<Sequence>(&content); }
  const Map* map() const { return std::get_if<Map>(&content); }
  bool empty() const { return std::holds_alternative<std::monostate>(content); }

  std::variant<std::monostate, Tensor, Sequence, Map> content;
};

}  // namespace olivine::tensor

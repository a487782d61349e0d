#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "values/partial_tensor.h"

/// What the operators of shape arithmetic compute, on tensors that are known in part. Each is exactly ONNX's operator:
/// where a number would overflow, is divided by zero or depends on the order of rounding, it is unknown.
namespace olivine::values {

/// A node with its inputs evaluated.
struct Operation {
  const ir::Node& node;
  std::int64_t opset;
  std::vector<const PartialTensor*> inputs;  ///< null: absent
  SymbolNames& symbols;

  const PartialTensor* input(std::size_t index) const { return index < inputs.size() ? inputs[index] : nullptr; }
  /// The numbers of an integer input, or nothing when it is absent or not all known.
  std::optional<std::vector<std::int64_t>> numbers(std::size_t index) const;
  /// From the input `index` or, in older opsets, the attribute: axes, starts, splits …
  std::optional<std::vector<std::int64_t>> numbers(std::size_t index, std::string_view attribute) const;
};

/// One per output; empty: it can't be told.
using Results = std::vector<PartialTensor>;

struct Operator {
  std::string_view op_type;
  Results (*evaluate)(const Operation&);
  /// It looks at its inputs' types, not at their values.
  bool reads_types = false;
  /// Inputs of which only the number of elements is known are worth having.
  bool takes_unknown = false;
};

/// By its name in ai.onnx, else null.
const Operator* find_operator(std::string_view op_type);

/// @name The families
/// @{
std::span<const Operator> shape_operators();       ///< Shape, Size, Range, ConstantOfShape, NonZero …
std::span<const Operator> movement_operators();    ///< Gather, Slice, Concat, Reshape …
std::span<const Operator> arithmetic_operators();  ///< Add, Cast, Equal, ReduceProd, Floor …
/// @}

/// @name For the families
/// @{
/// `axis`, counted from the end when negative; nothing outside of the rank.
std::optional<std::size_t> normalized_axis(std::int64_t axis, std::size_t rank);
/// The dims that all broadcast to, or nothing; small_count holds for the result.
std::optional<tensor::Dims> broadcast_dims(std::span<const tensor::Dims* const> all);
/// For each element of `dims`, the element of a tensor of dims `source` that broadcasts to it.
std::vector<std::size_t> broadcast_indices(const tensor::Dims& source, const tensor::Dims& dims);
/// @}

}  // namespace olivine::values

#pragma once

#include <functional>

#include "torch/call.h"

/// What the families that move elements share: axes, sizes and types in PyTorch's words.
namespace olivine::torch {

/// The rank as PyTorch counts it: the two parts of a complex number are no dimension.
std::int64_t torch_rank(Call& c, std::string_view name = "self");
/// An axis argument counted from the start; a tensor without dimensions has one axis here, as in PyTorch.
std::int64_t axis_argument(Call& c, std::string_view name, std::int64_t fallback, std::int64_t rank);
std::int64_t wrapped_axis(Call& c, std::int64_t axis, std::int64_t rank);
Ints axes_argument(Call& c, std::string_view name, std::int64_t rank);

/// A tensor in a list argument with what the program says of it.
struct Part {
  ir::Value* value;
  const TensorMeta* meta;
  std::int64_t rank() const { return static_cast<std::int64_t>(meta->sizes.size()); }
};
/// Elements that are None have a null value.
std::vector<Part> parts_of(Call& c, std::string_view name);

/// A value of PyTorch's type `from` as one of type `to`, with complex numbers as pairs of reals: a real number becomes
/// a pair, a complex one loses its imaginary part; as a bool it is true where either part is.
ir::Value* converted(Call& c, ir::Value* value, DataType from, DataType to);

/// Reshape between two shapes in the program's words: sizes that stay in place are copied, one that is left is what
/// remains. `sizes` makes them (int64[n]) where that doesn't tell enough.
ir::Value* reshape_between(Call& c, ir::Value* value, const ir::Shape& from, const ir::Shape& to,
                           const std::function<ir::Value*()>& sizes);
/// Axes `first` to `first + count - 1` as one.
ir::Value* merge_axes(Call& c, ir::Value* value, std::int64_t first, std::int64_t count);
/// Transpose, for a permutation of PyTorch's axes: what comes after stays last. The value itself where nothing moves.
ir::Value* reordered(Call& c, ir::Value* value, Ints permutation);
/// Axes of size 1 before the others until it has this rank.
ir::Value* with_rank(Call& c, ir::Value* value, std::int64_t own, std::int64_t rank);
/// Broadcast to the sizes of all of them together; as they are where they agree already.
Values broadcast(Call& c, Values values);
/// int64[n] of single sizes.
ir::Value* joined_sizes(Call& c, const Values& sizes);

/// A whole-number sum or product that costs nothing where it is known.
ir::Value* add_sizes(Call& c, ir::Value* a, ir::Value* b);
ir::Value* multiply_sizes(Call& c, ir::Value* a, ir::Value* b);

/// Elements `start` to `end` (int64[1]; null: from the first, to the last) of an axis, by PyTorch's rules, which are
/// ONNX's.
struct Span {
  std::int64_t axis = 0;
  ir::Value* start = nullptr;
  ir::Value* end = nullptr;
  std::int64_t step = 1;
};
ir::Value* cut(Call& c, ir::Value* value, const Span& span);
/// `base` with these elements replaced.
ir::Value* replace_span(Call& c, ir::Value* base, const Span& span, ir::Value* fresh);
/// `base` with the slices at `index` (int64[n]) along an axis replaced by those of `fresh`, or reduced with them:
/// "none", "add", "mul", "max", "min".
ir::Value* scatter_along(Call& c, ir::Value* base, std::int64_t axis, ir::Value* index, ir::Value* fresh,
                         const char* reduction = "none");
/// What `write` makes of `base` and `fresh` by a reduction ("add", "mul" …) of ONNX's scatters, whose runtimes lack
/// some types: these are carried through others.
ir::Value* with_reducible(Call& c, ir::Value* base, ir::Value* fresh,
                          const std::function<ir::Value*(ir::Value*, ir::Value*)>& write);
/// 0, 1, 2 … in the shape of a value.
ir::Value* positions_like(Call& c, ir::Value* value);
/// `base` with the elements at these positions, counted in row-major order, replaced by those of `fresh`.
ir::Value* replace_at(Call& c, ir::Value* base, ir::Value* positions, ir::Value* fresh);

/// The diagonals of two axes, in a new last axis.
ir::Value* diagonal_of(Call& c, ir::Value* value, std::int64_t rank, std::int64_t offset, std::int64_t dim1,
                       std::int64_t dim2);

}  // namespace olivine::torch

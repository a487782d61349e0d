#pragma once

#include "torch/call.h"

/// What layers over space (convolutions, pools, resizing) share.
namespace olivine::torch {

/// An argument that has a number for each of `rank` dimensions, or one for all of them; absent or empty: `fallback`.
Ints per_dimension(const Call& c, std::string_view name, std::size_t rank, const Ints& fallback);

/// The number of dimensions of space, which is the digit in the operator's name.
std::size_t rank_by_name(const Call& c);

/// The first of the dimensions of space: behind batch and channels.
constexpr std::int64_t kFirstSpatial = 2;

/// The type in which PyTorch normalizes: statistics of half precision are those of single precision.
DataType computing_type(DataType dtype);

/// Of the channels of `x`: [C] as [C, 1, 1 …].
ir::Value* along_channels(Call& c, ir::Value* value, const ir::Value* x);

/// bfloat16 as float32: runtimes have no kernels of layers for it.
ir::Value* carried(Call& c, ir::Value* value);

/// A tensor that may lack the dimension of the batch, with it; and a result without it again.
ir::Value* with_batch(Call& c, ir::Value* value, std::size_t rank);
ir::Value* without_batch(Call& c, ir::Value* value, const ir::Value* original, std::size_t rank);

/// All dimensions from `first` on as one.
ir::Value* merge_from(Call& c, ir::Value* value, std::int64_t first);
/// The value with the sizes of another.
ir::Value* reshape_like(Call& c, ir::Value* value, ir::Value* like);

/// How windows lie along one axis. Padding is of `before` elements and of `after`.
struct WindowAxis {
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t before = 0;
  std::int64_t after = 0;
  std::int64_t dilation = 1;
};

/// Where the windows' elements are in the padded axis of `size` (int64[1]) elements, as int64[windows, kernel].
ir::Value* window_positions(Call& c, ir::Value* size, const WindowAxis& axis);

/// The spatial axes padded with `fill`.
ir::Value* pad_spatial(Call& c, ir::Value* value, const std::vector<WindowAxis>& axes, double fill);

/// Each spatial axis becomes two by its table of positions: [N, C, windows, kernel, windows, kernel …].
ir::Value* take_windows(Call& c, ir::Value* value, const Values& tables);

/// 2, 4 … or 3, 5 …: where windows, or the elements in them, are after `take_windows`.
Ints window_axes(std::size_t rank);
Ints kernel_axes(std::size_t rank);

/// [N, C, windows, kernel, windows, kernel …] as [N, C, windows …, kernel …].
ir::Value* kernels_last(Call& c, ir::Value* value, std::size_t rank);

}  // namespace olivine::torch

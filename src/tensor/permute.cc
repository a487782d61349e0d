#include "tensor/permute.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace olivine::tensor {
namespace {

template <std::size_t kWidth>
struct Element {
  std::array<std::byte, kWidth> bytes;
};

/// One plane of the box: rows x columns of the output, whose steps are given in elements of either side.
struct Plane {
  std::uint64_t rows = 1;
  std::uint64_t columns = 1;
  std::uint64_t in_row = 0;
  std::uint64_t in_column = 0;
  std::uint64_t out_row = 0;
};

template <std::size_t kWidth>
void copy_plane(const std::byte* in, std::byte* out, const Plane& plane) {
  if (plane.in_column == 1) {
    for (std::uint64_t r = 0; r < plane.rows; ++r) {
      std::memcpy(out + r * plane.out_row * kWidth, in + r * plane.in_row * kWidth, plane.columns * kWidth);
    }
    return;
  }
  using T = Element<kWidth>;
  constexpr std::uint64_t kTile = kWidth == 1 ? 64 : 32;
  for (std::uint64_t r0 = 0; r0 < plane.rows; r0 += kTile) {
    const std::uint64_t r1 = std::min(plane.rows, r0 + kTile);
    for (std::uint64_t c0 = 0; c0 < plane.columns; c0 += kTile) {
      const std::uint64_t c1 = std::min(plane.columns, c0 + kTile);
      for (std::uint64_t r = r0; r < r1; ++r) {
        const std::byte* from = in + (r * plane.in_row + c0 * plane.in_column) * kWidth;
        std::byte* to = out + (r * plane.out_row + c0) * kWidth;
        for (std::uint64_t c = c0; c < c1; ++c, from += plane.in_column * kWidth, to += kWidth) {
          std::memcpy(to, from, sizeof(T));
        }
      }
    }
  }
}

template <std::size_t kWidth>
void permute_elements(const std::byte* in, const std::vector<std::uint64_t>& dims,
                      const std::vector<std::uint64_t>& strides, std::byte* out) {
  const std::size_t rank = dims.size();
  const std::size_t column = rank - 1;
  // The plane's other axis is the one along which the input is contiguous, or nearly so.
  std::size_t row = column;
  for (std::size_t axis = 0; axis + 1 < rank; ++axis) {
    if (dims[axis] > 1 && (row == column || strides[axis] < strides[row])) row = axis;
  }
  std::vector<std::uint64_t> out_strides(rank, 1);
  for (std::size_t axis = rank - 1; axis-- > 0;) out_strides[axis] = out_strides[axis + 1] * dims[axis + 1];

  Plane plane{1, dims[column], 0, strides[column], 0};
  if (row != column) plane = {dims[row], dims[column], strides[row], strides[column], out_strides[row]};
  std::vector<std::size_t> outer;
  for (std::size_t axis = 0; axis + 1 < rank; ++axis) {
    if (axis != row && dims[axis] > 1) outer.push_back(axis);
  }
  std::vector<std::uint64_t> at(outer.size(), 0);
  while (true) {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    for (std::size_t i = 0; i < outer.size(); ++i) {
      from += at[i] * strides[outer[i]];
      to += at[i] * out_strides[outer[i]];
    }
    copy_plane<kWidth>(in + from * kWidth, out + to * kWidth, plane);
    std::size_t i = outer.size();
    while (i > 0 && ++at[i - 1] == dims[outer[i - 1]]) at[--i] = 0;
    if (i == 0) return;
  }
}

}  // namespace

void permute(std::size_t width, const std::byte* in, const std::vector<std::uint64_t>& dims,
             const std::vector<std::uint64_t>& strides, std::byte* out) {
  if (std::find(dims.begin(), dims.end(), 0u) != dims.end()) return;
  switch (width) {
    case 1:
      return permute_elements<1>(in, dims, strides, out);
    case 2:
      return permute_elements<2>(in, dims, strides, out);
    case 4:
      return permute_elements<4>(in, dims, strides, out);
    case 8:
      return permute_elements<8>(in, dims, strides, out);
    default:
      return permute_elements<16>(in, dims, strides, out);
  }
}

}  // namespace olivine::tensor

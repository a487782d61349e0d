#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace olivine::tensor {

/// Writes a row-major box of `dims` to `out`, whose element at coordinates c is the one at sum(c[i] * strides[i]) of
/// `in`. `width` is the bytes of an element: 1, 2, 4, 8 or 16. Rank 1 at least. Walks in tiles, so that neither side is
/// read or written a cache line per element.
void permute(std::size_t width, const std::byte* in, const std::vector<std::uint64_t>& dims,
             const std::vector<std::uint64_t>& strides, std::byte* out);

}  // namespace olivine::tensor

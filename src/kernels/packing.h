#pragma once

#include <cstddef>
#include <cstdint>

/// Types under 8 bits as `raw_data` holds them: a stream of bits, the first element in the lowest ones.
namespace olivine::kernels {

/// One code a byte from `bits`-bit elements (1 to 8 bits); element `first` of the stream is the first one read.
void unpack_codes(int bits, const std::byte* in, std::uint64_t first, std::uint8_t* out, std::size_t count);

/// The inverse, from element 0 on; bits of a code above `bits` are ignored and those left in the last byte are zero.
void pack_codes(int bits, const std::uint8_t* in, std::byte* out, std::size_t count);

/// Copies `count` elements of `bits` bits from element `in_first` of one stream to element `out_first` of another.
/// Other elements of the target keep their value. `bits` may also be a multiple of 8. The streams don't overlap.
void copy_elements(int bits, const std::byte* in, std::uint64_t in_first, std::byte* out, std::uint64_t out_first,
                   std::uint64_t count);

}  // namespace olivine::kernels

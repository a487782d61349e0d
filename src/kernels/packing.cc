#include "kernels/packing.h"

#include <cstring>

namespace olivine::kernels {
namespace {

std::uint8_t mask_of(int bits) { return static_cast<std::uint8_t>((1u << bits) - 1); }

/// The element that starts at bit `position`. The second byte is touched only if the element reaches into it.
std::uint8_t load_code(int bits, const std::byte* in, std::uint64_t position) {
  const std::byte* const at = in + position / 8;
  const unsigned shift = static_cast<unsigned>(position % 8);
  unsigned value = std::to_integer<unsigned>(at[0]) >> shift;
  if (shift + static_cast<unsigned>(bits) > 8) value |= std::to_integer<unsigned>(at[1]) << (8 - shift);
  return static_cast<std::uint8_t>(value & mask_of(bits));
}

void store_code(int bits, std::uint8_t code, std::byte* out, std::uint64_t position) {
  std::byte* const at = out + position / 8;
  const unsigned shift = static_cast<unsigned>(position % 8);
  const unsigned mask = static_cast<unsigned>(mask_of(bits)) << shift;
  const unsigned value = (static_cast<unsigned>(code) << shift) & mask;
  at[0] = static_cast<std::byte>((std::to_integer<unsigned>(at[0]) & ~mask) | value);
  if (mask > 0xff) at[1] = static_cast<std::byte>((std::to_integer<unsigned>(at[1]) & ~(mask >> 8)) | value >> 8);
}

/// Whole groups that fill whole bytes, for the widths where they do so simply; returns the elements done.
template <int kBits>
std::size_t unpack_bytes(const std::byte* in, std::uint8_t* out, std::size_t count) {
  constexpr int kPerByte = 8 / kBits;
  const std::size_t bytes = count / kPerByte;
  for (std::size_t i = 0; i < bytes; ++i) {
    for (int j = 0; j < kPerByte; ++j) {
      out[i * kPerByte + static_cast<std::size_t>(j)] =
          static_cast<std::uint8_t>(std::to_integer<unsigned>(in[i]) >> (j * kBits) & ((1u << kBits) - 1));
    }
  }
  return bytes * kPerByte;
}

template <int kBits>
std::size_t pack_bytes(const std::uint8_t* in, std::byte* out, std::size_t count) {
  constexpr int kPerByte = 8 / kBits;
  const std::size_t bytes = count / kPerByte;
  for (std::size_t i = 0; i < bytes; ++i) {
    unsigned value = 0;
    for (int j = 0; j < kPerByte; ++j) {
      value |= (in[i * kPerByte + static_cast<std::size_t>(j)] & ((1u << kBits) - 1)) << (j * kBits);
    }
    out[i] = static_cast<std::byte>(value);
  }
  return bytes * kPerByte;
}

}  // namespace

void unpack_codes(int bits, const std::byte* in, std::uint64_t first, std::uint8_t* out, std::size_t count) {
  const auto width = static_cast<std::uint64_t>(bits);
  std::size_t done = 0;
  if (first * width % 8 == 0) {
    const std::byte* const start = in + first * width / 8;
    if (bits == 8) return static_cast<void>(std::memcpy(out, start, count));
    if (bits == 4) done = unpack_bytes<4>(start, out, count);
    if (bits == 2) done = unpack_bytes<2>(start, out, count);
  }
  for (; done < count; ++done) out[done] = load_code(bits, in, (first + done) * width);
}

void pack_codes(int bits, const std::uint8_t* in, std::byte* out, std::size_t count) {
  const auto width = static_cast<std::uint64_t>(bits);
  if (bits == 8) return static_cast<void>(std::memcpy(out, in, count));
  std::size_t done = 0;
  if (bits == 4) done = pack_bytes<4>(in, out, count);
  if (bits == 2) done = pack_bytes<2>(in, out, count);
  std::memset(out + done * width / 8, 0, (count * width + 7) / 8 - done * width / 8);
  for (; done < count; ++done) store_code(bits, in[done], out, done * width);
}

void copy_elements(int bits, const std::byte* in, std::uint64_t in_first, std::byte* out, std::uint64_t out_first,
                   std::uint64_t count) {
  const auto width = static_cast<std::uint64_t>(bits);
  std::uint64_t from = in_first * width;
  std::uint64_t to = out_first * width;
  const auto copy_one = [&] {
    store_code(bits, load_code(bits, in, from), out, to);
    from += width;
    to += width;
    --count;
  };
  // Element by element to the first whole byte of the target; from there whole bytes, moved down by the source's shift.
  while (count > 0 && to % 8 != 0) copy_one();
  const std::uint64_t bytes = width % 8 == 0 ? count * (width / 8) : count / 8 * width;
  const std::byte* const source = in + from / 8;
  std::byte* const target = out + to / 8;
  const unsigned shift = static_cast<unsigned>(from % 8);
  if (shift == 0) {
    std::memcpy(target, source, bytes);
  } else {
    for (std::uint64_t i = 0; i < bytes; ++i) target[i] = source[i] >> shift | source[i + 1] << (8 - shift);
  }
  from += bytes * 8;
  to += bytes * 8;
  count -= bytes * 8 / width;
  while (count > 0) copy_one();
}

}  // namespace olivine::kernels

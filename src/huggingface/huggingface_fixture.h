#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/codec.h"
#include "kernels/convert.h"
#include "runtime/test_support.h"
#include "tensor/tensor.h"

/// What the tests of this room share.
namespace olivine::huggingface {

using runtime::error_of;
using runtime::TempFolder;

template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

/// One tensor of a file to write.
struct Payload {
  std::string name;
  std::string dtype;  ///< as safetensors writes it
  tensor::Dims dims;
  std::string bytes;
};

template <typename T>
Payload payload(std::string name, std::string dtype, tensor::Dims dims, const std::vector<T>& values) {
  return {std::move(name), std::move(dtype), std::move(dims), bytes_of(values)};
}
inline Payload floats(std::string name, tensor::Dims dims, const std::vector<float>& values) {
  return payload(std::move(name), "F32", std::move(dims), values);
}

inline std::string safetensors_text(std::string_view header, std::string_view payloads) {
  const std::uint64_t length = header.size();
  return bytes_of<std::uint64_t>({length}) + std::string(header) + std::string(payloads);
}

inline std::string safetensors(const std::vector<Payload>& payloads) {
  config::Json header = config::Json::object();
  std::string bytes;
  for (const Payload& payload : payloads) {
    header[payload.name] = {{"dtype", payload.dtype},
                            {"shape", payload.dims},
                            {"data_offsets", {bytes.size(), bytes.size() + payload.bytes.size()}}};
    bytes += payload.bytes;
  }
  return safetensors_text(header.dump(), bytes);
}

/// A zip archive of stored entries, as torch.save makes it; its check sums are zero, nobody reads them.
inline std::string zip(const std::vector<std::pair<std::string, std::string>>& entries) {
  using U16 = std::vector<std::uint16_t>;
  using U32 = std::vector<std::uint32_t>;
  std::string text;
  std::string directory;
  for (const auto& [name, content] : entries) {
    const auto size = static_cast<std::uint32_t>(content.size());
    const std::string common = bytes_of(U16{20, 0, 0, 0, 0}) + bytes_of(U32{0, size, size}) +
                               bytes_of(U16{static_cast<std::uint16_t>(name.size()), 0});
    directory += "PK\1\2" + bytes_of(U16{20}) + common + bytes_of(U16{0, 0, 0}) +
                 bytes_of(U32{0, static_cast<std::uint32_t>(text.size())}) + name;
    text += "PK\3\4" + common + name + content;
  }
  const auto count = static_cast<std::uint16_t>(entries.size());
  const std::string end =
      "PK\5\6" + bytes_of(U16{0, 0, count, count}) +
      bytes_of(U32{static_cast<std::uint32_t>(directory.size()), static_cast<std::uint32_t>(text.size())}) +
      bytes_of(U16{0});
  return text + directory + end;
}

/// All values, as floats.
inline std::vector<float> floats_of(const tensor::Tensor& tensor) {
  const std::vector<std::byte> bytes = tensor::evaluate(tensor);
  std::vector<float> values(tensor.element_count());
  kernels::convert(tensor.dtype(), DataType::float32, bytes.data(), reinterpret_cast<std::byte*>(values.data()),
                   values.size());
  return values;
}

/// A float that bfloat16 or float16 holds, in its 16 bits.
inline std::uint16_t half_bits(float value, DataType dtype = DataType::float16) {
  std::uint16_t bits = 0;
  kernels::convert(DataType::float32, dtype, reinterpret_cast<const std::byte*>(&value),
                   reinterpret_cast<std::byte*>(&bits), 1);
  return bits;
}
inline std::vector<std::uint16_t> halves(const std::vector<float>& values) {
  std::vector<std::uint16_t> bits;
  for (const float value : values) bits.push_back(half_bits(value));
  return bits;
}

/// Reading in odd pieces gives what reading the whole gives.
inline void expect_pieces_agree(const tensor::Tensor& tensor, std::uint64_t piece) {
  const std::vector<std::byte> whole = tensor::evaluate(tensor);
  const auto bits = static_cast<std::uint64_t>(bit_width(tensor.dtype()));
  if (piece * bits % 8 != 0) piece *= 8;
  for (std::uint64_t first = 0; first < tensor.element_count(); first += piece) {
    const std::uint64_t count = std::min(piece, tensor.element_count() - first);
    std::vector<std::byte> part(*packed_bytes(tensor.dtype(), count));
    tensor.read(first, count, part.data());
    ASSERT_EQ(std::memcmp(part.data(), whole.data() + first * bits / 8, part.size()), 0) << "at element " << first;
  }
}

}  // namespace olivine::huggingface

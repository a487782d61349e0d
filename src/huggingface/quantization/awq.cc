#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "huggingface/quantization/format.h"
#include "kernels/packing.h"
#include "tensor/scratch.h"

namespace olivine::huggingface {
namespace {

using tensor::Tensor;

constexpr std::int64_t kPerWord = 8;  ///< codes in a word

/// Which code of a word, from the low bits up, is that of each column: the words' codes are those of columns 0, 2, 4,
/// 6, 1, 3, 5, 7.
constexpr std::array<unsigned, kPerWord> kPlaces = {0, 4, 1, 5, 2, 6, 3, 7};

/// uint4 [C, R] from int32 [C / 8, R], whose word [c, r] has the codes of columns 8 c to 8 c + 7.
class PlaneSource final : public tensor::Source {
 public:
  explicit PlaneSource(Tensor words)
      : words_(std::move(words)), length_(static_cast<std::uint64_t>(words_.dims()[1])) {}

  std::uint64_t preferred_elements() const override { return word_rows() * length_ * kPerWord; }

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    tensor::Scratch codes(count);
    auto* const numbers = reinterpret_cast<std::uint8_t*>(codes.data());
    // Eight rows share their words; a transposition wants to be read many rows at once.
    const std::uint64_t group = length_ * kPerWord;
    const std::uint64_t step = word_rows() * group;
    for (std::uint64_t done = 0; done < count;) {
      const std::uint64_t size = std::min(count - done, step - (first + done) % step);
      read_groups(first + done, size, numbers + done);
      done += size;
    }
    kernels::pack_codes(4, numbers, out, count);
  }

 private:
  /// A part of what the transposition of the words prefers: their codes, unpacked, are twice as large.
  std::uint64_t word_rows() const { return std::max<std::uint64_t>(words_.block() / length_ / 2, 1); }

  void read_groups(std::uint64_t first, std::uint64_t count, std::uint8_t* out) const {
    const std::uint64_t group = first / length_ / kPerWord;
    const std::uint64_t groups = (first + count - 1) / length_ / kPerWord - group + 1;
    tensor::Scratch scratch(groups * length_ * sizeof(std::uint32_t));
    words_.read(group * length_, groups * length_, scratch.data());
    const auto* const words = reinterpret_cast<const std::uint32_t*>(scratch.data());
    for (std::uint64_t done = 0; done < count;) {
      const std::uint64_t row = (first + done) / length_;
      const std::uint64_t column = (first + done) % length_;
      const std::uint64_t size = std::min(count - done, length_ - column);
      const std::uint64_t at = (row / kPerWord - group) * length_ + column;
      take_codes(words + at, size, 4 * kPlaces[row % kPerWord], out + done);
      done += size;
    }
  }

  /// The inner loop has a constant length, which the compiler makes vectors of.
  static void take_codes(const std::uint32_t* __restrict__ words, std::uint64_t count, unsigned shift,
                         std::uint8_t* __restrict__ out) {
    constexpr std::uint64_t kStep = 64;
    std::uint64_t i = 0;
    for (; i + kStep <= count; i += kStep) {
      for (std::uint64_t j = 0; j < kStep; ++j) out[i + j] = static_cast<std::uint8_t>(words[i + j] >> shift & 15);
    }
    for (; i < count; ++i) out[i] = static_cast<std::uint8_t>(words[i] >> shift & 15);
  }

  Tensor words_;
  std::uint64_t length_;
};

/// int32 [R, C / 8] to uint4 [C, R].
Tensor unpacked_columns(const Tensor& words) {
  const Tensor by_column = tensor::transpose(words, {});
  return {
      DataType::uint4, {words.dims()[1] * kPerWord, words.dims()[0]}, std::make_shared<const PlaneSource>(by_column)};
}

/// qweight [K, N / 8], qzeros [G, N / 8], scales [G, N].
void unpack_module(PackedModule& module, std::int64_t group_size) {
  const Tensor words = module.take_matrix(".qweight", DataType::int32);
  QuantizedMatrix matrix;
  matrix.block = group_size > 0 ? group_size : words.dims()[0];
  matrix.codes = unpacked_columns(words);
  matrix.scales = tensor::transpose(module.take_matrix(".scales"), {});
  if (const auto zeros = module.find(".qzeros"); zeros) {
    if (zeros->dims().size() != 2 || zeros->element_count() == 0 || zeros->dtype() != DataType::int32) {
      throw Error(ErrorCode::conversion, "its qzeros are no matrix of int32");
    }
    matrix.zero_points = unpacked_columns(*zeros);
  }
  module.put(".weight", std::move(matrix));
}

void unpack(Checkpoint& checkpoint, const Settings& settings) {
  const auto bits = settings.get<std::int64_t>(settings.has("bits") ? "bits" : "w_bit", 4);
  if (bits != 4) throw settings.error("bits", fmt::format("{} bits are not read", bits), "4 are");
  const auto version = settings.get<std::string>("version", "gemm");
  if (version != "gemm" && version != "GEMM") {
    throw settings.error("version", fmt::format("the packing '{}' is not read", version), "'gemm' is");
  }
  const auto group_size = settings.get<std::int64_t>(settings.has("group_size") ? "group_size" : "q_group_size", 128);
  for_each_module(checkpoint, ".qweight", [&](PackedModule& module) { unpack_module(module, group_size); });
}

}  // namespace

extern const QuantizationFormat kAwq = {"awq", unpack};

}  // namespace olivine::huggingface

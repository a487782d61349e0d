#include <fmt/format.h>

#include "huggingface/code_views.h"
#include "huggingface/quantization/format.h"
#include "tensor/scratch.h"

namespace olivine::huggingface {
namespace {

using tensor::Tensor;

constexpr std::int64_t kBlock = 32;

/// Twice the value of each code of the OCP Microscaling specification's E2M1, above 128.
constexpr std::array<std::uint8_t, 256> kDoubled = [] {
  constexpr std::array<std::uint8_t, 8> kMagnitudes = {0, 1, 2, 3, 4, 6, 8, 12};
  std::array<std::uint8_t, 256> table{};
  for (std::size_t code = 0; code < 16; ++code) {
    const std::uint8_t magnitude = kMagnitudes[code % 8];
    table[code] = static_cast<std::uint8_t>(code < 8 ? 128 + magnitude : 128 - magnitude);
  }
  return table;
}();

/// Half of an E8M0 scale, in bfloat16, which has the same exponents: 2^(code - 128). 255 is NaN.
class HalvedScales final : public tensor::Source {
 public:
  explicit HalvedScales(Tensor codes) : codes_(std::move(codes)) {}

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    tensor::Scratch codes(count);
    codes_.read(first, count, codes.data());
    auto* const scales = reinterpret_cast<std::uint16_t*>(out);
    for (std::uint64_t i = 0; i < count; ++i) scales[i] = halved(std::to_integer<unsigned>(codes.data()[i]));
  }

 private:
  static std::uint16_t halved(unsigned code) {
    constexpr std::uint16_t kNan = 0x7FC0;
    if (code == 255) return kNan;
    return static_cast<std::uint16_t>(code >= 2 ? (code - 1) << 7 : 0x20U << code);  // below, denormals
  }

  Tensor codes_;
};

/// x_blocks uint8 [E, N, G, 16], the first of two codes in the low bits; x_scales uint8 [E, N, G].
void unpack_module(PackedModule& module) {
  const Tensor blocks = module.take("_blocks", DataType::uint8);
  const Tensor scales = module.take("_scales", DataType::uint8);
  tensor::Dims dims = blocks.dims();
  if (dims.size() != 4 || dims[3] != kBlock / 2 || scales.dims() != tensor::Dims{dims[0], dims[1], dims[2]}) {
    throw Error(ErrorCode::conversion, fmt::format("its blocks [{}] and scales [{}] don't fit each other",
                                                   fmt::join(dims, ","), fmt::join(scales.dims(), ",")));
  }
  std::int64_t columns = 0;
  if (__builtin_mul_overflow(dims[2], kBlock, &columns)) throw Error(ErrorCode::conversion, "its blocks are too many");
  QuantizedMatrix matrix;
  matrix.bits = 8;
  matrix.block = kBlock;
  matrix.codes = map_codes(view_as(blocks, DataType::uint4, {dims[0], dims[1], columns}), DataType::uint8, kDoubled);
  matrix.scales = Tensor(DataType::bfloat16, scales.dims(), std::make_shared<const HalvedScales>(scales));
  module.put("", std::move(matrix));
}

void unpack(Checkpoint& checkpoint, const Settings&) {
  for_each_module(checkpoint, "_blocks", [&](PackedModule& module) {
    unpack_module(module);
    Weight weight = checkpoint.at(module.name());
    weight.tensor = tensor::transpose(weight.tensor, {0, 2, 1});
    checkpoint.set(module.name(), std::move(weight));
  });
}

}  // namespace

extern const QuantizationFormat kMxfp4 = {"mxfp4", unpack};

}  // namespace olivine::huggingface

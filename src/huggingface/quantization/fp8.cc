#include <array>

#include "huggingface/quantization/format.h"

namespace olivine::huggingface {
namespace {

constexpr std::array<std::string_view, 3> kActivationScales = {".input_scale", ".activation_scale", ".input_scale_ub"};

/// weight in 8-bit floats; weight_scale_inv, which in spite of its name multiplies, or weight_scale.
void unpack(Checkpoint& checkpoint, const Settings& settings) {
  const auto block = settings.get<std::vector<std::int64_t>>("weight_block_size", {});
  for (const std::string_view suffix : {".weight_scale_inv", ".weight_scale"}) {
    for_each_module(checkpoint, suffix, [&](PackedModule& module) {
      const tensor::Tensor scales = module.take(suffix);
      module.put(".weight", scaled_float8(module.take_matrix(".weight"), scales, block));
    });
  }
  for (const std::string_view suffix : kActivationScales) {
    for_each_module(checkpoint, suffix, [&](PackedModule& module) { (void)module.find(suffix); });
  }
}

}  // namespace

extern const QuantizationFormat kFp8 = {"fp8", unpack};
extern const QuantizationFormat kFbgemmFp8 = {"fbgemm_fp8", unpack};

}  // namespace olivine::huggingface

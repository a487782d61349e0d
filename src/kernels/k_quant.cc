#include "kernels/block_quantize.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/k_quant.cc"
#include "hwy/foreach_target.h"  // compiles the rest of this file once for each target
// After foreach_target.h:
#include "hwy/highway.h"
#include "kernels/k_quant-inl.h"

#if HWY_ONCE
#include <algorithm>
#include <cmath>
#include <vector>

namespace olivine::kernels {
namespace {

HWY_EXPORT(SearchFit);

}  // namespace

RowState k_quant_parameters(const BlockFormat& format, const float* row, std::size_t count, float* scales,
                            std::uint8_t* zero_points) {
  // Where the search doesn't apply, its result is this one.
  BlockFormat unrounded = format;
  unrounded.scale = DataType::float32;
  if (const RowState state = range_parameters(unrounded, row, count, scales, zero_points); state != RowState::fine) {
    return state;
  }
  const auto max_code = static_cast<float>(format.max_code());
  std::vector<float> values(format.block);
  std::vector<float> weights(format.block);
  for (std::size_t start = 0, b = 0; start < count; start += format.block, ++b) {
    const std::size_t used = std::min(format.block, count - start);
    std::copy_n(row + start, used, values.begin());
    std::fill(values.begin() + static_cast<std::ptrdiff_t>(used), values.end(), 0.0f);
    const auto [lowest, highest] = std::minmax_element(values.begin(), values.end());
    if (*lowest > 0 || *highest < 0) continue;
    const KQuantFit fit =
        HWY_DYNAMIC_DISPATCH(SearchFit)(values.data(), weights.data(), format.block, *lowest, *highest, max_code);
    scales[b] = fit.scale;
    zero_points[b] = static_cast<std::uint8_t>(std::clamp(std::nearbyint(-fit.lowest / fit.scale), 0.0f, max_code));
  }
  return round_scales(format.scale, scales, format.blocks(count)) ? RowState::fine : RowState::scale_overflow;
}

}  // namespace olivine::kernels
#endif  // HWY_ONCE

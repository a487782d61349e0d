#include "kernels/float_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/float_kernels.cc"
#include "hwy/foreach_target.h"  // compiles the rest of this file once for each target
// After foreach_target.h:
#include "hwy/highway.h"
#include "kernels/float_kernels-inl.h"

#if HWY_ONCE
namespace olivine::kernels {

HWY_EXPORT(EncodeFloats);
HWY_EXPORT(LimitFloats);
HWY_EXPORT(DecodeHalves);

ConvertCounts encode_floats(DataType to, const float* in, void* out, std::size_t count, const FloatLimits& limits,
                            bool saturate) {
  return HWY_DYNAMIC_DISPATCH(EncodeFloats)(to, in, out, count, limits, saturate);
}

ConvertCounts limit_floats(const float* in, float* out, std::size_t count, const FloatLimits& limits) {
  return HWY_DYNAMIC_DISPATCH(LimitFloats)(in, out, count, limits);
}

void decode_halves(DataType from, const std::uint16_t* in, float* out, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(DecodeHalves)(from, in, out, count);
}

}  // namespace olivine::kernels
#endif  // HWY_ONCE

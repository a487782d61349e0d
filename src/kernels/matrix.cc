#include "kernels/matrix.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matrix.cc"
#include "hwy/foreach_target.h"  // compiles the rest of this file once for each target
// After foreach_target.h:
#include "hwy/highway.h"
#include "kernels/matrix-inl.h"

#if HWY_ONCE
namespace olivine::kernels {

HWY_EXPORT(AddProducts);
HWY_EXPORT(AddScaled);

void add_products(const float* a, std::size_t a_stride, const float* b, std::size_t b_stride, float* c,
                  std::size_t c_stride, std::size_t m, std::size_t k, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(AddProducts)(a, a_stride, b, b_stride, c, c_stride, m, k, n);
}

void add_scaled(float factor, const float* x, float* y, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(AddScaled)(factor, x, y, count);
}

}  // namespace olivine::kernels
#endif  // HWY_ONCE

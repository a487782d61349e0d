#pragma once

#include <cstddef>

/// Small dense float32 kernels. Rows lie `stride` floats apart. The order of each sum depends on the processor's
/// vectors in nothing: one product after the other, fused where the processor can.
namespace olivine::kernels {

/// C += A · B for A [m, k], B [k, n], C [m, n], n a multiple of 16.
void add_products(const float* a, std::size_t a_stride, const float* b, std::size_t b_stride, float* c,
                  std::size_t c_stride, std::size_t m, std::size_t k, std::size_t n);

/// y += factor * x.
void add_scaled(float factor, const float* x, float* y, std::size_t count);

}  // namespace olivine::kernels

#pragma once

#include "tensor/quantize.h"
#include "tensor/tensor.h"

/// Quantization of a layer's weight that looks at the layer's inputs (GPTQ, arXiv 2210.17323).
namespace olivine::tensor {

struct GptqOptions {
  double damping = 0.01;   ///< added to the diagonal of H, as a part of its mean
  bool act_order = false;  ///< columns with the largest inputs first; then scales are those of the weight as it was
};

/// The weight [N, K] in the layout of `quantize_matmul`, its codes chosen so that ‖(W - Ŵ)X‖ is small for H = XXᵀ/n
/// (float32 or float64 [K, K], symmetric), with the ranges and the rounding of round-to-nearest: H = I gives that.
///
/// Done at once, in parallel by rows, and the same whatever the number of threads. Takes K² floats, and K floats for
/// each of 32 rows a thread, beside the result. `options.method` must be rtn. Error[conversion]: the weight or H isn't
/// finite, or H isn't positive definite with a hundredfold damping either.
QuantizedWeight gptq_matmul(const Tensor& weight, const Tensor& hessian, const QuantizeOptions& options,
                            const GptqOptions& gptq = {});

}  // namespace olivine::tensor

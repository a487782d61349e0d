#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "onnx/contrib/rule.h"

/// Shapes of output 0 that a pattern can't tell.
namespace olivine::onnx::contrib {

void broadcast_inputs(const Context& context, std::span<const std::size_t> inputs);
void multiply_matrices(const Context& context, std::size_t left, std::size_t right);

/// The inputs broadcast against each other.
template <std::size_t... kInputs>
void broadcast(const Context& context) {
  broadcast_inputs(context, std::array{kInputs...});
}
/// MatMul of two inputs.
template <std::size_t kLeft, std::size_t kRight>
void matrix_product(const Context& context) {
  multiply_matrices(context, kLeft, kRight);
}
/// MatMul with transA, transB, transBatchA and transBatchB.
void fused_matrix_product(const Context& context);

/// Every third input from the third on, joined along `axis`.
void quantized_concat(const Context& context);
/// Without the sizes of `axes`, or with 1 for them when `keepdims`.
void reduce(const Context& context);
/// 1 for every spatial size.
void global_pool(const Context& context);
/// ConvTranspose whose pads are an input.
void transposed_convolution(const Context& context);

void gather_quantized(const Context& context);
void expand_dims(const Context& context);
void unfold(const Context& context);
void range(const Context& context);
/// The second and third output of QuantizeBFP: as long as the input has dimensions.
void quantize_bfp(const Context& context);

/// Runs the inference of an operator of onnx on the node; `channels_last` turns the input's shape before and the
/// output's after.
void infer_like(const Like& like, bool channels_last, const Context& context);

}  // namespace olivine::onnx::contrib

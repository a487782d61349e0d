#pragma once

#include <cstdint>
#include <optional>

#include "base/dtype.h"
#include "tensor/tensor.h"

/// Block-wise quantized weights as lazy tensors, in the layouts of the operators that read them. Nothing is read when
/// they are made. The tensors of one weight share what is costly: whoever reads a part of one of them works out scales
/// and zero points of those rows, and they are kept until scales and zero points were read too.
///
/// Any float weight will do. Reading throws Error[conversion] that names the place of an infinity or NaN, or of a block
/// whose range is beyond what a scale can express. docs/decisions/quantization.md has formulas and layouts.
namespace olivine::tensor {

enum class QuantizeMethod : std::uint8_t {
  rtn,     ///< round to nearest: the range of a block is the range of the codes, as ONNX Runtime does it
  k_quant  ///< scale and minimum fitted by weighted least squares; always with zero points
};

struct QuantizeOptions {
  int bits = 4;                        ///< 2, 4 or 8
  std::int64_t block = 32;             ///< neighbours along the axis that share a scale; 0: all
  bool symmetric = false;              ///< no zero points
  DataType scale = DataType::float32;  ///< float32, float16 or bfloat16; codes are made for the rounded scale
  QuantizeMethod method = QuantizeMethod::rtn;
};

/// value ≈ (code - zero point) * scale.
struct QuantizedWeight {
  Tensor codes;
  Tensor scales;
  /// None when symmetric: then it is 2^(bits-1) where codes are unsigned, 0 where they are signed.
  std::optional<Tensor> zero_points;
  QuantizeOptions options;
};

/// For MatMulNBits, from PyTorch's weight [N, K]. With B = ceil(K / block):
/// codes uint8 [N, B, block*bits/8], the first code in the low bits, what lies beyond K as ONNX Runtime leaves it;
/// scales [N, B]; zero points uint8 [N, ceil(B*bits/8)], unused ones in the last byte 2^(bits-1).
/// `block` is a multiple of 8 / bits. ONNX's weight [K, N] is passed through `transpose`.
QuantizedWeight quantize_matmul(const Tensor& weight, const QuantizeOptions& options);

/// For DequantizeLinear (and GatherBlockQuantized over int4 or uint4): codes are elements of type intBITS when
/// symmetric, uintBITS otherwise, in the weight's own dims; scales and zero points have the dims with ceil(dim / block)
/// on `axis`. Zero point and rounded steps are added as integers, as `quantize_qdq_matmul_4bits` does (with [K, N] and
/// axis 0).
QuantizedWeight quantize_linear(const Tensor& weight, std::int64_t axis, const QuantizeOptions& options);

/// For GatherBlockQuantized over uint8 (quantize_axis: the last one) and for QMoE: any number of leading dims, K last.
/// codes uint8 [..., K*bits/8]; scales [..., ceil(K / block)], and without the last dim when `block` is 0; zero points
/// uint8 [..., ceil(ceil(K / block)*bits/8)]. A row must fill whole bytes.
QuantizedWeight quantize_rows(const Tensor& weight, const QuantizeOptions& options);

/// The weight that an operator makes of the codes: float32 [N, K] of `quantize_matmul`'s result.
Tensor dequantize_matmul(const QuantizedWeight& weight, std::int64_t k);

/// ‖a - b‖ / ‖a‖ of two float tensors of the same dims (Frobenius norm, summed in double, in the same order whatever
/// the number of threads); 0 where both are zero, infinite where only `a` is.
double relative_error(const Tensor& a, const Tensor& b);

}  // namespace olivine::tensor

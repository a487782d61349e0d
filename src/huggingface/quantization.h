#pragma once

#include <string_view>
#include <vector>

#include "huggingface/checkpoint.h"
#include "huggingface/settings.h"

namespace olivine::huggingface {

/// Puts the weights that a quantized checkpoint means in the place of the tensors that hold them: "x.weight", in
/// float32, for "x.qweight", "x.scales" and so on, with the codes and scales themselves in `Weight::quantized` where
/// they are integers. What is read is named by `quantization_config` (or `compression_config`) in config.json; without
/// one nothing changes. Scales of activations are dropped: activations stay floats.
///
/// - gptq: 2, 4 and 8 bits, act-order, zero points of both `checkpoint_format`s
/// - awq: the "gemm" packing of 4 bits
/// - compressed-tensors: pack-quantized, int-quantized, naive-quantized and float-quantized
/// - fp8, fbgemm_fp8: a scale for the tensor, for each row, or for each block of `weight_block_size`; no codes
/// - mxfp4: "x_blocks" and "x_scales" of experts become "x" [E, K, N] as in transformers; the codes are [E, N, K] of 8
/// bits:
///   twice an FP4 value is an integer, so they are exact
///
/// Error[conversion] for another method (with the list of those that are read), and for tensors that don't fit.
void unpack_quantized(Checkpoint& checkpoint, const Settings& config);

/// Names of the methods that are read.
std::vector<std::string_view> quantization_methods();

}  // namespace olivine::huggingface

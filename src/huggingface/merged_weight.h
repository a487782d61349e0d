#pragma once

#include <optional>

#include "tensor/tensor.h"

/// Only for this room.
namespace olivine::huggingface {

/// base + scale * left right, in float32: base [N, K], left [N, R], right [R, K]. With a magnitude [N] each row is then
/// brought to that length. Lazy: rows are made in blocks, each of which reads `right` once.
tensor::Tensor merged_weight(const tensor::Tensor& base, const tensor::Tensor& left, const tensor::Tensor& right,
                             float scale, const std::optional<tensor::Tensor>& magnitude);

}  // namespace olivine::huggingface

#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace olivine::torch {

/// Where a tensor of PyTorch's lies in its storage, in elements: index i is at offset + sum(i[d] * strides[d]).
struct StridedLayout {
  tensor::Dims dims;
  tensor::Dims strides;
  std::int64_t offset = 0;
};

/// The tensor as an expression over its storage (`bytes`: uint8, one dimension): a slice where the elements follow each
/// other, a transposition of one where a permutation of the axes makes them do so, else elements gathered when they are
/// read. Error[conversion] when the layout is negative or leaves the storage. `dtype` has whole bytes.
tensor::Tensor strided(const tensor::Tensor& bytes, DataType dtype, StridedLayout layout);

}  // namespace olivine::torch

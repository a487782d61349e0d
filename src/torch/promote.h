#pragma once

#include <span>

#include "base/dtype.h"

namespace olivine::torch {

/// One operand, as PyTorch's type promotion sees it.
struct Operand {
  /// Tensors with dimensions decide; then scalar tensors, then Python's numbers, where they are of a higher kind (bool,
  /// integer, real, complex).
  enum class Rank { number, scalar, tensor } rank = Rank::tensor;
  DataType dtype = DataType::undefined;
};

/// `torch.promote_types`: the smallest type that holds both. `undefined` where there is none.
DataType promote_types(DataType a, DataType b);

/// `torch.result_type` of any number of operands.
DataType result_type(std::span<const Operand> operands);

bool is_unsigned(DataType dtype);
bool is_complex_type(DataType dtype);
/// The type of a complex number's parts: float32 of complex64.
DataType real_part_type(DataType dtype);
DataType complex_of(DataType real);

}  // namespace olivine::torch

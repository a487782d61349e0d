#pragma once

#include "torch/call.h"

/// Products of matrices, for the families that need them.
namespace olivine::torch {

/// The type that products of `dtype` are computed in: runtimes multiply no small integers, and int32 wraps to the same
/// bits.
DataType product_carrier(DataType dtype);

/// NumPy's (and PyTorch's) matmul of real matrices: of vectors, matrices and batches of them.
ir::Value* matmul(Call& c, ir::Value* a, ir::Value* b);
/// The same of pairs.
ir::Value* complex_matmul(Call& c, ir::Value* a, ir::Value* b);

/// Elementwise product, the conjunction of bools.
ir::Value* times(Call& c, ir::Value* a, ir::Value* b);
/// Elementwise sum, the disjunction of bools.
ir::Value* plus(Call& c, ir::Value* a, ir::Value* b);
ir::Value* minus(Call& c, ir::Value* a, ir::Value* b);

/// A value with its last two axes exchanged.
ir::Value* transposed(Call& c, ir::Value* matrix);

/// Some axes of a value as one list of sizes (int64[n]).
ir::Value* sizes_of(Call& c, ir::Value* value, const Ints& axes);

}  // namespace olivine::torch

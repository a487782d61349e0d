#pragma once

#include "torch/op.h"

/// The families of operators: each is a file beside this one, and its rows are in the table.
namespace olivine::torch {

Ops arithmetic_ops();     ///< add, mul, pow … with PyTorch's promotion
Ops view_ops();           ///< view, slice, transpose …
Ops symbol_ops();         ///< sizes and Python's arithmetic on them
Ops control_flow_ops();   ///< cond, while_loop, map, scan, regions
Ops product_ops();        ///< matmul, bmm, dot, outer, cross, chains of matrices
Ops added_product_ops();  ///< addmm, baddbmm, addr …
Ops contraction_ops();    ///< einsum, tensordot
Ops fft_ops();            ///< torch.fft
Ops spectrogram_ops();    ///< stft, istft

/// @name Rows for complex tensors, of targets that have others for reals
/// @{
Ops complex_arithmetic_ops();  ///< add, mul, abs, comparison …
Ops complex_function_ops();    ///< exp, log, sin, sum, cat …
/// @}

}  // namespace olivine::torch

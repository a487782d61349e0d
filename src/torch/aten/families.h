#pragma once

#include "torch/op.h"

/// The families of operators: each is a file beside this one, and its rows are in the table.
namespace olivine::torch {

Ops arithmetic_ops();        ///< add, mul, pow … with PyTorch's promotion
Ops view_ops();              ///< view, slice, transpose …
Ops symbol_ops();            ///< sizes and Python's arithmetic on them
Ops control_flow_ops();      ///< cond, while_loop, map, scan, regions
Ops linear_layer_ops();      ///< linear
Ops convolution_ops();       ///< convolutions, transposed ones too
Ops pooling_ops();           ///< pools with a kernel
Ops adaptive_pooling_ops();  ///< pools with a number of windows

}  // namespace olivine::torch

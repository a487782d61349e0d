#pragma once

#include "torch/op.h"

/// The families of operators: each is a file beside this one, and its rows are in the table.
namespace olivine::torch {

Ops arithmetic_ops();    ///< add, mul, pow … with PyTorch's promotion
Ops view_ops();          ///< view, slice, transpose …
Ops symbol_ops();        ///< sizes and Python's arithmetic on them
Ops control_flow_ops();  ///< cond, while_loop, map, scan, regions

}  // namespace olivine::torch

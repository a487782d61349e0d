#pragma once

#include "torch/op.h"

/// The families of operators: each is a file beside this one, and its rows are in the table.
namespace olivine::torch {

Ops arithmetic_ops();    ///< add, mul, pow … with PyTorch's promotion
Ops view_ops();          ///< view, slice, transpose …
Ops symbol_ops();        ///< sizes and Python's arithmetic on them
Ops reduction_ops();     ///< sums, means, extremes, conditions
Ops norm_ops();          ///< norms and distances
Ops statistics_ops();    ///< variances, quantiles
Ops cumulative_ops();    ///< what is accumulated along an axis
Ops sorting_ops();       ///< sorting, medians, modes
Ops set_ops();           ///< unique, isin, searchsorted …
Ops histogram_ops();     ///< counting into bins
Ops difference_ops();    ///< diff, gradient, trapezoid
Ops segment_ops();       ///< segment_reduce
Ops loss_ops();          ///< losses by element and by distance
Ops class_loss_ops();    ///< losses over classes
Ops control_flow_ops();  ///< cond, while_loop, map, scan, regions

}  // namespace olivine::torch

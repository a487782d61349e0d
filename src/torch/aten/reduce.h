#pragma once

#include <string_view>

#include "torch/call.h"

/// What every family needs that reduces: axes as PyTorch gives them, counts, and reductions that are right for empty
/// tensors too.
namespace olivine::torch {

/// The type that PyTorch adds up in: float32 for the half types.
DataType accumulation_type(DataType dtype);

/// Axes that an argument names, counted from the start, in order. None and an empty list are all of them.
Ints reduced_axes(Call& c, const ir::Value* value, std::string_view argument = "dim");
Ints all_axes(Call& c, const ir::Value* value);

/// ReduceSum … over `axes`; without axes the value itself.
ir::Value* reduce(Call& c, std::string_view op_type, ir::Value* value, const Ints& axes, bool keepdim);

/// How many elements are reduced, as a scalar of `dtype`.
ir::Value* count_of(Call& c, ir::Value* value, const Ints& axes, DataType dtype);

/// One of the axes may have no elements: it is 0, or a number that only the data tell.
bool may_be_empty(Call& c, const ir::Value* value, const Ints& axes);

/// The mean; NaN of nothing.
ir::Value* mean_of(Call& c, ir::Value* value, const Ints& axes, bool keepdim);

/// Sums of integers and bools are int64.
DataType sum_type(DataType dtype);

/// Whether a condition (bool) holds anywhere.
ir::Value* any_of(Call& c, ir::Value* condition, const Ints& axes, bool keepdim);

/// max or min ("ReduceMax", "ReduceMin") of any type.
ir::Value* extreme_of(Call& c, std::string_view op_type, ir::Value* value, const Ints& axes, bool keepdim);

/// Where it is NaN; null for a type that has none.
ir::Value* is_nan(Call& c, ir::Value* value);

/// The losses' `reduction`: 0 none, 1 mean, 2 sum.
ir::Value* reduced_loss(Call& c, ir::Value* loss);

}  // namespace olivine::torch

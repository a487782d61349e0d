#pragma once

#include "torch/call.h"

namespace olivine::torch {

struct Sorted {
  ir::Value* values;
  ir::Value* places;
};

/// The `count` (int64[1]) least or greatest along an axis, in order. Of equals the first comes first, and NaN is
/// greater than all else: both as PyTorch sorts. Of any type.
Sorted top_k(Call& c, ir::Value* value, ir::Value* count, std::int64_t axis, bool largest);

/// All of them.
Sorted sorted(Call& c, ir::Value* value, std::int64_t axis, bool descending);

/// The elements at one place of an axis, -1: the last; the axis stays with size 1, or goes.
ir::Value* element_at(Call& c, ir::Value* value, std::int64_t axis, std::int64_t index, bool keepdim);

}  // namespace olivine::torch

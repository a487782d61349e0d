#pragma once

#include "torch/call.h"

namespace olivine::torch {

/// Pad by axis (each int64[1]; negative: crop) with `fill` (null: zero), for every type.
ir::Value* pad_constant(Call& c, ir::Value* value, const Values& begins, const Values& ends, ir::Value* fill);

}  // namespace olivine::torch

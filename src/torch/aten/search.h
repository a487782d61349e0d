#pragma once

#include "torch/call.h"

namespace olivine::torch {

/// How many of the boundaries, sorted along their last axis, stand before each value; with `right` those that equal it
/// too.
ir::Value* places_among(Call& c, ir::Value* value, ir::Value* boundaries, bool right, DataType dtype);

}  // namespace olivine::torch

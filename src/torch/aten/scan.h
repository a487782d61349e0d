#pragma once

#include <functional>

#include "torch/call.h"

namespace olivine::torch {

/// Goes along an axis of `value` with states that start as `initial`, scalars that are expanded to one slice: `step`
/// makes new states of the states and a slice. Gives the first `kept` states after each step, side by side along the
/// axis.
using ScanStep = std::function<Values(const Values& states, ir::Value* slice)>;
Values scan_along(Call& c, ir::Value* value, std::int64_t axis, const Values& initial, std::size_t kept,
                  const ScanStep& step);

}  // namespace olivine::torch

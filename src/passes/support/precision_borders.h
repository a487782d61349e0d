#pragma once

#include "passes/support/precision_plan.h"

namespace olivine::passes {

/// A parameter that nobody in a function's body takes in the new type stays, and so does a result that a body or all
/// branches of an If give in the old one: to move them would only round. One border may depend on another.
void settle_borders(const ir::Model& model, DataType from, PrecisionPlan& plan);

}  // namespace olivine::passes

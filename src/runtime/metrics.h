#pragma once

#include "runtime/runtime.h"
#include "runtime/tolerance.h"
#include "tensor/any_value.h"

namespace olivine::runtime {

/// One output of one run; `a` is what is right. It passes without a mismatch: see `mismatches_allowed` for less.
OutputComparison compare_values(const tensor::AnyValue& a, const tensor::AnyValue& b, const Limits& limits);

/// Adds a run to what is known of an output: the worst figures, and the mean error over all elements.
void merge(OutputComparison& total, const OutputComparison& run);

}  // namespace olivine::runtime

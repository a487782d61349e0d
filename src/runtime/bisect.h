#pragma once

#include "base/log.h"
#include "runtime/feeds.h"
#include "runtime/runtime.h"
#include "runtime/tolerance.h"

namespace olivine::runtime {

/// The first value in A's order that a node of the main graph computes, that B has under the same name, and that
/// differs by more than `limits`. Both models run without graph optimizations; inner values become outputs of copies,
/// so many at a time as memory allows. Nothing when no such value differs.
std::optional<Divergence> find_divergence(const ir::Model& a, const ir::Model& b, const Feed& feed,
                                          const CompareOptions& options, const Limits& limits, const Log& log);

}  // namespace olivine::runtime

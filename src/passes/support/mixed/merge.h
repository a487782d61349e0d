#pragma once

#include <unordered_set>
#include <vector>

#include "passes/support/mixed/simulation.h"

namespace olivine::passes::mixed {

/// Narrow nodes between nodes that stay whose casts cost more than the narrow type saves there: they had better stay
/// too. Costs are bytes that move: a cast reads four and writes two an element (or the reverse), a node saves two for
/// each element that it reads or writes; products and convolutions save time besides and are never named. Sizes are
/// those that the simulation saw.
std::vector<const ir::Node*> nodes_to_merge(const ir::Model& model, const PrecisionPlan& plan,
                                            const Simulation& simulation);

}  // namespace olivine::passes::mixed

#pragma once

#include <unordered_map>
#include <unordered_set>

#include "passes/support/mixed/ports.h"

namespace olivine::passes::mixed {

/// A copy of the model with a tap (runtime/taps.h) at every place, a spring where a stored constant is taken; its id is
/// the place's number.
ir::Model with_taps(const ir::Model& model, const std::vector<Place>& places);

/// An input of a node that is computed a second time.
struct TwinInput {
  const ir::Node* node;
  std::size_t index;
};

struct Twinned {
  ir::Model model;
  /// The taps before inputs of twins, by id; ids follow those of the places.
  std::vector<TwinInput> inputs;
};

/// The same, and every one of `nodes` is computed a second time, from what taps of its own make of the inputs that
/// `plan` moves. The second result comes to the tap behind the first one; nobody else takes it.
Twinned with_twins(const ir::Model& model, const std::vector<Place>& places,
                   const std::unordered_set<const ir::Node*>& nodes, const PrecisionPlan& plan);

}  // namespace olivine::passes::mixed

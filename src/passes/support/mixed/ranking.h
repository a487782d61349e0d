#pragma once

#include <string>
#include <vector>

#include "passes/support/mixed/simulation.h"

/// Which nodes spoil the result most in the narrow type, as one instrumented run tells it.
namespace olivine::passes::mixed {

/// A node that could be in the narrow type or stay.
struct Candidate {
  const ir::Node* node = nullptr;
  /// Estimated part of the error that comes from this node, all nodes being narrow: its own error (of rounding its
  /// inputs, and its result), times how much of an error at its result reaches the model's outputs. They sum to 1.
  double share = 0;
  /// Its own result is bad although its inputs are right.
  bool broken = false;
  /// It has a body: to keep it keeps all that is in there.
  bool covers_others = false;
  std::string reason;  ///< for people
};

/// The nodes that `plan` moves and that compute something, or hold a constant. No calls: what is in a function stands
/// for itself.
std::vector<const ir::Node*> find_candidates(const ir::Model& model, const PrecisionPlan& plan);

/// Those whose results a twin can tell: no bodies, nothing random.
std::unordered_set<const ir::Node*> with_twin(const std::vector<const ir::Node*>& candidates);

/// After Simulation::measure; in the order of `candidates`. `all_narrow` is what strayed, by place, with everything in
/// the narrow type: how errors truly travel.
std::vector<Candidate> rank(const ir::Model& model, const std::vector<const ir::Node*>& candidates,
                            const Simulation& simulation, const std::vector<Strayed>& all_narrow);

}  // namespace olivine::passes::mixed

#pragma once

#include "passes/support/mixed/accuracy.h"
#include "passes/support/mixed/simulation.h"

namespace olivine::passes::mixed {

using NodeSet = std::unordered_set<const ir::Node*>;

/// Runs attempts on sets of inputs and judges them: simulated on the CPU, or with the kernels of a provider.
class Runs {
 public:
  Runs(const ir::Model& model, const PrecisionRequest& request, const AccuracyOptions& options,
       const std::filesystem::path& folder, const Log& log);

  /// With `kept` and what the request keeps.
  PrecisionPlan plan(const NodeSet& kept) const;
  Accuracy attempt(const NodeSet& kept);
  /// With twins, on the set that was observed last.
  void measure(const NodeSet& nodes, const PrecisionPlan& plan);

  /// One more set of random inputs, with a seed that wasn't used; false when inputs were given.
  bool add_unseen();
  /// The last set alone.
  Accuracy attempt_on_last(const NodeSet& kept);

  /// How the original fares against itself, optimized as for use; says whether a target is below the noise.
  Accuracy original_against_itself();

  const Simulation& simulation() const { return simulation_; }
  bool simulated() const { return simulated_; }
  /// Passes over the sets that the search began with.
  double inferences() const { return runs_ / static_cast<double>(searched_); }
  /// The outputs of the original, of the first set.
  const Outputs& truth() const { return truths_.front(); }

 private:
  void observe_all();
  void observe(runtime::InputSet inputs);
  PrecisionRequest with(const NodeSet& kept) const;
  /// What runs the model with `kept` on a set of inputs.
  std::function<Outputs(const runtime::InputSet&)> runner(const NodeSet& kept);

  const ir::Model& model_;
  const PrecisionRequest& request_;
  const ir::Model narrowed_;  ///< with all that can move
  const Judge judge_;
  const runtime::SessionOptions session_;
  runtime::InputOptions inputs_;
  Log log_;
  const bool simulated_;
  Simulation simulation_;
  std::vector<runtime::InputSet> sets_;
  std::vector<Outputs> truths_;
  std::size_t searched_ = 1;  ///< sets to begin with
  double runs_ = 0;
};

}  // namespace olivine::passes::mixed

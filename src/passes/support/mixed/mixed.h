#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "passes/pass.h"
#include "passes/support/mixed/accuracy.h"
#include "passes/support/precision.h"

namespace olivine::passes::mixed {

struct MixedRequest {
  /// What may move; the nodes that it keeps stay in any case. From float32.
  PrecisionRequest precision;
  AccuracyOptions accuracy;
  /// Operator types that are tried first.
  std::vector<std::string> start;
};

/// The smallest set of nodes to keep in float32, that was found, so that the rest in the narrow type meets the target.
/// It was found by running the model; `report`, the context's plan and notices tell how. All of what could move when
/// nothing less meets the target.
///
/// The way: one run as it is, one with everything narrow. If that misses, one with a twin for each node, which tells
/// the errors that come from each (ranking.h); then a search (search.h); then inputs that the search hasn't seen.
///
/// Errors: Error[config] for inputs and targets that don't fit the model, Error[io] without ONNX Runtime,
/// Error[verification] when it refuses the model.
std::unordered_set<const ir::Node*> find_nodes_to_keep(const ir::Model& model, const MixedRequest& request,
                                                       Context& context, config::Json& report);

}  // namespace olivine::passes::mixed

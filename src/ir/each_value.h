#pragma once

#include "ir/graph.h"

namespace olivine::ir {

/// Calls `visit` for every value that a graph owns, once each: inputs, initializers, outputs of nodes. Graphs nested in
/// it are left to for_each_graph.
template <typename Visit>
void for_each_value(const Graph& graph, const Visit& visit) {
  for (Value* input : graph.inputs()) visit(*input);
  for (Value* initializer : graph.initializers()) {
    if (!initializer->is_graph_input()) visit(*initializer);
  }
  for (const Node& node : graph.nodes()) {
    for (const auto& output : node.outputs()) {
      if (output) visit(*output);
    }
  }
}

}  // namespace olivine::ir

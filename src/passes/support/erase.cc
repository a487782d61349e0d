#include "passes/support/erase.h"

#include <algorithm>

namespace olivine::passes {
namespace {

bool is_dead(const ir::Node& node) {
  return std::all_of(node.outputs().begin(), node.outputs().end(),
                     [](const auto& output) { return output == nullptr || output->uses().empty(); });
}

/// What a node uses, once each: its inputs, and the values from outside that its subgraphs use.
std::vector<ir::Value*> operands(const ir::Node& node) {
  std::vector<ir::Value*> result;
  std::unordered_set<const ir::Value*> seen;
  std::unordered_set<const ir::Graph*> inside;
  const auto add = [&](ir::Value* value) {
    if (value != nullptr && !inside.contains(value->graph()) && seen.insert(value).second) result.push_back(value);
  };
  for (ir::Value* input : node.inputs()) add(input);
  for (ir::Graph* subgraph : node.subgraphs()) {
    for_each_graph(*subgraph, [&](ir::Graph& graph) { inside.insert(&graph); });
    for_each_graph(*subgraph, [&](ir::Graph& graph) {
      for (const ir::Node& inner : graph.nodes()) {
        for (ir::Value* input : inner.inputs()) add(input);
      }
      for (ir::Value* output : graph.outputs()) add(output);
    });
  }
  return result;
}

}  // namespace

void DeadCode::erase(ir::Node& node, std::vector<ir::Value*>& loose) {
  const std::vector<ir::Value*> used = operands(node);
  loose.insert(loose.end(), used.begin(), used.end());
  erased_.insert(&node);
  ++count_;
  node.graph().erase(node);
}

void DeadCode::erase_if_dead(ir::Node& node) {
  if (!is_dead(node)) return;
  std::vector<ir::Value*> loose;
  erase(node, loose);
  drop(std::move(loose));
}

void DeadCode::drop(std::vector<ir::Value*> loose) {
  // Nothing is made meanwhile: an address stands for one value.
  std::unordered_set<const ir::Value*> gone;
  while (!loose.empty()) {
    ir::Value* value = loose.back();
    loose.pop_back();
    if (gone.contains(value) || !value->uses().empty()) continue;
    if (ir::Node* producer = value->producer()) {
      if (!is_dead(*producer)) continue;
      for (const auto& output : producer->outputs()) gone.insert(output.get());
      erase(*producer, loose);
    } else if (value->is_initializer() && !value->is_graph_input()) {
      gone.insert(value);
      value->graph()->remove_initializer(*value);
    }
  }
}

}  // namespace olivine::passes

#include "ir/erase.h"

#include <algorithm>

namespace olivine::ir {
namespace {

bool is_dead(const Node& node) {
  return std::all_of(node.outputs().begin(), node.outputs().end(),
                     [](const auto& output) { return output == nullptr || output->uses().empty(); });
}

/// What a node uses, once each: its inputs, and the values from outside that its subgraphs use.
std::vector<Value*> operands(const Node& node) {
  std::vector<Value*> result;
  std::unordered_set<const Value*> seen;
  std::unordered_set<const Graph*> inside;
  const auto add = [&](Value* value) {
    if (value != nullptr && !inside.contains(value->graph()) && seen.insert(value).second) result.push_back(value);
  };
  for (Value* input : node.inputs()) add(input);
  for (Graph* subgraph : node.subgraphs()) {
    for_each_graph(*subgraph, [&](Graph& graph) { inside.insert(&graph); });
    for_each_graph(*subgraph, [&](Graph& graph) {
      for (const Node& inner : graph.nodes()) {
        for (Value* input : inner.inputs()) add(input);
      }
      for (Value* output : graph.outputs()) add(output);
    });
  }
  return result;
}

}  // namespace

void DeadCode::erase(Node& node, std::vector<Value*>& loose) {
  const std::vector<Value*> used = operands(node);
  loose.insert(loose.end(), used.begin(), used.end());
  erased_.insert(&node);
  ++count_;
  node.graph().erase(node);
}

void DeadCode::erase_if_dead(Node& node) {
  if (!is_dead(node)) return;
  std::vector<Value*> loose;
  erase(node, loose);
  drop(std::move(loose));
}

void DeadCode::drop(std::vector<Value*> loose) {
  // Nothing is made meanwhile: an address stands for one value.
  std::unordered_set<const Value*> gone;
  while (!loose.empty()) {
    Value* value = loose.back();
    loose.pop_back();
    if (gone.contains(value) || !value->uses().empty()) continue;
    if (Node* producer = value->producer()) {
      if (!is_dead(*producer)) continue;
      for (const auto& output : producer->outputs()) gone.insert(output.get());
      erase(*producer, loose);
    } else if (value->is_initializer() && !value->is_graph_input()) {
      gone.insert(value);
      value->graph()->remove_initializer(*value);
    }
  }
}

}  // namespace olivine::ir

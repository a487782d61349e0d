#include "passes/support/mixed/counterparts.h"

namespace olivine::passes::mixed {

using ir::Graph;
using ir::Node;
using ir::Value;

Counterparts::Counterparts(const ir::Model& model) : copy_(ir::clone(model)) {
  std::vector<const Graph*> from;
  std::vector<Graph*> to;
  for_each_graph(model, [&](const Graph& graph) { from.push_back(&graph); });
  for_each_graph(copy_, [&](Graph& graph) { to.push_back(&graph); });
  for (std::size_t i = 0; i < from.size(); ++i) pair(*from[i], *to[i]);
}

void Counterparts::pair(const Graph& from, Graph& to) {
  graphs_[&from] = &to;
  for (std::size_t i = 0; i < from.inputs().size(); ++i) pair(*from.inputs()[i], *to.inputs()[i]);
  for (std::size_t i = 0; i < from.initializers().size(); ++i) pair(*from.initializers()[i], *to.initializers()[i]);
  Node* other = to.first();
  for (const Node& node : from.nodes()) {
    nodes_[&node] = other;
    node_originals_[other] = &node;
    for (std::size_t i = 0; i < node.output_count(); ++i) {
      if (node.output(i) != nullptr) pair(*node.output(i), *other->output(i));
    }
    other = other->next();
  }
}

void Counterparts::pair(const Value& from, Value& to) {
  values_[&from] = &to;
  value_originals_[&to] = &from;
}

PrecisionRequest Counterparts::translated(const PrecisionRequest& request) const {
  PrecisionRequest result = request;
  result.keep_node = [this, keep = request.keep_node](const Node& node) { return keep(*node_originals_.at(&node)); };
  result.keep_io = [this, keep = request.keep_io](const Value& value) { return keep(*value_originals_.at(&value)); };
  return result;
}

}  // namespace olivine::passes::mixed

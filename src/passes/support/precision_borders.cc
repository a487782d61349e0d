#include "passes/support/precision_borders.h"

#include <algorithm>

namespace olivine::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::Value;

class Borders {
 public:
  Borders(const ir::Model& model, DataType from, PrecisionPlan& plan) : model_(model), from_(from), plan_(plan) {}

  void settle() {
    std::unordered_map<const ir::Function*, std::vector<const Node*>> calls;
    std::vector<const Node*> choices;
    for_each_graph(model_, [&](const Graph& graph) {
      for (const Node& node : graph.nodes()) {
        if (const ir::Function* function = model_.find_function(node.domain, node.op_type, node.overload))
          calls[function].push_back(&node);
        if (node.is("If")) choices.push_back(&node);
      }
    });
    for (bool settling = true; settling;) {
      settling = false;
      for (const auto& function : model_.functions) {
        settling |= settle_parameters(*function, calls[function.get()]);
        settling |= settle_results({function->body.get()}, calls[function.get()]);
      }
      for (const Node* choice : choices) settling |= settle_results(choice->subgraphs(), {choice});
    }
  }

 private:
  bool settle_parameters(const ir::Function& function, const std::vector<const Node*>& calls) {
    bool changed = false;
    for (std::size_t i = 0; i < function.body->inputs().size(); ++i) {
      const Value& parameter = *function.body->inputs()[i];
      if (!plan_.moved_inputs.contains(&parameter) || parameter.uses().empty()) continue;
      const auto takes_moved = [&](const ir::Use& use) { return plan_.wanted(use) == Port::to; };
      if (std::any_of(parameter.uses().begin(), parameter.uses().end(), takes_moved)) continue;
      plan_.moved_inputs.erase(&parameter);
      for (const Node* call : calls) {
        auto& ports = plan_.nodes.at(call).inputs;
        if (i < ports.size() && ports[i] == Port::to) ports[i] = Port::from;
      }
      changed = true;
    }
    return changed;
  }

  /// Of graphs that give the results of `nodes`.
  bool settle_results(const std::vector<Graph*>& graphs, const std::vector<const Node*>& nodes) {
    bool changed = false;
    for (std::size_t i = 0; i < graphs.front()->outputs().size(); ++i) {
      const auto moves_alone = [&](const Graph* graph) {
        return plan_.graph_outputs.at(graph).at(i) == Port::to &&
               plan_.given(*graph->outputs()[i], from_) == Port::from;
      };
      if (!std::all_of(graphs.begin(), graphs.end(), moves_alone)) continue;
      for (const Graph* graph : graphs) plan_.graph_outputs.at(graph)[i] = Port::from;
      for (const Node* node : nodes) {
        auto& ports = plan_.nodes.at(node).outputs;
        if (i < ports.size() && ports[i] == Port::to) ports[i] = Port::from;
      }
      changed = true;
    }
    return changed;
  }

  const ir::Model& model_;
  const DataType from_;
  PrecisionPlan& plan_;
};

}  // namespace

void settle_borders(const ir::Model& model, DataType from, PrecisionPlan& plan) { Borders(model, from, plan).settle(); }

}  // namespace olivine::passes

#include <algorithm>

#include "ir/graph.h"

namespace olivine::ir {

std::optional<std::int64_t> Model::opset(std::string_view opset_domain) const {
  for (const OpsetImport& import : opset_imports) {
    if (import.domain == opset_domain) return import.version;
  }
  return std::nullopt;
}

void Model::set_opset(std::string_view opset_domain, std::int64_t version) {
  for (OpsetImport& import : opset_imports) {
    if (import.domain == opset_domain) {
      import.version = version;
      return;
    }
  }
  opset_imports.push_back({std::string(opset_domain), version});
}

const Function* Model::find_function(std::string_view function_domain, std::string_view name,
                                     std::string_view overload) const {
  const auto found = std::find_if(functions.begin(), functions.end(), [&](const auto& function) {
    return function->name == name && function->domain == function_domain && function->overload == overload;
  });
  return found == functions.end() ? nullptr : found->get();
}

void for_each_graph(Graph& graph, const std::function<void(Graph&)>& visit) {
  visit(graph);
  for (Node& node : graph.nodes()) {
    for (Graph* subgraph : node.subgraphs()) for_each_graph(*subgraph, visit);
  }
}

void for_each_graph(Model& model, const std::function<void(Graph&)>& visit) {
  for_each_graph(*model.graph, visit);
  for (const auto& function : model.functions) for_each_graph(*function->body, visit);
}

void for_each_graph(const Model& model, const std::function<void(const Graph&)>& visit) {
  for_each_graph(const_cast<Model&>(model), [&](Graph& graph) { visit(graph); });
}

std::size_t node_count(const Model& model) {
  std::size_t count = 0;
  for_each_graph(model, [&](const Graph& graph) { count += graph.node_count(); });
  return count;
}

}  // namespace olivine::ir

#include "passes/support/dynamic_values.h"

#include <fmt/format.h>

#include <optional>
#include <unordered_map>

#include "passes/support/dims.h"

namespace olivine::passes {
namespace {

class Search {
 public:
  std::vector<DynamicOrigin> run(const ir::Graph& graph) {
    for (const ir::Value* input : graph.inputs()) {
      if (!is_static(input->type)) blame(*input, begin(fmt::format("input '{}'", input->name())));
    }
    visit(graph);
    return std::move(origins_);
  }

 private:
  std::size_t begin(std::string cause) {
    origins_.push_back({std::move(cause), {}});
    return origins_.size() - 1;
  }

  void blame(const ir::Value& value, std::size_t origin) {
    origins_[origin].values.push_back(&value);
    origin_of_.emplace(&value, origin);
  }

  std::optional<std::size_t> origin_of(const ir::Value* value) const {
    const auto entry = origin_of_.find(value);
    return entry == origin_of_.end() ? std::nullopt : std::optional(entry->second);
  }

  template <typename Values>
  std::optional<std::size_t> first_origin(const Values& values) const {
    for (const ir::Value* value : values) {
      if (const auto origin = origin_of(value)) return origin;
    }
    return std::nullopt;
  }

  void visit(const ir::Graph& graph) {
    for (const ir::Node& node : graph.nodes()) visit(node);
  }

  void visit(const ir::Node& node) {
    std::optional<std::size_t> origin = first_origin(node.inputs());
    const auto own_origin = [&] { return origin ? *origin : *(origin = begin(node.describe())); };
    for (ir::Graph* subgraph : node.subgraphs()) {
      // A loop's body may see other sizes in every turn.
      for (const ir::Value* input : subgraph->inputs()) {
        if (!is_static(input->type)) blame(*input, own_origin());
      }
      visit(*subgraph);
    }
    for (ir::Graph* subgraph : node.subgraphs()) {
      if (!origin) origin = first_origin(subgraph->outputs());
    }
    for (const auto& output : node.outputs()) {
      if (output && !is_static(output->type)) blame(*output, own_origin());
    }
  }

  std::vector<DynamicOrigin> origins_;
  std::unordered_map<const ir::Value*, std::size_t> origin_of_;
};

}  // namespace

std::vector<DynamicOrigin> find_dynamic_values(const ir::Model& model) { return Search().run(*model.graph); }

}  // namespace olivine::passes

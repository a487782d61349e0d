#include "passes/support/mixed/merge.h"

#include <algorithm>
#include <array>

namespace olivine::passes::mixed {
namespace {

using ir::Node;
using ir::Use;
using ir::Value;

constexpr double kCastBytes = 6;
constexpr double kSavedBytes = 2;

/// What they save is computation, not traffic.
constexpr std::array<std::string_view, 12> kHeavy = {"MatMul",
                                                     "Gemm",
                                                     "Conv",
                                                     "ConvTranspose",
                                                     "LSTM",
                                                     "GRU",
                                                     "RNN",
                                                     "Einsum",
                                                     "Attention",
                                                     "MultiHeadAttention",
                                                     "GroupQueryAttention",
                                                     "FusedMatMul"};

class Merger {
 public:
  Merger(const ir::Model& model, const PrecisionPlan& plan, const Simulation& simulation)
      : model_(model), plan_(plan), simulation_(simulation) {}

  std::vector<const Node*> run() {
    std::vector<const Node*> result;
    for_each_graph(model_, [&](const ir::Graph& graph) {
      for (const Node& node : graph.nodes()) {
        if (!may_merge(&node) || !visited_.insert(&node).second) continue;
        const std::vector<const Node*> region = region_of(node);
        if (cost(region, true) >= cost(region, false)) continue;
        std::copy_if(region.begin(), region.end(), std::back_inserter(result),
                     [](const Node* member) { return !moves_data(*member); });
      }
    });
    return result;
  }

 private:
  bool may_merge(const Node* node) const {
    if (node == nullptr || node->is("Cast") || node->is("Constant") || !node->subgraphs().empty()) return false;
    if (std::find(kHeavy.begin(), kHeavy.end(), node->op_type) != kHeavy.end()) return false;
    const NodePlan& ports = plan_.nodes.at(node);
    return std::find(ports.outputs.begin(), ports.outputs.end(), Port::to) != ports.outputs.end() &&
           model_.find_function(node->domain, node->op_type, node->overload) == nullptr;
  }

  /// Light narrow nodes that hang together.
  std::vector<const Node*> region_of(const Node& first) {
    std::vector<const Node*> region = {&first};
    const auto add = [&](const Node* node) {
      if (may_merge(node) && visited_.insert(node).second) region.push_back(node);
    };
    for (std::size_t i = 0; i < region.size(); ++i) {
      const Node* node = region[i];
      for (const Value* input : node->inputs()) {
        if (input != nullptr) add(input->producer());
      }
      for (const auto& output : node->outputs()) {
        if (!output) continue;
        for (const Use& use : output->uses()) add(use.node);
      }
    }
    return region;
  }

  /// Of the region being wide or as it is.
  double cost(const std::vector<const Node*>& region, bool wide) const {
    const std::unordered_set<const Node*> inside(region.begin(), region.end());
    std::unordered_set<const Value*> values;
    double bytes = 0;
    for (const Node* node : region) {
      for (std::size_t i = 0; i < node->inputs().size(); ++i) {
        const Value* input = node->input(i);
        if (plan_.nodes.at(node).inputs[i] != Port::to || input == nullptr) continue;
        if (wide) bytes += kSavedBytes * size_of(*input);
        values.insert(input);
      }
      for (const auto& output : node->outputs()) {
        if (!output || plan_.given(*output, DataType::float32) != Port::to) continue;
        if (wide) bytes += kSavedBytes * size_of(*output);
        values.insert(output.get());
      }
    }
    for (const Value* value : values) bytes += kCastBytes * size_of(*value) * casts(*value, inside, wide);
    return bytes;
  }

  /// Casts that a value needs: one for each type that is wanted and isn't given.
  double casts(const Value& value, const std::unordered_set<const Node*>& inside, bool wide) const {
    const Port given =
        inside.contains(value.producer()) ? (wide ? Port::from : Port::to) : plan_.given(value, DataType::float32);
    if (given != Port::from && given != Port::to) return 0;
    for (const Use& use : value.uses()) {
      const Port wanted = use.node != nullptr && inside.contains(use.node) && plan_.wanted(use) == Port::to
                              ? (wide ? Port::from : Port::to)
                              : plan_.wanted(use);
      if ((wanted == Port::from || wanted == Port::to) && wanted != given) return 1;
    }
    return 0;
  }

  double size_of(const Value& value) const {
    const auto place = simulation_.place_of(&value);
    return place ? static_cast<double>(simulation_.seen()[*place].elements) : 0;
  }

  const ir::Model& model_;
  const PrecisionPlan& plan_;
  const Simulation& simulation_;
  std::unordered_set<const Node*> visited_;
};

}  // namespace

std::vector<const Node*> nodes_to_merge(const ir::Model& model, const PrecisionPlan& plan,
                                        const Simulation& simulation) {
  return Merger(model, plan, simulation).run();
}

}  // namespace olivine::passes::mixed

#include "passes/support/mixed/ports.h"

namespace olivine::passes::mixed {
namespace {

using ir::Graph;
using ir::Node;
using ir::Use;
using ir::Value;

bool is_float_tensor(const Value* value) {
  return value != nullptr && value->type.tensor() != nullptr && ir::element_type(value->type) == DataType::float32;
}

/// Rounding commutes with moving elements about: what is picked from a table needs no rounding of the whole table.
bool rounds_behind(const Use& use) { return use.node != nullptr && moves_data(*use.node); }

class Finder {
 public:
  explicit Finder(const ir::Model& model) {
    for_each_graph(model, [&](const Graph& graph) { visit(graph); });
  }

  std::vector<Place> places;

 private:
  void visit(const Graph& graph) {
    for (const Value* input : graph.inputs()) give(*input);
    for (const Node& node : graph.nodes()) {
      for (std::size_t i = 0; i < node.inputs().size(); ++i) {
        take(node.input(i), {const_cast<Node*>(&node), nullptr, static_cast<std::uint32_t>(i)});
      }
      for (const auto& output : node.outputs()) {
        if (output) give(*output);
      }
    }
    for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
      take(graph.outputs()[i], {nullptr, const_cast<Graph*>(&graph), static_cast<std::uint32_t>(i)});
    }
  }

  void give(const Value& value) {
    if (!is_float_tensor(&value) || is_constant(value) || value.uses().empty()) return;
    places.push_back({&value, std::nullopt, is_stored(value), nullptr});
  }

  void take(const Value* value, const Use& use) {
    if (!is_float_tensor(value)) return;
    const bool constant = is_constant(*value);
    if (constant ? rounds_behind(use) : value->uses().size() == 1) return;
    places.push_back({value, use, constant, constant_of(*value)});
  }
};

}  // namespace

bool is_constant(const Value& value) {
  // A Constant may hold numbers that are no tensor.
  return constant_of(value) != nullptr || (value.producer() != nullptr && value.producer()->is("Constant"));
}

bool is_stored(const Value& value) {
  const Node* producer = value.producer();
  const bool moved = producer != nullptr && moves_data(*producer) && producer->input(0) != nullptr;
  return is_constant(moved ? *producer->input(0) : value);
}

std::vector<Place> find_places(const ir::Model& model) { return std::move(Finder(model).places); }

bool is_narrow(const Place& place, const PrecisionPlan& plan, DataType from) {
  if (place.use) return plan.wanted(*place.use) == Port::to;
  if (plan.given(*place.value, from) == Port::to) return true;
  return place.value->uses().size() == 1 && plan.wanted(place.value->uses()[0]) == Port::to;
}

}  // namespace olivine::passes::mixed

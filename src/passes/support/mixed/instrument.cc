#include "passes/support/mixed/instrument.h"

#include "ir/cloner.h"
#include "ir/erase.h"
#include "passes/support/inline_calls.h"
#include "passes/support/mixed/counterparts.h"
#include "runtime/taps.h"

namespace olivine::passes::mixed {
namespace {

using ir::Graph;
using ir::Node;
using ir::Value;

class Instrumenter {
 public:
  Instrumenter(const ir::Model& model, const std::vector<Place>& places)
      : original_(model), places_(places), copies_(model) {
    copies_.model().set_opset(runtime::kTapDomain, 1);
    for (const auto& function : copies_.model().functions)
      function->opset_imports.push_back({std::string(runtime::kTapDomain), 1});
    // A tap behind a value takes over all its uses, those by other taps too.
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (places[i].use) tap_use(i);
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (!places[i].use) tap_value(i);
    }
  }

  std::vector<TwinInput> add_twins(const std::unordered_set<const Node*>& nodes, const PrecisionPlan& plan) {
    for_each_graph(original_, [&](const Graph& graph) {
      for (const Node& node : graph.nodes()) {
        if (nodes.contains(&node)) add_twin(node, plan.nodes.at(&node));
      }
    });
    return std::move(inputs_);
  }

  /// With functions inlined: ONNX Runtime cannot tell the types of what a tap in a function gives.
  ir::Model model() {
    inline_calls(copies_.model());
    return std::move(copies_.model());
  }

 private:
  static Node& make_node(Graph& graph, Node* position, std::string_view op_type, std::vector<Value*> inputs,
                         const ir::Type& type, std::size_t id) {
    Node& node =
        graph.insert_before(position, std::string(op_type), std::move(inputs), std::string(runtime::kTapDomain));
    node.set("id", static_cast<std::int64_t>(id));
    node.add_output(graph.unique_name("tap"), type);
    return node;
  }

  static Node& make_tap(Graph& graph, Node* position, Value& input, std::size_t id) {
    return make_node(graph, position, runtime::kTap, {&input}, input.type, id);
  }

  void tap_use(std::size_t id) {
    const Place& place = places_[id];
    Value& value = copies_.copy_of(*place.value);
    Node* const user = place.use->node != nullptr ? &copies_.copy_of(*place.use->node) : nullptr;
    Graph& graph = user != nullptr ? user->graph() : copies_.copy_of(*place.use->graph);
    Node& tap = place.stored != nullptr ? make_node(graph, user, runtime::kSpring, awaited_by(place), value.type, id)
                                        : make_tap(graph, user, value, id);
    if (user != nullptr) {
      user->set_input(place.use->index, tap.output(0));
    } else {
      graph.set_output(place.use->index, *tap.output(0));
    }
    if (value.uses().empty()) unused_.drop({&value});
  }

  /// What the user of a weight takes besides: the weight needn't be there before.
  std::vector<Value*> awaited_by(const Place& place) {
    if (place.use->node == nullptr) return {};
    for (const Value* input : place.use->node->inputs()) {
      if (input == nullptr || is_constant(*input)) continue;
      if (input->type.tensor() != nullptr && element_type(input->type) == DataType::float32)
        return {&copies_.copy_of(*input)};
    }
    return {};
  }

  void tap_value(std::size_t id) {
    Value& value = copies_.copy_of(*places_[id].value);
    Graph& graph = *value.graph();
    Node& tap = make_tap(graph, value.producer() ? value.producer()->next() : graph.first(), value, id);
    Graph::replace_uses_if(value, *tap.output(0), [&](const ir::Use& use) { return use.node != &tap; });
    by_value_[places_[id].value] = &tap;
  }

  void add_twin(const Node& original, const NodePlan& plan) {
    Node& node = copies_.copy_of(original);
    Graph& graph = node.graph();
    std::vector<Value*> inputs(node.inputs().begin(), node.inputs().end());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (plan.inputs[i] != Port::to || inputs[i]->type.tensor() == nullptr) continue;
      inputs[i] = make_tap(graph, &node, *inputs[i], places_.size() + inputs_.size()).output(0);
      inputs_.push_back({&original, i});
    }
    Node& twin = graph.insert_after(node, node.op_type, std::move(inputs), node.domain);
    ir::Cloner().copy_attributes(node, twin);
    for (std::size_t i = 0; i < node.output_count(); ++i) {
      const Value* output = original.output(i);
      Value* second = twin.add_output(output == nullptr ? "" : graph.unique_name("twin"),
                                      output == nullptr ? ir::Type() : output->type);
      if (const auto tap = by_value_.find(output); tap != by_value_.end()) tap->second->add_input(second);
    }
  }

  const ir::Model& original_;
  const std::vector<Place>& places_;
  Counterparts copies_;
  std::unordered_map<const Value*, Node*> by_value_;
  ir::DeadCode unused_;
  std::vector<TwinInput> inputs_;
};

}  // namespace

ir::Model with_taps(const ir::Model& model, const std::vector<Place>& places) {
  return Instrumenter(model, places).model();
}

Twinned with_twins(const ir::Model& model, const std::vector<Place>& places,
                   const std::unordered_set<const ir::Node*>& nodes, const PrecisionPlan& plan) {
  Instrumenter instrumenter(model, places);
  Twinned result;
  result.inputs = instrumenter.add_twins(nodes, plan);
  result.model = instrumenter.model();
  return result;
}

}  // namespace olivine::passes::mixed

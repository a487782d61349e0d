#include "passes/support/mixed/ranking.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace olivine::passes::mixed {
namespace {

using ir::Graph;
using ir::Node;
using ir::Value;

/// A relative mean square error of 10 %: no rounding, but something lost.
constexpr double kBad = 1e-2;
/// Errors at a node that is further from where they do harm count a little less: nearer ones are tried first.
constexpr double kDecay = 0.97;
constexpr double kMostSensitive = 1e12;
/// Errors of that size don't travel as small ones do.
constexpr double kWild = 0.1;

constexpr std::array<std::string_view, 7> kRandom = {
    "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial", "Dropout"};

bool is_random(const Node& node) {
  return node.domain.empty() && std::find(kRandom.begin(), kRandom.end(), node.op_type) != kRandom.end();
}

/// What was seen at a node, the instrumented run being over.
class Observations {
 public:
  Observations(const Simulation& simulation, const std::vector<Strayed>& all_narrow)
      : simulation_(simulation), all_narrow_(all_narrow) {
    const auto& inputs = simulation.twin_inputs();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      taken_[inputs[i].node].emplace_back(inputs[i].index, &simulation.seen_by_twins()[i]);
    }
  }

  const Seen* given(const Value* value) const {
    const auto place = simulation_.place_of(value);
    return place ? &simulation_.seen()[*place] : nullptr;
  }
  const std::vector<std::pair<std::size_t, const Seen*>>& taken(const Node& node) const {
    static const std::vector<std::pair<std::size_t, const Seen*>> kNone;
    const auto found = taken_.find(&node);
    return found == taken_.end() ? kNone : found->second;
  }

  /// The worst of a node's results: by rounding its inputs, by rounding the result.
  double from_inputs(const Node& node) const { return worst(node, &Seen::twin); }
  double from_result(const Node& node) const {
    double error = worst(node, &Seen::rounding);
    // What a body carries from turn to turn is of the type of the node's ports.
    for (const Graph* body : node.subgraphs()) {
      for (const Value* input : body->inputs()) error = std::max(error, rounding_of(input));
      for (const Value* output : body->outputs()) error = std::max(error, rounding_of(output));
    }
    return error;
  }

  /// Whether it matters that elements of a value are beyond the narrow type: a mask's are not missed.
  bool overflow_matters(const Value& value) const {
    for (const ir::Use& use : value.uses()) {
      if (use.node == nullptr || !use.node->subgraphs().empty() || from_inputs(*use.node) >= kBad) return true;
      for (const auto& output : use.node->outputs()) {
        const bool moved = output && moves_data(*use.node);
        if ((moved || overflows(output.get())) && overflow_matters(*output)) return true;
      }
    }
    return false;
  }
  bool overflows(const Value* value) const {
    const Seen* seen = given(value);
    return seen != nullptr && seen->overflows != 0;
  }
  /// A result that overflows, to somebody's harm.
  bool overflows_badly(const Node& node) const {
    return std::any_of(node.outputs().begin(), node.outputs().end(), [&](const auto& output) {
      return output && overflows(output.get()) && overflow_matters(*output);
    });
  }

  /// How relative errors of the inputs come out at the results (mean squares), by input: as rounding them does,
  /// corrected by how errors came out when everything was narrow.
  std::vector<double> gains(const Node& node) const {
    std::vector<double> result;
    double expected = 0;
    bool wild = error_of(node.output(0)) >= kWild;
    for (std::size_t i = 0; i < node.inputs().size(); ++i) {
      result.push_back(moves_data(node) ? 1 : rounding_gain(node, i));
      expected += result.back() * error_of(node.input(i));
      wild = wild || error_of(node.input(i)) >= kWild;
    }
    const double own = from_inputs(node) + from_result(node);
    if (wild || moves_data(node) || expected <= own / 4) return result;
    // Upwards alone: an error that seems to shrink may be one that others happen to cancel.
    const double correction = std::clamp((error_of(node.output(0)) - own) / expected, 1.0, 50.0);
    for (double& gain : result) gain *= correction;
    return result;
  }

 private:
  /// Of a value in the attempt with everything narrow.
  double error_of(const Value* value) const {
    const auto place = simulation_.place_of(value);
    return place ? all_narrow_[*place].error() : 0;
  }

  double rounding_gain(const Node& node, std::size_t input) const {
    if (is_sum(node)) {
      // An error of a summand counts by the summand's size: f(x) = x + y.
      const double size = mean_square(node, input);
      const double sum = mean_square(given(node.output(0)));
      if (size > 0 && sum > 0) return std::clamp(size / sum, 1e-6, 1e6);
    }
    double rounding = 0;
    for (const auto& [index, seen] : taken(node)) rounding += seen->rounding();
    return rounding == 0 ? 1 : std::clamp(from_inputs(node) / rounding, 1e-4, 1e4);
  }

  static bool is_sum(const Node& node) { return node.is("Add") || node.is("Sub") || node.is("Sum"); }

  static double mean_square(const Seen* seen) {
    return seen == nullptr || seen->elements == 0 ? 0 : seen->squares / static_cast<double>(seen->elements);
  }
  double mean_square(const Node& node, std::size_t input) const {
    for (const auto& [index, seen] : taken(node)) {
      if (index == input) return mean_square(seen);
    }
    return 0;
  }

  double worst(const Node& node, double (Seen::*error)() const) const {
    double result = 0;
    for (const auto& output : node.outputs()) {
      if (const Seen* seen = given(output.get())) result = std::max(result, (seen->*error)());
    }
    return result;
  }
  double rounding_of(const Value* value) const {
    const Seen* seen = given(value);
    return seen == nullptr ? 0 : seen->rounding();
  }

  const Simulation& simulation_;
  const std::vector<Strayed>& all_narrow_;
  std::unordered_map<const Node*, std::vector<std::pair<std::size_t, const Seen*>>> taken_;
};

/// How much of a relative error (mean square) at a value reaches the model's outputs: gains multiplied backwards.
class Sensitivities {
 public:
  Sensitivities(const ir::Model& model, const Observations& observations) : model_(model), seen_(observations) {
    for (const Value* output : model.graph->outputs()) at_[output] = 1;
    visit(*model.graph);
    // Calls of functions were met on the way, and more may be in their bodies.
    for (std::size_t i = 0; i < called_.size(); ++i) visit(*called_[i]->body);
  }

  double of(const Node& node) const {
    double result = 0;
    for (const auto& output : node.outputs()) {
      const auto found = at_.find(output.get());
      if (output && found != at_.end()) result = std::max(result, found->second);
    }
    return result;
  }

 private:
  void visit(const Graph& graph) {
    for (const Node* node = graph.last(); node != nullptr; node = node->previous()) visit(*node);
  }

  void visit(const Node& node) {
    const double here = of(node);
    for (const Graph* body : node.subgraphs()) enter(*body, here);
    if (const ir::Function* function = model_.find_function(node.domain, node.op_type, node.overload)) {
      for (const Value* output : function->body->outputs()) at_[output] = std::max(at_[output], here);
      if (std::find(called_.begin(), called_.end(), function) == called_.end()) called_.push_back(function);
    }
    const std::vector<double> gains = seen_.gains(node);
    for (std::size_t i = 0; i < node.inputs().size(); ++i) {
      if (node.input(i) == nullptr) continue;
      const double gain = moves_data(node) ? 1 : kDecay * gains[i];
      double& sum = at_[node.input(i)];
      sum = std::min(sum + gain * here, kMostSensitive);
    }
  }

  void enter(const Graph& body, double here) {
    for (const Value* output : body.outputs()) at_[output] = std::max(at_[output], here);
    visit(body);
  }

  const ir::Model& model_;
  const Observations& seen_;
  std::unordered_map<const Value*, double> at_;
  std::vector<const ir::Function*> called_;
};

std::string percent(double relative_square) { return fmt::format("{:.2g} %", 100 * std::sqrt(relative_square)); }

/// Why a node's own result is bad; empty when it isn't.
std::string fault_of(const Node& node, const Observations& seen) {
  for (const auto& output : node.outputs()) {
    const Seen* result = seen.given(output.get());
    if (result != nullptr && result->overflows != 0 && seen.overflow_matters(*output))
      return fmt::format("overflow: its result reaches {:.7g}", result->largest);
  }
  for (const auto& [index, taken] : seen.taken(node)) {
    if (taken->overflows != 0 && seen.from_inputs(node) >= kBad)
      return fmt::format("overflow: its input '{}' reaches {:.7g}", node.input(index)->name(), taken->largest);
  }
  const double error = seen.from_inputs(node);
  for (const auto& [index, taken] : seen.taken(node)) {
    if (taken->underflows != 0 && error >= kBad) {
      return fmt::format("underflow: {} of {} elements of its input '{}' are lost", taken->underflows, taken->elements,
                         node.input(index)->name());
    }
  }
  for (const auto& output : node.outputs()) {
    const Seen* result = seen.given(output.get());
    if (result != nullptr && result->twin_breaks != 0) return "rounding its inputs makes its result infinite or NaN";
    if (result != nullptr && result->rounding() >= kBad)
      return fmt::format("underflow: {} of {} elements of its result are lost", result->underflows, result->elements);
  }
  if (error < kBad) return {};
  return fmt::format("cancellation: rounding its inputs changes its result by {}", percent(error));
}

void normalize(std::vector<Candidate>& candidates) {
  double sum = 0;
  for (const Candidate& candidate : candidates) sum += candidate.share;
  for (Candidate& candidate : candidates) {
    candidate.share = sum == 0 ? 1.0 / static_cast<double>(candidates.size()) : candidate.share / sum;
    if (candidate.reason.empty()) candidate.reason = fmt::format("error share of {:.2g} %", 100 * candidate.share);
  }
}

/// A table that is picked from is stored in one type or the other: nothing else decides in which.
bool holds_constant(const Node& node) { return node.input(0) != nullptr && is_constant(*node.input(0)); }

}  // namespace

std::vector<const Node*> find_candidates(const ir::Model& model, const PrecisionPlan& plan) {
  std::vector<const Node*> candidates;
  const auto moves = [](const std::vector<Port>& ports) {
    return std::find(ports.begin(), ports.end(), Port::to) != ports.end();
  };
  for_each_graph(model, [&](const Graph& graph) {
    for (const Node& node : graph.nodes()) {
      const NodePlan& ports = plan.nodes.at(&node);
      if (model.find_function(node.domain, node.op_type, node.overload) != nullptr) continue;
      if ((!moves_data(node) || holds_constant(node)) && !node.is("Cast") &&
          (moves(ports.inputs) || moves(ports.outputs)))
        candidates.push_back(&node);
    }
  });
  return candidates;
}

std::unordered_set<const Node*> with_twin(const std::vector<const Node*>& candidates) {
  std::unordered_set<const Node*> twins;
  for (const Node* node : candidates) {
    if (!is_random(*node) && node->subgraphs().empty() && !moves_data(*node)) twins.insert(node);
  }
  return twins;
}

std::vector<Candidate> rank(const ir::Model& model, const std::vector<const Node*>& nodes, const Simulation& simulation,
                            const std::vector<Strayed>& all_narrow) {
  const Observations seen(simulation, all_narrow);
  const Sensitivities sensitivities(model, seen);
  std::vector<Candidate> candidates;
  for (const Node* node : nodes) {
    const double lost = seen.overflows_badly(*node) ? 1 : 0;
    const double own = seen.from_inputs(*node) + seen.from_result(*node) + lost;
    // What goes wrong in a body is the fault of nodes there, as long as that helps.
    const bool body = !node->subgraphs().empty();
    Candidate candidate{node, body ? 0 : sensitivities.of(*node) * own, !body && own >= kBad, body, {}};
    candidate.reason = fault_of(*node, seen);
    candidates.push_back(std::move(candidate));
  }
  normalize(candidates);
  return candidates;
}

}  // namespace olivine::passes::mixed

#include "passes/support/mixed/simulation.h"

namespace olivine::passes::mixed {
namespace {

kernels::ConvertOptions limits_of(const PrecisionRequest& request) {
  kernels::ConvertOptions limits;
  limits.max_finite = request.max_finite;
  limits.min_positive = request.min_positive;
  return limits;
}

}  // namespace

Simulation::Simulation(const ir::Model& model, const PrecisionRequest& request, runtime::SessionOptions session,
                       Log log)
    : model_(model),
      from_(request.from),
      session_options_(std::move(session)),
      log_(std::move(log)),
      places_(find_places(model)),
      watch_(request.to, places_, limits_of(request)) {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (!places_[i].use) by_value_[places_[i].value] = i;
  }
  session_options_.execution_provider = "CPUExecutionProvider";
  session_options_.provider_options.clear();
  // What ONNX Runtime fuses it computes without rounding in between.
  session_options_.graph_optimization = "disable";
}

std::optional<std::size_t> Simulation::place_of(const ir::Value* value) const {
  const auto found = by_value_.find(value);
  return found == by_value_.end() ? std::nullopt : std::optional(found->second);
}

Outputs Simulation::run(const runtime::InputSet& inputs) {
  if (!session_) {
    session_ =
        std::make_unique<runtime::Session>(with_taps(model_, places_), session_options_, log_, weights_, &watch_);
  }
  return session_->run(inputs);
}

Outputs Simulation::observe(const runtime::InputSet& inputs) {
  watch_.start(Watch::Mode::observe);
  return run(inputs);
}

void Simulation::measure(const runtime::InputSet& inputs, const std::unordered_set<const ir::Node*>& nodes,
                         const PrecisionPlan& plan) {
  Twinned twinned = with_twins(model_, places_, nodes, plan);
  twin_inputs_ = std::move(twinned.inputs);
  std::vector<bool> constants;
  for (const TwinInput& input : twin_inputs_) constants.push_back(is_stored(*input.node->input(input.index)));
  watch_.expect_twin_inputs(std::move(constants));
  watch_.start(Watch::Mode::compare);
  runtime::Session(twinned.model, session_options_, log_, weights_, &watch_).run(inputs);
}

Outputs Simulation::attempt(const runtime::InputSet& inputs, const PrecisionPlan& plan) {
  std::vector<bool> narrow;
  for (const Place& place : places_) narrow.push_back(is_narrow(place, plan, from_));
  watch_.set_narrow(std::move(narrow));
  watch_.start(Watch::Mode::attempt);
  return run(inputs);
}

}  // namespace olivine::passes::mixed

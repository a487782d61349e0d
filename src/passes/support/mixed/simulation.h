#pragma once

#include <memory>

#include "base/log.h"
#include "passes/support/mixed/instrument.h"
#include "passes/support/mixed/watch.h"
#include "runtime/input_files.h"
#include "runtime/session.h"

namespace olivine::passes::mixed {

using Outputs = std::vector<tensor::AnyValue>;

/// Runs a float32 model in ONNX Runtime on the CPU, as it is and as if parts of it were in a narrower type: a node in
/// the narrow type takes inputs and weights and gives results that are rounded to it, and sums in float32 in between.
/// What a plan moves can change from run to run; the session and the weights stay.
class Simulation {
 public:
  /// `request` tells the types and the limits of constants. The model must outlive it and stay as it is.
  Simulation(const ir::Model& model, const PrecisionRequest& request, runtime::SessionOptions session, Log log);

  const std::vector<Place>& places() const { return places_; }
  /// The number of the place behind what gives a value, if there is one.
  std::optional<std::size_t> place_of(const ir::Value* value) const;

  /// The original's outputs. A sample of every place is kept, with which attempts are compared.
  Outputs observe(const runtime::InputSet& inputs);

  /// Once more with a twin for each of `nodes`: see with_twins. `plan` moves all that can be moved.
  void measure(const runtime::InputSet& inputs, const std::unordered_set<const ir::Node*>& nodes,
               const PrecisionPlan& plan);
  /// What observe saw (elements alone), or measure.
  const std::vector<Seen>& seen() const { return watch_.seen(); }
  /// Of measure: the taps before inputs of twins, and what they saw.
  const std::vector<TwinInput>& twin_inputs() const { return twin_inputs_; }
  const std::vector<Seen>& seen_by_twins() const { return watch_.twin_inputs(); }

  /// The outputs with `plan` carried out, on the inputs that were observed last or others.
  Outputs attempt(const runtime::InputSet& inputs, const PrecisionPlan& plan);
  /// Of the last attempt, by place.
  const std::vector<Strayed>& strayed() const { return watch_.strayed(); }

 private:
  Outputs run(const runtime::InputSet& inputs);

  const ir::Model& model_;
  const DataType from_;
  runtime::SessionOptions session_options_;
  Log log_;
  std::vector<Place> places_;
  std::unordered_map<const ir::Value*, std::size_t> by_value_;
  Watch watch_;
  std::shared_ptr<runtime::WeightCache> weights_ = std::make_shared<runtime::WeightCache>();
  std::unique_ptr<runtime::Session> session_;
  std::vector<TwinInput> twin_inputs_;
};

}  // namespace olivine::passes::mixed

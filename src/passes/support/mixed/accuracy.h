#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/options.h"
#include "ir/graph.h"
#include "runtime/runtime.h"
#include "runtime/tolerance.h"
#include "tensor/any_value.h"

/// What accuracy a narrower model must keep, and whether it does.
namespace olivine::passes::mixed {

/// Options of a search for it: those of OrtMixedPrecision beside the lists, and `accuracy` of OnnxFloatToFloat16.
struct AccuracyOptions {
  std::optional<double> atol;
  std::optional<double> rtol;
  std::optional<double> mismatch_fraction;
  std::optional<double> cosine;
  std::optional<double> top1;
  std::map<std::string, std::map<std::string, double>> outputs;
  std::vector<std::string> inputs;
  std::map<std::string, std::int64_t> dims;
  std::int64_t seed = 0;
  std::int64_t runs = 1;
  std::optional<std::int64_t> max_inferences;
  std::string execution_provider = "CPUExecutionProvider";
  std::optional<bool> simulate;
  std::map<std::string, std::string> provider_options;
  std::map<std::string, std::string> provider_libraries;
  std::string library;
};

const config::OptionsSchema& accuracy_schema();

/// Declares the fields of AccuracyOptions for a struct that is one.
template <typename Options>
void declare_accuracy(config::Declare<Options>& declare) {
  declare
      .field(
          "atol", &AccuracyOptions::atol,
          "Absolute tolerance of each output. Without any target a tolerance that suits float16: 1e-2, scaled to the "
          "output's size, and 1e-2 relative, with one element in a thousand free. Given alone, it is the whole target.")
      .at_least(0);
  declare.field("rtol", &AccuracyOptions::rtol, "Relative tolerance of each output; 0 beside an atol.").at_least(0);
  declare
      .field("mismatch_fraction", &AccuracyOptions::mismatch_fraction,
             "The part of an output's elements that may be beyond atol and rtol; 0 beside one of them.")
      .range(0, 1);
  declare
      .field("cosine", &AccuracyOptions::cosine, "Smallest cosine of the angle between an output and the original's.")
      .range(-1, 1);
  declare
      .field("top1", &AccuracyOptions::top1,
             "The part of an output's rows (along its last axis) whose largest element must be the original's.")
      .range(0, 1);
  declare.field("outputs", &AccuracyOptions::outputs,
                "Targets of single outputs, by name: an object with atol, rtol, mismatch_fraction, cosine, top1.");
  declare.field(
      "inputs", &AccuracyOptions::inputs,
      "Files with input values: .npz (by name), .npy and .pb (by position), or folders of them; random values "
      "without any.");
  declare
      .field("dims", &AccuracyOptions::dims,
             "Sizes of symbolic dimensions of random inputs, by symbol, or by INPUT:AXIS for one without a name.")
      .alias("dim");
  declare.field("seed", &AccuracyOptions::seed, "Seed of the random inputs.").at_least(0);
  declare.field("runs", &AccuracyOptions::runs, "How many sets of random inputs are run.").range(1, 1000);
  declare
      .field(
          "max_inferences", &AccuracyOptions::max_inferences,
          "How often the search may run the model on the inputs; by default 12, and 256 for graphs of up to 64 nodes "
          "that could move. More make the set smaller.")
      .at_least(6);
  declare.field("execution_provider", &AccuracyOptions::execution_provider,
                "The execution provider that runs the attempts.");
  declare.field(
      "simulate", &AccuracyOptions::simulate,
      "Round every input, weight and result of a node that is narrow, sums being float32, instead of running the "
      "provider's own kernels; by default on the CPU alone, which does not round between nodes.");
  declare.field("provider_options", &AccuracyOptions::provider_options, "Options of the execution provider.");
  declare.field("provider_libraries", &AccuracyOptions::provider_libraries,
                "Libraries of plug-in execution providers, by the name to register.");
  declare.field(
      "library", &AccuracyOptions::library,
      "Path of ONNX Runtime's library; without it OLIVINE_ORT_LIBRARY, the system's or the Python package's.");
}

/// How one output fared in one attempt.
struct OutputAccuracy {
  runtime::OutputComparison compared;
  std::optional<double> top1;
  std::string miss;  ///< what is missed; empty: nothing
};

struct Accuracy {
  std::vector<OutputAccuracy> outputs;
  bool met = true;
  /// About how many times too large the error is; infinite where it can't be told.
  double excess = 0;

  config::Json to_json() const;
};

/// Judges outputs against the original's.
class Judge {
 public:
  /// `narrowed` is the model with all that can be in the narrow type: defaults come from it. Error[config] for an
  /// output that the model doesn't have and for an unknown key of its target.
  Judge(const ir::Model& model, const ir::Model& narrowed, const AccuracyOptions& options);

  /// Values in the order of the model's outputs; several sets are judged together.
  void add(const std::vector<tensor::AnyValue>& truth, const std::vector<tensor::AnyValue>& attempt,
           Accuracy& accuracy) const;

 private:
  struct Target {
    std::optional<runtime::Tolerance> tolerance;
    std::optional<double> cosine;
    std::optional<double> top1;
  };
  Target target_of(const std::string& output, const AccuracyOptions& options) const;
  std::string miss(const OutputAccuracy& output, const Target& target) const;
  double excess(const OutputAccuracy& output, const Target& target, const runtime::Limits& limits) const;

  const ir::Model& model_;
  const ir::Model& narrowed_;
  std::vector<Target> targets_;
};

}  // namespace olivine::passes::mixed

namespace olivine::config {

/// As the value of one option.
template <>
struct Codec<passes::mixed::AccuracyOptions> {
  static Json schema() { return passes::mixed::accuracy_schema().json_schema(); }
  static std::optional<std::string> read(const Json& json, passes::mixed::AccuracyOptions& out);
  static Json write(const passes::mixed::AccuracyOptions&) { return Json::object(); }
};

}  // namespace olivine::config

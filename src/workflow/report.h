#pragma once

#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "config/codec.h"
#include "passes/pass.h"
#include "workflow/weights.h"
#include "workflow/workflow.h"

/// The files beside the model: run.json and model_config.json.
namespace olivine::workflow {

/// Time since it was made.
class Stopwatch {
 public:
  /// In seconds, rounded to microseconds.
  double seconds() const {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    return std::round(elapsed.count() * 1e6) / 1e6;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// What one pass did.
struct StepRecord {
  const Step* step = nullptr;
  passes::Context context;  ///< its notices and report, which grow once more after the writing
  passes::Change change = passes::Change::unchanged;
  double seconds = 0;
  ModelSize before;
  ModelSize after;
};
config::Json to_json(const StepRecord& record);

/// As Olive writes it: type and place of the model, so that a next workflow can begin with it.
std::string model_config_json(const Workflow& workflow, const std::filesystem::path& model_path, bool external_data);

/// Indented, with a newline at the end.
std::string file_text(const config::Json& json);

}  // namespace olivine::workflow

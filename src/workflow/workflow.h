#pragma once

#include <any>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "config/codec.h"
#include "passes/pass.h"
#include "runtime/runtime.h"
#include "writer/writer.h"

/// A workflow: which model, which passes with which options, where to. Read from Olive's JSON (reader.h) or put
/// together by whoever runs one pass; run by runner.h.
namespace olivine::workflow {

struct InputModel {
  std::filesystem::path path;  ///< of the `.onnx` or `.onnxtxt` file itself; of a source, what it is called by
  /// What isn't ONNX yet: the first pass makes a model of it.
  std::optional<passes::Source> source;
  /// `inference_settings`, `use_ort_extensions` and `model_attributes`: not ours to read, handed on in
  /// model_config.json.
  config::Json handed_on = config::Json::object();
};

struct Step {
  std::string name;  ///< its key under `passes`
  const passes::Pass* pass = nullptr;
  std::any options;        ///< what the pass's declaration read
  config::Json effective;  ///< the same as JSON, defaults included, for run.json
  writer::ExternalDataOptions external_data;
};

struct Verify {
  enum class OnFailure { report, fail };
  runtime::CompareOptions compare;
  OnFailure on_failure = OnFailure::fail;
};

struct Workflow {
  std::string id;                ///< `workflow_id`
  std::filesystem::path folder;  ///< where its file lies
  InputModel input;
  std::vector<Step> steps;
  /// A folder, or a path that ends in `.onnx`: then just that file and its data are written.
  std::filesystem::path output;
  writer::ExternalDataOptions external_data;
  std::optional<Verify> verify;
  bool write_run_json = true;
  std::optional<LogLevel> log_level;
  std::vector<std::string> notices;  ///< what was accepted without effect, and the like

  bool output_is_file() const { return output.extension() == ".onnx"; }
};

}  // namespace olivine::workflow

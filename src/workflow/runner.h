#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "config/codec.h"
#include "workflow/workflow.h"

namespace olivine::workflow {

struct RunOptions {
  Log log;
  bool write = true;  ///< false: everything happens but the writing
  /// After every pass: is the model still valid, and is it untouched if the pass says so? Else Error[internal].
  bool check_passes = false;
  /// Called with the onnx text of the model after the passes whose name or type is `dump_after`.
  std::string dump_after;
  std::function<void(std::string_view pass, const std::string& text)> dump;
  /// What is going on, and how much of it is done (of 0: not known). May be called from several threads.
  std::function<void(std::string_view what, std::uint64_t done, std::uint64_t total)> progress;
};

struct Outcome {
  config::Json report;               ///< the content of run.json
  std::string plan;                  ///< what the passes that tell it did, as text
  std::filesystem::path model_path;  ///< empty when nothing was written
  std::uint64_t bytes = 0;           ///< of the files written
  double seconds = 0;
  /// Error[verification]: the result doesn't compute what the original computes, and nothing was written.
  std::optional<Error> failure;
};

/// Reads the model, runs the passes on it in memory, checks and verifies the result, writes it. Whatever fails leaves
/// the output as it was.
Outcome run(const Workflow& workflow, const RunOptions& options);

/// Everything that can be said of a workflow without running a pass: the input model is read and checked, the output's
/// place and ONNX Runtime (where `verify` needs it) are looked for. Notices go to the log.
void validate(const Workflow& workflow, const Log& log);

}  // namespace olivine::workflow

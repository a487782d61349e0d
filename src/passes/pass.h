#pragma once

#include <any>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "config/options.h"
#include "ir/graph.h"
#include "runtime/recorded.h"

/// A pass is one `.cc` file without a header: an options struct with its declaration, a function, and one descriptor
/// that table.cc lists. It edits a model in memory; it opens no file. docs/add-a-pass.md shows how to add one.
namespace olivine::passes {

enum class Change { unchanged, changed };

/// What the runner gives a pass.
struct Context {
  Log log;
  /// Of the workflow: a path among the options may be relative to it.
  std::filesystem::path folder;
  /// What is going on inside a pass that takes long.
  std::function<void(std::string_view)> progress;
  /// What the user should know of the result: goes to the terminal and into run.json.
  std::vector<std::string> notices;
  /// The pass's own part of run.json.
  config::Json report = config::Json::object();
  /// What it did to the model, a line for each kind of change: what a dry run shows.
  std::string plan;
  /// Called by the runner right before the payloads are written: later passes and the verification may have read them
  /// too, so whoever counts what goes by starts over here.
  std::vector<std::function<void()>> before_write;
  /// Called by the runner once the payloads have been written: figures that are known only then (how many values were
  /// clamped) are added to the report here.
  std::vector<std::function<void(Context&)>> after_write;
};

/// An input model that isn't ONNX yet.
struct Source {
  std::string type;              ///< as the workflow names it: "HfModel"
  config::Json config;           ///< its keys, checked; paths can be opened as they stand
  std::filesystem::path folder;  ///< of the workflow
};

/// A first model.
struct Made {
  ir::Model model;
  /// What the source itself computes, to verify the result with.
  std::vector<runtime::RecordedCase> recorded;
  std::string origin;  ///< whose results these are: "PyTorch 2.13.0"
  /// Holds the files that the model's weights and the cases are read from.
  std::shared_ptr<const void> files;
};

struct Pass {
  std::string_view name;     ///< as a workflow's `type` names it: OnnxFloatToFloat16
  std::string_view summary;  ///< a sentence
  const config::OptionsSchema& (*options)();
  /// Returns `unchanged` only if the model is as before in every respect. Throws Error for what cannot be converted,
  /// all obstacles listed at once. `options` is what `options().read` made.
  Change (*run)(ir::Model& model, const std::any& options, Context& context);
  /// Only of a pass that a workflow may begin with where its input model isn't ONNX.
  Made (*make)(const Source& source, const std::any& options, Context& context) = nullptr;
  /// The types of input models that `make` takes.
  std::span<const std::string_view> sources = {};
};

/// Every pass, in the order of the reference.
std::span<const Pass* const> all_passes();

/// By name in any letter case, else null.
const Pass* find_pass(std::string_view name);

}  // namespace olivine::passes

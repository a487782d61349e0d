#pragma once

#include <cstddef>
#include <exception>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

/// Olivine as a library. What the command `olivine run` does, one call does; everything else of the command is made of
/// the same parts, which are not public yet.
namespace olivine {

/// "0.1.0"
std::string_view version();

struct RunSettings {
  /// Where messages go ("notice", "warning" …, text); empty: nowhere. The library never prints.
  std::function<void(std::string_view level, const std::string& message)> log;
  /// What is going on, and how much of it is done (`total` 0: not known). May be called from several threads.
  std::function<void(std::string_view what, std::size_t done, std::size_t total)> progress;
  /// Threads to use from now on in this process; 0: as many as there are processors.
  std::size_t threads = 0;
};

struct RunResult {
  /// The content of run.json: per pass time, nodes and weight bytes before and after, notices; the verification; files.
  std::string report;
  /// The model that was written; empty when the verification failed and `verify` asks for nothing to be written then.
  std::filesystem::path model;
  /// False: the result does not compute what the original computes; `problem` tells more.
  bool verified = true;
  std::string problem;
};

/// Runs a workflow given as JSON text (`//` comments allowed). Relative paths in it are looked for in the current
/// directory, then in `folder`. What cannot be done throws an olivine::Error, whose `what()` is meant for the user, and
/// leaves the output as it was.
RunResult run_workflow(std::string_view json, const std::filesystem::path& folder, const RunSettings& settings = {});

/// The same for a file.
RunResult run_workflow_file(const std::filesystem::path& file, const RunSettings& settings = {});

/// The exit code that `olivine` would end with for what a call has thrown: 1 internal, 2 configuration, 3 the model
/// cannot be converted, 4 verification, 5 input or output, 130 cancelled.
int exit_code(const std::exception& problem);

}  // namespace olivine

#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace olivine {

/// Another program that runs on our behalf.
struct ProcessOptions {
  std::vector<std::string> arguments;    ///< the program first: a path, or a name that is looked up in PATH
  std::vector<std::string> environment;  ///< "NAME=VALUE" over our own
  /// What it writes to its standard output, as it comes.
  std::function<void(std::string_view)> on_output;
  /// Without a limit it may take as long as it wants.
  std::optional<std::chrono::milliseconds> patience;
};

struct ProcessResult {
  int exit_code = 0;
  int signal = 0;          ///< that ended it; 0 when it ended by itself
  std::string errors;      ///< the last 64 KiB of its standard error
  bool timed_out = false;  ///< it was ended because its time was up
};

/// Runs it to its end. Its standard input is a pipe that stays open as long as this process lives, so that it can
/// notice when nobody waits for it any more. A cancel ends it and everything that it started, then throws
/// Error[interrupted]. Error[io] when it cannot be started.
ProcessResult run_process(const ProcessOptions& options);

/// Empty where it isn't set.
std::string environment_variable(const char* name);

}  // namespace olivine

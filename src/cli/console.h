#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "cli/progress.h"

namespace olivine::cli {

/// What all commands share: where results and messages go, and the flags that say how many of them.
class Console {
 public:
  /// Declares the common flags.
  void declare(CLI::App& app);
  /// Puts them into effect.
  void apply();

  /// Messages go to the standard error. `fallback` is the threshold where no flag gives one.
  Log log(std::optional<LogLevel> fallback = std::nullopt);

  /// A result: to the standard output.
  void print(std::string_view text);
  /// The same for a line that --quiet leaves out.
  void tell(std::string_view text);
  /// An error, once, with the progress bar out of the way.
  void print_error(std::string_view text);

  void progress(std::string_view what, std::uint64_t done, std::uint64_t total);

 private:
  std::string level_text_;
  std::optional<LogLevel> level_;
  std::size_t threads_ = 0;
  bool quiet_ = false;
  ProgressBar bar_;
};

}  // namespace olivine::cli

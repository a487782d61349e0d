#include "cli/console.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "base/threads.h"
#include "cli/help.h"

namespace olivine::cli {
namespace {

struct Level {
  std::string_view name;
  LogLevel level;
};
constexpr Level kLevels[] = {{"debug", LogLevel::debug},
                             {"info", LogLevel::info},
                             {"notice", LogLevel::notice},
                             {"warning", LogLevel::warning},
                             {"error", LogLevel::error},
                             // Olive's numbers
                             {"0", LogLevel::debug},
                             {"1", LogLevel::info},
                             {"2", LogLevel::warning},
                             {"3", LogLevel::error},
                             {"4", LogLevel::error}};

std::string_view name_of(LogLevel level) {
  return std::find_if(std::begin(kLevels), std::end(kLevels), [&](const Level& row) { return row.level == level; })
      ->name;
}

}  // namespace

void Console::declare(CLI::App& app) {
  app.add_option("--log-level", level_text_, "The least important messages to show; notice by default.")
      ->type_name("debug|info|notice|warning|error")
      ->group(kCommonOptions);
  app.add_option("--threads", threads_, "Use at most so many threads; all processors by default.")
      ->type_name("N")
      ->group(kCommonOptions);
  app.add_flag("--quiet,-q", quiet_, "Show nothing but results and errors.")->group(kCommonOptions);
}

void Console::apply() {
  if (!level_text_.empty()) {
    const auto row = std::find_if(std::begin(kLevels), std::end(kLevels),
                                  [&](const Level& level) { return level.name == level_text_; });
    if (row == std::end(kLevels)) {
      throw Error(ErrorCode::config, fmt::format("'{}' is no level", level_text_))
          .prepend("--log-level")
          .remedy("give debug, info, notice, warning or error");
    }
    level_ = row->level;
  }
  if (threads_ != 0) set_thread_count(threads_);
  if (quiet_) bar_.disable();
}

Log Console::log(std::optional<LogLevel> fallback) {
  const LogLevel threshold = quiet_ ? LogLevel::error : level_ ? *level_ : fallback.value_or(LogLevel::notice);
  return Log(
      [this](LogLevel level, const std::string& message) {
        bar_.clear();
        fmt::print(stderr, "{}: {}\n", name_of(level), message);
      },
      threshold);
}

void Console::print(std::string_view text) {
  bar_.clear();
  fmt::print(stdout, "{}", text);
}

void Console::tell(std::string_view text) {
  if (!quiet_) print(text);
}

void Console::print_error(std::string_view text) {
  bar_.clear();
  std::fflush(stdout);
  fmt::print(stderr, "{}\n", text);
}

void Console::progress(std::string_view what, std::uint64_t done, std::uint64_t total) { bar_.show(what, done, total); }

}  // namespace olivine::cli

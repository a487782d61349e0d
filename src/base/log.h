#pragma once

#include <fmt/format.h>

#include <functional>
#include <string>
#include <utility>

namespace olivine {

enum class LogLevel { debug, info, notice, warning, error };

/// Where messages go. The library never prints: the command and the bindings give a sink.
class Log {
 public:
  using Sink = std::function<void(LogLevel, const std::string&)>;

  Log() = default;
  explicit Log(Sink sink, LogLevel threshold = LogLevel::info) : sink_(std::move(sink)), threshold_(threshold) {}

  bool enabled(LogLevel level) const { return sink_ && level >= threshold_; }

  template <typename... Args>
  void write(LogLevel level, fmt::format_string<Args...> format, Args&&... args) const {
    if (enabled(level)) sink_(level, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  Sink sink_;
  LogLevel threshold_ = LogLevel::info;
};

}  // namespace olivine

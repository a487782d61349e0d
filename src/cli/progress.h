#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>

namespace olivine::cli {

/// A line on the terminal about what is going on, from the second second on. On anything but a terminal it shows
/// nothing. Safe to call from several threads.
class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar() { clear(); }

  void disable() { enabled_ = false; }
  /// `total` 0: how much there is to do is not known.
  void show(std::string_view what, std::uint64_t done, std::uint64_t total);
  /// Takes the line away, for other output.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  bool enabled_;
  std::mutex mutex_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_{};
  bool visible_ = false;
};

}  // namespace olivine::cli

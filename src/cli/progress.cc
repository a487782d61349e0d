#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace olivine::cli {
namespace {

constexpr std::string_view kEraseLine = "\r\x1b[K";
constexpr auto kPatience = std::chrono::seconds(1);
constexpr auto kInterval = std::chrono::milliseconds(100);

std::string bar(std::uint64_t done, std::uint64_t total) {
  constexpr std::size_t kWidth = 30;
  const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto filled = static_cast<std::size_t>(part * kWidth);
  return fmt::format("[{}{}] {:3.0f} %", std::string(filled, '#'), std::string(kWidth - filled, '.'), part * 100);
}

}  // namespace

ProgressBar::ProgressBar() : enabled_(::isatty(STDERR_FILENO) == 1) {}

void ProgressBar::show(std::string_view what, std::uint64_t done, std::uint64_t total) {
  if (!enabled_) return;
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  if (now - start_ < kPatience || now - last_ < kInterval) return;
  last_ = now;
  visible_ = true;
  fmt::print(stderr, "{}{} {}", kEraseLine, what, total == 0 ? std::string("…") : bar(done, total));
  std::fflush(stderr);
}

void ProgressBar::clear() {
  const std::lock_guard lock(mutex_);
  if (!visible_) return;
  fmt::print(stderr, "{}", kEraseLine);
  std::fflush(stderr);
  visible_ = false;
}

}  // namespace olivine::cli

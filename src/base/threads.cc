#include "base/threads.h"

#include <sched.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <memory>

#include "base/error.h"

namespace olivine {
namespace {

std::atomic<bool> cancelled = false;
std::atomic<std::size_t> requested_threads = 0;

std::size_t available_processors() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
}

}  // namespace

void set_thread_count(std::size_t count) {
  static std::unique_ptr<tbb::global_control> control;
  requested_threads = count;
  control.reset();
  if (count != 0) control = std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism, count);
}

std::size_t thread_count() {
  const std::size_t requested = requested_threads;
  return requested != 0 ? requested : available_processors();
}

void parallel_for(std::size_t count, const std::function<void(std::size_t)>& body) {
  // Starting the pool costs milliseconds; a single thread or task does without.
  if (count <= 1 || thread_count() == 1) {
    for (std::size_t i = 0; i < count; ++i) body(i);
    return;
  }
  tbb::parallel_for(std::size_t{0}, count, std::size_t{1}, body);
}

void request_cancel() noexcept { cancelled = true; }

void throw_if_cancelled() {
  if (cancelled) throw Error(ErrorCode::interrupted, "stopped by the user; nothing was written");
}

void reset_cancel() noexcept { cancelled = false; }

}  // namespace olivine

#pragma once

#include <atomic>
#include <cstddef>
#include <functional>

namespace olivine {

/// Limits the threads of everything that follows; 0 means as many as the machine (or its container) has.
void set_thread_count(std::size_t count);
std::size_t thread_count();

/// Runs `body(i)` for every i in [0, count), in parallel, in no order. The first exception stops the rest and is
/// rethrown. Results must not depend on the number of threads.
void parallel_for(std::size_t count, const std::function<void(std::size_t)>& body);

/// Set from a signal handler; long work looks at it between blocks.
void request_cancel() noexcept;
/// Throws Error[interrupted] once a cancel was requested.
void throw_if_cancelled();
/// For tests and long-lived processes.
void reset_cancel() noexcept;

}  // namespace olivine

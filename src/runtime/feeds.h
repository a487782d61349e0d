#pragma once

#include <vector>

#include "base/log.h"
#include "runtime/input_files.h"
#include "runtime/runtime.h"

namespace olivine::runtime {

/// The same values for both models, each by its own names and in its own types.
struct Feed {
  InputSet a;
  InputSet b;
};

struct Feeds {
  std::vector<Feed> runs;
  /// What was guessed about the inputs, sizes and the meaning of integers: a failing run may be its fault.
  std::vector<std::string> assumed;
};

/// From files or at random, as the options say; notices tell what was guessed.
Feeds make_feeds(const ir::Model& a, const ir::Model& b, const InputOptions& options, const Log& log);

}  // namespace olivine::runtime

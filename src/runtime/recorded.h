#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "ir/graph.h"
#include "runtime/runtime.h"

namespace olivine::runtime {

/// Inputs, and what another program computed from them: NumPy files by the model's names.
struct RecordedCase {
  std::string name;  ///< for people: "batch = 2, length = 16"
  std::vector<std::pair<std::string, std::filesystem::path>> inputs;
  std::vector<std::pair<std::string, std::filesystem::path>> outputs;
};

/// Whether the model takes inputs of those sizes: not when it was made for one other size.
bool takes(const ir::Model& model, const RecordedCase& recorded);

/// Runs the model on the recorded inputs and compares its outputs with the recorded ones, as `compare` does with those
/// of another model. Values are converted to the types that the model has now.
Comparison compare_recorded(const std::vector<RecordedCase>& cases, const ir::Model& model,
                            const CompareOptions& options, const Log& log = {});

}  // namespace olivine::runtime

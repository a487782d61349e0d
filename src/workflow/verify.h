#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/log.h"
#include "config/codec.h"
#include "passes/pass.h"
#include "runtime/runtime.h"

/// Whether a result computes what the workflow began with.
namespace olivine::workflow {

struct Verdict {
  bool passed = true;
  config::Json report;
  std::string text;  ///< for people; ends with a newline
};

/// Against the ONNX model that was read.
Verdict verify_read(const ir::Model& original, const ir::Model& result, const runtime::CompareOptions& options,
                    const Log& log);

/// Against what the source itself computed: on every recorded case that the result still takes. Where a later pass left
/// no such case, the first model is held against the records and the result against the first model. `made.model` is
/// the model as the first of `steps` passes made it.
Verdict verify_made(const passes::Made& made, const ir::Model& result, std::size_t steps,
                    const runtime::CompareOptions& options, const Log& log,
                    const std::function<void(std::string)>& notice);

}  // namespace olivine::workflow

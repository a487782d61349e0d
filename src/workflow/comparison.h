#pragma once

#include <string>

#include "config/codec.h"
#include "runtime/runtime.h"

/// A comparison's result for machines and for people.
namespace olivine::workflow {

config::Json to_json(const runtime::Comparison& comparison);

/// A line per output with its errors, the tolerances, and the node where the models part if it was looked for.
std::string to_text(const runtime::Comparison& comparison);

}  // namespace olivine::workflow

#pragma once

#include "ir/graph.h"

namespace olivine::passes {

/// Puts the bodies of local functions in the place of their calls, everywhere in the main graph and what is nested in
/// it; the functions go. Bodies are taken to be of the model's own opsets, as ONNX Runtime does. Error[conversion] for
/// recursion and for more than ten million nodes.
void inline_calls(ir::Model& model);

}  // namespace olivine::passes

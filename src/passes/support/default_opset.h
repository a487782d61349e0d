#pragma once

#include "ir/graph.h"

namespace olivine::passes {

/// Before a node of ai.onnx is put into `graph`: a model (or function) made of other domains only need not import that
/// domain. It gets the opset that came with the model's IR version.
void import_default_opset(ir::Model& model, const ir::Graph& graph);

}  // namespace olivine::passes

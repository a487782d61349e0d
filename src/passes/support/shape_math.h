#pragma once

#include <unordered_set>

#include "ir/graph.h"

namespace olivine::passes {

/// The nodes that compute with sizes: Shape and Size, and whatever takes its elements only from such values and from
/// constants (Cast, Mul, Floor … on the way from a size to Resize's scales). In a narrow type sizes above its exact
/// integers (2,048 in float16) would come out wrong.
std::unordered_set<const ir::Node*> find_shape_math(const ir::Model& model);

}  // namespace olivine::passes

#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

/// Which values have no fixed shape, and what is to blame.
namespace olivine::passes {

/// Where something dynamic begins: a model input, or a node whose inputs are all static and whose output isn't.
struct DynamicOrigin {
  std::string cause;  ///< "input 'x'", or Node::describe()
  std::vector<const ir::Value*> values;
};

/// In the order of the graph; values of function bodies, which stand for several calls, are left out.
std::vector<DynamicOrigin> find_dynamic_values(const ir::Model& model);

}  // namespace olivine::passes

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"

namespace olivine::runtime {

/// An input or output of model A and the same of model B; null where a model doesn't have it.
struct Pair {
  const ir::Value* a = nullptr;
  const ir::Value* b = nullptr;

  const ir::Value& any() const { return a != nullptr ? *a : *b; }
};

/// By name; what is left by position, if as many are left on both sides. Indices into the two lists, in A's order, B's
/// own ones last.
std::vector<std::pair<std::optional<std::size_t>, std::optional<std::size_t>>> match_names(
    const std::vector<std::string>& a, const std::vector<std::string>& b);

/// By name; what is left by position, if as many are left on both sides. In A's order, B's own ones last. Inputs that
/// are initializers, too, are no inputs here: they have a value.
std::vector<Pair> match_inputs(const ir::Model& a, const ir::Model& b);
std::vector<Pair> match_outputs(const ir::Model& a, const ir::Model& b);

/// Inputs without those that are initializers, too.
std::vector<const ir::Value*> required_inputs(const ir::Model& model);

}  // namespace olivine::runtime

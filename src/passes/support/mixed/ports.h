#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "passes/support/precision_plan.h"

/// The places of a model where a float32 tensor is given or taken, numbered: what the search watches, and where it
/// tries the narrower type.
namespace olivine::passes::mixed {

/// A place where a tensor passes.
struct Place {
  const ir::Value* value = nullptr;
  /// Where it is taken; nothing: behind what gives it, before whoever takes it.
  std::optional<ir::Use> use;
  /// A constant: it is stored rounded, so the limits for constants hold.
  bool constant = false;
  /// Where a stored constant is taken: its elements, which nobody else need hold.
  const tensor::Tensor* stored = nullptr;
};

bool is_constant(const ir::Value& value);

/// Whether a value is a constant or picked from one: it is stored in the type that it is taken in.
bool is_stored(const ir::Value& value);

/// All places of a model, in a fixed order: the same one for a clone. A value with one user has one place.
std::vector<Place> find_places(const ir::Model& model);

/// Whether the tensor that passes is in the narrow type once `plan` is carried out.
bool is_narrow(const Place& place, const PrecisionPlan& plan, DataType from);

}  // namespace olivine::passes::mixed

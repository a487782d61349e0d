#pragma once

#include "torch/call.h"

namespace olivine::torch {

/// The p-norm of a real tensor over axes: of any order, 0 (how many aren't zero) and the infinities too.
ir::Value* vector_norm(Call& c, ir::Value* value, double order, const Ints& axes, bool keepdim);

/// The p-norm of the difference along the last axis, with `eps` added to each element.
ir::Value* pairwise_distance(Call& c, ir::Value* left, ir::Value* right, double order, double eps, bool keepdim);

/// Along an axis of what both broadcast to; each norm is at least `eps`.
ir::Value* cosine_similarity(Call& c, ir::Value* left, ir::Value* right, std::int64_t axis, double eps);

}  // namespace olivine::torch

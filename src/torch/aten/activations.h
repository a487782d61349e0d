#pragma once

#include "torch/op.h"

/// Activations that other families are composed of.
namespace olivine::torch {

/// Softmax or LogSoftmax over one axis, of scalars too.
ir::Value* softmax(Call& c, ir::Value* x, std::int64_t axis);
ir::Value* log_softmax(Call& c, ir::Value* x, std::int64_t axis);

}  // namespace olivine::torch

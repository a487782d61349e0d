#pragma once

#include <vector>

#include "torch/call.h"

/// Sums of products over axes that have labels: einsum, tensordot.
namespace olivine::torch {

/// A label is a number; of the same label all axes have the same size, or the size 1.
using Labels = std::vector<int>;

struct Labelled {
  ir::Value* value;
  Labels labels;  ///< one an axis
};

/// The label that the last axis of a complex operand (a pair of reals) has.
constexpr int kPairLabel = -1;

/// The sum over all labels that `output` lacks of the operands' product, its axes as in `output`. `path`: pairs of
/// positions in the order in which operands are multiplied, a product standing at the end; empty: from the left. With
/// complex operands all are such, and `output` ends with kPairLabel.
ir::Value* contract(Call& c, std::vector<Labelled> operands, const Labels& output, const Ints& path = {});

}  // namespace olivine::torch

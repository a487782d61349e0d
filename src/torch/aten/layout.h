#pragma once

#include "torch/call.h"

/// Where a tensor's elements lie in memory, as far as the program's strides tell.
namespace olivine::torch {

/// A size or stride as a number, with arbitrary large numbers for its symbols: equal expressions are equal. Nothing
/// where it isn't understood.
std::optional<std::int64_t> sample(const ir::Dim& dim);

/// In row-major order without gaps.
bool is_contiguous(const TensorMeta& meta);
/// The order of the axes by which the elements lie in memory without gaps; nothing where they lie otherwise.
std::optional<Ints> dense_order(const TensorMeta& meta);

/// Whether a reshape of `self` shares its memory: it copies where it must, and a copy is contiguous.
bool reshape_aliases(Call& c);
/// Whether `contiguous` returns the tensor itself.
bool contiguous_aliases(Call& c);

}  // namespace olivine::torch

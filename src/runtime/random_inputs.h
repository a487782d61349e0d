#pragma once

#include <cstdint>

#include "ir/graph.h"
#include "runtime/matching.h"
#include "runtime/sizes.h"
#include "tensor/any_value.h"

namespace olivine::runtime {

/// Below how many an integer input must stay: the rows of the tables that it picks from (an embedding's, for token
/// ids). Nothing when it picks from none whose size is known.
std::optional<std::int64_t> index_bound(const ir::Value& input);

/// A value for an input of the two models, the same on every machine: floats from a normal distribution, integers in
/// [0, 10) or below `index_bound`, bytes in [0, 256), masks (by their name) that begin with ones and end with zeros,
/// truth values, words; three such for a sequence. Error[config] for types that ONNX Runtime can't be given: maps,
/// sparse tensors.
tensor::AnyValue random_value(const Pair& input, const tensor::Dims& dims, const Sizes& sizes, std::uint64_t seed);

}  // namespace olivine::runtime

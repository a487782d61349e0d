#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/matching.h"
#include "tensor/tensor.h"

namespace olivine::runtime {

/// Sizes for the dimensions of inputs that the models leave open; see InputOptions::dims.
class Sizes {
 public:
  /// Error[config] for a requested name that no input has, and where the models or the request contradict each other.
  Sizes(const std::vector<Pair>& inputs, const std::map<std::string, std::int64_t>& requested, bool long_axes = false);

  /// The shape of an input in both models. `index` is its place in the list of inputs.
  const tensor::Dims& of(std::size_t index) const { return dims_[index]; }
  /// The shape for an element of a sequence or an optional.
  tensor::Dims of(const ir::Shape& shape) const;

  /// "batch = 2": the sizes that nothing but a default decided, symbols first.
  const std::vector<std::string>& assumed() const { return assumed_; }

 private:
  std::map<std::string, std::int64_t> bound_;
  std::vector<tensor::Dims> dims_;
  std::vector<std::string> assumed_;
};

}  // namespace olivine::runtime

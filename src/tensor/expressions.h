#pragma once

#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "tensor/tensor.h"

/// What the expressions share. Only for this room.
namespace olivine::tensor {

/// "float[2,3]".
std::string describe(DataType dtype, const Dims& dims);

/// Throws Error[conversion] for a negative dimension and for an overflow.
std::uint64_t count_elements(DataType dtype, const Dims& dims);

/// Throws Error[conversion] that names the file.
void check_within_file(const FileSlice& slice);

/// A wrong argument is a bug of the caller's.
[[noreturn]] void refuse_arguments(const std::string& what);

inline std::uint64_t bytes_of(int bits, std::uint64_t count) {
  return (static_cast<std::uint64_t>(bits) * count + 7) / 8;
}

class CastSource final : public Source {
 public:
  CastSource(Tensor input, DataType to, CastOptions options)
      : input_(std::move(input)), to_(to), options_(std::move(options)) {}

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override;
  std::uint64_t preferred_elements() const override { return input_.source()->preferred_elements(); }

  const Tensor& input() const { return input_; }
  DataType to() const { return to_; }
  const CastOptions& options() const { return options_; }

 private:
  Tensor input_;
  DataType to_;
  CastOptions options_;
};

/// The first tensor's cast, when all tensors are made by casts that differ in nothing but their inputs' elements.
const CastSource* as_like_casts(std::span<const Tensor> tensors);

/// The cast that made the tensor, if its outermost expression is one.
const CastSource* as_cast(const Tensor& tensor);

/// The strings whose numbers a tensor of int64 holds, in its dims.
Tensor pick_strings(const std::vector<std::string>& strings, const Tensor& order);

/// A tensor of strings in the order that `rearrange` gives to a tensor of their numbers.
template <typename Rearrange>
Tensor rearrange_strings(const Tensor& input, Rearrange&& rearrange) {
  std::vector<std::int64_t> numbers(input.strings().size());
  std::iota(numbers.begin(), numbers.end(), std::int64_t{0});
  return pick_strings(input.strings(), rearrange(from_values<std::int64_t>(DataType::int64, input.dims(), numbers)));
}

}  // namespace olivine::tensor

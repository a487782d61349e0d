#include "tensor/tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "tensor/expressions.h"

namespace olivine::tensor {
namespace {

[[noreturn]] void refuse(DataType dtype, const Dims& dims, std::string_view why) {
  throw Error(ErrorCode::conversion, fmt::format("tensor {}: {}", describe(dtype, dims), why));
}

}  // namespace

std::string describe(DataType dtype, const Dims& dims) {
  return fmt::format("{}[{}]", name_of(dtype), fmt::join(dims, ","));
}

std::uint64_t count_elements(DataType dtype, const Dims& dims) {
  if (std::any_of(dims.begin(), dims.end(), [](std::int64_t dim) { return dim < 0; })) {
    refuse(dtype, dims, "a dimension is negative");
  }
  // An empty tensor is empty however large its other dimensions are.
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return 0;
  std::uint64_t count = 1;
  for (const std::int64_t dim : dims) {
    if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(dim), &count)) {
      refuse(dtype, dims, "more elements than 64 bits can count");
    }
  }
  return count;
}

Tensor::Tensor(DataType dtype, Dims dims, std::shared_ptr<const Source> source)
    : dtype_(dtype), dims_(std::move(dims)), source_(std::move(source)) {
  if (bit_width(dtype_) == 0) refuse(dtype_, dims_, "no element type that numbers can have");
  element_count_ = count_elements(dtype_, dims_);
  const auto bytes = packed_bytes(dtype_, element_count_);
  if (!bytes) refuse(dtype_, dims_, "more bytes than 64 bits can count");
  byte_size_ = *bytes;
}

Tensor::Tensor(Dims dims, std::vector<std::string> strings)
    : dtype_(DataType::string),
      dims_(std::move(dims)),
      element_count_(count_elements(DataType::string, dims_)),
      byte_size_(std::accumulate(strings.begin(), strings.end(), std::uint64_t{0},
                                 [](std::uint64_t sum, const std::string& text) { return sum + text.size(); })),
      strings_(std::make_shared<const std::vector<std::string>>(std::move(strings))) {
  if (strings_->size() != element_count_) {
    refuse(dtype_, dims_, fmt::format("has {} strings in place of {}", strings_->size(), element_count_));
  }
}

std::uint64_t block_elements(DataType dtype) {
  constexpr std::uint64_t kBlockBits = std::uint64_t{8} << 19;
  const auto bits = static_cast<std::uint64_t>(std::max(bit_width(dtype), 1));
  return std::max<std::uint64_t>(kBlockBits / bits / 64 * 64, 64);
}

std::uint64_t Tensor::block() const {
  const std::uint64_t preferred = source_ ? source_->preferred_elements() : 0;
  return preferred != 0 ? preferred : block_elements(dtype_);
}

}  // namespace olivine::tensor

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/error.h"
#include "base/threads.h"
#include "kernels/convert.h"
#include "tensor/expressions.h"
#include "tensor/scratch.h"
#include "tensor/tensor.h"

namespace olivine::tensor {
namespace {

/// Calls `body(first, count)` for each block of a tensor, in parallel.
template <typename Body>
void for_each_block(const Tensor& tensor, Body&& body) {
  const std::uint64_t block = tensor.block();
  const std::uint64_t count = tensor.element_count();
  parallel_for(count / block + (count % block != 0 ? 1 : 0), [&](std::size_t i) {
    throw_if_cancelled();
    body(i * block, std::min(block, count - i * block));
  });
}

template <typename T>
std::optional<std::vector<T>> small_values(const Tensor& tensor, DataType as, std::uint64_t limit) {
  if (tensor.element_count() > limit) return std::nullopt;
  const std::vector<std::byte> bytes = evaluate(tensor);
  std::vector<T> values(tensor.element_count());
  kernels::convert(tensor.dtype(), as, bytes.data(), reinterpret_cast<std::byte*>(values.data()), values.size());
  return values;
}

bool same_block(const Tensor& a, const Tensor& b, std::uint64_t first, std::uint64_t count) {
  const std::uint64_t bytes = bytes_of(bit_width(a.dtype()), count);
  Scratch left(bytes);
  Scratch right(bytes);
  a.read(first, count, left.data());
  b.read(first, count, right.data());
  return std::memcmp(left.data(), right.data(), bytes) == 0;
}

}  // namespace

std::vector<std::byte> evaluate(const Tensor& tensor) {
  std::vector<std::byte> bytes(tensor.byte_size());
  evaluate_into(tensor, bytes);
  return bytes;
}

void evaluate_into(const Tensor& tensor, std::span<std::byte> out) {
  if (out.size() != tensor.byte_size() || tensor.dtype() == DataType::string) {
    refuse_arguments("evaluating " + describe(tensor.dtype(), tensor.dims()) + " into " + std::to_string(out.size()) +
                     " bytes");
  }
  const int bits = bit_width(tensor.dtype());
  for_each_block(tensor, [&](std::uint64_t first, std::uint64_t count) {
    tensor.read(first, count, out.data() + bytes_of(bits, first));
  });
}

std::optional<std::vector<std::int64_t>> as_int64s(const Tensor& tensor, std::uint64_t limit) {
  if (!is_integer(tensor.dtype()) && tensor.dtype() != DataType::boolean) return std::nullopt;
  return small_values<std::int64_t>(tensor, DataType::int64, limit);
}

std::optional<std::vector<double>> as_doubles(const Tensor& tensor, std::uint64_t limit) {
  if (!is_float(tensor.dtype())) return std::nullopt;
  return small_values<double>(tensor, DataType::float64, limit);
}

bool equal(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.dims() != b.dims()) return false;
  if (a.dtype() == DataType::string) return a.strings() == b.strings();
  if (a.source() == b.source()) return true;
  std::atomic<bool> same = true;
  const Tensor& larger_block = a.block() >= b.block() ? a : b;
  for_each_block(larger_block, [&](std::uint64_t first, std::uint64_t count) {
    if (same && !same_block(a, b, first, count)) same = false;
  });
  return same;
}

}  // namespace olivine::tensor

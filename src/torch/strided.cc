#include "torch/strided.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/error.h"

namespace olivine::torch {
namespace {

[[noreturn]] void refuse(const char* message) { throw Error(ErrorCode::conversion, message); }

/// How a permutation of the axes makes a tensor contiguous, if one does.
std::optional<std::vector<std::int64_t>> contiguous_order(const StridedLayout& layout) {
  const auto& [dims, strides, offset] = layout;
  std::vector<std::int64_t> order(dims.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    const auto i = static_cast<std::size_t>(a);
    const auto j = static_cast<std::size_t>(b);
    return strides[i] != strides[j] ? strides[i] > strides[j] : dims[i] > dims[j];
  });
  std::int64_t expected = 1;
  for (std::size_t i = order.size(); i-- > 0;) {
    const auto axis = static_cast<std::size_t>(order[i]);
    if (dims[axis] != 1 && strides[axis] != expected) return std::nullopt;
    expected *= dims[axis];
  }
  return order;
}

/// Elements at any strides. A layout that is no permutation is rare and small: one element is read at a time.
class GatherSource final : public tensor::Source {
 public:
  GatherSource(tensor::Tensor bytes, std::uint64_t width, StridedLayout layout)
      : bytes_(std::move(bytes)), width_(width), layout_(std::move(layout)) {}

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    for (std::uint64_t i = 0; i < count; ++i) bytes_.read(position(first + i) * width_, width_, out + i * width_);
  }

 private:
  std::uint64_t position(std::uint64_t element) const {
    std::int64_t at = layout_.offset;
    for (std::size_t d = layout_.dims.size(); d-- > 0;) {
      const auto dim = static_cast<std::uint64_t>(layout_.dims[d]);
      at += static_cast<std::int64_t>(element % dim) * layout_.strides[d];
      element /= dim;
    }
    return static_cast<std::uint64_t>(at);
  }

  tensor::Tensor bytes_;
  std::uint64_t width_;
  StridedLayout layout_;
};

/// The last element's position, in numbers that cannot overflow. Error when the layout leaves the storage.
long double checked_last(const StridedLayout& layout, long double storage_elements) {
  const auto negative = [](std::int64_t value) { return value < 0; };
  if (layout.dims.size() != layout.strides.size() || layout.offset < 0 || std::ranges::any_of(layout.dims, negative) ||
      std::ranges::any_of(layout.strides, negative)) {
    refuse("its sizes and strides don't fit each other");
  }
  auto last = static_cast<long double>(layout.offset);
  for (std::size_t d = 0; d < layout.dims.size(); ++d) {
    last += static_cast<long double>(layout.dims[d] - 1) * static_cast<long double>(layout.strides[d]);
  }
  if (last + 1 > storage_elements) refuse("it goes beyond the end of its storage");
  return last;
}

/// Elements that follow each other in the storage.
tensor::Tensor dense_part(const tensor::Tensor& storage, DataType dtype, tensor::Dims dims, std::uint64_t first,
                          std::uint64_t bytes) {
  if (const tensor::FileSlice* const whole = storage.source()->file_slice()) {
    return tensor::from_file(dtype, std::move(dims), {whole->file, whole->offset + first, bytes});
  }
  std::vector<std::byte> part(bytes);
  storage.read(first, bytes, part.data());
  return tensor::from_bytes(dtype, std::move(dims), std::move(part));
}

}  // namespace

tensor::Tensor strided(const tensor::Tensor& bytes, DataType dtype, StridedLayout layout) {
  const auto width = static_cast<std::uint64_t>(bit_width(dtype) / 8);
  if (std::ranges::find(layout.dims, 0) != layout.dims.end()) return tensor::from_bytes(dtype, layout.dims, {});
  const long double last = checked_last(layout, static_cast<long double>(bytes.byte_size() / width));
  const auto order = contiguous_order(layout);
  if (!order) {
    tensor::Dims dims = layout.dims;
    return {dtype, std::move(dims), std::make_shared<const GatherSource>(bytes, width, std::move(layout))};
  }
  tensor::Dims laid_out;
  for (const std::int64_t axis : *order) laid_out.push_back(layout.dims[static_cast<std::size_t>(axis)]);
  const auto elements = static_cast<std::uint64_t>(last + 1 - static_cast<long double>(layout.offset));
  const tensor::Tensor dense = dense_part(bytes, dtype, std::move(laid_out),
                                          static_cast<std::uint64_t>(layout.offset) * width, elements * width);
  if (std::ranges::is_sorted(*order)) return dense;
  std::vector<std::int64_t> back(order->size());
  for (std::size_t i = 0; i < order->size(); ++i)
    back[static_cast<std::size_t>((*order)[i])] = static_cast<std::int64_t>(i);
  return tensor::transpose(dense, back);
}

}  // namespace olivine::torch

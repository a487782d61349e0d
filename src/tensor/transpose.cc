#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/threads.h"
#include "kernels/packing.h"
#include "tensor/expressions.h"
#include "tensor/permute.h"
#include "tensor/scratch.h"
#include "tensor/tensor.h"

namespace olivine::tensor {
namespace {

using Extents = std::vector<std::uint64_t>;

/// What a transposition makes at once: so much that the runs of its input are long, so little that memory stays bounded
/// whatever the number of threads.
std::uint64_t stripe_bits() {
  constexpr std::uint64_t kAllThreads = std::uint64_t{32} << 20;
  constexpr std::uint64_t kLeast = std::uint64_t{2} << 20;
  constexpr std::uint64_t kMost = std::uint64_t{16} << 20;
  return 8 * std::clamp(kAllThreads / thread_count(), kLeast, kMost);
}

/// Below this a row of the input is read whole even if only a part of it is wanted.
constexpr std::uint64_t kShortRowBits = std::uint64_t{8} * 4096;

/// A range [begin, end) along each axis.
struct Box {
  Extents begin;
  Extents end;
  std::uint64_t extent(std::size_t axis) const { return end[axis] - begin[axis]; }
  std::uint64_t count() const {
    std::uint64_t product = 1;
    for (std::size_t axis = 0; axis < begin.size(); ++axis) product *= extent(axis);
    return product;
  }
};

Extents strides_of(const Extents& dims) {
  Extents strides(dims.size(), 1);
  for (std::size_t axis = dims.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * dims[axis];
  return strides;
}

/// The largest box that begins at element `first` of a row-major tensor, is contiguous in it and has at most `count`
/// elements.
Box contiguous_box(const Extents& dims, const Extents& strides, std::uint64_t first, std::uint64_t count) {
  Box box{Extents(dims.size()), Extents(dims.size())};
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    box.begin[axis] = first / strides[axis] % dims[axis];
    box.end[axis] = box.begin[axis] + 1;
  }
  // From the innermost axis out, as long as the inner ones are whole: whole ones begin at 0.
  for (std::size_t axis = dims.size(); axis-- > 0;) {
    box.end[axis] = std::min(dims[axis], box.begin[axis] + count / strides[axis]);
    if (box.extent(axis) < dims[axis] || (axis > 0 && strides[axis - 1] > count)) break;
  }
  return box;
}

/// Of an input with `dims` the axis `order[i]` becomes axis i. Axes of one element are gone, neighbours that stay
/// neighbours are one axis.
class TransposeSource final : public Source {
 public:
  TransposeSource(Tensor input, Extents dims, std::vector<std::size_t> order)
      : input_(std::move(input)),
        bits_(bit_width(input_.dtype())),
        dims_(std::move(dims)),
        strides_(strides_of(dims_)),
        order_(std::move(order)) {
    for (const std::size_t axis : order_) out_dims_.push_back(dims_[axis]);
    out_strides_ = strides_of(out_dims_);
  }

  /// Whole rows of the result, or of an inner axis where those are too long: each row that is cut in two would read its
  /// part of the input element by element.
  std::uint64_t preferred_elements() const override {
    if (reads_memory()) return 0;
    const std::uint64_t stripe = stripe_bits() / static_cast<std::uint64_t>(std::max(bits_, 8));
    const std::uint64_t row =
        *std::find_if(out_strides_.begin(), out_strides_.end(), [&](std::uint64_t stride) { return stride <= stripe; });
    const std::uint64_t rows = stripe / row;
    return row * (bits_ < 8 ? std::max<std::uint64_t>(rows / 8 * 8, 8) : rows);
  }

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    if (bits_ < 8 && count > 0) out[bytes_of(bits_, count) - 1] = std::byte{0};
    const std::uint64_t stripe = reads_memory() ? count : preferred_elements();
    for (std::uint64_t done = 0; done < count;) {
      const Box box = contiguous_box(out_dims_, out_strides_, first + done, std::min(stripe, count - done));
      read_box(box, out, done);
      done += box.count();
    }
  }

 private:
  bool reads_memory() const { return bits_ >= 8 && input_.source()->in_memory().has_value(); }

  /// Bytes of an element in the buffers: types under 8 bits are unpacked for the way.
  std::size_t width() const { return static_cast<std::size_t>(std::max(bits_, 8) / 8); }

  void read_box(const Box& box, std::byte* out, std::uint64_t at) const {
    Extents dims(order_.size());
    for (std::size_t i = 0; i < order_.size(); ++i) dims[i] = box.extent(i);
    if (reads_memory()) {
      std::uint64_t start = 0;
      Extents strides(order_.size());
      for (std::size_t i = 0; i < order_.size(); ++i) {
        strides[i] = strides_[order_[i]];
        start += box.begin[i] * strides[i];
      }
      permute(width(), input_.source()->in_memory()->data() + start * width(), dims, strides, out + at * width());
      return;
    }
    const Box input = input_box(box);
    Scratch gathered(input.count() * width());
    gather(input, gathered.data());
    Extents input_dims(dims_.size());
    for (std::size_t axis = 0; axis < dims_.size(); ++axis) input_dims[axis] = input.extent(axis);
    const Extents input_strides = strides_of(input_dims);
    Extents strides(order_.size());
    for (std::size_t i = 0; i < order_.size(); ++i) strides[i] = input_strides[order_[i]];
    if (bits_ >= 8) {
      permute(width(), gathered.data(), dims, strides, out + at * width());
    } else {
      permute_packed(gathered.data(), dims, strides, box.count(), out, at);
    }
  }

  void permute_packed(const std::byte* codes, const Extents& dims, const Extents& strides, std::uint64_t count,
                      std::byte* out, std::uint64_t at) const {
    Scratch permuted(count);
    permute(1, codes, dims, strides, permuted.data());
    Scratch packed(bytes_of(bits_, count));
    kernels::pack_codes(bits_, reinterpret_cast<const std::uint8_t*>(permuted.data()), packed.data(), count);
    kernels::copy_elements(bits_, packed.data(), 0, out, at, count);
  }

  Box input_box(const Box& box) const {
    Box input{Extents(dims_.size()), Extents(dims_.size())};
    for (std::size_t i = 0; i < order_.size(); ++i) {
      input.begin[order_[i]] = box.begin[i];
      input.end[order_[i]] = box.end[i];
    }
    return input;
  }

  /// Brings a box of the input together, row-major.
  void gather(const Box& box, std::byte* out) const {
    // Behind `axis` all is wanted, so that a run is a range of it.
    std::size_t axis = dims_.size() - 1;
    while (axis > 0 && box.extent(axis) == dims_[axis]) --axis;
    const std::uint64_t run = box.extent(axis) * strides_[axis];
    const std::uint64_t row = dims_[axis] * strides_[axis];
    const std::uint64_t rows = box.count() / run;
    const bool by_rows = axis > 0 && row * static_cast<std::uint64_t>(bits_) <= kShortRowBits;
    for (std::uint64_t i = 0; i < rows;) {
      const std::uint64_t from = row_start(box, axis, i);
      if (by_rows) {
        i += gather_rows(box, axis, i, rows, out + i * run * width());
      } else {
        read_elements(from + box.begin[axis] * strides_[axis], run, out + i * run * width());
        ++i;
      }
    }
  }

  /// Where row number `i` of the box begins in the input: the axes before `axis` are counted within the box.
  std::uint64_t row_start(const Box& box, std::size_t axis, std::uint64_t i) const {
    std::uint64_t start = 0;
    for (std::size_t a = axis; a-- > 0;) {
      start += (box.begin[a] + i % box.extent(a)) * strides_[a];
      i /= box.extent(a);
    }
    return start;
  }

  /// Reads rows that follow each other in the input together and keeps the wanted part of each. Returns their number.
  std::uint64_t gather_rows(const Box& box, std::size_t axis, std::uint64_t i, std::uint64_t rows,
                            std::byte* out) const {
    const std::uint64_t row = dims_[axis] * strides_[axis];
    const std::uint64_t run = box.extent(axis) * strides_[axis];
    const std::uint64_t within = i % box.extent(axis - 1);
    const std::uint64_t together = std::min(
        {rows - i, box.extent(axis - 1) - within, std::max<std::uint64_t>(block_elements(input_.dtype()) / row, 1)});
    Scratch scratch(together * row * width());
    read_elements(row_start(box, axis, i), together * row, scratch.data());
    for (std::uint64_t r = 0; r < together; ++r) {
      const std::byte* const from = scratch.data() + (r * row + box.begin[axis] * strides_[axis]) * width();
      std::copy_n(from, run * width(), out + r * run * width());
    }
    return together;
  }

  void read_elements(std::uint64_t first, std::uint64_t count, std::byte* out) const {
    if (bits_ >= 8) return input_.read(first, count, out);
    Scratch packed(bytes_of(bits_, count));
    input_.read(first, count, packed.data());
    kernels::unpack_codes(bits_, packed.data(), 0, reinterpret_cast<std::uint8_t*>(out), count);
  }

  Tensor input_;
  int bits_;
  Extents dims_;
  Extents strides_;
  std::vector<std::size_t> order_;
  Extents out_dims_;
  Extents out_strides_;
};

std::vector<std::size_t> checked_permutation(const Tensor& input, const std::vector<std::int64_t>& permutation) {
  const std::size_t rank = input.dims().size();
  std::vector<std::size_t> order(rank);
  if (permutation.empty()) {
    std::iota(order.rbegin(), order.rend(), std::size_t{0});
    return order;
  }
  std::vector<bool> seen(rank, false);
  const bool valid =
      permutation.size() == rank && std::all_of(permutation.begin(), permutation.end(), [&](std::int64_t axis) {
        if (axis < 0 || static_cast<std::size_t>(axis) >= rank) return false;
        if (seen[static_cast<std::size_t>(axis)]) return false;
        return static_cast<bool>(seen[static_cast<std::size_t>(axis)] = true);
      });
  if (!valid) {
    refuse_arguments(
        fmt::format("permutation [{}] of {}", fmt::join(permutation, ","), describe(input.dtype(), input.dims())));
  }
  std::transform(permutation.begin(), permutation.end(), order.begin(),
                 [](std::int64_t axis) { return static_cast<std::size_t>(axis); });
  return order;
}

struct Simplified {
  Extents dims;
  std::vector<std::size_t> order;
};

/// Drops axes of one element and joins axes that stay neighbours: fewer, longer axes for the same rearrangement.
Simplified simplified(const Dims& dims, const std::vector<std::size_t>& order) {
  std::vector<std::size_t> kept;  // the input's axes that matter, in the order of the output
  std::copy_if(order.begin(), order.end(), std::back_inserter(kept), [&](std::size_t axis) { return dims[axis] != 1; });
  const auto next_kept = [&](std::size_t axis) {
    do ++axis;
    while (axis < dims.size() && dims[axis] == 1);
    return axis;
  };
  std::vector<std::vector<std::size_t>> groups;
  for (const std::size_t axis : kept) {
    if (!groups.empty() && next_kept(groups.back().back()) == axis) {
      groups.back().push_back(axis);
    } else {
      groups.push_back({axis});
    }
  }
  Simplified result;
  std::vector<std::size_t> by_input(groups.size());
  std::iota(by_input.begin(), by_input.end(), std::size_t{0});
  std::sort(by_input.begin(), by_input.end(), [&](std::size_t a, std::size_t b) { return groups[a] < groups[b]; });
  result.order.resize(groups.size());
  for (std::size_t place = 0; place < by_input.size(); ++place) {
    std::uint64_t extent = 1;
    for (const std::size_t axis : groups[by_input[place]]) extent *= static_cast<std::uint64_t>(dims[axis]);
    result.dims.push_back(extent);
    result.order[by_input[place]] = place;
  }
  return result;
}

}  // namespace

Tensor transpose(const Tensor& input, std::vector<std::int64_t> permutation) {
  const std::vector<std::size_t> order = checked_permutation(input, permutation);
  Dims dims;
  for (const std::size_t axis : order) dims.push_back(input.dims()[axis]);
  if (input.element_count() <= 1) return reshape(input, std::move(dims));
  const Simplified plan = simplified(input.dims(), order);
  if (plan.order.size() <= 1) return reshape(input, std::move(dims));
  if (input.dtype() == DataType::string) {
    return rearrange_strings(input, [&](const Tensor& numbers) { return transpose(numbers, permutation); });
  }
  if (const CastSource* const outer = as_cast(input)) {
    const Tensor below = reshape(outer->input(), input.dims());
    return cast(transpose(below, std::move(permutation)), outer->to(), outer->options());
  }
  return {input.dtype(), std::move(dims), std::make_shared<const TransposeSource>(input, plan.dims, plan.order)};
}

}  // namespace olivine::tensor

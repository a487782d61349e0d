#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/packing.h"
#include "tensor/expressions.h"
#include "tensor/scratch.h"
#include "tensor/tensor.h"

namespace olivine::tensor {
namespace {

/// Bytes from which a run of elements is read by itself rather than together with its neighbours.
constexpr std::uint64_t kLongRunBits = std::uint64_t{8} * 4096;

/// Around an axis: a tensor is `outer` rows of dim[axis] * inner elements.
struct AxisView {
  std::uint64_t outer = 1;
  std::uint64_t inner = 1;
  AxisView(const Dims& dims, std::size_t axis) {
    for (std::size_t i = 0; i < axis; ++i) outer *= static_cast<std::uint64_t>(dims[i]);
    for (std::size_t i = axis + 1; i < dims.size(); ++i) inner *= static_cast<std::uint64_t>(dims[i]);
  }
};

/// Puts elements into an output under construction, whose pieces may begin within a byte.
class Output {
 public:
  Output(int bits, std::byte* out, std::uint64_t count) : bits_(bits), out_(out) {
    if (bits_ % 8 != 0 && count > 0) out_[bytes_of(bits_, count) - 1] = std::byte{0};
  }

  void copy(const std::byte* in, std::uint64_t in_first, std::uint64_t at, std::uint64_t count) {
    kernels::copy_elements(bits_, in, in_first, out_, at, count);
  }

  void read(const Tensor& input, std::uint64_t first, std::uint64_t at, std::uint64_t count) {
    const std::uint64_t bit = at * static_cast<std::uint64_t>(bits_);
    // Reading clears the rest of its last byte, which a later piece may still fill, but not an earlier one.
    if (bit % 8 == 0) return input.read(first, count, out_ + bit / 8);
    const std::uint64_t block = block_elements(DataType::uint8);
    for (std::uint64_t done = 0; done < count; done += block) {
      const std::uint64_t size = std::min(block, count - done);
      Scratch scratch(bytes_of(bits_, size));
      input.read(first + done, size, scratch.data());
      copy(scratch.data(), 0, at + done, size);
    }
  }

 private:
  int bits_;
  std::byte* out_;
};

class ConcatSource final : public Source {
 public:
  ConcatSource(std::vector<Tensor> inputs, std::size_t axis) : inputs_(std::move(inputs)) {
    const AxisView view(inputs_.front().dims(), axis);
    starts_.push_back(0);
    for (const Tensor& input : inputs_) {
      starts_.push_back(starts_.back() + static_cast<std::uint64_t>(input.dims()[axis]) * view.inner);
      preferred_ = std::max(preferred_, input.source()->preferred_elements());
    }
  }

  std::uint64_t preferred_elements() const override { return preferred_; }

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    const std::uint64_t row = starts_.back();
    const int bits = bit_width(inputs_.front().dtype());
    const std::uint64_t block = std::max(block_elements(inputs_.front().dtype()), preferred_);
    Output output(bits, out, count);
    std::uint64_t done = 0;
    while (done < count) {
      const std::uint64_t at = first + done;
      const std::uint64_t rows = std::min((count - done) / row, std::max<std::uint64_t>(block / row, 1));
      if (at % row != 0 || rows == 0 || row * static_cast<std::uint64_t>(bits) >= kLongRunBits * inputs_.size()) {
        done += read_within_row(output, at, done, std::min(count - done, row - at % row));
      } else {
        read_rows(output, at / row, rows, done);
        done += rows * row;
      }
    }
  }

 private:
  /// A run that begins in one input: as much of it as lies there. Returns the elements read.
  std::uint64_t read_within_row(Output& output, std::uint64_t element, std::uint64_t at, std::uint64_t count) const {
    const std::uint64_t row = element / starts_.back();
    const std::uint64_t column = element % starts_.back();
    const auto next = std::upper_bound(starts_.begin(), starts_.end(), column);
    const auto index = static_cast<std::size_t>(next - starts_.begin()) - 1;
    const std::uint64_t width = starts_[index + 1] - starts_[index];
    const std::uint64_t size = std::min(count, *next - column);
    output.read(inputs_[index], row * width + column - starts_[index], at, size);
    return size;
  }

  /// Whole rows: those of one input follow each other there, so they are read at once and dealt out.
  void read_rows(Output& output, std::uint64_t row, std::uint64_t rows, std::uint64_t at) const {
    const int bits = bit_width(inputs_.front().dtype());
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const std::uint64_t width = starts_[i + 1] - starts_[i];
      Scratch scratch(bytes_of(bits, rows * width));
      inputs_[i].read(row * width, rows * width, scratch.data());
      for (std::uint64_t r = 0; r < rows; ++r) {
        output.copy(scratch.data(), r * width, at + r * starts_.back() + starts_[i], width);
      }
    }
  }

  std::vector<Tensor> inputs_;
  std::vector<std::uint64_t> starts_;  ///< where each input begins in a row of the result; last the row's length
  std::uint64_t preferred_ = 0;
};

class SliceSource final : public Source {
 public:
  /// `dim` and `taken` are the axis' extent in the input and in the result.
  SliceSource(Tensor input, const AxisView& view, std::uint64_t dim, std::uint64_t start, std::uint64_t step,
              std::uint64_t taken)
      : input_(std::move(input)),
        input_row_(dim * view.inner),
        start_(start * view.inner),
        stride_(step * view.inner),
        run_(step == 1 ? taken * view.inner : view.inner),
        runs_(step == 1 ? 1 : taken) {}

  std::uint64_t preferred_elements() const override { return input_.source()->preferred_elements(); }

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    Output output(bit_width(input_.dtype()), out, count);
    const auto bits = static_cast<std::uint64_t>(bit_width(input_.dtype()));
    const std::uint64_t window = std::max(input_.block(), block_elements(input_.dtype()));
    std::uint64_t done = 0;
    while (done < count) {
      const std::uint64_t within = (first + done) % run_;
      const std::uint64_t size = std::min(count - done, run_ - within);
      const std::uint64_t from = position(first + done);
      if (size * bits >= kLongRunBits || gap_after((first + done) / run_) * bits >= kLongRunBits) {
        output.read(input_, from, done, size);
        done += size;
      } else {
        done += read_together(output, first, done, count, from, window);
      }
    }
  }

 private:
  /// Where an element of the result is in the input.
  std::uint64_t position(std::uint64_t element) const {
    const std::uint64_t run = element / run_;
    return run / runs_ * input_row_ + start_ + run % runs_ * stride_ + element % run_;
  }

  /// Elements of the input between a run and the next.
  std::uint64_t gap_after(std::uint64_t run) const { return position((run + 1) * run_) - position(run * run_) - run_; }

  /// Reads a window of the input and picks the runs that lie in it. Returns the elements picked.
  std::uint64_t read_together(Output& output, std::uint64_t first, std::uint64_t at, std::uint64_t count,
                              std::uint64_t from, std::uint64_t window) const {
    const std::uint64_t last = position(first + count - 1);
    const std::uint64_t size = std::min(window, last - from + 1);
    Scratch scratch(bytes_of(bit_width(input_.dtype()), size));
    input_.read(from, size, scratch.data());
    std::uint64_t done = at;
    while (done < count) {
      const std::uint64_t start = position(first + done) - from;
      if (start >= size) break;
      const std::uint64_t length = std::min({count - done, run_ - (first + done) % run_, size - start});
      output.copy(scratch.data(), start, done, length);
      done += length;
    }
    return done - at;
  }

  Tensor input_;
  std::uint64_t input_row_;
  std::uint64_t start_;
  std::uint64_t stride_;  ///< from run to run within a row of the input
  std::uint64_t run_;     ///< elements that follow each other in the input
  std::uint64_t runs_;    ///< in a row
};

std::size_t checked_axis(const Tensor& input, std::int64_t axis) {
  if (axis < 0 || static_cast<std::size_t>(axis) >= input.dims().size()) {
    refuse_arguments(fmt::format("axis {} of {}", axis, describe(input.dtype(), input.dims())));
  }
  return static_cast<std::size_t>(axis);
}

/// The part of the file that a slice of whole leading rows is, if it is whole bytes.
std::optional<FileSlice> part_of_file(const Tensor& input, std::uint64_t first, std::uint64_t count) {
  const FileSlice* const whole = input.source()->file_slice();
  const auto bits = static_cast<std::uint64_t>(bit_width(input.dtype()));
  if (whole == nullptr || first * bits % 8 != 0 || count * bits % 8 != 0) return std::nullopt;
  return FileSlice{whole->file, whole->offset + first * bits / 8, count * bits / 8};
}

bool same_but_for(const Dims& a, const Dims& b, std::size_t axis) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (i != axis && a[i] != b[i]) return false;
  }
  return true;
}

void check_concat(std::span<const Tensor> inputs, std::size_t axis) {
  for (const Tensor& input : inputs) {
    if (input.dtype() != inputs.front().dtype() || !same_but_for(input.dims(), inputs.front().dims(), axis)) {
      refuse_arguments(fmt::format("concat of {} and {} on axis {}",
                                   describe(inputs.front().dtype(), inputs.front().dims()),
                                   describe(input.dtype(), input.dims()), axis));
    }
  }
}

Tensor concat_strings(std::span<const Tensor> inputs, std::size_t axis) {
  std::vector<std::string> strings;
  std::vector<Tensor> orders;
  for (const Tensor& input : inputs) {
    std::vector<std::int64_t> numbers;
    for (const std::string& text : input.strings()) {
      numbers.push_back(static_cast<std::int64_t>(strings.size()));
      strings.push_back(text);
    }
    orders.push_back(from_values<std::int64_t>(DataType::int64, input.dims(), numbers));
  }
  return pick_strings(strings, concat(orders, static_cast<std::int64_t>(axis)));
}

}  // namespace

Tensor pick_strings(const std::vector<std::string>& strings, const Tensor& order) {
  std::vector<std::string> picked;
  picked.reserve(order.element_count());
  const auto numbers = as_int64s(order, order.element_count());
  for (const std::int64_t index : *numbers) {
    picked.push_back(strings[static_cast<std::size_t>(index)]);
  }
  return {order.dims(), std::move(picked)};
}

void refuse_arguments(const std::string& what) {
  throw Error(ErrorCode::internal, "wrong arguments for a tensor expression: " + what);
}

Tensor concat(std::span<const Tensor> inputs, std::int64_t signed_axis) {
  if (inputs.empty()) refuse_arguments("concat of nothing");
  const std::size_t axis = checked_axis(inputs.front(), signed_axis);
  check_concat(inputs, axis);
  if (inputs.size() == 1) return inputs.front();
  if (inputs.front().dtype() == DataType::string) return concat_strings(inputs, axis);

  Dims dims = inputs.front().dims();
  std::vector<Tensor> parts;
  for (const Tensor& input : inputs.subspan(1)) {
    if (__builtin_add_overflow(dims[axis], input.dims()[axis], &dims[axis])) refuse_arguments("a dimension overflows");
  }
  if (const CastSource* const like = as_like_casts(inputs)) {
    for (const Tensor& input : inputs) parts.push_back(reshape(as_cast(input)->input(), input.dims()));
    return cast(concat(parts, signed_axis), like->to(), like->options());
  }
  std::copy_if(inputs.begin(), inputs.end(), std::back_inserter(parts),
               [](const Tensor& input) { return input.element_count() > 0; });
  if (parts.empty()) return {inputs.front().dtype(), dims, inputs.front().source()};
  if (parts.size() == 1) return {parts.front().dtype(), dims, parts.front().source()};
  const DataType dtype = parts.front().dtype();
  return {dtype, std::move(dims), std::make_shared<const ConcatSource>(std::move(parts), axis)};
}

Tensor slice(const Tensor& input, std::int64_t signed_axis, std::int64_t start, std::int64_t end, std::int64_t step) {
  const std::size_t axis = checked_axis(input, signed_axis);
  const std::int64_t dim = input.dims()[axis];
  if (start < 0 || start > end || end > dim || step < 1) {
    refuse_arguments(fmt::format("slice {}:{}:{} of a dimension of {}", start, end, step, dim));
  }
  if (start == 0 && end == dim && step == 1) return input;
  if (input.dtype() == DataType::string) {
    return rearrange_strings(input, [&](const Tensor& order) { return slice(order, signed_axis, start, end, step); });
  }
  if (const CastSource* const outer = as_cast(input)) {
    const Tensor below = reshape(outer->input(), input.dims());
    return cast(slice(below, signed_axis, start, end, step), outer->to(), outer->options());
  }
  const std::int64_t taken = (end - start) / step + ((end - start) % step != 0 ? 1 : 0);
  Dims dims = input.dims();
  dims[axis] = taken;
  const AxisView view(input.dims(), axis);
  if (view.outer == 1 && (step == 1 || taken == 1)) {
    const std::uint64_t first = static_cast<std::uint64_t>(start) * view.inner;
    const std::uint64_t count = static_cast<std::uint64_t>(taken) * view.inner;
    if (auto part = part_of_file(input, first, count))
      return from_file(input.dtype(), std::move(dims), std::move(*part));
  }
  auto source = std::make_shared<const SliceSource>(input, view, static_cast<std::uint64_t>(dim),
                                                    static_cast<std::uint64_t>(start), static_cast<std::uint64_t>(step),
                                                    static_cast<std::uint64_t>(taken));
  return {input.dtype(), std::move(dims), std::move(source)};
}

Tensor reshape(const Tensor& input, Dims dims) {
  if (dims == input.dims()) return input;
  if (count_elements(input.dtype(), dims) != input.element_count()) {
    refuse_arguments(fmt::format("reshape of {} to [{}]", describe(input.dtype(), input.dims()), fmt::join(dims, ",")));
  }
  if (input.dtype() == DataType::string) return {std::move(dims), input.strings()};
  return {input.dtype(), std::move(dims), input.source()};
}

Tensor bitcast(const Tensor& input, DataType to) {
  if (bit_width(input.dtype()) != bit_width(to) || bit_width(to) == 0) {
    refuse_arguments(fmt::format("bitcast of {} to {}", name_of(input.dtype()), name_of(to)));
  }
  return {to, input.dims(), input.source()};
}

}  // namespace olivine::tensor

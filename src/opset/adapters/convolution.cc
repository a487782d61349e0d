#include <algorithm>

#include "opset/adapters/families.h"
#include "opset/blocks.h"

/// Convolutions, and putting together what they are made of.
namespace olivine::opset {
namespace {

// ---- ConvInteger

/// What a sum of integers may reach in a float.
constexpr std::int64_t kExact = std::int64_t{1} << 24;
constexpr std::int64_t kByte = 255;
constexpr std::int64_t kHalf = 16;

/// `value` - `zero_point` as floats; `zero_point` may have one element for each output channel.
ir::Value* centred(Step& s, ir::Value* value, ir::Value* zero_point) {
  ir::Value* real = s.cast(value, DataType::float32);
  if (zero_point == nullptr) return real;
  ir::Value* zero = s.cast(zero_point, DataType::float32);
  if (s.rank(zero) == 1) {
    Ints dims(static_cast<std::size_t>(s.rank(value)), 1);
    dims.front() = -1;
    zero = s.reshape(zero, s.find_dim(zero, 0) == 1 ? Ints{} : dims);
  }
  return s.emit("Sub", {real, zero});
}

// Floats hold sums of products of bytes as long as there are not too many of them. Where there are more, x is
// 16 * high + low, and so is the result.
void conv_integer_10_down(Step& s) {
  const auto dims = s.find_dims(s.input(1));
  if (!dims) s.refuse("without integers it is exact for filters of a known size only");
  std::int64_t taps = 1;
  for (std::size_t i = 1; i < dims->size(); ++i) taps *= (*dims)[i];
  ir::Value* x = centred(s, s.input(0), s.input(2));
  ir::Value* w = centred(s, s.input(1), s.input(3));
  Attrs attributes = {{"auto_pad", s.string("auto_pad")}, {"group", s.integer("group")}};
  for (const char* name : {"dilations", "kernel_shape", "pads", "strides"}) {
    if (auto numbers = s.integers(name)) attributes.emplace_back(name, std::move(*numbers));
  }
  const auto convolve = [&](ir::Value* data) { return s.cast(s.emit("Conv", {data, w}, attributes), DataType::int32); };
  if (taps * kByte * kByte <= kExact) return s.replace({convolve(x)});
  if (taps * kByte * kHalf > kExact) s.refuse("there are no integers in this opset, and floats don't hold its sums");
  ir::Value* sixteen = s.number(kHalf, DataType::float32);
  ir::Value* high = s.emit("Floor", {s.emit("Div", {x, sixteen})});
  ir::Value* low = s.emit("Sub", {x, s.emit("Mul", {high, sixteen})});
  ir::Value* upper = s.emit("Mul", {convolve(high), s.number(kHalf, DataType::int32)});
  s.replace({s.emit("Add", {upper, convolve(low)})});
}

// ---- Col2Im

/// One spatial axis. Sizes are int64[1].
struct Axis {
  std::int64_t dilation = 1;
  std::int64_t stride = 1;
  std::int64_t begin = 0;
  std::int64_t end = 0;
  ir::Value* length = nullptr;  ///< of the image
  ir::Value* block = nullptr;
  ir::Value* blocks = nullptr;  ///< how many there are
};

using Axes = std::vector<Axis>;

Axes axes_of(Step& s) {
  auto rank = s.find_dim(s.input(2), 0);
  if (!rank) rank = s.find_dim(s.input(1), 0);
  if (!rank) s.refuse("the number of its spatial axes is not known");
  const auto count = static_cast<std::size_t>(*rank);
  const Ints dilations = s.integers("dilations").value_or(Ints(count, 1));
  const Ints strides = s.integers("strides").value_or(Ints(count, 1));
  const Ints pads = s.integers("pads").value_or(Ints(2 * count, 0));
  if (dilations.size() != count || strides.size() != count || pads.size() != 2 * count) {
    s.refuse("its attributes are of different lengths");
  }
  Axes axes;
  for (std::size_t i = 0; i < count; ++i) {
    Axis axis{dilations[i], strides[i], pads[i], pads[count + i], nullptr, nullptr, nullptr};
    axis.length = element(s, s.input(1), i);
    axis.block = element(s, s.input(2), i);
    // blocks = (length + begin + end - (dilation * (block - 1) + 1)) / stride + 1
    ir::Value* padded = s.emit("Add", {axis.length, s.ints({axis.begin + axis.end + axis.dilation - 1})});
    ir::Value* room = s.emit("Sub", {padded, s.emit("Mul", {axis.block, s.ints({axis.dilation})})});
    axis.blocks = s.emit("Add", {s.emit("Div", {room, s.ints({axis.stride})}), s.ints({1})});
    axes.push_back(axis);
  }
  return axes;
}

using Sizes = ir::Value* Axis::*;

Values each(const Axes& axes, Sizes sizes) {
  Values values;
  for (const Axis& axis : axes) values.push_back(axis.*sizes);
  return values;
}

std::optional<Ints> find_all(const Step& s, const Axes& axes, Sizes sizes) {
  Ints numbers;
  for (const Axis& axis : axes) {
    const auto number = s.find_ints(axis.*sizes);
    if (!number) return std::nullopt;
    numbers.push_back(number->front());
  }
  return numbers;
}

ir::Value* reshape_to(Step& s, ir::Value* x, Values sizes) {
  return s.emit("Reshape", {x, sizes.size() == 1 ? sizes.front() : s.concat(std::move(sizes), 0)});
}

/// [N, C * block, blocks] to [N * C, …] and back: channels are dealt with alike.
ir::Value* with_channels(Step& s, const Axes& axes, ir::Value* image) {
  Values sizes = {s.size(s.input(0), 0), s.ints({-1})};
  const Values lengths = each(axes, &Axis::length);
  sizes.insert(sizes.end(), lengths.begin(), lengths.end());
  return reshape_to(s, image, sizes);
}

/// A transposed convolution with a filter of one 1 for each element of a block.
ir::Value* convolve(Step& s, const Axes& axes, const Ints& lengths, const Ints& block, const Ints& blocks) {
  std::int64_t elements = 1;
  for (const std::int64_t size : block) elements *= size;
  Ints input = {-1, elements};
  Ints filter = {elements, 1};
  Ints strides;
  Ints dilations;
  Ints begins;
  Ints ends;
  Ints rest;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const Axis& axis = axes[i];
    input.push_back(blocks[i]);
    filter.push_back(block[i]);
    strides.push_back(axis.stride);
    dilations.push_back(axis.dilation);
    begins.push_back(axis.begin);
    ends.push_back(axis.end);
    const std::int64_t covered = (blocks[i] - 1) * axis.stride + axis.dilation * (block[i] - 1) + 1;
    rest.push_back(lengths[i] + axis.begin + axis.end - covered);
  }
  std::vector<double> ones(static_cast<std::size_t>(elements * elements));
  for (std::size_t i = 0; i < ones.size(); i += static_cast<std::size_t>(elements) + 1) ones[i] = 1;
  begins.insert(begins.end(), ends.begin(), ends.end());
  return s.emit("ConvTranspose", {s.reshape(s.input(0), input), s.reals(ones, filter, s.dtype(s.input(0)))},
                {{"strides", strides}, {"dilations", dilations}, {"pads", begins}, {"output_padding", rest}});
}

/// 1 where element k of block b lies at place l of the image: [block * blocks, length].
ir::Value* placement(Step& s, const Axis& axis, DataType dtype) {
  ir::Value* starts = s.emit("Mul", {s.range(axis.blocks), s.ints({axis.stride})});
  ir::Value* taps = s.emit("Mul", {s.range(axis.block), s.ints({axis.dilation})});
  ir::Value* place = s.emit("Add", {s.unsqueeze(taps, {1}), s.emit("Sub", {starts, s.ints({axis.begin})})});
  return s.cast(s.emit("Equal", {s.reshape(place, {-1, 1}), s.range(axis.length)}), dtype);
}

/// Axis by axis, by a matrix that is made when the model runs.
ir::Value* multiply(Step& s, const Axes& axes) {
  const auto rank = static_cast<std::int64_t>(axes.size());
  Values sizes = {s.ints({-1})};
  for (const Sizes part : {&Axis::block, &Axis::blocks}) {
    const Values more = each(axes, part);
    sizes.insert(sizes.end(), more.begin(), more.end());
  }
  ir::Value* x = reshape_to(s, s.input(0), sizes);
  Ints order = {0};
  for (std::int64_t i = 0; i < rank; ++i) order.insert(order.end(), {1 + i, 1 + rank + i});
  x = s.transpose(x, order);
  Values pairs = {s.ints({-1})};
  for (const Axis& axis : axes) pairs.push_back(s.emit("Mul", {axis.block, axis.blocks}));
  x = reshape_to(s, x, pairs);
  for (std::int64_t i = rank; i >= 1; --i) {
    ir::Value* matrix = placement(s, axes[static_cast<std::size_t>(i - 1)], s.dtype(x));
    Ints swap;
    for (std::int64_t j = 0; j <= rank; ++j) swap.push_back(j);
    std::swap(swap[static_cast<std::size_t>(i)], swap.back());
    const bool last = i == rank;
    ir::Value* product = s.emit("MatMul", {last ? x : s.transpose(x, swap), matrix});
    x = last ? product : s.transpose(product, swap);
  }
  return x;
}

bool has_convolution(DataType dtype, std::size_t rank) { return dtype == DataType::float32 && rank <= 3; }

void col2im_18_down(Step& s) {
  const Axes axes = axes_of(s);
  const DataType dtype = s.dtype(s.input(0));
  const auto lengths = find_all(s, axes, &Axis::length);
  const auto block = find_all(s, axes, &Axis::block);
  const auto blocks = find_all(s, axes, &Axis::blocks);
  const bool stored = lengths && block && blocks && has_convolution(dtype, axes.size());
  s.replace({with_channels(s, axes, stored ? convolve(s, axes, *lengths, *block, *blocks) : multiply(s, axes))});
}

constexpr std::string_view kDefaults = "the same, with the defaults of strides and dilations written down";
constexpr std::string_view kTransposed = "the same; where auto_pad puts an odd padding was only written down better";

constexpr Adapter kAdapters[] = {
    same_up("Conv", 11, kDefaults),
    same_down("Conv", 11, kDefaults),
    same_up("ConvTranspose", 11, kTransposed),
    same_down("ConvTranspose", 11, kTransposed),
    down("ConvInteger", 10, &conv_integer_10_down, "a convolution of floats that hold its integers"),
    down("Col2Im", 18, &col2im_18_down, "a transposed convolution, or matrices where the shapes are not known"),
};

}  // namespace

std::span<const Adapter> convolution_adapters() { return kAdapters; }

}  // namespace olivine::opset

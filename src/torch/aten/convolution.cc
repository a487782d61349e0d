#include <algorithm>
#include <array>

#include "torch/aten/families.h"
#include "torch/aten/spatial.h"

/// Convolutions of any rank, transposed ones too.
namespace olivine::torch {
namespace {

struct Convolution {
  std::size_t rank = 0;
  Ints stride;
  Ints before;  ///< padding
  Ints after;
  Ints dilation;
  Ints output_padding;  ///< of a transposed one
  std::int64_t groups = 1;
  bool is_transposed = false;
};

std::size_t rank_of(Call& c) { return static_cast<std::size_t>(c.rank(c.tensor("weight")) - kFirstSpatial); }

Ints kernel_of(Call& c, const ir::Value* weight, std::size_t rank) {
  Ints kernel;
  for (std::size_t i = 0; i < rank; ++i) {
    const auto size = c.find_dim(weight, kFirstSpatial + static_cast<std::int64_t>(i));
    if (!size) c.refuse("the size of its kernel is known only when the model runs");
    kernel.push_back(*size);
  }
  return kernel;
}

Convolution convolution_of(Call& c) {
  Convolution conv;
  conv.rank = rank_of(c);
  conv.stride = per_dimension(c, "stride", conv.rank, {1});
  conv.dilation = per_dimension(c, "dilation", conv.rank, {1});
  conv.output_padding = per_dimension(c, "output_padding", conv.rank, {0});
  conv.groups = c.integer("groups", 1);
  conv.is_transposed = c.flag("transposed", false);
  const Argument* padding = c.find("padding");
  const auto* word = padding != nullptr ? padding->as<std::string>() : nullptr;
  if (word == nullptr) {
    conv.before = conv.after = per_dimension(c, "padding", conv.rank, {0});
    return conv;
  }
  conv.before = conv.after = Ints(conv.rank, 0);
  if (*word == "same") {
    // As large as the input: what is odd is padded behind.
    const Ints kernel = kernel_of(c, c.tensor("weight"), conv.rank);
    for (std::size_t i = 0; i < conv.rank; ++i) {
      const std::int64_t whole = conv.dilation[i] * (kernel[i] - 1);
      conv.before[i] = whole / 2;
      conv.after[i] = whole - whole / 2;
    }
  }
  return conv;
}

Ints pads_of(const Convolution& conv) {
  Ints pads = conv.before;
  pads.insert(pads.end(), conv.after.begin(), conv.after.end());
  return pads;
}

ir::Value* convolve(Call& c, const Convolution& conv, Values inputs) {
  Attrs attributes = {
      {"strides", conv.stride}, {"pads", pads_of(conv)}, {"dilations", conv.dilation}, {"group", conv.groups}};
  if (conv.is_transposed) attributes.emplace_back("output_padding", conv.output_padding);
  return c.emit(conv.is_transposed ? "ConvTranspose" : "Conv", std::move(inputs), std::move(attributes));
}

/// ONNX Runtime adds less than a stride behind the end. What is padded less is added, too; false where that isn't
/// enough.
bool fit_output_padding(Convolution& conv) {
  for (std::size_t i = 0; i < conv.rank; ++i) {
    if (conv.output_padding[i] < conv.stride[i]) continue;
    const std::int64_t moved = std::min(conv.output_padding[i], conv.after[i]);
    conv.output_padding[i] -= moved;
    conv.after[i] -= moved;
    if (conv.output_padding[i] >= conv.stride[i]) return false;
  }
  return true;
}

// ---- By windows

/// A transposed convolution is one of the input with zeros between its elements, by the kernel turned round.
ir::Value* spread(Call& c, ir::Value* x, const Ints& stride) {
  for (std::size_t i = 0; i < stride.size(); ++i) {
    if (stride[i] == 1) continue;
    const auto axis = kFirstSpatial + static_cast<std::int64_t>(i);
    ir::Value* apart = c.unsqueeze(x, {axis + 1});
    Ints pads(2 * static_cast<std::size_t>(c.rank(apart)), 0);
    pads[static_cast<std::size_t>(c.rank(apart) + axis + 1)] = stride[i] - 1;
    ir::Value* padded = c.emit("Pad", {apart, c.ints(pads), c.number_like(0, x)});
    Values parts;
    for (std::int64_t d = 0; d < c.rank(x); ++d) {
      parts.push_back(d == axis ? c.emit("Mul", {c.size(x, d), c.ints({stride[i]})}) : c.size(x, d));
    }
    x = c.slice(c.reshape_to(padded, c.concat(parts, 0)), axis, 0, 1 - stride[i]);
  }
  return x;
}

/// The weight of the equal convolution that isn't transposed: [C, M/g, k…] as [M, C/g, k…], turned round.
ir::Value* turned(Call& c, ir::Value* weight, const Convolution& conv, const Ints& kernel) {
  const auto channels = c.find_dim(weight, 0);
  const auto per_group = c.find_dim(weight, 1);
  if (!channels || !per_group) c.refuse("the size of its kernel is known only when the model runs");
  Ints apart = {conv.groups, *channels / conv.groups, *per_group};
  apart.insert(apart.end(), kernel.begin(), kernel.end());
  Ints order = {0, 2, 1};
  Ints together = {conv.groups * *per_group, *channels / conv.groups};
  for (std::size_t i = 0; i < kernel.size(); ++i) {
    order.push_back(3 + static_cast<std::int64_t>(i));
    together.push_back(kernel[i]);
  }
  weight = c.reshape(c.transpose(c.reshape(weight, apart), order), together);
  for (std::size_t i = 0; i < kernel.size(); ++i) {
    if (kernel[i] == 1) continue;
    const auto axis = kFirstSpatial + static_cast<std::int64_t>(i);
    weight = c.slice(weight, axis, -1, -kernel[i] - 1, -1);
  }
  return weight;
}

/// Runtimes convolve no integers but multiply them as matrices: windows · kernels.
ir::Value* convolve_windows(Call& c, Convolution conv, Values inputs) {
  ir::Value* x = inputs[0];
  ir::Value* weight = inputs[1];
  const Ints kernel = kernel_of(c, weight, conv.rank);
  if (conv.is_transposed) {
    x = spread(c, x, conv.stride);
    weight = turned(c, weight, conv, kernel);
    for (std::size_t i = 0; i < conv.rank; ++i) {
      const std::int64_t reach = conv.dilation[i] * (kernel[i] - 1);
      conv.after[i] = reach - conv.before[i] + conv.output_padding[i];
      conv.before[i] = reach - conv.before[i];
      conv.stride[i] = 1;
    }
  }
  std::vector<WindowAxis> axes;
  Values tables;
  Values sizes = {c.size(x, 0), c.ints({*c.find_dim(weight, 0)})};
  std::int64_t volume = *c.find_dim(weight, 1);
  for (std::size_t i = 0; i < conv.rank; ++i) {
    axes.push_back({kernel[i], conv.stride[i], conv.before[i], conv.after[i], conv.dilation[i]});
    tables.push_back(window_positions(c, c.size(x, kFirstSpatial + static_cast<std::int64_t>(i)), axes.back()));
    sizes.push_back(c.size(tables.back(), 0));
    volume *= kernel[i];
  }
  x = take_windows(c, pad_spatial(c, x, axes, 0), tables);
  Ints order = {0, 1};
  for (const std::int64_t axis : kernel_axes(conv.rank)) order.push_back(axis);
  for (const std::int64_t axis : window_axes(conv.rank)) order.push_back(axis);
  ir::Value* columns = c.emit("Reshape", {c.transpose(x, order), c.ints({0, conv.groups, volume, -1})});
  ir::Value* rows = c.reshape(weight, {conv.groups, *c.find_dim(weight, 0) / conv.groups, volume});
  ir::Value* result = c.reshape_to(c.emit("MatMul", {rows, columns}), c.concat(sizes, 0));
  if (inputs.size() < 3) return result;
  Ints bias_dims = {-1};
  bias_dims.resize(1 + conv.rank, 1);
  return c.emit("Add", {result, c.reshape(inputs[2], bias_dims)});
}

// ---- Calls

ir::Value* lower(Call& c, const Convolution& conv) {
  ir::Value* given = c.tensor(c.has("input") ? "input" : "self");
  const DataType dtype = c.dtype(given);
  const bool is_real = is_float(dtype);
  const auto prepared = [&](ir::Value* value) { return is_real ? carried(c, value) : c.cast(value, DataType::int64); };
  Values inputs = {with_batch(c, prepared(given), conv.rank), prepared(c.tensor("weight"))};
  if (ir::Value* bias = c.find_tensor("bias")) inputs.push_back(prepared(bias));
  Convolution fitting = conv;
  const bool fits = is_real && (!conv.is_transposed || fit_output_padding(fitting));
  ir::Value* result = fits ? convolve(c, fitting, std::move(inputs)) : convolve_windows(c, conv, std::move(inputs));
  return c.cast(without_batch(c, result, given, conv.rank), dtype);
}

ir::Value* convolution(Call& c) { return lower(c, convolution_of(c)); }

ir::Value* transposed(Call& c) {
  Convolution conv = convolution_of(c);
  conv.is_transposed = true;
  return lower(c, conv);
}

/// Groups are as many as channels.
ir::Value* depthwise(Call& c) {
  Convolution conv = convolution_of(c);
  const auto channels = c.find_dim(c.tensor("self"), -static_cast<std::int64_t>(conv.rank) - 1);
  if (!channels) c.refuse("the number of its channels is known only when the model runs");
  conv.groups = *channels;
  return lower(c, conv);
}

/// conv_tbc: time, batch, channels; its weight is [kernel, in, out].
ir::Value* time_first(Call& c) {
  const std::int64_t pad = c.integer("pad", 0);
  Convolution conv{1, {1}, {pad}, {pad}, {1}, {0}};
  ir::Value* x = c.transpose(carried(c, c.tensor("self")), {1, 2, 0});
  ir::Value* weight = c.transpose(carried(c, c.tensor("weight")), {2, 1, 0});
  ir::Value* result = convolve(c, conv, {x, weight, carried(c, c.tensor("bias"))});
  return c.cast(c.transpose(result, {2, 0, 1}), c.dtype(c.tensor("self")));
}

constexpr std::array kOps = {
    op("aten.conv1d.default", convolution),          op("aten.conv2d.default", convolution),
    op("aten.conv3d.default", convolution),          op("aten.conv1d.padding", convolution),
    op("aten.conv2d.padding", convolution),          op("aten.conv3d.padding", convolution),
    op("aten.convolution.default", convolution),     op("aten._convolution.default", convolution),
    op("aten._convolution.deprecated", convolution), op("aten.mkldnn_convolution.default", convolution),
    op("aten.thnn_conv2d.default", convolution),     op("aten._slow_conv2d_forward.default", convolution),
    op("aten.slow_conv3d.default", convolution),     op("aten.cudnn_convolution.default", convolution),
    op("aten.conv_transpose1d.default", transposed), op("aten.conv_transpose2d.input", transposed),
    op("aten.conv_transpose3d.input", transposed),   op("aten.slow_conv_transpose2d.default", transposed),
    op("aten._conv_depthwise2d.default", depthwise), op("aten.conv_depthwise3d.default", depthwise),
    op("aten.conv_tbc.default", time_first),
};

}  // namespace

Ops convolution_ops() { return kOps; }

}  // namespace olivine::torch

#include <algorithm>
#include <array>

#include "torch/aten/families.h"
#include "torch/aten/pads.h"
#include "torch/aten/shapes.h"

/// Elements repeated, rolled, flipped, and moved between channels and places.
namespace olivine::torch {
namespace {

// ---- Repeating

/// A tensor several times along each axis; there may be more axes than it has.
ir::Value* repeated(Call& c, Values repeats) {
  ir::Value* self = c.tensor("self");
  const std::int64_t own = torch_rank(c);
  const std::int64_t rank = std::max(own, static_cast<std::int64_t>(repeats.size()));
  repeats.insert(repeats.begin(), static_cast<std::size_t>(rank) - repeats.size(), c.ints({1}));
  const std::int64_t ahead = rank - own;
  const auto is_one = [&](ir::Value* count) { return c.find_ints(count) == Ints{1}; };
  bool is_same = true;
  bool is_broadcast = true;
  for (std::int64_t axis = 0; axis < rank; ++axis) {
    const bool stays = is_one(repeats[static_cast<std::size_t>(axis)]);
    is_same = is_same && stays;
    const bool is_single = axis < ahead || c.meta("self").sizes[static_cast<std::size_t>(axis - ahead)] == ir::Dim(1);
    is_broadcast = is_broadcast && (stays || is_single);
  }
  self = with_rank(c, self, own, rank);
  if (is_same) return self;
  if (c.is_complex("self")) repeats.push_back(c.ints({1}));
  return c.emit(is_broadcast ? "Expand" : "Tile", {self, joined_sizes(c, repeats)});
}

ir::Value* repeat(Call& c) { return repeated(c, c.size_list("repeats")); }
ir::Value* tile(Call& c) { return repeated(c, c.size_list("dims")); }

/// Each slice as many times as the others.
ir::Value* repeat_slices(Call& c, ir::Value* value, std::int64_t rank, std::int64_t axis, ir::Value* count) {
  Values sizes(static_cast<std::size_t>(rank + 1), c.ints({1}));
  sizes[static_cast<std::size_t>(axis + 1)] = count;
  ir::Value* wide = c.unsqueeze(value, {axis + 1});
  if (c.rank(value) > rank) sizes.push_back(c.ints({1}));
  return merge_axes(c, c.emit("Expand", {wide, joined_sizes(c, sizes)}), axis, 2);
}

/// Which slice each slice of the result is of: 0 as often as the first count tells, then 1 …
ir::Value* repeated_places(Call& c, ir::Value* counts) {
  if (const auto known = c.find_ints(counts)) {
    Ints places;
    for (std::size_t i = 0; i < known->size(); ++i) {
      places.insert(places.end(), static_cast<std::size_t>(std::max<std::int64_t>((*known)[i], 0)),
                    static_cast<std::int64_t>(i));
    }
    return c.ints(places);
  }
  // A step up wherever the counts so far end.
  ir::Value* ends = c.emit("CumSum", {c.cast(counts, DataType::int64), c.integer_scalar(0)});
  ir::Value* total = c.reduce("ReduceSum", c.cast(counts, DataType::int64), {0}, true);
  ir::Value* none = c.filled(add_sizes(c, total, c.ints({1})), Number(std::int64_t{0}), DataType::int64);
  ir::Value* one = c.filled(c.sizes(ends), Number(std::int64_t{1}), DataType::int64);
  ir::Value* steps = c.emit("ScatterElements", {none, ends, one}, {{"axis", 0}, {"reduction", "add"}});
  return cut(c, c.emit("CumSum", {steps, c.integer_scalar(0)}), {0, nullptr, total});
}

ir::Value* repeat_interleave(Call& c) {
  ir::Value* self = c.tensor("self");
  std::int64_t rank = torch_rank(c);
  std::int64_t axis = 0;
  if (!c.has("dim") || rank == 0) {
    self = merge_axes(c, self, 0, rank);
    rank = 1;
  } else {
    axis = axis_argument(c, "dim", 0, rank);
  }
  if (!c.is_tensor("repeats")) return repeat_slices(c, self, rank, axis, c.size_argument("repeats"));
  ir::Value* counts = c.tensor("repeats");
  const ir::Shape& told = c.meta("repeats").sizes;
  if (told.empty() || told[0] == ir::Dim(1)) {
    return repeat_slices(c, self, rank, axis, c.reshape(c.cast(counts, DataType::int64), {1}));
  }
  return c.emit("Gather", {self, repeated_places(c, counts)}, {{"axis", axis}});
}

ir::Value* repeat_interleave_places(Call& c) {
  return c.cast(repeated_places(c, c.tensor("repeats")), c.result_dtype());
}

// ---- Rolling and flipping

ir::Value* rolled(Call& c, ir::Value* value, std::int64_t axis, ir::Value* shift) {
  ir::Value* size = c.size(value, axis);
  // No size is 0, for the remainder's sake.
  ir::Value* first = c.emit("Mod", {c.emit("Neg", {shift}), c.emit("Max", {size, c.ints({1})})});
  if (c.find_ints(first) == Ints{0}) return value;
  return c.concat({cut(c, value, {axis, first}), cut(c, value, {axis, nullptr, first})}, axis);
}

ir::Value* roll(Call& c) {
  ir::Value* self = c.tensor("self");
  const std::int64_t rank = torch_rank(c);
  if (rank == 0) return self;
  const Values shifts = c.size_list("shifts");
  const Ints axes = axes_argument(c, "dims", rank);
  if (axes.empty()) {
    ir::Value* sizes = c.sizes(self);
    return c.reshape_to(rolled(c, merge_axes(c, self, 0, rank), 0, shifts.front()), sizes);
  }
  for (std::size_t i = 0; i < axes.size(); ++i) self = rolled(c, self, axes[i], shifts[std::min(i, shifts.size() - 1)]);
  return self;
}

ir::Value* flipped(Call& c, ir::Value* value, const Ints& axes) {
  if (axes.empty()) return value;
  const Ints from(axes.size(), -1);
  const Ints to(axes.size(), std::numeric_limits<std::int64_t>::min());
  return c.emit("Slice", {value, c.ints(from), c.ints(to), c.ints(axes), c.ints(from)});
}

ir::Value* flip(Call& c) {
  if (torch_rank(c) == 0) return c.tensor("self");
  return flipped(c, c.tensor("self"), axes_argument(c, "dims", torch_rank(c)));
}

template <std::int64_t axis>
ir::Value* flip_axis(Call& c) {
  return flipped(c, c.tensor("self"), {axis});
}

ir::Value* rot90(Call& c) {
  ir::Value* self = c.tensor("self");
  const std::int64_t rank = torch_rank(c);
  const std::int64_t turns = ((c.integer("k", 1) % 4) + 4) % 4;
  Ints axes = c.integers("dims").value_or(Ints{0, 1});
  for (std::int64_t& axis : axes) axis = wrapped_axis(c, axis, rank);
  if (turns == 0) return self;
  if (turns == 2) return flipped(c, self, axes);
  Ints order(static_cast<std::size_t>(rank));
  for (std::int64_t i = 0; i < rank; ++i) order[static_cast<std::size_t>(i)] = i;
  std::swap(order[static_cast<std::size_t>(axes[0])], order[static_cast<std::size_t>(axes[1])]);
  return turns == 1 ? reordered(c, flipped(c, self, {axes[1]}), order)
                    : flipped(c, reordered(c, self, order), {axes[1]});
}

// ---- Channels and places

/// The last axes, `apart` of them, split, reordered and joined again. A size of 0 is that of the tensor.
ir::Value* regrouped(Call& c, ir::Value* value, const Values& apart, const Ints& order, const Values& joined) {
  return c.reshape_to(c.transpose(c.reshape_to(value, joined_sizes(c, apart)), order), joined_sizes(c, joined));
}

ir::Value* part_of(Call& c, ir::Value* size, std::int64_t divisor) { return c.emit("Div", {size, c.ints({divisor})}); }

/// Axes before the last three, as sizes.
Values batch_sizes(Call& c, ir::Value* value, std::int64_t after) {
  Values sizes;
  for (std::int64_t axis = 0; axis + after < c.rank(value); ++axis) sizes.push_back(c.size(value, axis));
  return sizes;
}

Ints after_batch(std::size_t batch, const Ints& order) {
  Ints whole;
  for (std::size_t i = 0; i < batch; ++i) whole.push_back(static_cast<std::int64_t>(i));
  for (const std::int64_t axis : order) whole.push_back(static_cast<std::int64_t>(batch) + axis);
  return whole;
}

Values operator+(Values a, const Values& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// [C·r·r, H, W] as [C, H·r, W·r]
ir::Value* pixel_shuffle(Call& c) {
  ir::Value* self = c.tensor("self");
  const std::int64_t factor = c.integer("upscale_factor");
  const DataType dtype = c.dtype(self);
  const bool has_kernel = dtype == DataType::float32 || dtype == DataType::float64 || dtype == DataType::float16;
  if (c.rank(self) == 4 && has_kernel) {
    return c.emit("DepthToSpace", {self}, {{"blocksize", factor}, {"mode", "CRD"}});
  }
  const Values batch = batch_sizes(c, self, 3);
  ir::Value* channels = part_of(c, c.size(self, -3), factor * factor);
  ir::Value* height = c.size(self, -2);
  ir::Value* width = c.size(self, -1);
  ir::Value* r = c.ints({factor});
  return regrouped(c, self, batch + Values{channels, r, r, height, width}, after_batch(batch.size(), {0, 3, 1, 4, 2}),
                   batch + Values{channels, multiply_sizes(c, height, r), multiply_sizes(c, width, r)});
}

/// [C, H·r, W·r] as [C·r·r, H, W]
ir::Value* pixel_unshuffle(Call& c) {
  ir::Value* self = c.tensor("self");
  const std::int64_t factor = c.integer("downscale_factor");
  const Values batch = batch_sizes(c, self, 3);
  ir::Value* channels = c.size(self, -3);
  ir::Value* height = part_of(c, c.size(self, -2), factor);
  ir::Value* width = part_of(c, c.size(self, -1), factor);
  ir::Value* r = c.ints({factor});
  return regrouped(c, self, batch + Values{channels, height, r, width, r}, after_batch(batch.size(), {0, 2, 4, 1, 3}),
                   batch + Values{multiply_sizes(c, channels, c.ints({factor * factor})), height, width});
}

/// Channels of `groups` rows read by columns.
ir::Value* channel_shuffle(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* groups = c.size_argument("groups");
  Values after;
  for (std::int64_t axis = 2; axis < c.rank(self); ++axis) after.push_back(c.size(self, axis));
  const Values batch = {c.size(self, 0)};
  ir::Value* columns = c.emit("Div", {c.size(self, 1), groups});
  Ints order = {0, 2, 1};
  for (std::size_t i = 0; i < after.size(); ++i) order.push_back(static_cast<std::int64_t>(3 + i));
  return regrouped(c, self, batch + Values{groups, columns} + after, order, batch + Values{c.size(self, 1)} + after);
}

// ---- Blocks

/// A kernel's parameters along height and width.
struct Blocks {
  std::array<std::int64_t, 2> kernel;
  std::array<std::int64_t, 2> dilation;
  std::array<std::int64_t, 2> padding;
  std::array<std::int64_t, 2> stride;
};

Blocks blocks_of(Call& c) {
  const auto both = [&](std::string_view name) {
    const Ints given = c.integers(name).value_or(Ints{});
    if (given.empty() || given.size() > 2) c.refuse("it is not about two axes");
    return std::array{given.front(), given.back()};
  };
  return {both("kernel_size"), both("dilation"), both("padding"), both("stride")};
}

/// [kernel, places]: where each of a kernel's elements reads along an axis of the padded size.
ir::Value* block_places(Call& c, const Blocks& blocks, std::size_t i, ir::Value* padded) {
  const std::int64_t reach = blocks.dilation[i] * (blocks.kernel[i] - 1) + 1;
  ir::Value* room = add_sizes(c, padded, c.ints({-reach}));
  ir::Value* count = add_sizes(c, c.emit("Div", {room, c.ints({blocks.stride[i]})}), c.ints({1}));
  ir::Value* starts = multiply_sizes(c, c.range(count), c.ints({blocks.stride[i]}));
  ir::Value* offsets = multiply_sizes(c, c.range(c.ints({blocks.kernel[i]})), c.ints({blocks.dilation[i]}));
  return c.emit("Add", {c.unsqueeze(offsets, {1}), starts});
}

ir::Value* padded_size(Call& c, ir::Value* size, std::int64_t padding) {
  return add_sizes(c, size, c.ints({2 * padding}));
}

/// [N, C, H, W] as [N, C·kernel, places]
ir::Value* im2col(Call& c) {
  ir::Value* self = c.tensor("self");
  const Blocks blocks = blocks_of(c);
  const bool has_batch = c.rank(self) == 4;
  if (!has_batch) self = c.unsqueeze(self, {0});
  ir::Value* rows = block_places(c, blocks, 0, padded_size(c, c.size(self, 2), blocks.padding[0]));
  ir::Value* columns = block_places(c, blocks, 1, padded_size(c, c.size(self, 3), blocks.padding[1]));
  if (blocks.padding[0] != 0 || blocks.padding[1] != 0) {
    ir::Value* none = c.ints({0});
    const Values pads = {none, none, c.ints({blocks.padding[0]}), c.ints({blocks.padding[1]})};
    self = pad_constant(c, self, pads, pads, nullptr);
  }
  ir::Value* found = c.emit("Gather", {self, rows}, {{"axis", 2}});  // N C kh h W
  found = c.emit("Gather", {found, columns}, {{"axis", 4}});         // N C kh h kw w
  found = c.transpose(found, {0, 1, 2, 4, 3, 5});
  ir::Value* depth = multiply_sizes(c, c.size(self, 1), c.ints({blocks.kernel[0] * blocks.kernel[1]}));
  ir::Value* places = multiply_sizes(c, c.size(rows, 1), c.size(columns, 1));
  ir::Value* result = c.reshape_to(found, joined_sizes(c, {c.size(self, 0), depth, places}));
  return has_batch ? result : c.squeeze(result, {0});
}

/// The reverse: what lies at the same place is added.
ir::Value* col2im(Call& c) {
  ir::Value* self = c.tensor("self");
  const Blocks blocks = blocks_of(c);
  const bool has_batch = c.rank(self) == 3;
  if (!has_batch) self = c.unsqueeze(self, {0});
  const Values sizes = c.size_list("output_size");
  ir::Value* height = padded_size(c, sizes.at(0), blocks.padding[0]);
  ir::Value* width = padded_size(c, sizes.at(1), blocks.padding[1]);
  ir::Value* rows = block_places(c, blocks, 0, height);
  ir::Value* columns = block_places(c, blocks, 1, width);
  // [kh, kw, h, w]: the place of each in the padded picture
  ir::Value* places = c.emit("Add", {c.emit("Mul", {c.unsqueeze(rows, {1, 3}), width}), c.unsqueeze(columns, {0, 2})});
  ir::Value* elements = c.ints({blocks.kernel[0] * blocks.kernel[1]});
  ir::Value* depth = c.emit("Div", {c.size(self, 1), elements});
  ir::Value* batch = c.size(self, 0);
  ir::Value* area = multiply_sizes(c, height, width);
  ir::Value* wanted = joined_sizes(c, {batch, depth, multiply_sizes(c, elements, c.size(self, 2))});
  ir::Value* index = c.expand_to(c.reshape(places, {1, 1, -1}), wanted);
  ir::Value* empty = c.filled(joined_sizes(c, {batch, depth, area}), Number(std::int64_t{0}), c.dtype(self));
  ir::Value* sums = with_reducible(c, empty, c.reshape_to(self, wanted), [&](ir::Value* base, ir::Value* fresh) {
    return c.emit("ScatterElements", {base, index, fresh}, {{"axis", 2}, {"reduction", "add"}});
  });
  ir::Value* picture = c.reshape_to(sums, joined_sizes(c, {batch, depth, height, width}));
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t padding = blocks.padding[i];
    if (padding != 0) picture = c.slice(picture, static_cast<std::int64_t>(2 + i), padding, -padding);
  }
  return has_batch ? picture : c.squeeze(picture, {0});
}

constexpr std::array kOps = {
    complex_too(op("aten.repeat.default", repeat)),
    complex_too(op("aten.tile.default", tile)),
    complex_too(op("aten.repeat_interleave.self_int", repeat_interleave)),
    complex_too(op("aten.repeat_interleave.self_Tensor", repeat_interleave)),
    op("aten.repeat_interleave.Tensor", repeat_interleave_places),
    complex_too(op("aten.roll.default", roll)),
    complex_too(op("aten.flip.default", flip)),
    complex_too(op("aten.fliplr.default", flip_axis<1>)),
    complex_too(op("aten.flipud.default", flip_axis<0>)),
    complex_too(op("aten.rot90.default", rot90)),
    op("aten.pixel_shuffle.default", pixel_shuffle),
    op("aten.pixel_unshuffle.default", pixel_unshuffle),
    op("aten.channel_shuffle.default", channel_shuffle),
    op("aten.native_channel_shuffle.default", channel_shuffle),
    op("aten.im2col.default", im2col),
    op("aten.col2im.default", col2im),
};

}  // namespace

Ops rearranging_ops() { return kOps; }

}  // namespace olivine::torch

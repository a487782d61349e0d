#include <algorithm>
#include <limits>

#include "opset/adapters/families.h"
#include "opset/blocks.h"

/// Parts of tensors, and tensors of parts.
namespace olivine::opset {
namespace {

// ---- Slice

void slice_up(Step& s) {
  s.attribute_to_input("starts", 1);
  s.attribute_to_input("ends", 2);
  s.attribute_to_input("axes", 3);
}

void slice_axes_from_start(Step& s) {
  ir::Value* axes = s.input(3);
  if (axes == nullptr) return;
  const auto known = s.find_ints(axes);
  if (known && std::ranges::all_of(*known, [](std::int64_t axis) { return axis >= 0; })) return;
  s.node().set_input(3, from_start(s, axes, rank_value(s, s.input(0))));
}

/// What a Slice takes along some axes: vectors, one element an axis.
struct Cut {
  Ints axes;
  ir::Value* starts;
  ir::Value* ends;
  ir::Value* steps;
  ir::Value* sizes;  ///< of the axes
};

/// Where even the axes are computed, every axis is cut: the others from one end to the other.
Cut cut_everywhere(Step& s, std::int64_t rank) {
  ir::Value* sizes = s.shape(s.input(0));
  ir::Value* axes = from_start(s, wide(s, s.input(3)), s.ints({rank}));
  const auto spread = [&](ir::Value* rest, ir::Value* given) {
    return s.emit("Scatter", {rest, axes, wide(s, given)}, {{"axis", 0}});
  };
  const Ints zeros(static_cast<std::size_t>(rank), 0);
  const Ints ones(static_cast<std::size_t>(rank), 1);
  Cut cut{{}, spread(s.ints(zeros), s.input(1)), spread(sizes, s.input(2)), s.ints(ones), sizes};
  if (s.input(4) != nullptr) cut.steps = spread(cut.steps, s.input(4));
  for (std::int64_t axis = 0; axis < rank; ++axis) cut.axes.push_back(axis);
  return cut;
}

Cut find_cut(Step& s) {
  const auto count = s.find_dim(s.input(1), 0);
  auto axes = s.input(3) != nullptr ? s.find_ints(s.input(3)) : std::nullopt;
  if ((s.input(3) != nullptr && !axes) || (!axes && !count)) return cut_everywhere(s, s.rank(s.input(0)));
  if (!axes) {
    axes.emplace();
    for (std::int64_t axis = 0; axis < *count; ++axis) axes->push_back(axis);
  }
  for (std::int64_t& axis : *axes) axis = axis < 0 ? s.positive_axis(axis, s.rank(s.input(0))) : axis;
  Values sizes;
  for (const std::int64_t axis : *axes) sizes.push_back(s.size(s.input(0), axis));
  ir::Value* steps = s.input(4) != nullptr ? wide(s, s.input(4)) : s.ints(Ints(axes->size(), 1));
  return {*axes, wide(s, s.input(1)), wide(s, s.input(2)), steps, joined(s, std::move(sizes))};
}

// Along one axis: Slice(x, start, end, step) -> Gather(x, start + step * [0, n)), n = ceil((end - start) / step), with
// start clamped to [0, size] and end too, or, for steps backwards, to [0, size - 1] and [-1, size - 1].
void slice_by_gather(Step& s) {
  const Cut cut = find_cut(s);
  ir::Value* zero = s.ints({0});
  ir::Value* backwards = wide(s, s.emit("Less", {cut.steps, zero}));
  ir::Value* last = s.emit("Sub", {cut.sizes, backwards});
  ir::Value* starts = larger(s, smaller(s, from_start(s, cut.starts, cut.sizes), last), zero);
  ir::Value* ends = from_start(s, cut.ends, cut.sizes);
  ends = larger(s, smaller(s, ends, last), s.emit("Sub", {zero, backwards}));
  // ceil(a / b) is (a + b - sign(b)) / b, rounded towards zero.
  ir::Value* sign = s.emit("Sub", {s.ints({1}), s.emit("Add", {backwards, backwards})});
  ir::Value* length = s.emit("Add", {s.emit("Sub", {ends, starts}), s.emit("Sub", {cut.steps, sign})});
  length = larger(s, smaller(s, s.emit("Div", {length, cut.steps}), cut.sizes), zero);
  ir::Value* result = s.input(0);
  for (std::size_t i = 0; i < cut.axes.size(); ++i) {
    const auto of = [&](ir::Value* vector) {
      const auto position = static_cast<std::int64_t>(i);
      return part(s, vector, position, position + 1);
    };
    ir::Value* indices = s.emit("Mul", {s.range(of(length)), of(cut.steps)});
    indices = s.emit("Add", {indices, of(starts)});
    result = s.emit("Gather", {result, indices}, {{"axis", cut.axes[i]}});
  }
  s.replace({result});
}

void slice_down(Step& s) {
  const auto known = [&](std::size_t index) { return s.input(index) == nullptr || s.find_ints(s.input(index)); };
  const auto steps = s.find_ints(s.input(4));
  const bool dense =
      s.input(4) == nullptr || (steps && std::ranges::all_of(*steps, [](std::int64_t step) { return step == 1; }));
  if (!dense || !known(1) || !known(2) || !known(3)) return slice_by_gather(s);
  if (s.input(4) != nullptr) s.node().set_input(4, nullptr);
  s.input_to_attribute(3, "axes");
  s.input_to_attribute(2, "ends");
  s.input_to_attribute(1, "starts");
}

// ---- Split

// Sizes that are computed when the model runs: one Slice an output
void split_by_slices(Step& s) {
  ir::Value* axis = s.ints({s.integer("axis")});
  ir::Value* start = s.ints({0});
  Values results;
  for (std::size_t i = 0; i < s.node().output_count(); ++i) {
    const auto position = static_cast<std::int64_t>(i);
    ir::Value* end = s.emit("Add", {start, part(s, s.input(1), position, position + 1)});
    results.push_back(s.used_output(i) != nullptr ? s.emit("Slice", {s.input(0), start, end, axis}) : nullptr);
    start = end;
  }
  s.replace(results);
}

void split_2_up(Step& s) {
  if (s.input(1) == nullptr || s.find_ints(s.input(1))) return s.input_to_attribute(1, "split");
  s.refuse("its parts' sizes are computed when the model runs; in opset 2 they are an attribute");
}

void split_13_up(Step& s) { s.attribute_to_input("split", 1); }

void split_13_down(Step& s) {
  if (s.input(1) == nullptr || s.find_ints(s.input(1))) return s.input_to_attribute(1, "split");
  split_by_slices(s);
}

void split_18_up(Step& s) {
  if (s.input(1) == nullptr) s.node().set("num_outputs", static_cast<std::int64_t>(s.node().output_count()));
}

/// As many as are equal, then what is left, which may be nothing.
Ints part_sizes(std::int64_t size, std::int64_t parts) {
  const std::int64_t each = (size + parts - 1) / parts;
  Ints sizes;
  for (std::int64_t i = 0; i < parts; ++i) sizes.push_back(std::clamp(size - i * each, std::int64_t{0}, each));
  return sizes;
}

// Before opset 18 equal parts are all equal: where the last one is smaller, the sizes are told.
void split_18_down(Step& s) {
  if (s.input(1) != nullptr) return;
  const std::int64_t parts = s.integer("num_outputs");
  const std::int64_t axis = s.integer("axis");
  s.node().remove("num_outputs");
  const auto size = s.find_dim(s.input(0), axis);
  if (size && *size % parts == 0) return;
  if (size) {
    s.node().set_input(1, s.ints(part_sizes(*size, parts)));
    return;
  }
  ir::Value* whole = s.size(s.input(0), axis);
  ir::Value* each = s.emit("Div", {s.emit("Add", {whole, s.ints({parts - 1})}), s.ints({parts})});
  Values sizes(static_cast<std::size_t>(parts), each);
  sizes.back() = s.emit("Sub", {whole, s.emit("Mul", {each, s.ints({parts - 1})})});
  s.node().set_input(1, joined(s, std::move(sizes)));
}

void concat_4_up(Step& s) {
  if (!s.has("axis")) s.node().set("axis", std::int64_t{1});
}

constexpr std::string_view kFromEnd = "axis may count from the end";
constexpr std::string_view kFromStart = "an axis that counts from the end counts from the start";

constexpr Adapter kAdapters[] = {
    up("Slice", 10, &slice_up, "starts, ends and axes become inputs"),
    down("Slice", 10, &slice_down, "starts, ends and axes become attributes, or indices of a Gather"),
    same_up("Slice", 11, "axes may count from the end"),
    down("Slice", 11, &slice_axes_from_start, "axes that count from the end count from the start"),
    up("Split", 2, &split_2_up, "sizes become an attribute"),
    same_up("Split", 11, kFromEnd),
    down("Split", 11, &axis_from_start, kFromStart),
    up("Split", 13, &split_13_up, "sizes become an input"),
    down("Split", 13, &split_13_down, "sizes become an attribute, or slices where they are computed"),
    up("Split", 18, &split_18_up, "where no sizes are given, num_outputs tells the number of parts"),
    down("Split", 18, &split_18_down, "num_outputs becomes sizes unless all parts are equal"),
    up("Concat", 4, &concat_4_up, "an axis that is left out, the second one, is written out"),
    same_up("Concat", 11, kFromEnd),
    down("Concat", 11, &axis_from_start, kFromStart),
};

}  // namespace

std::span<const Adapter> slicing_adapters() { return kAdapters; }

}  // namespace olivine::opset

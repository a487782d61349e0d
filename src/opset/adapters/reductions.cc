#include <array>
#include <limits>

#include "opset/adapters/families.h"
#include "opset/blocks.h"

/// Reductions over axes: Reduce…, ArgMax and ArgMin.
namespace olivine::opset {
namespace {

// ---- Reduce…

void axes_to_input(Step& s) { s.attribute_to_input("axes", 1); }
void axes_from_start(Step& s) { count_from_start(s, "axes", s.input(0)); }

/// What a reduction over no axes makes of every element.
ir::Value* over_no_axes(Step& s) {
  ir::Value* x = s.input(0);
  const std::string& op = s.node().op_type;
  if (op == "ReduceL1" || op == "ReduceL2") return s.emit("Abs", {x});
  if (op == "ReduceSumSquare") return s.emit("Mul", {x, x});
  if (op == "ReduceLogSum") return s.emit("Log", {x});
  return x;
}

// Axes that are computed when the model runs: every dimension becomes two, (d, 1) where it is kept and (1, d) where it
// is reduced, and the second of each two is reduced.
void reduce_computed_axes(Step& s) {
  ir::Value* x = s.input(0);
  ir::Value* axes = s.input(1);
  const std::int64_t rank = s.rank(x);
  ir::Value* dims = s.shape(x);
  ir::Value* reduced = among_axes(s, axes, s.ints({rank}));
  if (!s.find_dim(axes, 0) && s.integer("noop_with_empty_axes") == 0) {
    reduced = s.emit("Or", {reduced, s.emit("Equal", {s.shape(axes), s.ints({0})})});
  }
  const auto column = [&](ir::Value* vector) { return s.reshape(vector, {-1, 1}); };
  ir::Value* one = s.ints({1});
  ir::Value* kept = column(s.emit("Where", {reduced, one, dims}));
  ir::Value* gone = column(s.emit("Where", {reduced, dims, one}));
  ir::Value* pairs = reshape_to(s, x, s.reshape(s.concat({kept, gone}, 1), {-1}));
  Ints seconds;
  for (std::int64_t axis = 0; axis < rank; ++axis) seconds.push_back(2 * axis + 1);
  ir::Value* result = s.reduce(s.node().op_type, pairs, seconds, false);
  if (s.integer("keepdims") == 0) {
    ir::Value* left = s.emit("Compress", {dims, s.emit("Not", {reduced})}, {{"axis", 0}});
    result = reshape_to(s, result, left);
  }
  s.replace({result});
}

void reduce_down(Step& s) {
  ir::Value* axes = s.input(1);
  if (axes != nullptr && s.find_dim(axes, 0) != 0 && !s.find_ints(axes)) return reduce_computed_axes(s);
  if (axes == nullptr || s.find_dim(axes, 0) == 0) {
    if (s.integer("noop_with_empty_axes") != 0) return s.replace({over_no_axes(s)});
    s.node().resize_inputs(1);
  } else {
    s.input_to_attribute(1, "axes");
  }
  s.node().remove("noop_with_empty_axes");
}

// Opset 28 takes no integers: they are reduced as floats of 64 bits.
void reduce_integers_up(Step& s) {
  const DataType dtype = s.dtype(s.input(0));
  if (!is_integer(dtype)) return;
  Attrs attributes = {{"keepdims", s.integer("keepdims")}, {"noop_with_empty_axes", s.integer("noop_with_empty_axes")}};
  ir::Value* wide = s.cast(s.input(0), DataType::float64);
  s.replace({s.cast(s.emit(s.node().op_type, {wide, s.input(1)}, std::move(attributes)), dtype)});
}

// ---- ArgMax, ArgMin

// The last index of a maximum: size - 1 - ArgMax(x backwards)
void select_last_down(Step& s) {
  if (s.integer("select_last_index") == 0) return s.node().remove("select_last_index");
  const std::int64_t axis = s.integer("axis");
  ir::Value* backwards = s.slice(s.input(0), axis, -1, std::numeric_limits<std::int64_t>::min(), -1);
  ir::Value* last = s.emit("Sub", {s.size(s.input(0), axis), s.ints({1})});
  if (s.integer("keepdims") == 0) last = s.squeeze(last, {0});
  ir::Value* index = s.emit(s.node().op_type, {backwards}, {{"axis", axis}, {"keepdims", s.integer("keepdims")}});
  s.replace_by("Sub", {last, index});
}

constexpr std::string_view kAxesUp = "axes become an input";
constexpr std::string_view kAxesDown =
    "axes become an attribute; where they are computed, dimensions are split into kept and reduced ones";
constexpr std::string_view kFromEnd = "axes may count from the end";
constexpr std::string_view kFromStart = "axes that count from the end count from the start";
constexpr std::string_view kNoIntegers = "integers are reduced as float64";

constexpr std::array<Adapter, 4> rows_of(std::string_view op_type, int axes_version) {
  return {same_up(op_type, 11, kFromEnd), down(op_type, 11, &axes_from_start, kFromStart),
          up(op_type, axes_version, &axes_to_input, kAxesUp), down(op_type, axes_version, &reduce_down, kAxesDown)};
}

constexpr std::array kReductions = {
    rows_of("ReduceL1", 18),        rows_of("ReduceL2", 18),        rows_of("ReduceLogSum", 18),
    rows_of("ReduceMax", 18),       rows_of("ReduceLogSumExp", 18), rows_of("ReduceMean", 18),
    rows_of("ReduceMin", 18),       rows_of("ReduceProd", 18),      rows_of("ReduceSum", 13),
    rows_of("ReduceSumSquare", 18),
};

constexpr std::array kOthers = {
    up("ReduceLogSum", 28, &reduce_integers_up, kNoIntegers),
    up("ReduceLogSumExp", 28, &reduce_integers_up, kNoIntegers),
    same_up("ArgMax", 11, kFromEnd),
    down("ArgMax", 11, &axis_from_start, kFromStart),
    down("ArgMax", 12, &select_last_down, "the last index is the first one from behind"),
    same_up("ArgMin", 11, kFromEnd),
    down("ArgMin", 11, &axis_from_start, kFromStart),
    down("ArgMin", 12, &select_last_down, "the last index is the first one from behind"),
};

constexpr auto kAdapters = [] {
  std::array<Adapter, kReductions.size() * 4 + kOthers.size()> rows{};
  std::size_t next = 0;
  for (const auto& of_operator : kReductions) {
    for (const Adapter& row : of_operator) rows[next++] = row;
  }
  for (const Adapter& row : kOthers) rows[next++] = row;
  return rows;
}();

}  // namespace

std::span<const Adapter> reduction_adapters() { return kAdapters; }

}  // namespace olivine::opset

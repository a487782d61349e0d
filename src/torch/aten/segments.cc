#include <array>
#include <limits>

#include "torch/aten/families.h"
#include "torch/aten/reduce.h"

/// Reductions of the stretches that lie one after another along an axis.
namespace olivine::torch {
namespace {

struct Kind {
  std::string_view name;
  const char* op_type;
  double neutral;  ///< of nothing, too
};

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::array kKinds = {
    Kind{"sum", "ReduceSum", 0},         Kind{"mean", "ReduceSum", 0},  Kind{"max", "ReduceMax", -kInfinity},
    Kind{"min", "ReduceMin", kInfinity}, Kind{"prod", "ReduceProd", 1},
};

const Kind& kind_of(Call& c) {
  const std::string wanted = c.string("reduce", "");
  for (const Kind& kind : kKinds) {
    if (kind.name == wanted) return kind;
  }
  c.refuse("it reduces by '" + wanted + "'");
}

/// Where each stretch begins and ends: [batch…, segments].
struct Stretches {
  ir::Value* begins;
  ir::Value* ends;
};

Stretches stretches(Call& c, std::int64_t axis) {
  if (ir::Value* offsets = c.find_tensor("offsets")) {
    offsets = c.cast(offsets, DataType::int64);
    return {c.slice(offsets, axis, 0, -1), c.slice(offsets, axis, 1, std::numeric_limits<std::int64_t>::max())};
  }
  if (!c.has("lengths")) c.refuse("its segments are given by indices, which PyTorch doesn't compute either");
  ir::Value* lengths = c.cast(c.tensor("lengths"), DataType::int64);
  ir::Value* ends = c.emit("CumSum", {lengths, c.integer_scalar(axis)});
  return {c.emit("Sub", {ends, lengths}), ends};
}

/// What all stretches start from takes part in the reduction.
ir::Value* with_initial(Call& c, const Kind& kind, ir::Value* value) {
  if (!c.has("initial")) return value;
  ir::Value* initial = c.number_like(c.real("initial", 0), value);
  if (kind.name == "max") return c.emit("Max", {value, initial});
  if (kind.name == "min") return c.emit("Min", {value, initial});
  return c.emit(kind.name == "prod" ? "Mul" : "Add", {value, initial});
}

ir::Value* segment_reduce(Call& c) {
  ir::Value* data = c.tensor("data");
  const Kind& kind = kind_of(c);
  const std::int64_t rank = c.rank(data);
  const std::int64_t axis = c.positive_axis(c.integer("axis", 0), rank);
  const Stretches all = stretches(c, axis);
  ir::Value* numbers = c.range(c.size(data, axis));
  ir::Value* reached = c.emit("GreaterOrEqual", {numbers, c.unsqueeze(all.begins, {axis + 1})});
  ir::Value* left = c.emit("Less", {numbers, c.unsqueeze(all.ends, {axis + 1})});
  ir::Value* is_in = c.emit("And", {reached, left});  // [batch…, segments, axis]
  Ints behind;
  for (std::int64_t i = axis + 1; i < rank; ++i) behind.push_back(i + 1);
  if (!behind.empty()) is_in = c.unsqueeze(is_in, behind);
  const DataType dtype = c.dtype(data);
  const DataType wide = accumulation_type(dtype);
  ir::Value* wide_data = c.unsqueeze(c.cast(data, wide), {axis});
  ir::Value* chosen = c.where(is_in, wide_data, c.number(kind.neutral, wide));
  ir::Value* result = with_initial(c, kind, c.reduce(kind.op_type, chosen, {axis + 1}, false));
  if (kind.name == "mean") {
    ir::Value* count = c.cast(c.emit("Sub", {all.ends, all.begins}), wide);
    // Of nothing it is what it starts from, else NaN.
    if (c.has("initial")) count = c.emit("Max", {count, c.number(1, wide)});
    Ints trailing;
    for (std::int64_t i = axis + 1; i < rank; ++i) trailing.push_back(i);
    if (!trailing.empty()) count = c.unsqueeze(count, trailing);
    result = c.emit("Div", {result, count});
  }
  return c.cast(result, dtype);
}

ir::Value* hash(Call& c) { c.refuse("ONNX reads no bits of floats, and reduces none by exclusive or"); }

constexpr std::array kOps = {
    op("aten.segment_reduce.default", segment_reduce),
    op("aten.hash_tensor.default", hash),
};

}  // namespace

Ops segment_ops() { return kOps; }

}  // namespace olivine::torch

#include <algorithm>
#include <limits>

#include "opset/adapters/families.h"
#include "opset/blocks.h"

/// Along an axis: TopK, CumSum, CumProd, ReverseSequence, and what is Unique.
namespace olivine::opset {
namespace {

// ---- TopK

void k_to_input(Step& s) {
  s.node().set_input(1, s.ints({s.integer("k")}));
  s.node().remove("k");
}

// A K that is computed when the model runs: all are sorted, and the first K are taken.
void k_down(Step& s) {
  if (const auto k = s.find_ints(s.input(1))) {
    s.node().resize_inputs(1);
    return s.node().set("k", k->front());
  }
  ir::Value* x = s.input(0);
  const std::int64_t axis = s.positive_axis(s.integer("axis"), s.rank(x));
  const auto size = s.find_dim(x, axis);
  if (!size)
    s.refuse("its K is computed when the model runs, and the size of the axis, to sort all of it, is not known");
  ir::Value* first = s.range(s.reshape(s.input(1), {1}));
  Values sorted = s.emit_many("TopK", {x}, 2, {{"axis", axis}, {"k", *size}});
  for (ir::Value*& value : sorted) value = s.emit("Gather", {value, first}, {{"axis", axis}});
  s.replace(sorted);
}

// Integers of 64 bits, of which TopK of opset 10 takes none and which no float holds: all pairs along the axis are
// compared. An element's place is the number of those before it, and of the one at place p and its index, the others
// multiplied by zero, the sum is that one.
void order_by_comparison(Step& s, std::int64_t axis) {
  const std::int64_t rank = s.rank(s.input(0));
  ir::Value* all = s.range(s.size(s.input(0), axis));
  ir::Value* i = s.unsqueeze(s.input(0), {axis + 1});
  ir::Value* j = s.unsqueeze(s.input(0), {axis});
  const auto as_i = [&](ir::Value* vector) { return along(s, vector, axis, rank + 1); };
  const auto as_j = [&](ir::Value* vector) { return along(s, vector, axis + 1, rank + 1); };
  ir::Value* before = s.integer("largest") != 0 ? s.emit("Less", {i, j}) : s.emit("Less", {j, i});
  ir::Value* earlier = s.emit("Less", {as_j(all), as_i(all)});
  before = s.emit("Or", {before, s.emit("And", {s.emit("Equal", {i, j}), earlier})});
  ir::Value* places = s.reduce("ReduceSum", s.cast(before, DataType::int64), {axis + 1}, false);
  ir::Value* wanted = as_i(s.range(s.reshape(s.input(1), {1})));
  ir::Value* hit = s.cast(s.emit("Equal", {s.unsqueeze(places, {axis}), wanted}), DataType::int64);
  const auto chosen = [&](ir::Value* of) { return s.reduce("ReduceSum", s.emit("Mul", {hit, of}), {axis + 1}, false); };
  s.replace({s.used_output(0) != nullptr ? chosen(j) : nullptr, chosen(as_j(all))});
}

// The smallest: TopK(-x), and the values with their signs turned back. What is unsorted may as well be sorted.
// Integers of up to 32 bits pass as floats of 64 bits.
void order_down(Step& s) {
  ir::Value* x = s.input(0);
  const DataType dtype = s.dtype(x);
  const std::int64_t axis = s.integer("axis");
  if (dtype == DataType::int64) return order_by_comparison(s, s.positive_axis(axis, s.rank(x)));
  if (axis < -1) s.node().set("axis", s.positive_axis(axis, s.rank(x)));
  s.node().remove("sorted");
  if (s.integer("largest") != 0) return s.node().remove("largest");
  if (!tensor::is_exact_cast(dtype, DataType::float64)) {
    s.refuse("TopK of opset 10 takes floats only, and they don't hold every integer of 64 bits");
  }
  const DataType carrier = is_float(dtype) ? dtype : DataType::float64;
  ir::Value* turned = s.emit("Neg", {s.cast(x, carrier)});
  Values found = s.emit_many("TopK", {turned, s.input(1)}, 2, {{"axis", s.integer("axis")}});
  if (s.used_output(0) != nullptr) found[0] = s.cast(s.emit("Neg", {found[0]}), dtype);
  s.replace(found);
}

// ---- CumSum, CumProd

/// Along `axis` of `rank`, by a Scan whose state is what has come together so far.
ir::Value* accumulated(Step& s, ir::Value* x, std::int64_t axis, std::int64_t rank, std::string_view op_type,
                       double neutral) {
  ir::Value* dims = s.shape(x);
  Ints others;
  for (std::int64_t i = 0; i < rank; ++i) {
    if (i != axis) others.push_back(i);
  }
  dims = others.empty() ? s.ints({}) : s.emit("Gather", {dims, s.ints(others)}, {{"axis", 0}});
  const bool exclusive = s.integer("exclusive") != 0;
  const ScanPlan plan{
      of_rank(filled(s, dims, neutral, s.dtype(x)), rank - 1), {of_rank(x, rank)}, axis, s.integer("reverse") != 0, 1};
  return emit_scan(s, plan, [&](Body& body, ir::Value* state, const Values& slices) -> Values {
    ir::Value* next = body.emit(std::string(op_type), {state, slices[0]});
    return {next, body.emit("Identity", {exclusive ? state : next})};
  })[1];
}

// An axis that is computed when the model runs is the second of three: all before it, itself, all after it.
void accumulate(Step& s, std::string_view op_type, double neutral) {
  ir::Value* x = s.input(0);
  const auto known = s.find_ints(s.input(1));
  if (known && s.find_rank(x)) {
    const std::int64_t axis = s.positive_axis(known->front(), s.rank(x));
    return s.replace({accumulated(s, x, axis, s.rank(x), op_type, neutral)});
  }
  ir::Value* rank = rank_value(s, x);
  ir::Value* axis = from_start(s, s.cast(s.reshape(s.input(1), {1}), DataType::int64), rank);
  ir::Value* dims = s.shape(x);
  ir::Value* all = s.range(rank);
  const auto count = [&](ir::Value* wanted) { return product(s, s.emit("Where", {wanted, dims, s.ints({1})})); };
  ir::Value* before = count(s.emit("Less", {all, axis}));
  ir::Value* after = count(s.emit("Less", {axis, all}));
  ir::Value* size = s.emit("Gather", {dims, axis}, {{"axis", 0}});
  ir::Value* folded = reshape_to(s, x, joined(s, {before, size, after}));
  s.replace({reshape_to(s, accumulated(s, folded, 1, 3, op_type, neutral), dims)});
}

void cumsum_down(Step& s) { accumulate(s, "Add", 0); }
void cumprod_down(Step& s) { accumulate(s, "Mul", 1); }

// ---- ReverseSequence

// With the first two dimensions as one: the row of time t of sequence b comes from len(b) - 1 - t where t < len(b).
void reverse_sequence_down(Step& s) {
  ir::Value* x = s.input(0);
  const bool time_first = s.integer("time_axis") == 0;
  const std::int64_t time_axis = time_first ? 0 : 1;
  const std::int64_t rank = s.rank(x);
  ir::Value* batch = s.size(x, 1 - time_axis);
  ir::Value* time = s.size(x, time_axis);
  const auto upright = [&](ir::Value* vector, bool first) { return first ? s.reshape(vector, {-1, 1}) : vector; };
  ir::Value* t = upright(s.range(time), time_first);
  ir::Value* b = upright(s.range(batch), !time_first);
  ir::Value* lengths = upright(s.input(1), !time_first);
  ir::Value* reversed = s.emit("Sub", {s.emit("Sub", {lengths, s.ints({1})}), t});
  ir::Value* source = s.emit("Where", {s.emit("Less", {t, lengths}), reversed, t});
  ir::Value* row = time_first ? s.emit("Add", {s.emit("Mul", {source, batch}), b})
                              : s.emit("Add", {s.emit("Mul", {b, time}), source});
  Values dims = {s.ints({-1})};
  if (rank > 2) dims.push_back(part(s, s.shape(x), 2, rank));
  s.replace_by("Gather", {s.emit("Reshape", {x, joined(s, std::move(dims))}), row}, {{"axis", 0}});
}

// ---- Unique

/// Of rows [n, m], by the first element in which they differ: int64[n, n], 1 where row j comes before row i, -1 where
/// it comes after, 0 where both are alike.
ir::Value* compared(Step& s, ir::Value* rows) {
  ir::Value* i = s.unsqueeze(rows, {1});
  ir::Value* j = s.unsqueeze(rows, {0});
  ir::Value* before = s.cast(s.emit("Less", {j, i}), DataType::int64);
  ir::Value* after = s.cast(s.emit("Less", {i, j}), DataType::int64);
  ir::Value* order = s.emit("Sub", {before, after});
  ir::Value* differing = s.cast(s.emit("Add", {before, after}), DataType::int32);
  ir::Value* first = s.emit("ArgMax", {differing}, {{"axis", 2}, {"keepdims", 1}});
  ir::Value* is_first = s.emit("Equal", {s.range(s.size(rows, 1)), first});
  return s.reduce("ReduceSum", s.emit("Mul", {order, s.cast(is_first, DataType::int64)}), {2}, false);
}

/// The rows that are told apart, int[n, m]; and what they are rows of.
struct Rows {
  ir::Value* matrix;
  ir::Value* whole;
  std::int64_t axis;
};

Rows find_rows(Step& s) {
  ir::Value* x = s.input(0);
  if (!s.has("axis")) {
    ir::Value* flat = s.reshape(x, {-1});
    return {s.reshape(flat, {-1, 1}), flat, 0};
  }
  const std::int64_t rank = s.rank(x);
  const std::int64_t axis = s.positive_axis(s.integer("axis"), rank);
  Ints order = {axis};
  for (std::int64_t i = 0; i < rank; ++i) {
    if (i != axis) order.push_back(i);
  }
  return {s.emit("Flatten", {s.transpose(x, order)}, {{"axis", 1}}), x, axis};
}

// All pairs of rows are compared. A row is unique if none like it comes earlier; its place among the unique ones is the
// number of unique ones before it.
void unique_down(Step& s) {
  if (s.dtype(s.input(0)) == DataType::string) s.refuse("nothing puts strings in order before opset 11");
  const Rows rows = find_rows(s);
  ir::Value* order = compared(s, rows.matrix);
  ir::Value* alike = s.cast(s.emit("Equal", {order, s.ints({0})}), DataType::int32);
  ir::Value* first = s.emit("ArgMax", {alike}, {{"axis", 1}, {"keepdims", 0}});
  ir::Value* all = s.range(s.size(rows.matrix, 0));
  ir::Value* unique = s.emit("Equal", {first, all});
  ir::Value* before = s.integer("sorted") != 0 ? s.emit("Equal", {order, s.ints({1})})
                                               : s.emit("Less", {all, s.reshape(first, {-1, 1})});
  ir::Value* counted = s.cast(s.emit("And", {before, unique}), DataType::int64);
  ir::Value* place = s.reduce("ReduceSum", counted, {1}, false);
  ir::Value* found = s.reshape(s.emit("NonZero", {unique}), {-1});
  ir::Value* found_at = s.emit("Gather", {place, found}, {{"axis", 0}});
  ir::Value* indices = s.emit("Scatter", {found, found_at, found}, {{"axis", 0}});
  Values results = {s.emit("Gather", {rows.whole, indices}, {{"axis", rows.axis}}), indices, place, nullptr};
  if (s.used_output(3) != nullptr) {
    ir::Value* counts = s.reduce("ReduceSum", s.cast(alike, DataType::int64), {1}, false);
    results[3] = s.emit("Gather", {counts, indices}, {{"axis", 0}});
  }
  s.replace(results);
}

constexpr Adapter kAdapters[] = {
    up("TopK", 10, &k_to_input, "k becomes an input"),
    down("TopK", 10, &k_down, "K becomes an attribute; where it is computed, all are sorted"),
    down("TopK", 11, &order_down, "the smallest are the largest with their signs turned"),
    down("CumSum", 11, &cumsum_down, "a Scan"),
    down("CumProd", 26, &cumprod_down, "a Scan"),
    down("ReverseSequence", 10, &reverse_sequence_down, "a Gather of the rows"),
    down("Unique", 11, &unique_down, "all pairs are compared"),
};

}  // namespace

std::span<const Adapter> ordering_adapters() { return kAdapters; }

}  // namespace olivine::opset

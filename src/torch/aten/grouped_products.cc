#include <array>

#include "torch/aten/families.h"

/// Products of rows with the matrices of their groups: experts of a mixture.
namespace olivine::torch {
namespace {

struct Grouped {
  ir::Value* x;         ///< [rows, in], those of a group behind each other
  ir::Value* matrices;  ///< [groups, in, out]
  ir::Value* starts;    ///< int64[groups]
  ir::Value* ends;
  DataType real;  ///< that products are made in
};

/// Inside of the loop: the rows before this group with those of this group behind them.
ir::Value* with_group(Call& c, const Grouped& grouped, ir::Value* before, ir::Value* number, ir::Value* start,
                      ir::Value* end) {
  ir::Value* rows = c.emit("Slice", {grouped.x, start, end, c.ints({0})});
  ir::Value* matrix = c.emit("Gather", {grouped.matrices, number}, {{"axis", 0}});
  return c.concat({before, c.emit("MatMul", {c.cast(rows, grouped.real), c.cast(matrix, grouped.real)})}, 0);
}

/// A loop over the groups; those without rows cost nothing. Rows behind the last group are zeros.
ir::Value* grouped_product(Call& c, const Grouped& grouped) {
  const auto width = (*grouped.matrices->type.tensor()->shape)[2];
  const ir::Shape rows = {ir::Dim(), width};
  ir::Value* none = c.filled(c.concat({c.ints({0}), c.size(grouped.matrices, 2)}, 0), Number(0.0), grouped.real);
  c.begin_graph();
  ir::Value* number = c.graph_input(DataType::int64, ir::Shape{});
  ir::Value* goes_on = c.graph_input(DataType::boolean, ir::Shape{});
  ir::Value* before = c.graph_input(grouped.real, rows);
  ir::Value* place = c.reshape(number, {1});
  ir::Value* start = c.emit("Gather", {grouped.starts, place}, {{"axis", 0}});
  ir::Value* end = c.emit("Gather", {grouped.ends, place}, {{"axis", 0}});
  std::array<std::unique_ptr<ir::Graph>, 2> branches;
  c.begin_graph();
  branches[0] = c.end_graph({with_group(c, grouped, before, number, start, end)});
  c.begin_graph();
  branches[1] = c.end_graph({before});
  const Values after = c.emit_node("If", {c.as_scalar(c.emit("Less", {start, end}))}, 1, [&](ir::Node& node) {
    node.set("then_branch", std::move(branches[0]));
    node.set("else_branch", std::move(branches[1]));
  });
  std::unique_ptr<ir::Graph> body = c.end_graph({goes_on, after[0]});
  ir::Value* count = c.as_scalar(c.size(grouped.matrices, 0));
  ir::Value* made =
      c.emit_node("Loop", {count, nullptr, none}, 1, [&](ir::Node& node) { node.set("body", std::move(body)); })[0];
  ir::Value* missing = c.emit("Sub", {c.size(grouped.x, 0), c.slice(grouped.ends, 0, -1, 1 << 30)});
  ir::Value* zeros = c.filled(c.concat({missing, c.size(grouped.matrices, 2)}, 0), Number(0.0), grouped.real);
  return c.concat({made, zeros}, 0);
}

ir::Value* lower(Call& c, ir::Value* x, ir::Value* matrices, DataType dtype) {
  const DataType real = c.dtype(x) == DataType::bfloat16 ? DataType::float32 : c.dtype(x);
  if (!c.has("offs")) return c.cast(c.emit("MatMul", {c.cast(x, real), c.cast(matrices, real)}), dtype);
  if (c.rank(x) != 2 || c.rank(matrices) != 3) c.refuse("groups are expressed for rows only");
  ir::Value* ends = c.cast(c.tensor("offs"), DataType::int64);
  ir::Value* starts = c.concat({c.ints({0}), c.slice(ends, 0, 0, -1)}, 0);
  return c.cast(grouped_product(c, {x, matrices, starts, ends, real}), dtype);
}

ir::Value* grouped_mm(Call& c) {
  if (c.has("bias")) c.refuse("PyTorch adds no bias to it either");
  ir::Value* x = c.tensor("self");
  return lower(c, x, c.tensor("mat2"), c.dtype_argument("out_dtype").value_or(c.dtype(x)));
}

/// What transformers takes where PyTorch's own can't be used.
ir::Value* grouped_mm_fallback(Call& c) {
  ir::Value* x = c.tensor("input");
  return lower(c, x, c.tensor("weight"), c.dtype(x));
}

constexpr std::array kOps = {
    op("aten._grouped_mm.default", grouped_mm),
    op("transformers.grouped_mm_fallback.default", grouped_mm_fallback),
};

}  // namespace

Ops grouped_product_ops() { return kOps; }

}  // namespace olivine::torch

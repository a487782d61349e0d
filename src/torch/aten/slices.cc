#include <algorithm>
#include <array>
#include <limits>

#include "torch/aten/families.h"
#include "torch/aten/shapes.h"

/// Parts of a tensor along one axis, and writing them.
namespace olivine::torch {
namespace {

constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();

// ---- One part

Span slice_span(Call& c) {
  Span span{axis_argument(c, "dim", 0, torch_rank(c))};
  if (c.has("start")) span.start = c.size_argument("start");
  if (c.has("end")) span.end = c.size_argument("end");
  span.step = c.integer("step", 1);
  return span;
}

ir::Value* slice(Call& c) { return cut(c, c.tensor("self"), slice_span(c)); }
ir::Value* slice_back(Call& c, ir::Value* base, ir::Value* fresh) {
  return replace_span(c, base, slice_span(c), fresh);
}

/// What is written into the part has the part's sizes.
ir::Value* slice_scatter(Call& c) {
  ir::Value* self = c.tensor("self");
  const Span span = slice_span(c);
  ir::Value* fresh = c.cast(c.tensor("src"), c.dtype(self));
  const auto axis = static_cast<std::size_t>(span.axis);
  const bool is_whole = c.meta("src").sizes[axis] == c.meta("self").sizes[axis];
  if (!c.is_complex("self") && !is_whole) fresh = c.expand_to(fresh, c.sizes(cut(c, self, span)));
  return replace_span(c, self, span, fresh);
}

ir::Value* select(Call& c) {
  const std::int64_t axis = axis_argument(c, "dim", 0, torch_rank(c));
  return c.emit("Gather", {c.tensor("self"), c.as_scalar(c.size_argument("index"))}, {{"axis", axis}});
}

ir::Value* select_back(Call& c, ir::Value* base, ir::Value* fresh) {
  const std::int64_t axis = axis_argument(c, "dim", 0, torch_rank(c));
  ir::Value* index = c.size_argument("index");
  fresh = c.unsqueeze(fresh, {axis});
  const auto known = c.find_ints(index);
  if (!known) return scatter_along(c, base, axis, index, fresh);
  const std::int64_t at = known->front();
  return replace_span(c, base, {axis, c.ints({at}), c.ints({at == -1 ? kEnd : at + 1})}, fresh);
}

ir::Value* select_scatter(Call& c) {
  ir::Value* self = c.tensor("self");
  return select_back(c, self, c.cast(c.tensor("src"), c.dtype(self)));
}

Span narrow_span(Call& c) {
  Span span{axis_argument(c, "dim", 0, torch_rank(c))};
  ir::Value* start =
      c.is_tensor("start") ? c.reshape(c.cast(c.tensor("start"), DataType::int64), {1}) : c.size_argument("start");
  const auto known = c.find_ints(start);
  if (!known || known->front() < 0) {
    // It may count from the end, where `start + length` would be 0 instead of the end.
    ir::Value* size = c.size(c.tensor("self"), span.axis);
    if (!c.find_ints(size)) size = c.emit("Max", {size, c.ints({1})});
    start = c.emit("Mod", {start, size});
  }
  span.start = start;
  span.end = add_sizes(c, start, c.size_argument("length"));
  return span;
}

ir::Value* narrow(Call& c) { return cut(c, c.tensor("self"), narrow_span(c)); }
ir::Value* narrow_back(Call& c, ir::Value* base, ir::Value* fresh) {
  return replace_span(c, base, narrow_span(c), fresh);
}

// ---- All parts

/// Parts of these sizes (each int64[1]).
Values split_into(Call& c, ir::Value* value, std::int64_t axis, const Values& sizes) {
  if (sizes.size() == 1) return {value};
  return c.emit_many("Split", {value, joined_sizes(c, sizes)}, sizes.size(), {{"axis", axis}});
}

/// Parts of one size, and a last one that has what is left; the export tells how many.
Values split_evenly(Call& c, ir::Value* value, std::int64_t axis, ir::Value* size) {
  const std::size_t count = c.result_count();
  if (count == 0) return {};
  Values sizes(count, size);
  ir::Value* others = multiply_sizes(c, size, c.ints({static_cast<std::int64_t>(count) - 1}));
  sizes.back() = c.emit("Sub", {c.size(value, axis), others});
  return split_into(c, value, axis, sizes);
}

Values split(Call& c) {
  const std::int64_t axis = axis_argument(c, "dim", 0, torch_rank(c));
  return split_evenly(c, c.tensor("self"), axis, c.size_argument("split_size"));
}

Values split_with_sizes(Call& c) {
  const std::int64_t axis = axis_argument(c, "dim", 0, torch_rank(c));
  const char* name = c.has("split_sizes") ? "split_sizes" : "split_size";
  return split_into(c, c.tensor("self"), axis, c.size_list(name));
}

Values chunk(Call& c) {
  const std::int64_t axis = axis_argument(c, "dim", 0, torch_rank(c));
  ir::Value* self = c.tensor("self");
  const std::int64_t chunks = c.integer("chunks");
  const auto size = c.find_dim(self, axis);
  const auto count = static_cast<std::int64_t>(c.result_count());
  if (!size && count == chunks && count > 1) {
    return c.emit_many("Split", {self}, c.result_count(), {{"axis", axis}, {"num_outputs", chunks}});
  }
  ir::Value* up = add_sizes(c, c.size(self, axis), c.ints({chunks - 1}));
  return split_evenly(c, self, axis, c.emit("Div", {up, c.ints({chunks})}));
}

/// The first parts are larger by one where the size is no multiple.
Values split_sections(Call& c, ir::Value* self, std::int64_t axis, std::int64_t count) {
  ir::Value* size = c.size(self, axis);
  ir::Value* sections = c.ints({count});
  ir::Value* least = c.emit("Div", {size, sections});
  ir::Value* rest = c.emit("Mod", {size, sections});
  Values sizes;
  for (std::int64_t i = 0; i < count; ++i) {
    ir::Value* is_larger = c.emit("Greater", {rest, c.ints({i})});
    sizes.push_back(add_sizes(c, least, c.cast(is_larger, DataType::int64)));
  }
  return split_into(c, self, axis, sizes);
}

Values split_at(Call& c, ir::Value* self, std::int64_t axis, const Values& bounds) {
  Values parts;
  ir::Value* start = nullptr;
  for (ir::Value* bound : bounds) {
    parts.push_back(cut(c, self, {axis, start, bound}));
    start = bound;
  }
  parts.push_back(cut(c, self, {axis, start, nullptr}));
  return parts;
}

Values tensor_split_on(Call& c, std::int64_t axis) {
  ir::Value* self = c.tensor("self");
  if (c.has("indices")) return split_at(c, self, axis, c.size_list("indices"));
  if (c.has("sections")) return split_sections(c, self, axis, static_cast<std::int64_t>(c.result_count()));
  ir::Value* told = c.tensor("tensor_indices_or_sections");
  if (c.rank(told) == 0) return split_sections(c, self, axis, static_cast<std::int64_t>(c.result_count()));
  Values bounds;
  for (std::int64_t i = 0; i + 1 < static_cast<std::int64_t>(c.result_count()); ++i) {
    bounds.push_back(c.slice(told, 0, i, i + 1));
  }
  return split_at(c, self, axis, bounds);
}

Values tensor_split(Call& c) { return tensor_split_on(c, axis_argument(c, "dim", 0, torch_rank(c))); }
Values hsplit(Call& c) { return tensor_split_on(c, torch_rank(c) == 1 ? 0 : 1); }
Values vsplit(Call& c) { return tensor_split_on(c, 0); }
Values dsplit(Call& c) { return tensor_split_on(c, 2); }

Values unbind(Call& c) {
  const std::int64_t axis = axis_argument(c, "dim", 0, torch_rank(c));
  ir::Value* self = c.tensor("self");
  Values results;
  for (std::size_t i = 0; i < c.result_count(); ++i) {
    ir::Value* index = c.integer_scalar(static_cast<std::int64_t>(i));
    results.push_back(c.emit("Gather", {self, index}, {{"axis", axis}}));
  }
  return results;
}

constexpr std::array kOps = {
    complex_too(view("aten.slice.Tensor", slice, slice_back)),
    complex_too(op("aten.slice_copy.Tensor", slice)),
    complex_too(op("aten.slice_scatter.default", slice_scatter)),
    complex_too(view("aten.select.int", select, select_back)),
    complex_too(op("aten.select_copy.int", select)),
    complex_too(op("aten.select_scatter.default", select_scatter)),
    complex_too(view("aten.narrow.default", narrow, narrow_back)),
    complex_too(view("aten.narrow.Tensor", narrow, narrow_back)),
    complex_too(op("aten.narrow_copy.default", narrow)),

    complex_too(view("aten.split.Tensor", split)),
    complex_too(op("aten.split_copy.Tensor", split)),
    complex_too(op("aten.unsafe_split.Tensor", split)),
    complex_too(view("aten.split.default", split_with_sizes)),
    complex_too(view("aten.split.sizes", split_with_sizes)),
    complex_too(view("aten.split_with_sizes.default", split_with_sizes)),
    complex_too(op("aten.split_with_sizes_copy.default", split_with_sizes)),
    complex_too(op("aten.unsafe_split_with_sizes.default", split_with_sizes)),
    complex_too(view("aten.chunk.default", chunk)),
    complex_too(op("aten.unsafe_chunk.default", chunk)),
    complex_too(view("aten.tensor_split.sections", tensor_split)),
    complex_too(view("aten.tensor_split.indices", tensor_split)),
    complex_too(view("aten.tensor_split.tensor_indices_or_sections", tensor_split)),
    complex_too(view("aten.hsplit.int", hsplit)),
    complex_too(view("aten.hsplit.array", hsplit)),
    complex_too(view("aten.vsplit.int", vsplit)),
    complex_too(view("aten.vsplit.array", vsplit)),
    complex_too(view("aten.dsplit.int", dsplit)),
    complex_too(view("aten.dsplit.array", dsplit)),
    complex_too(view("aten.unbind.int", unbind)),
    complex_too(op("aten.unbind_copy.int", unbind)),
};

}  // namespace

Ops slice_ops() { return kOps; }

}  // namespace olivine::torch

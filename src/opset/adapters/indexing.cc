#include <algorithm>
#include <array>
#include <set>

#include "opset/adapters/families.h"
#include "opset/blocks.h"

/// Elements that are found by indices, and put where indices say.
namespace olivine::opset {
namespace {

// Indices that are computed when the model runs stay as they are: the older versions say no more than that they are
// within bounds, and runtimes count negative ones from the end in every version.
void known_from_start(Step& s, std::size_t index, ir::Value* size) {
  ir::Value* indices = s.input(index);
  if (s.find_ints(indices)) s.node().set_input(index, from_start(s, indices, size));
}

void gather_11_down(Step& s) {
  axis_from_start(s);
  const auto known = s.find_ints(s.input(1));
  if (!known || std::ranges::all_of(*known, [](std::int64_t index) { return index >= 0; })) return;
  known_from_start(s, 1, s.size(s.input(0), s.integer("axis")));
}

void one_hot_11_down(Step& s) {
  if (s.integer("axis") != -1) count_from_start(s, "axis", s.input(0), 1);
  known_from_start(s, 0, s.reshape(s.input(1), {1}));
}

// ---- Places in a tensor that is seen as one row of elements or slices

/// Elements between neighbours along `axis`, when the dimensions from `end` on count as one element.
ir::Value* stride(Step& s, ir::Value* dims, std::int64_t axis, std::int64_t end) {
  return axis + 1 < end ? product(s, part(s, dims, axis + 1, end)) : s.ints({1});
}

// GatherElements(x, indices) -> Gather(x as one row, indices * stride along axis + places along the other axes)
void gather_elements_down(Step& s) {
  ir::Value* x = s.input(0);
  const std::int64_t rank = s.rank(x);
  const std::int64_t axis = s.positive_axis(s.integer("axis"), rank);
  ir::Value* dims = s.shape(x);
  ir::Value* places = from_start(s, wide(s, s.input(1)), s.size(x, axis));
  if (axis + 1 < rank) places = s.emit("Mul", {places, stride(s, dims, axis, rank)});
  for (std::int64_t other = 0; other < rank; ++other) {
    if (other == axis || s.find_dim(s.input(1), other) == 1) continue;
    ir::Value* there = s.emit("Mul", {s.range(s.size(s.input(1), other)), stride(s, dims, other, rank)});
    places = s.emit("Add", {places, along(s, there, other, rank)});
  }
  s.replace_by("Gather", {s.reshape(x, {-1}), places}, {{"axis", 0}});
}

std::int64_t tuple_length(Step& s, ir::Value* indices) {
  const auto length = s.find_dim(indices, -1);
  if (!length) s.refuse("how many dimensions its indices index is not known");
  return *length;
}

/// Of index tuples over dimensions [first, first + length) of `dims`: the place of each, as one number.
ir::Value* places_of(Step& s, ir::Value* tuples, ir::Value* dims, std::int64_t first, std::int64_t length) {
  const std::int64_t last = s.rank(tuples) - 1;
  tuples = from_start(s, wide(s, tuples), part(s, dims, first, first + length));
  if (length == 1) return s.squeeze(tuples, {last});
  Values strides;
  for (std::int64_t i = 0; i < length; ++i) strides.push_back(stride(s, dims, first + i, first + length));
  return s.reduce("ReduceSum", s.emit("Mul", {tuples, joined(s, std::move(strides))}), {last}, false);
}

// GatherND(x, tuples) -> Gather(x with the indexed dimensions as one, places). Batch dimensions come before it in the
// same way: batch number * size of a batch + place.
void gather_nd_down(Step& s) {
  ir::Value* x = s.input(0);
  const std::int64_t rank = s.rank(x);
  const std::int64_t batches = s.schema().has_attribute("batch_dims") ? s.integer("batch_dims") : 0;
  const std::int64_t length = tuple_length(s, s.input(1));
  ir::Value* dims = s.shape(x);
  ir::Value* places = places_of(s, s.input(1), dims, batches, length);
  if (batches > 0) {
    ir::Value* batch_dims = part(s, dims, 0, batches);
    ir::Value* number =
        s.emit("Mul", {s.range(product(s, batch_dims)), product(s, part(s, dims, batches, batches + length))});
    const std::int64_t more = s.rank(s.input(1)) - 1 - batches;
    Values spread = {batch_dims};
    if (more > 0) spread.push_back(s.ints(Ints(static_cast<std::size_t>(more), 1)));
    places = s.emit("Add", {places, s.emit("Reshape", {number, joined(s, std::move(spread))})});
  }
  Values rows = {s.ints({-1})};
  if (batches + length < rank) rows.push_back(part(s, dims, batches + length, rank));
  s.replace_by("Gather", {s.emit("Reshape", {x, joined(s, std::move(rows))}), places}, {{"axis", 0}});
}

void gather_nd_12_down(Step& s) {
  if (s.integer("batch_dims") == 0) return s.node().remove("batch_dims");
  gather_nd_down(s);
}

// ---- Scatter

void scatter_up(Step& s) { s.rename("ScatterElements"); }

void scatter_elements_down(Step& s) {
  axis_from_start(s);
  const auto known = s.find_ints(s.input(1));
  if (known && std::ranges::any_of(*known, [](std::int64_t index) { return index < 0; })) {
    known_from_start(s, 1, s.size(s.input(0), s.integer("axis")));
  }
  s.rename("Scatter");
}

// ScatterND(x, tuples, updates) -> Scatter of whole rows, x with the indexed dimensions as one and the others as one
void scatter_nd_down(Step& s) {
  ir::Value* x = s.input(0);
  const std::int64_t rank = s.rank(x);
  const std::int64_t length = tuple_length(s, s.input(1));
  ir::Value* dims = s.shape(x);
  ir::Value* width = length < rank ? product(s, part(s, dims, length, rank)) : s.ints({1});
  ir::Value* rows = joined(s, {s.ints({-1}), width});
  ir::Value* places = s.reshape(places_of(s, s.input(1), dims, 0, length), {-1, 1});
  places = s.emit("Expand", {places, joined(s, {s.ints({1}), width})});
  ir::Value* updates = s.emit("Reshape", {s.input(2), rows});
  ir::Value* result = s.emit("Scatter", {s.emit("Reshape", {x, rows}), places, updates}, {{"axis", 0}});
  s.replace_by("Reshape", {result, dims});
}

/// The operator that a reduction combines elements with.
std::string_view combining(std::string_view reduction) {
  if (reduction == "add") return "Add";
  if (reduction == "mul") return "Mul";
  return reduction == "max" ? "Max" : "Min";
}

/// Whether no slice is hit twice, which is seen only of constant tuples of `width` indices.
bool are_distinct_tuples(Step& s, ir::Value* indices, std::int64_t width) {
  const auto known = s.find_ints(indices);
  if (!known || width <= 0) return false;
  std::set<Ints> seen;
  for (auto at = known->begin(); at != known->end(); at += width) {
    if (std::any_of(at, at + width, [](std::int64_t index) { return index < 0; })) return false;
    if (!seen.emplace(at, at + width).second) return false;
  }
  return true;
}

/// Whether no element is hit twice by indices along `axis`.
bool are_distinct_along(Step& s, ir::Value* indices, std::int64_t axis) {
  if (s.find_dim(indices, axis) == 1) return true;
  const auto known = s.find_ints(indices);
  const auto dims = s.find_dims(indices);
  if (!known || !dims) return false;
  const std::int64_t size = (*dims)[static_cast<std::size_t>(axis)];
  std::int64_t inner = 1;
  for (auto i = static_cast<std::size_t>(axis) + 1; i < dims->size(); ++i) inner *= (*dims)[i];
  std::set<std::array<std::int64_t, 3>> seen;
  for (std::size_t i = 0; i < known->size(); ++i) {
    const auto place = static_cast<std::int64_t>(i);
    if ((*known)[i] < 0 || !seen.insert({place / (inner * size), place % inner, (*known)[i]}).second) return false;
  }
  return true;
}

// With a reduction: what stands at the indices is gathered, combined with the updates and scattered back. Where an
// element may be hit twice, by a Scan over the places along axis: those of one place hit different elements.
void reduce_scattered_elements(Step& s) {
  ir::Value* x = s.input(0);
  ir::Value* indices = s.input(1);
  const std::int64_t axis = s.positive_axis(s.integer("axis"), s.rank(x));
  const std::string op_type(combining(s.string("reduction")));
  const Attrs at = {{"axis", axis}};
  if (are_distinct_along(s, indices, axis)) {
    ir::Value* combined = s.emit(op_type, {s.emit("GatherElements", {x, indices}, at), s.input(2)});
    return s.replace_by("ScatterElements", {x, indices, combined}, at);
  }
  ir::Value* axes = s.ints({axis});
  s.replace({emit_scan(s, {x, {indices, s.input(2)}, axis, false, 0},
                       [&](Body& body, ir::Value* state, const Values& slices) -> Values {
                         ir::Value* places = body.emit("Unsqueeze", {slices[0], axes});
                         ir::Value* updates = body.emit("Unsqueeze", {slices[1], axes});
                         ir::Value* standing = body.emit("GatherElements", {state, places}, at);
                         ir::Value* combined = body.emit(op_type, {standing, updates});
                         return {body.emit("ScatterElements", {state, places, combined}, at)};
                       })
                 .front()});
}

// The same of slices, one after the other.
void reduce_scattered_slices(Step& s) {
  ir::Value* x = s.input(0);
  ir::Value* indices = s.input(1);
  const std::int64_t rank = s.rank(x);
  const std::int64_t length = tuple_length(s, indices);
  const std::string op_type(combining(s.string("reduction")));
  if (are_distinct_tuples(s, indices, length)) {
    ir::Value* combined = s.emit(op_type, {s.emit("GatherND", {x, indices}), s.input(2)});
    return s.replace_by("ScatterND", {x, indices, combined});
  }
  Values rows = {s.ints({-1})};
  if (length < rank) rows.push_back(part(s, s.shape(x), length, rank));
  ir::Value* tuples = s.reshape(indices, {-1, length});
  ir::Value* updates = of_rank(s.emit("Reshape", {s.input(2), joined(s, std::move(rows))}), 1 + rank - length);
  s.replace({emit_scan(s, {x, {tuples, updates}, 0, false, 0},
                       [&](Body& body, ir::Value* state, const Values& slices) -> Values {
                         ir::Value* standing = body.emit("GatherND", {state, slices[0]});
                         ir::Value* combined = body.emit(op_type, {standing, slices[1]});
                         return {body.emit("ScatterND", {state, slices[0], combined})};
                       })
                 .front()});
}

void scatter_reduction_down(Step& s) {
  const std::string reduction = s.string("reduction");
  const bool extreme = reduction == "max" || reduction == "min";
  if (reduction == "none") return s.node().remove("reduction");
  if (s.opset() >= 16 && !extreme) return;
  if (s.node().op_type == "ScatterND") return reduce_scattered_slices(s);
  reduce_scattered_elements(s);
}

// TensorScatter(cache, update, starts) -> ScatterElements(cache, starts + place along axis, update)
void tensor_scatter_down(Step& s) {
  ir::Value* cache = s.input(0);
  ir::Value* update = s.input(1);
  const std::int64_t rank = s.rank(cache);
  const std::int64_t axis = s.positive_axis(s.integer("axis"), rank);
  ir::Value* places = along(s, s.range(s.size(update, axis)), axis, rank);
  if (s.input(2) != nullptr) places = s.emit("Add", {along(s, s.input(2), 0, rank), places});
  if (s.string("mode") == "circular") places = s.emit("Mod", {places, s.size(cache, axis)});
  places = s.emit("Expand", {places, s.shape(update)});
  s.replace_by("ScatterElements", {cache, places, update}, {{"axis", axis}});
}

// ---- Below opset 9

// OneHot(indices, depth, values) -> Gather(values, indices == [0, depth))
void one_hot_9_down(Step& s) {
  const auto depth = s.find_number(s.input(1));
  const std::int64_t axis = s.integer("axis");
  const std::int64_t rank = s.rank(s.input(0));
  if (!depth) s.refuse("its depth is computed when the model runs, and opset 8 has nothing that counts");
  const std::int64_t place = axis < 0 ? axis + rank + 1 : axis;
  Ints classes;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(*depth); ++i) classes.push_back(i);
  ir::Value* indices = s.unsqueeze(wide(s, s.input(0)), {place});
  ir::Value* hot = s.emit("Equal", {indices, along(s, s.ints(classes), place, rank + 1)});
  s.replace_by("Gather", {s.input(2), s.cast(hot, DataType::int32)}, {{"axis", 0}});
}

void compress_9_down(Step& s) {
  const auto wanted = s.find_ints(s.input(1));
  if (!wanted) s.refuse("opset 8 has nothing that makes a tensor whose size depends on elements");
  Ints indices;
  for (std::size_t i = 0; i < wanted->size(); ++i) {
    if ((*wanted)[i] != 0) indices.push_back(static_cast<std::int64_t>(i));
  }
  ir::Value* x = s.has("axis") ? s.input(0) : s.reshape(s.input(0), {-1});
  s.replace_by("Gather", {x, s.ints(indices)}, {{"axis", s.has("axis") ? s.integer("axis") : 0}});
}

constexpr std::string_view kFromEnd = "axis and indices may count from the end";
constexpr std::string_view kFromStart = "what counts from the end counts from the start";
constexpr std::string_view kOnePlace = "a Gather by places in the tensor as one row";
constexpr std::string_view kReduced = "a reduction is gathered, combined and scattered, one place after the other";

constexpr Adapter kAdapters[] = {
    same_up("Gather", 11, kFromEnd),
    down("Gather", 11, &gather_11_down, kFromStart),
    down("GatherElements", 11, &gather_elements_down, kOnePlace),
    down("GatherND", 11, &gather_nd_down, kOnePlace),
    down("GatherND", 12, &gather_nd_12_down, kOnePlace),
    up("Scatter", 11, &scatter_up, "it is called ScatterElements"),
    impossible_down("Scatter", 9, "opset 8 has nothing that puts elements where indices say"),
    down("ScatterElements", 11, &scatter_elements_down, "it is called Scatter"),
    down("ScatterElements", 16, &scatter_reduction_down, kReduced),
    same_up("ScatterElements", 18, "it may keep the larger or the smaller element"),
    down("ScatterElements", 18, &scatter_reduction_down, kReduced),
    down("ScatterND", 11, &scatter_nd_down, "a Scatter of rows"),
    down("ScatterND", 16, &scatter_reduction_down, kReduced),
    same_up("ScatterND", 18, "it may keep the larger or the smaller element"),
    down("ScatterND", 18, &scatter_reduction_down, kReduced),
    down("TensorScatter", 24, &tensor_scatter_down, "a ScatterElements"),
    same_up("OneHot", 11, kFromEnd),
    down("OneHot", 11, &one_hot_11_down, kFromStart),
    down("OneHot", 9, &one_hot_9_down, "indices are compared with all classes"),
    same_up("Compress", 11, kFromEnd),
    down("Compress", 11, &axis_from_start, kFromStart),
    down("Compress", 9, &compress_9_down, "a Gather, where the condition is constant"),
    impossible_down("NonZero", 9, "opset 8 has nothing that makes a tensor whose size depends on elements"),
};

}  // namespace

std::span<const Adapter> indexing_adapters() { return kAdapters; }

}  // namespace olivine::opset

#include <algorithm>
#include <limits>

#include "opset/adapters/families.h"
#include "opset/blocks.h"

/// Operators that change or tell a shape and leave the elements in order.
namespace olivine::opset {
namespace {

void axes_to_input(Step& s) { s.attribute_to_input("axes", 1); }

// ---- Squeeze, Unsqueeze

// Axes that are computed when the model runs: Squeeze(x, axes) -> Reshape(x, the dimensions of x that aren't among
// axes)
void squeeze_down(Step& s) {
  ir::Value* axes = s.input(1);
  if (axes == nullptr || s.find_ints(axes)) return s.input_to_attribute(1, "axes");
  ir::Value* x = s.input(0);
  ir::Value* kept = s.emit("Not", {among_axes(s, axes, rank_value(s, x))});
  s.replace({reshape_to(s, x, s.emit("Compress", {s.shape(x), kept}, {{"axis", 0}}))});
}

// Unsqueeze(x, axes) -> Reshape(x, ones with the dimensions of x scattered to where no axis is)
void unsqueeze_down(Step& s) {
  ir::Value* axes = s.input(1);
  if (s.find_ints(axes)) return s.input_to_attribute(1, "axes");
  ir::Value* x = s.input(0);
  ir::Value* rank = s.emit("Add", {rank_value(s, x), s.shape(axes)});
  ir::Value* kept = s.reshape(s.emit("NonZero", {s.emit("Not", {among_axes(s, axes, rank)})}), {-1});
  ir::Value* ones = filled(s, rank, 1, DataType::int64);
  s.replace({reshape_to(s, x, s.emit("ScatterElements", {ones, kept, s.shape(x)}, {{"axis", 0}}))});
}

void squeeze_axes_from_start(Step& s) { count_from_start(s, "axes", s.input(0)); }

void unsqueeze_axes_from_start(Step& s) {
  const auto axes = s.integers("axes");
  count_from_start(s, "axes", s.input(0), axes ? static_cast<std::int64_t>(axes->size()) : 0);
}

// ---- Reshape, Flatten, Shape

void shape_to_input(Step& s) {
  s.attribute_to_input("shape", 1);
  s.node().remove("consumed_inputs");
}

/// Whether every element of the target is a number other than 0, or the size that the input has in the same place: a 0
/// that comes out of it is the 0 that it would copy.
bool copies_itself(Step& s) {
  const auto target = s.find_elements(s.input(1));
  const ir::TensorType* input = s.input(0)->type.tensor();
  if (!target || input == nullptr || !input->shape) return false;
  for (std::size_t i = 0; i < target->size(); ++i) {
    const ir::Dim& dim = (*target)[i];
    if (dim.is_value() && dim.value() != 0) continue;
    if (dim.is_unknown() || i >= input->shape->size() || !(dim == (*input->shape)[i])) return false;
  }
  return true;
}

void reshape_down(Step& s) {
  if (s.integer("allowzero") == 0) return;
  // A tensor with elements takes no shape with a 0.
  if (copies_itself(s) || !may_be_empty(s, s.input(0))) return s.node().remove("allowzero");
  s.replace({reshape_to(s, s.input(0), s.input(1))});
}

// Shape(x, start, end) -> Slice(Shape(x), start, end), which clamps alike
void shape_down(Step& s) {
  const std::int64_t start = s.integer("start");
  if (start == 0 && !s.has("end")) return s.node().remove("start");
  const std::int64_t end = s.has("end") ? s.integer("end") : std::numeric_limits<std::int64_t>::max();
  s.replace({s.slice(s.shape(s.input(0)), 0, start, end)});
}

// ---- Expand, Tile, Identity

Ints ones(std::int64_t count) { return Ints(static_cast<std::size_t>(count), 1); }

// Below opset 8: Expand(x, shape) -> Tile(x with as many dimensions, shape where x has 1, else 1)
void expand_down(Step& s) {
  ir::Value* x = s.input(0);
  const std::int64_t rank = s.rank(x);
  const auto length = s.find_dim(s.input(1), 0);
  if (!length) s.refuse("the rank of its result is not known");
  const std::int64_t added = std::max<std::int64_t>(*length - rank, 0);
  if (added > 0) {
    ir::Value* dims = joined(s, {s.ints(ones(added)), s.shape(x)});
    x = s.emit("Reshape", {x, dims});
  }
  ir::Value* wanted = s.input(1);
  if (*length < rank) wanted = joined(s, {s.ints(ones(rank - *length)), wanted});
  ir::Value* dims = s.shape(x);
  ir::Value* spread = s.cast(s.emit("Equal", {dims, s.ints({1})}), DataType::int64);
  // wanted where x has 1, else 1
  ir::Value* more = s.emit("Mul", {s.emit("Sub", {wanted, s.ints({1})}), spread});
  s.replace_by("Tile", {x, s.emit("Add", {more, s.ints({1})})});
}

// Tile(x, tiles, axis) of opset 1 repeats along one axis.
void tile_up(Step& s) {
  const std::int64_t rank = s.rank(s.input(0));
  const auto tiles = s.find_number(s.input(1));
  const auto axis = s.find_number(s.input(2));
  if (!tiles || !axis)
    s.refuse("its tiles and axis are computed when the model runs; later they are elements of one input");
  Ints repeats = ones(rank);
  repeats[static_cast<std::size_t>(s.positive_axis(static_cast<std::int64_t>(*axis), rank))] =
      static_cast<std::int64_t>(*tiles);
  s.replace_by("Tile", {s.input(0), s.ints(repeats)});
}

// Before opset 16 there is no Identity of optionals, and none of sequences before 14: whoever uses the copy may use the
// original. A copy of a sequence that the graph hands out gets an element and loses it again.
void optional_identity_down(Step& s) {
  if (!std::holds_alternative<ir::OptionalType>(s.input(0)->type.kind)) return;
  if (s.node().output(0)->is_graph_output()) s.refuse("nothing copies an optional before opset 16");
  s.replace({s.input(0)});
}

void sequence_identity_down(Step& s) {
  ir::Value* x = s.input(0);
  if (!std::holds_alternative<ir::SequenceType>(x->type.kind)) return;
  if (!s.node().output(0)->is_graph_output()) return s.replace({x});
  const DataType dtype = ir::element_type(x->type);
  if (dtype == DataType::undefined || dtype == DataType::string) return;
  ir::Value* longer = s.emit("SequenceInsert", {x, s.number(0, dtype)});
  s.replace_by("SequenceErase", {longer});
}

constexpr std::string_view kAxesUp = "axes become an input";
constexpr std::string_view kAxesDown = "axes become an attribute, or a Reshape where they are computed";
constexpr std::string_view kFromEnd = "axes may count from the end";
constexpr std::string_view kFromStart = "axes that count from the end count from the start";

constexpr Adapter kAdapters[] = {
    up("Squeeze", 13, &axes_to_input, kAxesUp),
    down("Squeeze", 13, &squeeze_down, kAxesDown),
    same_up("Squeeze", 11, kFromEnd),
    down("Squeeze", 11, &squeeze_axes_from_start, kFromStart),
    up("Unsqueeze", 13, &axes_to_input, kAxesUp),
    down("Unsqueeze", 13, &unsqueeze_down, kAxesDown),
    same_up("Unsqueeze", 11, kFromEnd),
    down("Unsqueeze", 11, &unsqueeze_axes_from_start, kFromStart),
    up("Reshape", 5, &shape_to_input, "shape becomes an input"),
    down("Reshape", 14, &reshape_down, "allowzero goes; where it matters, the empty dimensions are made by Expand"),
    down("Shape", 15, &shape_down, "start and end become a Slice"),
    same_up("Flatten", 11, kFromEnd),
    down("Flatten", 11, &axis_from_start, kFromStart),
    down("Expand", 8, &expand_down, "a Tile"),
    up("Tile", 6, &tile_up, "tiles and axis become repeats"),
    down("Identity", 14, &sequence_identity_down, "a sequence is used itself"),
    down("Identity", 16, &optional_identity_down, "an optional is used itself"),
};

}  // namespace

std::span<const Adapter> shape_adapters() { return kAdapters; }

}  // namespace olivine::opset

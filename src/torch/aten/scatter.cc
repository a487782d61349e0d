#include <algorithm>
#include <array>
#include <limits>

#include "torch/aten/families.h"
#include "torch/aten/shapes.h"

/// Writing elements and slices to places that an index tells: replaced, added, multiplied …
namespace olivine::torch {
namespace {

/// Tensors without dimensions are written as if they had one.
ir::Value* with_axis(Call& c, ir::Value* value) { return c.rank(value) == 0 ? c.reshape(value, {1}) : value; }

// ---- Reductions

/// The least or largest number of a type: what a maximum or a minimum starts from.
Number extreme(DataType dtype, bool largest) {
  if (is_float(dtype)) {
    const double infinity = std::numeric_limits<double>::infinity();
    return Number(largest ? infinity : -infinity);
  }
  const std::int64_t bits = bit_width(dtype);
  const bool has_sign =
      dtype == DataType::int8 || dtype == DataType::int16 || dtype == DataType::int32 || dtype == DataType::int64;
  if (!has_sign) return Number(largest ? (std::int64_t{1} << bits) - 1 : std::int64_t{0});
  const std::int64_t most = bits == 64 ? std::numeric_limits<std::int64_t>::max() : (std::int64_t{1} << (bits - 1)) - 1;
  return Number(largest ? most : -most - 1);
}

struct Reduction {
  std::string_view torch_name;
  const char* onnx_name;
  bool is_mean = false;
};

constexpr std::array kReductions = {
    Reduction{"sum", "add"},  Reduction{"add", "add"},  Reduction{"prod", "mul"},       Reduction{"multiply", "mul"},
    Reduction{"amax", "max"}, Reduction{"amin", "min"}, Reduction{"mean", "add", true},
};

const Reduction& reduction_of(Call& c, std::string_view name) {
  const std::string given = c.string(name, "sum");
  const auto* found = std::ranges::find(kReductions, given, &Reduction::torch_name);
  if (found == kReductions.end()) c.refuse("its reduction '" + given + "' is not known");
  return *found;
}

/// What a reduction starts from.
Number start_of(const Reduction& reduction, DataType dtype) {
  const std::string_view name = reduction.onnx_name;
  if (name == "add") return Number(std::int64_t{0});
  if (name == "mul") return Number(std::int64_t{1});
  return extreme(dtype, name == "min");
}

/// An index of the shape of `updates`, along an axis of `base`.
struct Places {
  std::int64_t axis;
  ir::Value* index;
};

ir::Value* scatter_elements(Call& c, ir::Value* base, const Places& places, ir::Value* updates,
                            const char* reduction = nullptr) {
  Attrs attributes = {{"axis", places.axis}};
  if (reduction != nullptr) attributes.emplace_back("reduction", reduction);
  return c.emit("ScatterElements", {base, places.index, updates}, attributes);
}

ir::Value* filled_places(Call& c, const Places& places, const Number& number, DataType dtype) {
  return c.filled(c.sizes(places.index), number, dtype);
}

/// Sums over counts; whole numbers are rounded down, as PyTorch does.
ir::Value* divided(Call& c, ir::Value* total, ir::Value* count) {
  if (is_float(c.dtype(total))) return c.emit("Div", {total, count});
  ir::Value* rest = c.emit("Mod", {total, count});
  return c.emit("Div", {c.emit("Sub", {total, rest}), count});
}

/// A maximum or minimum is NaN where one of its elements is, which ONNX leaves open.
ir::Value* with_nans(Call& c, ir::Value* base, const Places& places, ir::Value* updates, ir::Value* reduced) {
  const auto nans = [&](ir::Value* value) { return c.cast(c.emit("IsNaN", {value}), DataType::int32); };
  ir::Value* any = scatter_elements(c, nans(base), places, nans(updates), "max");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  return c.where(c.cast(any, DataType::boolean), c.number_like(nan, reduced), reduced);
}

ir::Value* reduce_at(Call& c, ir::Value* base, const Places& places, ir::Value* updates, const Reduction& reduction,
                     bool include_self) {
  return with_reducible(c, base, updates, [&](ir::Value* own, ir::Value* fresh) {
    const DataType dtype = c.dtype(own);
    if (!include_self) {
      own = scatter_elements(c, own, places, filled_places(c, places, start_of(reduction, dtype), dtype));
    }
    ir::Value* reduced = scatter_elements(c, own, places, fresh, reduction.onnx_name);
    const std::string_view name = reduction.onnx_name;
    if (is_float(dtype) && (name == "max" || name == "min")) return with_nans(c, own, places, fresh, reduced);
    if (!reduction.is_mean) return reduced;
    ir::Value* counts = c.filled(c.sizes(own), Number(std::int64_t{include_self ? 1 : 0}), dtype);
    counts = scatter_elements(c, counts, places, filled_places(c, places, Number(std::int64_t{1}), dtype), "add");
    if (!include_self) counts = c.emit("Max", {counts, c.cast(c.integer_scalar(1), dtype)});
    return divided(c, reduced, counts);
  });
}

// ---- scatter

Places places_of(Call& c, ir::Value* index) {
  index = with_axis(c, index);
  if (c.dtype(index) != DataType::int32) index = c.cast(index, DataType::int64);
  return {axis_argument(c, "dim", 0, torch_rank(c)), index};
}

/// The source may be larger than the index: what lies beyond is left.
ir::Value* source_for(Call& c, ir::Value* index) {
  ir::Value* source = with_axis(c, c.cast(c.tensor("src"), c.dtype(c.tensor("self"))));
  const ir::Shape& own = c.meta("src").sizes;
  const ir::Shape& wanted = c.meta("index").sizes;
  for (std::size_t axis = 0; axis < own.size() && own.size() == wanted.size(); ++axis) {
    if (own[axis] == wanted[axis]) continue;
    const auto at = static_cast<std::int64_t>(axis);
    source = cut(c, source, {at, nullptr, c.size(index, at)});
  }
  return source;
}

bool has_no_index(Call& c) {
  const ir::Shape& sizes = c.meta("index").sizes;
  return std::ranges::find(sizes, ir::Dim(0)) != sizes.end();
}

ir::Value* in_own_shape(Call& c, ir::Value* written) { return torch_rank(c) == 0 ? c.as_scalar(written) : written; }

ir::Value* scatter(Call& c) {
  ir::Value* self = c.tensor("self");
  if (has_no_index(c)) return self;
  const Places places = places_of(c, c.tensor("index"));
  ir::Value* updates =
      c.has("src") ? source_for(c, places.index) : filled_places(c, places, c.number_argument("value"), c.dtype(self));
  if (!c.has("reduce")) return in_own_shape(c, scatter_elements(c, with_axis(c, self), places, updates));
  return in_own_shape(c, reduce_at(c, with_axis(c, self), places, updates, reduction_of(c, "reduce"), true));
}

ir::Value* scatter_add(Call& c) {
  ir::Value* self = c.tensor("self");
  if (has_no_index(c)) return self;
  const Places places = places_of(c, c.tensor("index"));
  return in_own_shape(c,
                      reduce_at(c, with_axis(c, self), places, source_for(c, places.index), kReductions.front(), true));
}

ir::Value* scatter_reduce(Call& c) {
  ir::Value* self = c.tensor("self");
  if (has_no_index(c)) return self;
  const Places places = places_of(c, c.tensor("index"));
  return in_own_shape(c, reduce_at(c, with_axis(c, self), places, source_for(c, places.index),
                                   reduction_of(c, "reduce"), c.flag("include_self", true)));
}

// ---- index_…: the index tells slices

ir::Value* slice_index(Call& c) { return c.cast(with_axis(c, c.tensor("index")), DataType::int64); }

ir::Value* slice_source(Call& c) { return with_axis(c, c.cast(c.tensor("source"), c.dtype(c.tensor("self")))); }

ir::Value* index_add(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* source = slice_source(c);
  const auto alpha = c.find_number_argument("alpha");
  const bool is_one = !alpha || (!alpha->is_symbolic() && alpha->real() == 1);
  const std::int64_t axis = axis_argument(c, "dim", 0, torch_rank(c));
  ir::Value* written = with_reducible(c, with_axis(c, self), source, [&](ir::Value* base, ir::Value* fresh) {
    if (!is_one) fresh = c.emit("Mul", {fresh, c.scalar(*alpha, c.dtype(fresh))});
    return scatter_along(c, base, axis, slice_index(c), fresh, "add");
  });
  return in_own_shape(c, written);
}

ir::Value* index_copy(Call& c) {
  const std::int64_t axis = axis_argument(c, "dim", 0, torch_rank(c));
  return in_own_shape(c, scatter_along(c, with_axis(c, c.tensor("self")), axis, slice_index(c), slice_source(c)));
}

ir::Value* index_fill(Call& c) {
  ir::Value* self = with_axis(c, c.tensor("self"));
  const std::int64_t axis = axis_argument(c, "dim", 0, torch_rank(c));
  ir::Value* index = slice_index(c);
  const DataType dtype = c.dtype(self);
  ir::Value* value =
      c.is_tensor("value") ? c.cast(c.tensor("value"), dtype) : c.scalar(c.number_argument("value"), dtype);
  Values sizes;
  for (std::int64_t i = 0; i < c.rank(self); ++i) sizes.push_back(i == axis ? c.size(index, 0) : c.size(self, i));
  return in_own_shape(c, scatter_along(c, self, axis, index, c.expand_to(value, joined_sizes(c, sizes))));
}

ir::Value* index_reduce(Call& c) {
  ir::Value* source = slice_source(c);
  const std::int64_t axis = axis_argument(c, "dim", 0, torch_rank(c));
  Ints dims(static_cast<std::size_t>(c.rank(source)), 1);
  dims[static_cast<std::size_t>(axis)] = -1;
  ir::Value* index = c.expand_to(c.reshape(slice_index(c), dims), c.sizes(source));
  return in_own_shape(c, reduce_at(c, with_axis(c, c.tensor("self")), {axis, index}, source, reduction_of(c, "reduce"),
                                   c.flag("include_self", true)));
}

/// Positions in the tensor as if it had one axis.
ir::Value* put(Call& c) {
  ir::Value* self = c.tensor("self");
  const Places places{0, c.reshape(c.cast(c.tensor("index"), DataType::int64), {-1})};
  ir::Value* source = c.reshape(c.cast(c.tensor("source"), c.dtype(self)), {-1});
  ir::Value* flat = c.reshape(self, {-1});
  ir::Value* written = c.flag("accumulate", false) ? reduce_at(c, flat, places, source, kReductions.front(), true)
                                                   : scatter_elements(c, flat, places, source);
  return c.reshape_to(written, c.sizes(self));
}

/// Rows that are looked up and longer than `max_norm` become that long.
ir::Value* embedding_renorm(Call& c) {
  ir::Value* self = c.tensor("self");
  const DataType dtype = c.dtype(self);
  const double order = c.real("norm_type", 2);
  ir::Value* lengths = nullptr;
  if (order == 1 || order == 2) {
    lengths = c.reduce(order == 1 ? "ReduceL1" : "ReduceL2", self, {1});
  } else if (order == std::numeric_limits<double>::infinity()) {
    lengths = c.reduce("ReduceMax", c.emit("Abs", {self}), {1});
  } else {
    ir::Value* powers = c.emit("Pow", {c.emit("Abs", {self}), c.number(order, dtype)});
    lengths = c.emit("Pow", {c.reduce("ReduceSum", powers, {1}), c.number(1 / order, dtype)});
  }
  ir::Value* limit = c.number(c.real("max_norm", 0), dtype);
  ir::Value* scale = c.emit("Div", {limit, c.emit("Add", {lengths, c.number(1e-7, dtype)})});
  ir::Value* index = c.reshape(c.cast(c.tensor("indices"), DataType::int64), {-1});
  ir::Value* none = c.filled(c.concat({c.size(self, 0), c.ints({1})}, 0), Number(false), DataType::boolean);
  ir::Value* found = c.filled(c.concat({c.size(index, 0), c.ints({1})}, 0), Number(true), DataType::boolean);
  ir::Value* is_used = scatter_along(c, none, 0, index, found);
  ir::Value* is_scaled = c.emit("And", {is_used, c.emit("Greater", {lengths, limit})});
  return c.where(is_scaled, c.emit("Mul", {self, scale}), self);
}

constexpr std::array kOps = {
    op("aten.scatter.src", scatter),
    op("aten.scatter.value", scatter),
    op("aten.scatter.reduce", scatter),
    op("aten.scatter.value_reduce", scatter),
    op("aten.scatter_add.default", scatter_add),
    op("aten.scatter_reduce.two", scatter_reduce),
    op("aten.index_add.default", index_add),
    op("aten.index_copy.default", index_copy),
    op("aten.index_fill.int_Scalar", index_fill),
    op("aten.index_fill.int_Tensor", index_fill),
    op("aten.index_reduce.default", index_reduce),
    op("aten.put.default", put),
    op("aten.embedding_renorm.default", embedding_renorm),
};

}  // namespace

Ops scatter_ops() { return kOps; }

}  // namespace olivine::torch

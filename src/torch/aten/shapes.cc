#include "torch/aten/shapes.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <numeric>

#include "torch/lowering.h"
#include "torch/promote.h"

namespace olivine::torch {
namespace {

constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();

/// A size that depends on data ("u0") may be 0 when the model runs.
bool may_be_zero(const ir::Dim& dim) {
  if (dim.is_value()) return dim.value() == 0;
  const std::string& text = dim.symbol();
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const bool starts = i == 0 || std::isalnum(static_cast<unsigned char>(text[i - 1])) == 0;
    if (starts && text[i] == 'u' && std::isdigit(static_cast<unsigned char>(text[i + 1])) != 0) return true;
  }
  return false;
}

std::optional<std::int64_t> find_int(Call& c, const ir::Value* value) {
  const auto known = c.find_ints(value);
  return known && known->size() == 1 ? std::optional(known->front()) : std::nullopt;
}

/// A bound as what lies between 0 and `size`.
std::int64_t clamped(std::int64_t bound, std::int64_t size) {
  return std::clamp(bound < 0 ? bound + size : bound, std::int64_t{0}, size);
}

bool reaches_end(Call& c, ir::Value* value, const Span& span) {
  if (span.end == nullptr) return true;
  const auto end = find_int(c, span.end);
  const auto size = c.find_dim(value, span.axis);
  if (end) return *end == kEnd || (size && *end >= *size);
  const auto element = c.find_elements(span.end);
  const ir::TensorType* type = value->type.tensor();
  return element && element->size() == 1 && element->front().is_symbol() && type != nullptr && type->shape &&
         (*type->shape)[static_cast<std::size_t>(span.axis)] == element->front();
}

bool starts_at_zero(Call& c, ir::Value* value, const Span& span) {
  if (span.start == nullptr) return true;
  const auto start = find_int(c, span.start);
  const auto size = c.find_dim(value, span.axis);
  return start && (*start == 0 || (size && *start + *size <= 0));
}

}  // namespace

// ---- Arguments

std::int64_t torch_rank(Call& c, std::string_view name) { return static_cast<std::int64_t>(c.meta(name).sizes.size()); }

std::int64_t wrapped_axis(Call& c, std::int64_t axis, std::int64_t rank) {
  const std::int64_t positive = c.positive_axis(axis, std::max<std::int64_t>(rank, 1));
  if (positive >= std::max<std::int64_t>(rank, 1)) c.refuse("an axis lies outside of the tensor's rank");
  return positive;
}

std::int64_t axis_argument(Call& c, std::string_view name, std::int64_t fallback, std::int64_t rank) {
  return wrapped_axis(c, c.integer(name, fallback), rank);
}

Ints axes_argument(Call& c, std::string_view name, std::int64_t rank) {
  Ints axes = c.integers(name).value_or(Ints{});
  for (std::int64_t& axis : axes) axis = wrapped_axis(c, axis, rank);
  return axes;
}

std::vector<Part> parts_of(Call& c, std::string_view name) {
  std::vector<Part> parts;
  const Argument* argument = c.find(name);
  const List* list = argument != nullptr ? argument->as<List>() : nullptr;
  if (list == nullptr) return parts;
  const Values values = c.tensors(name);
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto* tensor = (*list)[i].as<TensorName>();
    const TensorMeta* meta = tensor != nullptr ? c.lowering().find_meta(tensor->name) : nullptr;
    if (values[i] != nullptr && meta == nullptr) c.refuse("the program does not tell the type of a tensor in its list");
    parts.push_back({values[i], meta});
  }
  return parts;
}

ir::Value* converted(Call& c, ir::Value* value, DataType from, DataType to) {
  const bool was_complex = is_complex_type(from);
  if (was_complex == is_complex_type(to)) return c.cast(value, real_part_type(to));
  if (was_complex && to == DataType::boolean) return c.reduce("ReduceMax", c.cast(value, to), {-1}, false);
  if (was_complex) return c.cast(c.emit("Gather", {value, c.integer_scalar(0)}, {{"axis", -1}}), to);
  ir::Value* real = c.unsqueeze(c.cast(value, real_part_type(to)), {-1});
  const Ints no_padding(static_cast<std::size_t>(c.rank(real)), 0);
  Ints pads = no_padding;
  pads.insert(pads.end(), no_padding.begin(), no_padding.end());
  pads.back() = 1;
  return c.emit("Pad", {real, c.ints(pads)});
}

// ---- Sizes

ir::Value* add_sizes(Call& c, ir::Value* a, ir::Value* b) {
  if (find_int(c, a) == 0) return b;
  if (find_int(c, b) == 0) return a;
  return c.emit("Add", {a, b});
}

ir::Value* multiply_sizes(Call& c, ir::Value* a, ir::Value* b) {
  if (find_int(c, a) == 1) return b;
  if (find_int(c, b) == 1) return a;
  return c.emit("Mul", {a, b});
}

ir::Value* joined_sizes(Call& c, const Values& sizes) {
  if (sizes.empty()) return c.ints({});
  return sizes.size() == 1 ? sizes.front() : c.concat(sizes, 0);
}

ir::Value* reshape_between(Call& c, ir::Value* value, const ir::Shape& from, const ir::Shape& to,
                           const std::function<ir::Value*()>& sizes) {
  const bool is_pair = c.rank(value) == static_cast<std::int64_t>(from.size()) + 1;
  if (from == to) return value;
  Ints target;
  std::size_t copied = 0;
  std::size_t left = 0;
  bool copies_zero = false;
  bool has_zero = false;
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (to[i].is_value()) {
      target.push_back(to[i].value());
      has_zero = has_zero || to[i].value() == 0;
    } else if (to[i].is_symbol() && i < from.size() && from[i] == to[i]) {
      target.push_back(0);
      ++copied;
      copies_zero = copies_zero || may_be_zero(to[i]);
    } else {
      target.push_back(-1);
      ++left;
    }
  }
  if (is_pair) target.push_back(2);
  if (copied == 0 && left == 0) return c.reshape_to(value, c.ints(target));
  const bool is_told = !has_zero && left <= 1 && !(left == 1 && copies_zero);
  if (is_told) return c.reshape(value, target);
  ir::Value* computed = sizes();
  return c.reshape_to(value, is_pair ? c.concat({computed, c.ints({2})}, 0) : computed);
}

ir::Value* merge_axes(Call& c, ir::Value* value, std::int64_t first, std::int64_t count) {
  if (count == 1) return value;
  const std::int64_t rank = c.rank(value);
  Values sizes;
  bool is_known_after = true;
  Ints target;
  for (std::int64_t axis = 0; axis < rank; ++axis) {
    if (axis == first) {
      ir::Value* merged = c.ints({1});
      for (std::int64_t i = first; i < first + count; ++i) merged = multiply_sizes(c, merged, c.size(value, i));
      sizes.push_back(merged);
      target.push_back(-1);
      axis += count - 1;
      continue;
    }
    const auto size = c.find_dim(value, axis);
    if (axis > first && !size) is_known_after = false;
    target.push_back(size.value_or(0));
    sizes.push_back(c.size(value, axis));
  }
  if (count == 0) {
    target.insert(target.begin() + first, 1);
    sizes.insert(sizes.begin() + first, c.ints({1}));
  }
  ir::Value* exact = joined_sizes(c, sizes);
  if (c.find_ints(exact) || !is_known_after) return c.reshape_to(value, exact);
  const bool has_zero = std::ranges::any_of(*value->type.tensor()->shape,
                                            [](const ir::Dim& dim) { return dim.is_unknown() || may_be_zero(dim); });
  return has_zero ? c.reshape_to(value, exact) : c.reshape(value, target);
}

ir::Value* reordered(Call& c, ir::Value* value, Ints permutation) {
  const std::int64_t rank = c.rank(value);
  for (std::int64_t axis = static_cast<std::int64_t>(permutation.size()); axis < rank; ++axis) {
    permutation.push_back(axis);
  }
  return std::ranges::is_sorted(permutation) ? value : c.transpose(value, permutation);
}

ir::Value* with_rank(Call& c, ir::Value* value, std::int64_t own, std::int64_t rank) {
  if (own >= rank) return value;
  Ints axes(static_cast<std::size_t>(rank - own));
  std::iota(axes.begin(), axes.end(), 0);
  return c.unsqueeze(value, axes);
}

Values broadcast(Call& c, Values values) {
  const auto same = [&](const ir::Value* value) {
    const ir::TensorType* a = value->type.tensor();
    const ir::TensorType* b = values.front()->type.tensor();
    return a != nullptr && b != nullptr && a->shape && b->shape && *a->shape == *b->shape &&
           std::ranges::none_of(*a->shape, [](const ir::Dim& dim) { return dim.is_unknown(); });
  };
  if (std::ranges::all_of(values, same)) return values;
  std::int64_t rank = 0;
  for (ir::Value* value : values) rank = std::max(rank, c.rank(value));
  // The size of an axis is the one that isn't 1.
  Values sizes;
  bool is_known = true;
  for (std::int64_t axis = -rank; axis < 0; ++axis) {
    std::optional<std::int64_t> size = 1;
    for (ir::Value* value : values) {
      if (c.rank(value) < -axis) continue;
      const auto own = c.find_dim(value, axis);
      if (own && *own != 1) {
        size = own;
        break;
      }
      if (!own) size.reset();
    }
    is_known = is_known && size.has_value();
    if (is_known) sizes.push_back(c.ints({*size}));
  }
  ir::Value* target = nullptr;
  if (is_known) {
    target = joined_sizes(c, sizes);
  } else {
    // Their sum has it.
    ir::Value* sum = nullptr;
    for (ir::Value* value : values) {
      ir::Value* flags = c.dtype(value) == DataType::int64 ? value : c.cast(value, DataType::int64);
      sum = sum == nullptr ? flags : c.emit("Add", {sum, flags});
    }
    target = c.sizes(sum);
  }
  for (ir::Value*& value : values) value = c.expand_to(value, target);
  return values;
}

// ---- Slices

ir::Value* cut(Call& c, ir::Value* value, const Span& span) {
  if (span.step == 1 && starts_at_zero(c, value, span) && reaches_end(c, value, span)) return value;
  ir::Value* start = span.start != nullptr ? span.start : c.ints({0});
  ir::Value* end = span.end != nullptr ? span.end : c.ints({kEnd});
  Values inputs = {value, start, end, c.ints({span.axis})};
  if (span.step != 1) inputs.push_back(c.ints({span.step}));
  return c.emit("Slice", std::move(inputs));
}

ir::Value* replace_span(Call& c, ir::Value* base, const Span& span, ir::Value* fresh) {
  if (span.step != 1) {
    const Span along{0, span.start, span.end, span.step};
    return scatter_along(c, base, span.axis, cut(c, c.range(c.size(base, span.axis)), along), fresh);
  }
  const bool from_first = starts_at_zero(c, base, span);
  const bool to_last = reaches_end(c, base, span);
  if (from_first && to_last) return fresh;
  const auto size = c.find_dim(base, span.axis);
  const auto start = from_first ? std::optional<std::int64_t>(0) : find_int(c, span.start);
  const auto end = to_last ? std::optional(kEnd) : find_int(c, span.end);
  Values parts;
  if (size && start && end) {
    const std::int64_t first = clamped(*start, *size);
    const std::int64_t last = std::max(first, clamped(*end, *size));
    if (first > 0) parts.push_back(c.slice(base, span.axis, 0, first));
    parts.push_back(fresh);
    if (last < *size) parts.push_back(c.slice(base, span.axis, last, *size));
    return parts.size() == 1 ? fresh : c.concat(parts, span.axis);
  }
  if (!from_first) parts.push_back(cut(c, base, {span.axis, nullptr, span.start, 1}));
  parts.push_back(fresh);
  if (!to_last) {
    ir::Value* first = from_first ? c.ints({0}) : nullptr;
    if (first == nullptr && start && *start >= 0) first = span.start;
    if (first == nullptr) first = c.size(parts.front(), span.axis);
    parts.push_back(cut(c, base, {span.axis, add_sizes(c, first, c.size(fresh, span.axis)), nullptr, 1}));
  }
  return c.concat(parts, span.axis);
}

ir::Value* scatter_along(Call& c, ir::Value* base, std::int64_t axis, ir::Value* index, ir::Value* fresh,
                         const char* reduction) {
  Attrs attributes;
  if (std::string_view(reduction) != "none") attributes.emplace_back("reduction", reduction);
  if (axis == 0) {
    return c.emit("ScatterND", {base, c.unsqueeze(c.cast(index, DataType::int64), {1}), fresh}, attributes);
  }
  Ints dims(static_cast<std::size_t>(c.rank(base)), 1);
  dims[static_cast<std::size_t>(axis)] = -1;
  ir::Value* everywhere = c.expand_to(c.reshape(index, dims), c.sizes(fresh));
  attributes.emplace_back("axis", axis);
  return c.emit("ScatterElements", {base, everywhere, fresh}, attributes);
}

ir::Value* with_reducible(Call& c, ir::Value* base, ir::Value* fresh,
                          const std::function<ir::Value*(ir::Value*, ir::Value*)>& write) {
  const DataType own = c.dtype(base);
  DataType carrier = own;
  if (own == DataType::float16 || own == DataType::bfloat16) carrier = DataType::float32;
  if (own == DataType::boolean) carrier = DataType::int32;
  return c.cast(write(c.cast(base, carrier), c.cast(fresh, carrier)), own);
}

ir::Value* positions_like(Call& c, ir::Value* value) {
  ir::Value* sizes = c.sizes(value);
  return c.reshape_to(c.range(c.reduce("ReduceProd", sizes, {0}, true)), sizes);
}

ir::Value* replace_at(Call& c, ir::Value* base, ir::Value* positions, ir::Value* fresh) {
  ir::Value* written = c.emit(
      "ScatterElements", {c.reshape(base, {-1}), c.reshape(positions, {-1}), c.reshape(fresh, {-1})}, {{"axis", 0}});
  return c.reshape_to(written, c.sizes(base));
}

// ---- Diagonals

ir::Value* diagonal_of(Call& c, ir::Value* value, std::int64_t rank, std::int64_t offset, std::int64_t dim1,
                       std::int64_t dim2) {
  dim1 = wrapped_axis(c, dim1, rank);
  dim2 = wrapped_axis(c, dim2, rank);
  Ints order;
  for (std::int64_t axis = 0; axis < rank; ++axis) {
    if (axis != dim1 && axis != dim2) order.push_back(axis);
  }
  order.push_back(dim1);
  order.push_back(dim2);
  ir::Value* height = c.size(value, dim1);
  ir::Value* width = c.size(value, dim2);
  const std::int64_t down = std::max<std::int64_t>(-offset, 0);
  const std::int64_t right = std::max<std::int64_t>(offset, 0);
  ir::Value* length = c.emit("Min", {add_sizes(c, height, c.ints({-down})), add_sizes(c, width, c.ints({-right}))});
  length = c.emit("Max", {length, c.ints({0})});
  ir::Value* first = add_sizes(c, multiply_sizes(c, c.ints({down}), width), c.ints({right}));
  ir::Value* step = add_sizes(c, width, c.ints({1}));
  ir::Value* index = add_sizes(c, c.emit("Mul", {c.range(length), step}), first);
  ir::Value* flat = merge_axes(c, reordered(c, value, order), rank - 2, 2);
  return c.emit("Gather", {flat, index}, {{"axis", rank - 2}});
}

}  // namespace olivine::torch

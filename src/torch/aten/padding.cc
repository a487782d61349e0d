#include <algorithm>
#include <array>

#include "torch/aten/families.h"
#include "torch/aten/pads.h"
#include "torch/aten/shapes.h"

/// Tensors with a margin, or cropped: PyTorch tells it from the last axis on.
namespace olivine::torch {

namespace {

/// Runtimes pad some types only.
DataType pad_carrier(DataType own) { return own == DataType::int16 || own == DataType::uint16 ? DataType::int32 : own; }

}  // namespace

ir::Value* pad_constant(Call& c, ir::Value* value, const Values& begins, const Values& ends, ir::Value* fill) {
  const DataType own = c.dtype(value);
  const DataType carrier = pad_carrier(own);
  ir::Value* pads = c.concat({joined_sizes(c, begins), joined_sizes(c, ends)}, 0);
  Values inputs = {c.cast(value, carrier), pads};
  if (fill != nullptr) inputs.push_back(c.cast(fill, carrier));
  return c.cast(c.emit("Pad", std::move(inputs)), own);
}

namespace {

struct Margins {
  Values begins;  ///< by axis, each int64[1]
  Values ends;
};

Margins margins(Call& c, std::string_view name) {
  const std::int64_t rank = torch_rank(c);
  const Values told = c.size_list(name);
  Margins result{Values(static_cast<std::size_t>(rank), c.ints({0})),
                 Values(static_cast<std::size_t>(rank), c.ints({0}))};
  if (static_cast<std::int64_t>(told.size()) > 2 * rank) c.refuse("it pads more axes than there are");
  for (std::size_t i = 0; i + 1 < told.size(); i += 2) {
    const auto axis = static_cast<std::size_t>(rank - 1) - i / 2;
    result.begins[axis] = told[i];
    result.ends[axis] = told[i + 1];
  }
  if (c.is_complex("self")) {
    result.begins.push_back(c.ints({0}));
    result.ends.push_back(c.ints({0}));
  }
  return result;
}

bool is_zero(Call& c, ir::Value* size) { return c.find_ints(size) == Ints{0}; }

ir::Value* constant_margins(Call& c, std::string_view name) {
  ir::Value* self = c.tensor("self");
  const Margins around = margins(c, name);
  const auto zero = [&](ir::Value* size) { return is_zero(c, size); };
  if (std::ranges::all_of(around.begins, zero) && std::ranges::all_of(around.ends, zero)) return self;
  const auto value = c.find_number_argument("value");
  if (!value || (!value->is_symbolic() && !value->is_complex() && value->real() == 0)) {
    return pad_constant(c, self, around.begins, around.ends, nullptr);
  }
  if (c.is_complex("self")) c.refuse("it pads complex numbers with something else than 0");
  return pad_constant(c, self, around.begins, around.ends, c.scalar(*value, c.dtype(self)));
}

/// Where a margin of repeated elements reads along an axis: -1, -2 … and what lies beyond the last element, brought
/// back.
ir::Value* repeated_places(Call& c, ir::Value* value, std::int64_t axis, ir::Value* begin, ir::Value* end,
                           bool reflects) {
  ir::Value* size = c.size(value, axis);
  ir::Value* places = c.range(add_sizes(c, size, add_sizes(c, begin, end)));
  places = add_sizes(c, places, c.emit("Neg", {begin}));
  ir::Value* last = add_sizes(c, size, c.ints({-1}));
  if (!reflects) return c.emit("Min", {c.emit("Max", {places, c.ints({0})}), last});
  ir::Value* from_last = c.emit("Sub", {last, c.emit("Abs", {places})});
  return c.emit("Sub", {last, c.emit("Abs", {from_last})});
}

bool may_crop(Call& c, ir::Value* size) {
  const auto known = c.find_ints(size);
  return known && known->front() < 0;
}

ir::Value* repeated_margins(Call& c, std::string_view name, bool reflects) {
  ir::Value* value = c.tensor("self");
  Margins around = margins(c, name);
  bool is_padded = false;
  for (std::size_t axis = 0; axis < around.begins.size(); ++axis) {
    ir::Value*& begin = around.begins[axis];
    ir::Value*& end = around.ends[axis];
    if (may_crop(c, begin) || may_crop(c, end)) {
      // A crop may leave nothing for ONNX's Pad to repeat.
      const auto at = static_cast<std::int64_t>(axis);
      value = c.emit("Gather", {value, repeated_places(c, value, at, begin, end, reflects)}, {{"axis", at}});
      begin = end = c.ints({0});
    }
    is_padded = is_padded || !is_zero(c, begin) || !is_zero(c, end);
  }
  if (!is_padded) return value;
  const DataType own = c.dtype(value);
  ir::Value* pads = c.concat({joined_sizes(c, around.begins), joined_sizes(c, around.ends)}, 0);
  ir::Value* carried = c.cast(value, pad_carrier(own));
  return c.cast(c.emit("Pad", {carried, pads}, {{"mode", reflects ? "reflect" : "edge"}}), own);
}

/// Runtimes lack Pad's mode for it. A crop comes before.
ir::Value* circular_margins(Call& c, std::string_view name) {
  ir::Value* value = c.tensor("self");
  const Margins around = margins(c, name);
  for (std::size_t i = 0; i < around.begins.size(); ++i) {
    const auto axis = static_cast<std::int64_t>(i);
    ir::Value* begin = around.begins[i];
    ir::Value* end = around.ends[i];
    Span kept{axis};
    if (may_crop(c, begin)) kept.start = c.emit("Neg", {begin});
    if (may_crop(c, end)) kept.end = end;
    value = cut(c, value, kept);
    Values pieces;
    if (kept.start == nullptr && !is_zero(c, begin)) {
      pieces.push_back(cut(c, value, {axis, c.emit("Sub", {c.size(value, axis), begin})}));
    }
    pieces.push_back(value);
    if (kept.end == nullptr && !is_zero(c, end)) pieces.push_back(cut(c, value, {axis, nullptr, end}));
    if (pieces.size() > 1) value = c.concat(pieces, axis);
  }
  return value;
}

ir::Value* constant_pad(Call& c) { return constant_margins(c, "pad"); }
ir::Value* reflection_pad(Call& c) { return repeated_margins(c, "padding", true); }
ir::Value* replication_pad(Call& c) { return repeated_margins(c, "padding", false); }
ir::Value* circular_pad(Call& c) { return circular_margins(c, "pad"); }

ir::Value* pad_by_mode(Call& c, const std::string& mode) {
  if (mode == "constant") return constant_margins(c, "pad");
  if (mode == "reflect") return repeated_margins(c, "pad", true);
  if (mode == "replicate") return repeated_margins(c, "pad", false);
  if (mode == "circular") return circular_margins(c, "pad");
  c.refuse("its mode '" + mode + "' is not known");
}

ir::Value* pad(Call& c) { return pad_by_mode(c, c.string("mode", "constant")); }

/// PyTorch's numbers of the modes.
ir::Value* pad_enum(Call& c) {
  static const std::array<std::string, 4> modes = {"constant", "reflect", "replicate", "circular"};
  const std::int64_t mode = c.integer("mode");
  if (mode < 0 || mode >= static_cast<std::int64_t>(modes.size())) c.refuse("its mode is not known");
  return pad_by_mode(c, modes[static_cast<std::size_t>(mode)]);
}

constexpr std::array kOps = {
    complex_too(op("aten.constant_pad_nd.default", constant_pad)),
    complex_too(op("aten.pad.default", pad)),
    complex_too(op("aten._pad_enum.default", pad_enum)),
    complex_too(op("aten._pad_circular.default", circular_pad)),
    complex_too(op("aten.reflection_pad1d.default", reflection_pad)),
    complex_too(op("aten.reflection_pad2d.default", reflection_pad)),
    complex_too(op("aten.reflection_pad3d.default", reflection_pad)),
    complex_too(op("aten.replication_pad1d.default", replication_pad)),
    complex_too(op("aten.replication_pad2d.default", replication_pad)),
    complex_too(op("aten.replication_pad3d.default", replication_pad)),
};

}  // namespace

Ops padding_ops() { return kOps; }

}  // namespace olivine::torch

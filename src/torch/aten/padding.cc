#include <algorithm>
#include <array>

#include "torch/aten/families.h"
#include "torch/aten/pads.h"
#include "torch/aten/shapes.h"

/// Tensors with a margin, or cropped: PyTorch tells it from the last axis on.
namespace olivine::torch {

ir::Value* pad_constant(Call& c, ir::Value* value, const Values& begins, const Values& ends, ir::Value* fill) {
  const DataType own = c.dtype(value);
  // Runtimes pad some types only.
  DataType carrier = own;
  if (own == DataType::int16 || own == DataType::uint16) carrier = DataType::int32;
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

/// ONNX's modes repeat what a crop leaves, as PyTorch does: crops come first.
ir::Value* repeated_margins(Call& c, std::string_view name, const char* mode) {
  ir::Value* value = c.tensor("self");
  Margins around = margins(c, name);
  bool is_padded = false;
  for (std::size_t axis = 0; axis < around.begins.size(); ++axis) {
    Span kept{static_cast<std::int64_t>(axis)};
    const auto begin = c.find_ints(around.begins[axis]);
    const auto end = c.find_ints(around.ends[axis]);
    if (begin && begin->front() < 0) {
      kept.start = c.ints({-begin->front()});
      around.begins[axis] = c.ints({0});
    }
    if (end && end->front() < 0) {
      kept.end = around.ends[axis];
      around.ends[axis] = c.ints({0});
    }
    value = cut(c, value, kept);
    is_padded = is_padded || !is_zero(c, around.begins[axis]) || !is_zero(c, around.ends[axis]);
  }
  if (!is_padded) return value;
  const DataType own = c.dtype(value);
  const bool is_carried = own == DataType::int16 || own == DataType::uint16;
  ir::Value* pads = c.concat({joined_sizes(c, around.begins), joined_sizes(c, around.ends)}, 0);
  ir::Value* carried = is_carried ? c.cast(value, DataType::int32) : value;
  return c.cast(c.emit("Pad", {carried, pads}, {{"mode", mode}}), own);
}

ir::Value* constant_pad(Call& c) { return constant_margins(c, "pad"); }
ir::Value* reflection_pad(Call& c) { return repeated_margins(c, "padding", "reflect"); }
ir::Value* replication_pad(Call& c) { return repeated_margins(c, "padding", "edge"); }
ir::Value* circular_pad(Call& c) { return repeated_margins(c, "pad", "wrap"); }

ir::Value* pad_by_mode(Call& c, const std::string& mode) {
  static constexpr std::array<std::pair<std::string_view, const char*>, 3> modes = {
      {{"reflect", "reflect"}, {"replicate", "edge"}, {"circular", "wrap"}}};
  if (mode == "constant") return constant_margins(c, "pad");
  for (const auto& [torch_name, onnx_name] : modes) {
    if (mode == torch_name) return repeated_margins(c, "pad", onnx_name);
  }
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

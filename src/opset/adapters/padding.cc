#include <algorithm>
#include <cmath>

#include "opset/adapters/families.h"
#include "opset/blocks.h"

/// Pad.
namespace olivine::opset {
namespace {

/// The pads of every axis, int64[2 * rank], where `axes` names only some.
ir::Value* pads_of_all_axes(Step& s) {
  ir::Value* pads = s.input(1);
  ir::Value* axes = s.input(3);
  if (axes == nullptr) return pads;
  const std::int64_t rank = s.rank(s.input(0));
  const auto known = s.find_ints(axes);
  if (!known) {
    ir::Value* begins = from_start(s, s.cast(axes, DataType::int64), s.ints({rank}));
    ir::Value* places = joined(s, {begins, s.emit("Add", {begins, s.ints({rank})})});
    ir::Value* none = s.ints(Ints(static_cast<std::size_t>(2 * rank), 0));
    return s.emit("ScatterElements", {none, places, pads}, {{"axis", 0}});
  }
  // A zero behind the pads stands for every axis that isn't named.
  const auto named = static_cast<std::int64_t>(known->size());
  Ints sources(static_cast<std::size_t>(2 * rank), 2 * named);
  for (std::int64_t i = 0; i < named; ++i) {
    const std::int64_t axis = s.positive_axis((*known)[static_cast<std::size_t>(i)], rank);
    sources[static_cast<std::size_t>(axis)] = i;
    sources[static_cast<std::size_t>(axis + rank)] = named + i;
  }
  return s.emit("Gather", {joined(s, {pads, s.ints({0})}), s.ints(sources)}, {{"axis", 0}});
}

/// Along one axis: where the elements of the result come from, and which of them come from the input at all.
struct Source {
  ir::Value* indices;
  ir::Value* inside;  ///< bool, only for mode "constant"
};

// What negative pads cut off goes first; the rest of `size` elements is then continued at both ends. With j counted
// from its first element:
//   edge, constant: clamp(j, 0, size - 1)    wrap: j mod size    reflect: size - 1 - |size - 1 - |j||
Source find_source(Step& s, ir::Value* begin, ir::Value* end, ir::Value* whole, const std::string& mode) {
  ir::Value* zero = s.ints({0});
  ir::Value* cut = smaller(s, begin, zero);
  ir::Value* size = s.emit("Add", {s.emit("Add", {whole, cut}), smaller(s, end, zero)});
  ir::Value* length = s.emit("Add", {s.emit("Add", {whole, begin}), end});
  ir::Value* place = s.emit("Sub", {s.range(length), larger(s, begin, zero)});
  ir::Value* last = s.emit("Sub", {size, s.ints({1})});
  ir::Value* from = nullptr;
  ir::Value* inside = nullptr;
  if (mode == "wrap") {
    from = s.emit("Mod", {place, size});
  } else if (mode == "reflect") {
    from = s.emit("Sub", {last, s.emit("Abs", {s.emit("Sub", {last, s.emit("Abs", {place})})})});
  } else {
    from = larger(s, smaller(s, place, last), zero);
    if (mode == "constant") inside = s.emit("Equal", {from, place});
  }
  return {s.emit("Sub", {from, cut}), inside};
}

ir::Value* pad_value(Step& s) {
  if (s.input(2) != nullptr) return s.input(2);
  if (s.dtype(s.input(0)) == DataType::string) s.refuse("ONNX Runtime pads no strings");
  return s.number_like(0, s.input(0));
}

// Axis by axis: Pad(x) -> Gather(x, indices), and for a constant Where(inside, that, constant)
void pad_by_gather(Step& s) {
  const std::int64_t rank = s.rank(s.input(0));
  const std::string mode = s.string("mode");
  ir::Value* pads = pads_of_all_axes(s);
  const auto known = s.find_ints(pads);
  ir::Value* result = s.input(0);
  ir::Value* inside = nullptr;
  for (std::int64_t axis = 0; axis < rank; ++axis) {
    const auto at = [&](std::int64_t i) { return (*known)[static_cast<std::size_t>(i)]; };
    if (known && at(axis) == 0 && at(axis + rank) == 0) continue;
    const Source source = find_source(s, part(s, pads, axis, axis + 1), part(s, pads, axis + rank, axis + rank + 1),
                                      s.size(s.input(0), axis), mode);
    result = s.emit("Gather", {result, source.indices}, {{"axis", axis}});
    if (source.inside == nullptr) continue;
    ir::Value* here = along(s, source.inside, axis, rank);
    inside = inside != nullptr ? s.emit("And", {inside, here}) : here;
  }
  if (inside != nullptr) result = s.where(inside, result, pad_value(s));
  s.replace({result});
}

void pad_2_up(Step& s) {
  const auto pads = s.integers("paddings");
  if (!pads) s.refuse("it has no paddings");
  s.node().remove("paddings");
  s.node().set("pads", *pads);
}

void pad_11_up(Step& s) {
  const float value = s.floating("value");
  s.attribute_to_input("pads", 1);
  if (value != 0 || std::signbit(value)) s.node().set_input(2, s.number_like(value, s.input(0)));
  s.node().remove("value");
}

/// The constant as an attribute of 32 bits, if that is exact and of a type that Pad of opset 2 has.
std::optional<float> find_attribute_value(Step& s) {
  if (s.input(2) == nullptr) return 0.0F;
  const auto number = s.find_number(s.input(2));
  if (!number) return std::nullopt;
  const auto value = static_cast<float>(*number);
  return std::isnan(*number) || static_cast<double>(value) == *number ? std::optional(value) : std::nullopt;
}

void pad_11_down(Step& s) {
  const bool is_float = olivine::is_float(s.dtype(s.input(0)));
  const auto value = s.string("mode") == "constant" ? find_attribute_value(s) : 0.0F;
  if (!is_float || !value || !s.find_ints(s.input(1))) return pad_by_gather(s);
  if (s.input(2) != nullptr) s.node().set_input(2, nullptr);
  s.input_to_attribute(1, "pads");
  if (*value != 0 || std::signbit(*value)) s.node().set("value", *value);
}

void pad_13_down(Step& s) {
  if (s.dtype(s.input(0)) == DataType::string) pad_by_gather(s);
}

void pad_18_down(Step& s) {
  if (s.input(3) == nullptr) return;
  ir::Value* pads = pads_of_all_axes(s);
  s.node().set_input(3, nullptr);
  s.node().resize_inputs(s.input(2) != nullptr ? 3 : 2);
  s.node().set_input(1, pads);
}

void pad_19_down(Step& s) {
  if (s.string("mode") == "wrap") pad_by_gather(s);
}

constexpr Adapter kAdapters[] = {
    up("Pad", 2, &pad_2_up, "paddings are called pads"),
    up("Pad", 11, &pad_11_up, "pads and value become inputs"),
    down("Pad", 11, &pad_11_down,
         "pads and constant become attributes, or indices of a Gather where they are computed"),
    down("Pad", 13, &pad_13_down, "strings are padded by Gather"),
    same_up("Pad", 18, "axes may be named"),
    down("Pad", 18, &pad_18_down, "the pads of all axes are told"),
    same_up("Pad", 19, "it may wrap around"),
    down("Pad", 19, &pad_19_down, "what wraps around is a Gather"),
};

}  // namespace

std::span<const Adapter> padding_adapters() { return kAdapters; }

}  // namespace olivine::opset

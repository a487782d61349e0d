#include "opset/adapters/families.h"
#include "opset/blocks.h"

/// Elementwise functions of one input, and the normalizations over one axis.
namespace olivine::opset {
namespace {

// Softmax of opset 11 and before flattens its input to two dimensions at `axis` and normalizes over the second; from 13
// on it normalizes over `axis` alone. Both are one where `axis` is the last.
void flattened_up(Step& s) {
  ir::Value* x = s.input(0);
  const std::int64_t axis = s.integer("axis");
  const auto rank = s.find_rank(x);
  if (axis == -1 || (rank && s.positive_axis(axis, *rank) == *rank - 1)) {
    s.node().set("axis", std::int64_t{-1});
    return;
  }
  ir::Value* flat = s.emit("Flatten", {x}, {{"axis", axis}});
  ir::Value* y = s.emit(s.node().op_type, {flat}, {{"axis", -1}});
  s.replace_by("Reshape", {y, s.shape(x)});
}

void flattened_down(Step& s) {
  if (s.integer("axis") == -1) {
    s.node().set("axis", std::int64_t{-1});
    return;
  }
  ir::Value* x = s.input(0);
  const std::int64_t rank = s.rank(x);
  const std::int64_t axis = s.positive_axis(s.integer("axis"), rank);
  if (axis == rank - 1) {
    s.node().set("axis", axis);
    return;
  }
  Ints order;
  for (std::int64_t i = 0; i < rank; ++i) order.push_back(i);
  std::swap(order[static_cast<std::size_t>(axis)], order.back());
  ir::Value* turned = s.transpose(x, order);
  s.replace({s.transpose(s.emit(s.node().op_type, {turned}, {{"axis", rank - 1}}), order)});
}

constexpr std::string_view kFromEnd = "axis may count from the end";
constexpr std::string_view kFromStart = "axis is counted from the start";
constexpr std::string_view kFlatUp = "where axis is not the last one, flattened before and reshaped after";
constexpr std::string_view kFlatDown = "where axis is not the last one, it is swapped there and back";

constexpr Adapter kAdapters[] = {
    same_up("Softmax", 11, kFromEnd),
    down("Softmax", 11, &axis_from_start, kFromStart),
    same_up("LogSoftmax", 11, kFromEnd),
    down("LogSoftmax", 11, &axis_from_start, kFromStart),
    same_up("Hardmax", 11, kFromEnd),
    down("Hardmax", 11, &axis_from_start, kFromStart),
    up("Softmax", 13, &flattened_up, kFlatUp),
    down("Softmax", 13, &flattened_down, kFlatDown),
    up("LogSoftmax", 13, &flattened_up, kFlatUp),
    down("LogSoftmax", 13, &flattened_down, kFlatDown),
    up("Hardmax", 13, &flattened_up, kFlatUp),
    down("Hardmax", 13, &flattened_down, kFlatDown),
};

}  // namespace

std::span<const Adapter> activation_adapters() { return kAdapters; }

}  // namespace olivine::opset

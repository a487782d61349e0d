#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "opset/adapters/families.h"
#include "opset/blocks.h"

/// Activations with parameters. Those that came later are functions in onnx, and become these.
namespace olivine::opset {
namespace {

constexpr std::string_view kConsumed = "consumed_inputs said nothing about the result";

// The newer version has more digits in its defaults.
void selu_up(Step& s) {
  for (const char* name : {"alpha", "gamma"}) {
    if (!s.has(name)) s.node().set(name, s.floating(name));
  }
  s.node().remove("consumed_inputs");
}

// A slope of every channel, [C], did not broadcast to the last axis but to the second.
void slope_up(Step& s) {
  ir::Value* slope = s.input(1);
  if (s.rank(slope) != 1 || s.find_dim(slope, 0) == 1) return;
  Ints axes(static_cast<std::size_t>(std::max<std::int64_t>(s.rank(s.input(0)) - 2, 0)));
  std::iota(axes.begin(), axes.end(), 1);
  if (!axes.empty()) s.node().set_input(1, s.unsqueeze(slope, axes));
}

// x where x > alpha, else 0
void thresholded_down(Step& s) {
  if (s.opset() < 9) s.refuse("before opset 9 nothing selects elements by a condition");
  ir::Value* x = s.input(0);
  ir::Value* above = s.emit("Greater", {x, s.number_like(s.floating("alpha"), x)});
  s.replace_by("Where", {above, x, s.number_like(0, x)});
}

// x / 2 (1 + erf(x / sqrt 2)), or with tanh(sqrt(2 / pi) (x + 0.044715 x^3)) in place of erf: in the order in which
// runtimes look for it.
void gelu_by_formula(Step& s) {
  ir::Value* x = s.input(0);
  const auto number = [&](double value) { return s.number_like(value, x); };
  if (s.string("approximate") == "tanh") {
    ir::Value* cube =
        s.dtype(x) == DataType::float16 ? s.emit("Mul", {s.emit("Mul", {x, x}), x}) : s.emit("Pow", {x, number(3)});
    ir::Value* inner = s.emit("Add", {x, s.emit("Mul", {cube, number(0.044715)})});
    ir::Value* curve = s.emit("Tanh", {s.emit("Mul", {inner, number(std::sqrt(2 / std::numbers::pi))})});
    s.replace_by("Mul", {s.emit("Mul", {x, number(0.5)}), s.emit("Add", {curve, number(1)})});
    return;
  }
  ir::Value* curve = s.emit("Erf", {s.emit("Div", {x, number(std::numbers::sqrt2)})});
  s.replace_by("Mul", {s.emit("Mul", {x, s.emit("Add", {curve, number(1)})}), number(0.5)});
}

constexpr Adapter kAdapters[] = {
    down("Gelu", 20, &gelu_by_formula, "its formula, with Erf or Tanh"),
    up("PRelu", 6, &drop_consumed_inputs, kConsumed),
    up("Selu", 6, &selu_up, "defaults with fewer digits are written out"),
    up("PRelu", 7, &slope_up, "slopes of channels get axes of size 1 behind them"),
    down("ThresholdedRelu", 10, &thresholded_down, "elements up to alpha are replaced by 0"),
    impossible_down("Shrink", 9, "before opset 9 nothing selects elements by a condition"),
};

}  // namespace

std::span<const Adapter> function_adapters() { return kAdapters; }

}  // namespace olivine::opset

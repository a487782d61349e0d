#include <algorithm>
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

constexpr Adapter kAdapters[] = {
    up("PRelu", 6, &drop_consumed_inputs, kConsumed),
    up("Selu", 6, &selu_up, "defaults with fewer digits are written out"),
    up("PRelu", 7, &slope_up, "slopes of channels get axes of size 1 behind them"),
    down("ThresholdedRelu", 10, &thresholded_down, "elements up to alpha are replaced by 0"),
    impossible_down("Shrink", 9, "before opset 9 nothing selects elements by a condition"),
};

}  // namespace

std::span<const Adapter> function_adapters() { return kAdapters; }

}  // namespace olivine::opset

#include "runtime/taps.h"

#include <algorithm>
#include <map>

#include "runtime/test_support.h"

namespace olivine::runtime {
namespace {

/// Doubles what passes tap 1, counts, and remembers second inputs.
class Doubler : public TapWatcher {
 public:
  void pass(std::int64_t id, std::span<const float> in, std::span<const float> second, std::span<float> out) override {
    ++passes[id];
    if (!second.empty()) seconds.assign(second.begin(), second.end());
    std::transform(in.begin(), in.end(), out.begin(), [&](float x) { return id == 1 ? 2 * x : x; });
  }

  std::vector<std::int64_t> dims(std::int64_t) override { return {2}; }
  void give(std::int64_t id, std::span<float> out) override {
    std::fill(out.begin(), out.end(), static_cast<float>(id));
  }

  std::map<std::int64_t, int> passes;
  std::vector<float> seconds;
};

constexpr std::string_view kImports = "<ir_version: 10, opset_import: [\"\": 20, \"ai.olivine.taps\": 1]>\n";

std::vector<double> run(std::string_view graph, Doubler& watcher, std::vector<float> x) {
  const ir::Model model = onnx::parse_model(std::string(kImports) + std::string(graph));
  const Session session(model, {}, {}, nullptr, &watcher);
  const auto count = static_cast<std::int64_t>(x.size());
  return doubles(session.run({{"x", floats({count}, std::move(x))}}).at(0));
}

TEST(Taps, ChangeWhatPasses) {
  Doubler watcher;
  EXPECT_THAT(
      run("g (float[n] x) => (float[n] y) { a = ai.olivine.taps.Tap<id = 1>(x)\n y = Neg(a) }", watcher, {1, 2}),
      testing::ElementsAre(-2, -4));
  EXPECT_EQ(watcher.passes[1], 1);
}

TEST(Taps, SeeASecondTensor) {
  Doubler watcher;
  run("g (float[n] x) => (float[n] y) { a = Neg(x)\n y = ai.olivine.taps.Tap<id = 7>(x, a) }", watcher, {1, 2});
  EXPECT_THAT(watcher.seconds, testing::ElementsAre(-1, -2));
}

TEST(Taps, LeaveAnInputAloneThatOthersNeed) {
  Doubler watcher;
  EXPECT_THAT(run("g (float[n] x) => (float[n] y) { s = Neg(x)\n a = ai.olivine.taps.Tap<id = 1>(s)\n y = Add(a, s) }",
                  watcher, {1, 2}),
              testing::ElementsAre(-3, -6));
}

TEST(Taps, SpringsGiveWhatNobodyHolds) {
  Doubler watcher;
  EXPECT_THAT(
      run("g (float[n] x) => (float[n] y) { a = ai.olivine.taps.Spring<id = 5>()\n y = Add(x, a) }", watcher, {1, 2}),
      testing::ElementsAre(6, 7));
}

TEST(Taps, WorkInBodies) {
  Doubler watcher;
  const auto y = run(R"(g (float[n] x) => (float[n] y) {
      trips = Constant<value = int64 {3}>()
      y = Loop(trips, , x) <body = b (int64 i, bool c, float[n] v) => (bool d, float[n] w) {
        d = Identity(c)
        w = ai.olivine.taps.Tap<id = 1>(v)
      }>
    })",
                     watcher, {1});
  EXPECT_THAT(y, testing::ElementsAre(8));
  EXPECT_EQ(watcher.passes[1], 3);
}

}  // namespace
}  // namespace olivine::runtime

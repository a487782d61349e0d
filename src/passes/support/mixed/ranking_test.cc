#include "passes/support/mixed/ranking.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "runtime/test_support.h"

namespace olivine::passes::mixed {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// By the names of the nodes.
class Ranked {
 public:
  explicit Ranked(std::string_view graph, std::vector<float> x = {1, 2, 3, 4}) : model_(runtime::model_of(graph)) {
    onnx::infer_element_types(model_);
    PrecisionRequest request;
    request.max_finite = 65504;
    Simulation simulation(model_, request, {}, {});
    const runtime::InputSet inputs = {{"x", runtime::floats({4}, std::move(x))}};
    const PrecisionPlan plan = plan_without_conflicts(model_, request);
    const std::vector<const ir::Node*> nodes = find_candidates(model_, plan);
    simulation.observe(inputs);
    simulation.attempt(inputs, plan);
    const std::vector<Strayed> strayed = simulation.strayed();
    simulation.measure(inputs, with_twin(nodes), plan);
    for (Candidate& candidate : rank(model_, nodes, simulation, strayed))
      by_name_[candidate.node->name] = std::move(candidate);
  }

  const Candidate& operator[](const std::string& name) const { return by_name_.at(name); }
  std::vector<std::string> broken() const {
    std::vector<std::string> names;
    for (const auto& [name, candidate] : by_name_) {
      if (candidate.broken) names.push_back(name);
    }
    return names;
  }
  double sum_of_shares() const {
    return std::accumulate(by_name_.begin(), by_name_.end(), 0.0,
                           [](double sum, const auto& row) { return sum + row.second.share; });
  }

 private:
  ir::Model model_;
  std::map<std::string, Candidate> by_name_;
};

TEST(Ranking, AnOverflowBreaksWhoGivesItAndWhoTakesIt) {
  const Ranked ranked(R"(g (float[4] x) => (float[4] y) <float k = {300}, float s = {0.00001}> {
    [scale] a = Mul(x, k) [square] b = Mul(a, a) [back] c = Mul(b, s) [calm] y = Tanh(c) })");
  EXPECT_THAT(ranked.broken(), testing::ElementsAre("back", "square"));
  EXPECT_EQ(ranked["square"].reason, "overflow: its result reaches 1440000");
  EXPECT_EQ(ranked["back"].reason, "overflow: its input 'b' reaches 1440000");
  EXPECT_GT(ranked["square"].share, 10 * ranked["scale"].share);
  EXPECT_NEAR(ranked.sum_of_shares(), 1, 1e-9);
}

TEST(Ranking, AMaskThatOverflowsIsNoFault) {
  const Ranked ranked(
      R"(g (float[4] x) => (float[4] y) <float[4] keep = {1, 1, 0, 1}, float one = {1}, float low = {-1000000000}> {
    [invert] i = Sub(one, keep) [mask] m = Mul(i, low) [add] a = Add(x, m) [softmax] y = Softmax(a) })");
  EXPECT_THAT(ranked.broken(), testing::IsEmpty());
  for (const char* name : {"mask", "add"}) EXPECT_THAT(ranked[name].reason, StartsWith("error share")) << name;
}

TEST(Ranking, NamesUnderflowAndCancellation) {
  const Ranked ranked(R"(g (float[4] x) => (float[4] y) <float tiny = {0.000000001}, float far = {3000}> {
    [shrink] a = Mul(x, tiny) [grow] b = Div(a, tiny) [plus] c = Add(x, far) [minus] d = Sub(c, far) [end] y = Add(b, d) })",
                      {0.1F, 0.2F, 0.3F, 0.4F});
  EXPECT_THAT(ranked["grow"].reason, HasSubstr("underflow: 4 of 4 elements of its input 'a' are lost"));
  EXPECT_THAT(ranked["minus"].reason, StartsWith("cancellation: rounding its inputs changes its result by"));
  EXPECT_FALSE(ranked["end"].broken);
}

TEST(Ranking, AnErrorThatLittleOfReachesTheOutputsCountsLittle) {
  const Ranked ranked(R"(g (float[4] x) => (float[4] y) <float small = {0.001}> {
    [left] a = Exp(x) [right] b = Sin(x) [shrink] c = Mul(b, small) [end] y = Add(a, c) })");
  EXPECT_GT(ranked["left"].share, 100 * ranked["right"].share);
}

TEST(Ranking, WhatIsExactBringsNoError) {
  const Ranked ranked(R"(g (float[4] x) => (float[4] y) <float two = {2}> {
    [double] a = Mul(x, two) [turn] b = Neg(a) [end] y = Sin(b) })");
  EXPECT_EQ(ranked["double"].share, 0);
  EXPECT_EQ(ranked["end"].share, 1);
}

TEST(Ranking, NodesWithBodiesCoverOthersAndHaveNoFaultOfTheirOwn) {
  const Ranked ranked(R"(g (float[4] x) => (float[4] y) {
    n = Constant<value = int64 {2}>()
    [loop] y = Loop(n, , x) <body = b (int64 i, bool c, float[4] v) => (bool d, float[4] w) {
      d = Identity(c) [square] s = Mul(v, v) [root] w = Sqrt(s) }> })",
                      {300, 2, 3, 4});
  EXPECT_TRUE(ranked["loop"].covers_others);
  EXPECT_FALSE(ranked["loop"].broken);
  EXPECT_EQ(ranked["loop"].share, 0);
  EXPECT_TRUE(ranked["square"].broken);
  EXPECT_FALSE(ranked["square"].covers_others);
}

}  // namespace
}  // namespace olivine::passes::mixed

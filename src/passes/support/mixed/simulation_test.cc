#include "passes/support/mixed/simulation.h"

#include <algorithm>

#include "runtime/test_support.h"

namespace olivine::passes::mixed {
namespace {

/// Rounded(x) -> Cast(Cast(x, float16), float), as a function that hand-made models call.
constexpr std::string_view kRound = R"(
<domain: "local", opset_import: ["": 20]> h (v) => (w) { a = Cast<to: int = 10>(v) w = Cast<to: int = 1>(a) })";
constexpr std::string_view kImports = R"(<ir_version: 10, opset_import: ["": 20, "local": 1]> )";

const runtime::InputSet kInputs = {{"x", runtime::floats({2, 2}, {0.1F, -1.7F, 3.3F, 0.0123F})}};

ir::Model parse(std::string_view text) {
  ir::Model model = onnx::parse_model(std::string(kImports) + std::string(text));
  onnx::infer_element_types(model);
  return model;
}

Outputs run_without_optimizations(const ir::Model& model) {
  runtime::SessionOptions options;
  options.graph_optimization = "disable";
  return runtime::Session(model, options).run(kInputs);
}

void expect_same(const Outputs& a, const Outputs& b, std::string_view what) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(runtime::doubles(a[i]), runtime::doubles(b[i])) << what;
}

/// What the simulation gives, in the narrow type but for those operators, against a model that casts by hand; and that
/// observing changes nothing.
void expect_simulated(std::string_view original, std::string_view by_hand, const std::vector<std::string>& kept = {},
                      bool keep_io = false) {
  const ir::Model model = parse(original);
  PrecisionRequest request;
  request.keep_node = [&](const ir::Node& node) {
    return std::find(kept.begin(), kept.end(), node.op_type) != kept.end();
  };
  request.keep_io = [keep_io](const ir::Value&) { return keep_io; };
  request.max_finite = 65504;
  Simulation simulation(model, request, {}, {});
  const Outputs observed = simulation.observe(kInputs);
  expect_same(observed, run_without_optimizations(model), "observed");
  const Outputs attempted = simulation.attempt(kInputs, plan_without_conflicts(model, request));
  expect_same(attempted, run_without_optimizations(parse(std::string(by_hand) + std::string(kRound))), "attempted");
  EXPECT_NE(runtime::doubles(attempted[0]), runtime::doubles(observed[0])) << "the example shows nothing";
}

TEST(Simulation, RoundsInputsWeightsAndResults) {
  expect_simulated(R"(g (float[2, 2] x) => (float[2, 2] y) <float[2, 2] w = {0.3, 0.7, 100000, 1.1}> {
      a = MatMul(x, w) y = Sigmoid(a) })",
                   R"(g (float[2, 2] x) => (float[2, 2] y) <float[2, 2] w = {0.3, 0.7, 65504, 1.1}> {
      u = local.h(x) v = local.h(w) a = MatMul(u, v) b = local.h(a) c = Sigmoid(b) y = local.h(c) })");
}

TEST(Simulation, ANodeThatStaysTakesRoundedValuesAndGivesExactOnes) {
  constexpr std::string_view kModel =
      R"(g (float[2, 2] x) => (float[2, 2] y, float[2, 2] z) <float[2, 2] w = {0.3, 0.7, 0.9, 1.1}> {
      a = MatMul(x, w) y = Exp(a) z = Mul(a, w) })";
  expect_simulated(kModel,
                   R"(g (float[2, 2] x) => (float[2, 2] y, float[2, 2] z) <float[2, 2] w = {0.3, 0.7, 0.9, 1.1}> {
      u = local.h(x) v = local.h(w) a = MatMul(u, v) b = local.h(a) y = Exp(b) c = Mul(b, v) z = local.h(c) })",
                   {"Exp"}, true);
  // The other way round: w is wanted in both types, a is exact for Exp alone.
  expect_simulated(kModel,
                   R"(g (float[2, 2] x) => (float[2, 2] y, float[2, 2] z) <float[2, 2] w = {0.3, 0.7, 0.9, 1.1}> {
      a = MatMul(x, w) b = local.h(a) c = Exp(b) y = local.h(c) v = local.h(w) d = Mul(b, v) z = local.h(d) })",
                   {"MatMul"}, true);
}

TEST(Simulation, ATableIsNotRoundedButWhatIsPickedIs) {
  expect_simulated(
      R"(g (float[2, 2] x) => (float[2, 2] y) <float[3, 2] t = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, int64[2] i = {2, 0}> {
      a = Gather(t, i) y = Mul(a, x) })",
      R"(g (float[2, 2] x) => (float[2, 2] y) <float[3, 2] t = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, int64[2] i = {2, 0}> {
      a = Gather(t, i) b = local.h(a) u = local.h(x) c = Mul(b, u) y = local.h(c) })");
}

TEST(Simulation, WorksInBranches) {
  expect_simulated(R"(g (float[2, 2] x) => (float[2, 2] y) {
      c = Constant<value = bool {1}>()
      a = Exp(x)
      b = If(c) <then_branch = t () => (float[2, 2] p) { n = Mul(a, a) p = Exp(n) },
                 else_branch = e () => (float[2, 2] q) { q = Neg(a) }>
      y = Mul(b, x) })",
                   R"(g (float[2, 2] x) => (float[2, 2] y) {
      a = Exp(x) r = local.h(a) n = Mul(r, r) o = local.h(n) p = Exp(o) b = local.h(p)
      u = local.h(x) c = Mul(b, u) y = local.h(c) })",
                   {"Exp"}, true);
}

TEST(Simulation, WorksInLoopsWhereWhatIsCarriedIsRounded) {
  expect_simulated(R"(g (float[2, 2] x) => (float[2, 2] y) {
      n = Constant<value = int64 {2}>()
      y = Loop(n, , x) <body = b (int64 i, bool c, float[2, 2] v) => (bool d, float[2, 2] w) {
        d = Identity(c) w = Mul(v, v) }> })",
                   R"(g (float[2, 2] x) => (float[2, 2] y) {
      u = local.h(x) a = Mul(u, u) b = local.h(a) c = Mul(b, b) y = local.h(c) })");
}

TEST(Simulation, WorksInFunctionsOfSeveralCalls) {
  constexpr std::string_view kFunction =
      R"(<domain: "f", opset_import: ["": 20]> f (v) => (w) { t = Mul(v, v) w = Sigmoid(t) })";
  const std::string model = R"(g (float[2, 2] x) => (float[2, 2] y) { a = f.f(x) y = f.f(a) } )";
  const auto with_domain = [&](std::string text) { return text + std::string(kFunction); };
  ir::Model probe = onnx::parse_model(R"(<ir_version: 10, opset_import: ["": 20, "f": 1]> )" + with_domain(model));
  onnx::infer_element_types(probe);
  PrecisionRequest request;
  Simulation simulation(probe, request, {}, {});
  simulation.observe(kInputs);
  const ir::Model by_hand = parse(R"(g (float[2, 2] x) => (float[2, 2] y) {
      u = local.h(x) a = Mul(u, u) b = local.h(a) c = Sigmoid(b) d = local.h(c)
      e = Mul(d, d) f = local.h(e) i = Sigmoid(f) y = local.h(i) } )" +
                                  std::string(kRound));
  expect_same(simulation.attempt(kInputs, plan_without_conflicts(probe, request)), run_without_optimizations(by_hand),
              "attempted");
  // In the middle of the function, and at its border.
  request.keep_node = [](const ir::Node& node) { return node.is("Sigmoid"); };
  request.keep_io = [](const ir::Value&) { return true; };
  const ir::Model kept_by_hand = parse(R"(g (float[2, 2] x) => (float[2, 2] y) {
      u = local.h(x) a = Mul(u, u) b = local.h(a) c = Sigmoid(b)
      d = local.h(c) e = Mul(d, d) f = local.h(e) y = Sigmoid(f) } )" +
                                       std::string(kRound));
  expect_same(simulation.attempt(kInputs, plan_without_conflicts(probe, request)),
              run_without_optimizations(kept_by_hand), "kept");
}

TEST(Simulation, TwinsTellWhatRoundingTheInputsDoes) {
  const ir::Model model = parse(R"(g (float[2, 2] x) => (float[2, 2] y) <float c = {500}> {
      a = Add(x, c) y = Sub(a, c) })");
  PrecisionRequest request;
  Simulation simulation(model, request, {}, {});
  const PrecisionPlan plan = plan_without_conflicts(model, request);
  simulation.observe(kInputs);
  std::unordered_set<const ir::Node*> nodes;
  for (const ir::Node& node : model.graph->nodes()) nodes.insert(&node);
  simulation.measure(kInputs, nodes, plan);
  std::vector<std::string> twin_inputs;
  for (const TwinInput& input : simulation.twin_inputs())
    twin_inputs.push_back(input.node->op_type + std::to_string(input.index));
  EXPECT_THAT(twin_inputs, testing::ElementsAre("Add0", "Add1", "Sub0", "Sub1"));
  const auto twin_of = [&](std::string_view name) {
    double error = -1;
    for (std::size_t i = 0; i < simulation.places().size(); ++i) {
      const Place& place = simulation.places()[i];
      if (!place.use && place.value->name() == name) error = simulation.seen()[i].twin();
    }
    return error;
  };
  EXPECT_LT(twin_of("a"), 1e-10);
  // 500.1, 498.3, 503.3 and 500.0123 are multiples of 0.25 then.
  const auto square = [](double value) { return value * value; };
  EXPECT_NEAR(twin_of("y"),
              (square(0.1) + square(0.05) + square(0.05) + square(0.0123)) /
                  (square(0.1) + square(1.7) + square(3.3) + square(0.0123)),
              1e-5);
}

}  // namespace
}  // namespace olivine::passes::mixed

#include "passes/support/mixed/ports.h"

#include <fmt/format.h>

#include "runtime/test_support.h"

namespace olivine::passes::mixed {
namespace {

/// "a" behind what gives it, "a>Exp" before the Exp that takes it, "a>" before an output; "!" marks constants.
std::vector<std::string> places_of(std::string_view graph) {
  ir::Model model = runtime::model_of(graph);
  onnx::infer_element_types(model);
  std::vector<std::string> result;
  for (const Place& place : find_places(model)) {
    const std::string user = !place.use ? "" : place.use->node ? ">" + place.use->node->op_type : ">";
    result.push_back(place.value->name() + user + (place.constant ? "!" : ""));
  }
  return result;
}

TEST(Ports, AValueWithOneUserHasOnePlace) {
  EXPECT_THAT(places_of("g (float[2] x) => (float[2] y) { a = Exp(x) y = Neg(a) }"),
              testing::UnorderedElementsAre("x", "a", "y"));
}

TEST(Ports, SeveralUsersMayWantSeveralTypes) {
  EXPECT_THAT(places_of("g (float[2] x) => (float[2] a, float[2] y) { a = Exp(x) y = Add(a, x) }"),
              testing::UnorderedElementsAre("x", "x>Exp", "x>Add", "a", "a>Add", "a>", "y"));
}

TEST(Ports, ConstantsAreTakenOnlyAndWhatIsPickedOfThemIsConstant) {
  EXPECT_THAT(
      places_of(
          R"(g (float[2] x, int64[2] i) => (float[2] y) <float[9] t = {1, 2, 3, 4, 5, 6, 7, 8, 9}, float s = {2}> {
                c = Constant<value = float {3}>() a = Gather(t, i) b = Mul(a, s) d = Add(b, c) y = Mul(d, x) })"),
      testing::UnorderedElementsAre("x", "a!", "s>Mul!", "b", "c>Add!", "d", "y"));
}

TEST(Ports, OnlyFloatsAndOnlyWhatIsUsed) {
  EXPECT_THAT(places_of(R"(g (float[2] x, double[2] z, int64[2] i) => (double[2] y) {
                a = Exp(x) n = Neg(i) y = Neg(z) })"),
              testing::UnorderedElementsAre("x"));
}

TEST(Ports, NarrowIsWhatIsGivenOrTakenSo) {
  ir::Model model =
      runtime::model_of("g (float[2] x) => (float[2] y, float[2] z) { a = Exp(x) y = Neg(a) z = Abs(a) }");
  onnx::infer_element_types(model);
  PrecisionRequest request;
  request.keep_node = [](const ir::Node& node) { return !node.is("Neg"); };
  request.keep_io = [](const ir::Value&) { return true; };
  const PrecisionPlan plan = plan_without_conflicts(model, request);
  std::vector<std::string> narrow;
  for (const Place& place : find_places(model)) {
    if (!is_narrow(place, plan, DataType::float32)) continue;
    narrow.push_back(place.value->name() + (place.use ? ">" + place.use->node->op_type : ""));
  }
  EXPECT_THAT(narrow, testing::UnorderedElementsAre("a>Neg", "y"));
}

}  // namespace
}  // namespace olivine::passes::mixed

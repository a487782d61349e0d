#include "runtime/sizes.h"

#include "runtime/test_support.h"

namespace olivine::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Sizes sizes_of(const ir::Model& a, const ir::Model& b, const std::map<std::string, std::int64_t>& requested = {}) {
  return Sizes(match_inputs(a, b), requested);
}

TEST(Sizes, KeepsWhatIsFixedAndAssumesTheRestByAxis) {
  const ir::Model model = model_of("g (float[N, M, 7] x, float[M, N] y) => (float[N] z) { z = Identity(x) }");
  const Sizes sizes = sizes_of(model, model);
  EXPECT_THAT(sizes.of(0), ElementsAre(2, 3, 7));
  EXPECT_THAT(sizes.of(1), ElementsAre(3, 2));
  EXPECT_THAT(sizes.assumed(), ElementsAre("N = 2", "M = 3"));
}

TEST(Sizes, TakesRequestsByNameAndByAxis) {
  const ir::Model model = model_of("g (float[N, ?] x) => (float[N] z) { z = Identity(x) }");
  const Sizes sizes = sizes_of(model, model, {{"N", 5}, {"x:1", 9}});
  EXPECT_THAT(sizes.of(0), ElementsAre(5, 9));
  EXPECT_TRUE(sizes.assumed().empty());
}

TEST(Sizes, FollowsTheModelThatHasANumber) {
  const ir::Model dynamic = model_of("g (float[N, C] x, float[N] y) => (float[N] z) { z = Identity(x) }");
  const ir::Model fixed = model_of("g (float[8, 16] x, float[M] y) => (float[8] z) { z = Identity(x) }");
  for (const auto& sizes : {sizes_of(dynamic, fixed), sizes_of(fixed, dynamic)}) {
    EXPECT_THAT(sizes.of(0), ElementsAre(8, 16));
    EXPECT_THAT(sizes.of(1), ElementsAre(8));
  }
  EXPECT_THAT(error_of([&] { sizes_of(dynamic, fixed, {{"N", 4}}); }), HasSubstr("dim N=4: a model fixes x:0 to 8"));
}

TEST(Sizes, TreatsMinusOneAndTheQuestionMarkAsUnknown) {
  ir::Model model = model_of("g (float[N, M] x) => (float[N] z) { z = Identity(x) }");
  input(model, "x").type = ir::tensor_type(DataType::float32, ir::Shape{ir::Dim(-1), ir::Dim(std::string("?"))});
  const Sizes sizes = sizes_of(model, model);
  EXPECT_THAT(sizes.of(0), ElementsAre(2, 3));
  EXPECT_THAT(sizes.assumed(), ElementsAre("x:0 = 2", "x:1 = 3"));
}

TEST(Sizes, MakesPicturesLargeEnoughForTheirStrides) {
  const ir::Model model = model_of(
      "g (float[N, 3, H, W] chw, float[N, A, B, 1] hwc, float[N, 64, P, Q] features, float[N, 8, T, 64] cache,"
      "   float[N, 80, L] signal) => (float[N] z) { z = Identity(chw) }");
  const Sizes sizes = sizes_of(model, model);
  EXPECT_THAT(sizes.of(0), ElementsAre(2, 3, 64, 64));
  EXPECT_THAT(sizes.of(1), ElementsAre(2, 64, 64, 1));
  EXPECT_THAT(sizes.of(2), ElementsAre(2, 64, 64, 64));
  EXPECT_THAT(sizes.of(3), ElementsAre(2, 8, 4, 64));
  EXPECT_THAT(sizes.of(4), ElementsAre(2, 80, 64));
}

TEST(Sizes, AddsUpWhatANameSaysIsASum) {
  ir::Model model = model_of(
      "g (int64[batch, total_sequence_length] mask, int64[batch, sequence_length] ids,"
      "   float[batch, 8, past_sequence_length, 64] past, float[batch, x] other) => (float[N] z) { z = Identity(past) "
      "}");
  input(model, "other").type.tensor()->shape->at(1) = ir::Dim(std::string("past_sequence_length + 1"));
  const Sizes sizes = sizes_of(model, model);
  EXPECT_THAT(sizes.of(0), ElementsAre(2, 7));
  EXPECT_THAT(sizes.of(1), ElementsAre(2, 3));
  EXPECT_THAT(sizes.of(2), ElementsAre(2, 8, 4, 64));
  EXPECT_THAT(sizes.of(3), ElementsAre(2, 5));
}

TEST(Sizes, RefusesWhatContradicts) {
  const ir::Model model = model_of("g (float[batch, 4] x) => (float[N] z) { z = Identity(x) }");
  const ir::Model other = model_of("g (float[batch, 5] x) => (float[N] z) { z = Identity(x) }");
  const ir::Model flat = model_of("g (float[4] x) => (float[N] z) { z = Identity(x) }");
  EXPECT_THAT(error_of([&] { sizes_of(model, other); }), HasSubstr("axis 1 has 4 elements in one model and 5"));
  EXPECT_THAT(error_of([&] { sizes_of(model, flat); }), HasSubstr("input x: has the shape"));
  EXPECT_THAT(error_of([&] { sizes_of(model, model, {{"bach", 1}}); }), HasSubstr("did you mean batch?"));
  EXPECT_THAT(error_of([&] { sizes_of(model, model, {{"height", 1}}); }), HasSubstr("they have batch"));
  EXPECT_THAT(error_of([&] { sizes_of(model, model, {{"batch", -1}}); }), HasSubstr("cannot be negative"));
}

}  // namespace
}  // namespace olivine::runtime

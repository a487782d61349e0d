#include "runtime/random_inputs.h"

#include <algorithm>
#include <cmath>

#include "runtime/test_support.h"

namespace olivine::runtime {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Lt;

tensor::AnyValue value_of(const ir::Model& model, std::string_view name, std::uint64_t seed = 0) {
  const auto pairs = match_inputs(model, model);
  const Sizes sizes(pairs, {});
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (pairs[i].a->name() == name) return random_value(pairs[i], sizes.of(i), sizes, seed);
  }
  throw Error(ErrorCode::internal, "no such input");
}

TEST(RandomInputs, AreTheSameForTheSameSeed) {
  const ir::Model model = model_of("g (float[1000] x) => (float[1000] z) { z = Identity(x) }");
  EXPECT_TRUE(tensor::equal(*value_of(model, "x").tensor(), *value_of(model, "x").tensor()));
  EXPECT_FALSE(tensor::equal(*value_of(model, "x", 1).tensor(), *value_of(model, "x").tensor()));
}

TEST(RandomInputs, RoundTheSameValuesToEveryFloatType) {
  const ir::Model wide = model_of("g (float[1000] x) => (float[1000] z) { z = Identity(x) }");
  const ir::Model narrow = model_of("g (float16[1000] x) => (float16[1000] z) { z = Identity(x) }");
  EXPECT_TRUE(
      tensor::equal(tensor::cast(*value_of(wide, "x").tensor(), DataType::float16), *value_of(narrow, "x").tensor()));
}

TEST(RandomInputs, HaveEveryTensorTypeWithinItsRange) {
  ir::Model model = model_of("g (float[500] x) => (float[500] z) { z = Identity(x) }");
  for (int number = 1; number <= 26; ++number) {
    const auto dtype = static_cast<DataType>(number);
    input(model, "x").type = ir::tensor_type(dtype, ir::Shape{ir::Dim(500)});
    const tensor::AnyValue value = value_of(model, "x");
    ASSERT_NE(value.tensor(), nullptr);
    EXPECT_EQ(value.tensor()->dtype(), dtype);
    EXPECT_THAT(value.tensor()->dims(), ElementsAre(500));
    if (is_integer(dtype)) {
      const auto numbers = tensor::as_int64s(*value.tensor()).value();
      EXPECT_THAT(numbers, Each(Ge(0))) << name_of(dtype);
      EXPECT_GT(*std::max_element(numbers.begin(), numbers.end()), 0) << name_of(dtype);
      EXPECT_THAT(numbers, Each(Lt(dtype == DataType::uint8 ? 256 : 10))) << name_of(dtype);
    }
  }
}

TEST(RandomInputs, KeepIndicesWithinTheTableThatTheyPickFrom) {
  const ir::Model model = model_of(R"(g (int64[300] ids, int32[300] kinds, int64[300] free) => (float[N] z)
    <float[3, 2] table = {0, 1, 2, 3, 4, 5}, float16[2, 5] wide = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}>
    {
      z = Gather(table, ids)
      same = Cast<to = 7>(kinds)
      row = Unsqueeze(same, free)
      columns = Cast<to = 1>(wide)
      picked = Gather<axis = -1>(columns, row)
    })");
  EXPECT_EQ(index_bound(input(model, "ids")), 3);
  EXPECT_EQ(index_bound(input(model, "kinds")), 5);
  EXPECT_EQ(index_bound(input(model, "free")), std::nullopt);
  const auto ids = tensor::as_int64s(*value_of(model, "ids").tensor()).value();
  EXPECT_EQ(*std::max_element(ids.begin(), ids.end()), 2);
}

TEST(RandomInputs, UseTheWholeVocabulary) {
  ir::Model model = model_of("g (int64[4000] ids, float[50000, 2] table) => (float[N] z) { z = Gather(table, ids) }");
  EXPECT_EQ(index_bound(input(model, "ids")), 50000);
  const auto ids = tensor::as_int64s(*value_of(model, "ids").tensor()).value();
  EXPECT_GT(*std::max_element(ids.begin(), ids.end()), 49000);
}

TEST(RandomInputs, MaskTheEndsOfRows) {
  const ir::Model model = model_of(
      "g (int64[40, 10] attention_mask, bool[40, 10] padMask, float[40, 10] m) => (float[N] z) { z = Identity(m) }");
  for (const char* const name : {"attention_mask", "padMask"}) {
    const auto mask = doubles(tensor::cast(*value_of(model, name).tensor(), DataType::float32));
    bool has_zero = false;
    for (std::size_t row = 0; row < 40; ++row) {
      const auto begin = mask.begin() + static_cast<std::ptrdiff_t>(row * 10);
      EXPECT_TRUE(std::is_sorted(begin, begin + 10, std::greater<>()));
      EXPECT_GE(std::count(begin, begin + 10, 1.0), row == 0 ? 10 : 5);
      has_zero = has_zero || *(begin + 9) == 0;
    }
    EXPECT_TRUE(has_zero) << name;
  }
}

TEST(RandomInputs, FillSequencesAndOptionals) {
  const ir::Model model =
      model_of("g (seq(float[N, 2]) s, optional(int64[4]) o, string[3] w) => (float[N] z) { z = Identity(s) }");
  const tensor::AnyValue sequence = value_of(model, "s");
  ASSERT_EQ(sequence.sequence()->items.size(), 3U);
  EXPECT_THAT(sequence.sequence()->items[0].tensor()->dims(), ElementsAre(2, 2));
  EXPECT_THAT(value_of(model, "o").tensor()->dims(), ElementsAre(4));
  EXPECT_THAT(value_of(model, "w").tensor()->strings(), Each(HasSubstr("word")));
}

TEST(RandomInputs, RefuseWhatCannotBeMade) {
  const ir::Model model =
      model_of("g (map(int64, float[N]) m, float[1000000, 1000000] x) => (float[N] z) { z = Identity(x) }");
  EXPECT_THAT(error_of([&] { value_of(model, "m"); }),
              HasSubstr("input m: no random values are made for the type map"));
  EXPECT_THAT(error_of([&] { value_of(model, "x"); }), HasSubstr("too large"));
}

}  // namespace
}  // namespace olivine::runtime

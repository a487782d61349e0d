#include "runtime/recorded.h"

#include <cstring>

#include "runtime/test_support.h"

namespace olivine::runtime {
namespace {

using testing::HasSubstr;

/// A .npy file with float32 values.
std::filesystem::path write_npy(const TempFolder& folder, const std::string& name, const std::string& shape,
                                const std::vector<float>& values) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }\n";
  const auto length = static_cast<std::uint16_t>(header.size());
  std::string bytes = "\x93NUMPY";
  bytes += std::string("\x01\x00", 2) + static_cast<char>(length & 0xFF) + static_cast<char>(length >> 8) + header;
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return folder.write(name, bytes);
}

class Recorded : public testing::Test {
 protected:
  RecordedCase doubled(const std::string& output = "y") {
    return {"n = 2",
            {{"x", write_npy(folder_, "x.npy", "(2,)", {1, 2})}},
            {{output, write_npy(folder_, "y.npy", "(2,)", {2, 4})}}};
  }

  Comparison compare(const RecordedCase& recorded, std::string_view graph) {
    CompareOptions options;
    options.name_b = "the result";
    return compare_recorded({recorded}, model_of(graph), options);
  }

  TempFolder folder_;
};

TEST_F(Recorded, RightResultsPass) {
  const Comparison comparison = compare(doubled(), "g (float[N] x) => (float[N] y) { y = Add(x, x) }");
  EXPECT_TRUE(comparison.passed);
  ASSERT_EQ(comparison.outputs.size(), 1U);
  EXPECT_EQ(comparison.outputs[0].name, "y");
  EXPECT_EQ(comparison.runs, 1);
}

TEST_F(Recorded, WrongOnesDoNot) {
  const Comparison comparison = compare(doubled(), "g (float[N] x) => (float[N] y) { y = Mul(x, x) }");
  EXPECT_FALSE(comparison.passed);
  EXPECT_EQ(comparison.outputs[0].max_absolute_error, 1);
}

TEST_F(Recorded, ValuesTakeTheTypesThatTheModelHasNow) {
  EXPECT_TRUE(compare(doubled(), "g (float16[N] a) => (float16[N] b) { b = Add(a, a) }").passed);
}

TEST_F(Recorded, AnOutputThatIsGoneIsAFault) {
  RecordedCase recorded = doubled();
  recorded.outputs.emplace_back("z", recorded.outputs[0].second);
  const Comparison comparison = compare(recorded, "g (float[N] x) => (float[N] y) { y = Add(x, x) }");
  EXPECT_FALSE(comparison.passed);
  EXPECT_EQ(comparison.outputs[1].problem, "the result has no such output");
}

TEST_F(Recorded, AnInputWithoutValuesIsAnError) {
  EXPECT_THAT(error_of([&] { compare(doubled(), "g (float[N] x, float[N] w) => (float[N] y) { y = Add(x, w) }"); }),
              HasSubstr("no values were recorded for 'w'"));
}

TEST_F(Recorded, KnowsWhichModelsTakeItsSizes) {
  EXPECT_TRUE(takes(model_of("g (float[N] x) => (float[N] y) { y = Relu(x) }"), doubled()));
  EXPECT_TRUE(takes(model_of("g (float[2] x) => (float[2] y) { y = Relu(x) }"), doubled()));
  EXPECT_FALSE(takes(model_of("g (float[3] x) => (float[3] y) { y = Relu(x) }"), doubled()));
}

}  // namespace
}  // namespace olivine::runtime

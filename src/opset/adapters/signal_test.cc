#include <gmock/gmock.h>

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class Signal : public OpsetFixture {
 protected:
  void SetUp() override { dims_ = {{"n", 6}, {"m", 9}, {"k", 2}}; }

  static std::string dft(int opset, std::string_view dims, std::string_view attributes, std::string_view length) {
    return fmt::format(
        R"(<ir_version: 8, opset_import: ["": {}]> g (float[{}] x, float[m] like, float[k] two) => (float[a,b,c,d] y)
                            <int64 known = {{8}}, int64 ten = {{10}}> {{
                            shape = Shape(like) computed = ReduceSum<keepdims=0>(shape)
                            y = DFT<{}>(x{})
                          }})",
        opset, dims, attributes, length);
  }
};

TEST_F(Signal, DftIsAProductBelowOpset17) {
  for (const char* attributes : {"axis=1", "axis=2", "axis=-2, inverse=1"}) {
    for (const char* dims : {"2,6,5,1", "2,6,5,2", "2,n,n,1", "2,n,n,2"}) {
      for (const char* length : {"", ", known", ", computed"}) {
        expect_alike(dft(17, dims, attributes, length), 16, 1e-4);
      }
    }
  }
}

TEST_F(Signal, OneSidedDftIsAProductBelowOpset17) {
  for (const char* dims : {"2,6,5", "2,n,n"}) {
    for (const char* length : {"", ", known", ", computed"}) {
      expect_alike(dft(17, fmt::format("{},1", dims), "axis=1, onesided=1", length), 16, 1e-4);
    }
    expect_alike(dft(17, fmt::format("{},2", dims), "axis=1, onesided=1, inverse=1", ""), 16, 1e-4);
    expect_alike(dft(17, fmt::format("{},2", dims), "axis=1, onesided=1, inverse=1", ", ten"), 16, 1e-4);
  }
}

TEST_F(Signal, AnInverseOfAnotherHalfIsRefused) {
  EXPECT_THAT(refusal(dft(17, "2,6,5,2", "axis=1, onesided=1, inverse=1", ", known"), 16),
              ::testing::HasSubstr("half"));
}

TEST_F(Signal, TheAxisOfDftIsAnInputSinceOpset20) {
  const auto text = [](int opset, std::string_view node) {
    return fmt::format(
        R"(<ir_version: 9, opset_import: ["": {}]> g (float[2,5,6,1] x, float[k] two) => (float[a,b,c,d] y)
                            <int64 constant = {{1}}> {{ y = {} }})",
        opset, node);
  };
  EXPECT_THAT(onnx::print_model(converted(text(17, "DFT(x)"), 20)), ::testing::HasSubstr(R"(DFT (x, "", constant)"));
  EXPECT_THAT(onnx::print_model(converted(text(20, "DFT(x)"), 19)), ::testing::HasSubstr("axis: int = -2"));
  EXPECT_THAT(onnx::print_model(converted(text(20, "DFT(x, , constant)"), 19)), ::testing::HasSubstr("axis: int = 1"));
  for (const char* attributes : {"inverse=0", "onesided=1", "inverse=1"}) {
    for (const char* sign : {"", "Neg"}) {
      expect_alike(
          fmt::format(
              R"(<ir_version: 8, opset_import: ["": 20]> g (float[2,5,6,1] x, float[k] two) => (float[a,b,c,d] y) {{
                                    shape = Shape(two) s = Squeeze(shape) axis = {}(s) y = DFT<{}>(x, , axis)
                                  }})",
              *sign != 0 ? sign : "Identity", attributes),
          19, 1e-4);
    }
  }
}

TEST_F(Signal, StftIsAProductOfFrames) {
  for (const char* dims : {"2,30,1", "2,m,1", "2,30,2"}) {
    for (const char* sides : {"onesided=1", "onesided=0"}) {
      for (const char* frames : {"step, window", "step, , length", "step, window, length", "computed, window"}) {
        expect_alike(
            fmt::format(
                R"(<ir_version: 8, opset_import: ["": 17]> g (float[{}] x, float[8] window, float[k] two) => (float[a,b,c,d] y)
                                      <int64 step = {{3}}, int64 length = {{8}}> {{
                                      shape = Shape(two) computed = Squeeze(shape) y = STFT<{}>(x, {})
                                    }})",
                dims, sides, frames),
            16, 1e-4);
      }
    }
  }
}

TEST_F(Signal, WindowsAreSumsOfCosines) {
  for (const char* op : {"HannWindow", "HammingWindow", "BlackmanWindow"}) {
    for (const int periodic : {0, 1}) {
      for (const int dtype : {1, 10, 11}) {
        const auto text = [&](const char* size) {
          return fmt::format(R"(<ir_version: 8, opset_import: ["": 17]> g (float[m] like) => (float[a] y)
                                  <int32 known = {{10}}> {{
                                  shape = Shape(like) computed = Squeeze(shape)
                                  w = {}<periodic={}, output_datatype={}>({}) y = Cast<to=1>(w)
                                }})",
                             op, periodic, dtype, size);
        };
        EXPECT_THAT(expect_alike(text("known"), 16), ::testing::Not(::testing::HasSubstr("Cos")));
        EXPECT_THAT(expect_alike(text("computed"), 16), ::testing::HasSubstr("Cos"));
      }
    }
  }
}

TEST_F(Signal, MelWeightsAreTriangles) {
  for (const char* bins : {"known", "computed"}) {
    expect_alike(fmt::format(R"(<ir_version: 8, opset_import: ["": 17]> g (float[m] like) => (float[a,b] y)
                                  <int64 known = {{8}}, int64 length = {{64}}, int64 rate = {{8192}}, float low = {{20}}, float high = {{4000}}> {{
                                  shape = Shape(like) computed = Squeeze(shape)
                                  y = MelWeightMatrix({}, length, rate, low, high)
                                }})",
                             bins),
                 16);
  }
}

}  // namespace
}  // namespace olivine::opset

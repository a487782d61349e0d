#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "onnx/onnx.h"
#include "values/known_values.h"

namespace olivine::values {
namespace {

/// "int64[2,2] 1 2 3 4": what the evaluator makes of `r`, given constants and nodes as onnx text; "unknown" where it
/// can't tell, "?" and "N" for elements that aren't numbers.
std::string evaluated(std::string_view constants, std::string_view nodes, int opset = 20) {
  ir::Model model = onnx::parse_model(
      fmt::format(R"(<ir_version: 9, opset_import: ["": {}]> g (float[N, 3] x, int64[2] runtime) => (r) <{}> {{ {} }})",
                  opset, constants, nodes));
  KnownValues folder(model);
  onnx::infer_in_order(model, folder);
  const ir::Value& value = *model.graph->outputs()[0];
  const tensor::Tensor* constant = folder.constant(value);
  std::string text;
  if (constant != nullptr) {
    const auto integers = tensor::as_int64s(*constant);
    const auto reals = tensor::as_doubles(*constant);
    text = to_string(ir::tensor_type(constant->dtype(), ir::Shape(constant->dims().begin(), constant->dims().end())));
    for (std::size_t i = 0; i < constant->element_count(); ++i) {
      text += integers ? fmt::format(" {}", (*integers)[i]) : fmt::format(" {}", (*reals)[i]);
    }
    EXPECT_EQ(to_string(value.type), text.substr(0, text.find(' '))) << "inference and evaluation differ";
    return text;
  }
  const auto elements = folder.elements(value);
  return elements ? to_string(*elements) : "unknown";
}

TEST(Evaluate, Shapes) {
  EXPECT_EQ(evaluated("", "r = Shape(x)"), "[N,3]");
  EXPECT_EQ(evaluated("", "r = Shape<start = 1>(x)"), "int64[1] 3");
  EXPECT_EQ(evaluated("", "r = Shape<start = -1, end = 9>(x)"), "int64[1] 3");
  EXPECT_EQ(evaluated("", "r = Shape<start = 2>(x)"), "int64[0]");
  EXPECT_EQ(evaluated("float[2, 3] a = {1, 2, 3, 4, 5, 6}", "r = Size(a)"), "int64 6");
  EXPECT_EQ(evaluated("", "r = Size(x)"), "unknown");
  EXPECT_EQ(evaluated("int64[2] d = {2, 1}", "r = ConstantOfShape(d)"), "float[2,1] 0 0");
  EXPECT_EQ(evaluated("int64[0] d = {}", "r = ConstantOfShape<value = int32[1] {7}>(d)"), "int32 7");
  EXPECT_EQ(evaluated("int64[1] d = {5000}", "r = ConstantOfShape(d)"), "unknown");
}

TEST(Evaluate, Range) {
  EXPECT_EQ(evaluated("int64 a = {2}, int64 b = {9}, int64 s = {3}", "r = Range(a, b, s)"), "int64[3] 2 5 8");
  EXPECT_EQ(evaluated("int64 a = {2}, int64 b = {-2}, int64 s = {-2}", "r = Range(a, b, s)"), "int64[2] 2 0");
  EXPECT_EQ(evaluated("int64 a = {2}, int64 b = {0}, int64 s = {1}", "r = Range(a, b, s)"), "int64[0]");
  EXPECT_EQ(evaluated("float a = {0}, float b = {3}, float s = {1}", "r = Range(a, b, s)"), "float[3] 0 1 2");
  EXPECT_EQ(evaluated("float a = {0}, float b = {1}, float s = {0.1}", "r = Range(a, b, s)"), "unknown");
}

TEST(Evaluate, NonZero) {
  EXPECT_EQ(evaluated("int64[2, 2] a = {1, 0, 1, 1}", "r = NonZero(a)"), "int64[2,3] 0 1 1 0 0 1");
  EXPECT_EQ(evaluated("bool[2] a = {0, 0}", "r = NonZero(a)"), "int64[1,0]");
}

TEST(Evaluate, Movement) {
  const char* a = "int64[2, 3] a = {1, 2, 3, 4, 5, 6}, int64[1] i = {-1}, int64 k = {1}, int64[2] d = {3, -1}";
  EXPECT_EQ(evaluated(a, "r = Gather(a, i)"), "int64[1,3] 4 5 6");
  EXPECT_EQ(evaluated(a, "r = Gather<axis = 1>(a, k)"), "int64[2] 2 5");
  EXPECT_EQ(evaluated(a, "r = Transpose(a)"), "int64[3,2] 1 4 2 5 3 6");
  EXPECT_EQ(evaluated(a, "r = Reshape(a, d)"), "int64[3,2] 1 2 3 4 5 6");
  EXPECT_EQ(evaluated(a, "r = Flatten<axis = 0>(a)"), "int64[1,6] 1 2 3 4 5 6");
  EXPECT_EQ(evaluated(a, "r = Concat<axis = 1>(a, a)"), "int64[2,6] 1 2 3 1 2 3 4 5 6 4 5 6");
  EXPECT_EQ(evaluated(a, "r = Unsqueeze(a, i)"), "int64[2,3,1] 1 2 3 4 5 6");
  EXPECT_EQ(evaluated(a, "b = Gather(a, i) r = Squeeze(b)"), "int64[3] 4 5 6");
  EXPECT_EQ(evaluated("int64[2] a = {1, 2}, int64[2] t = {2, 1}", "r = Expand(a, t)"), "int64[2,2] 1 2 1 2");
  EXPECT_EQ(evaluated("int64[1, 2] a = {1, 2}, int64[2] t = {2, 2}", "r = Tile(a, t)"), "int64[2,4] 1 2 1 2 1 2 1 2");
  EXPECT_EQ(evaluated("int64[2] a = {1, 2}, int64[1] t = {0}", "r = Tile(a, t)"), "int64[0]");
  EXPECT_EQ(evaluated("int64[4] a = {1, 2, 3, 4}, int64[2] s = {1, 3}", "q, r = Split(a, s)"), "int64[3] 2 3 4");
  EXPECT_EQ(evaluated("int64[5] a = {1, 2, 3, 4, 5}", "q, r = Split<num_outputs = 2>(a)"), "int64[2] 4 5");
  EXPECT_EQ(evaluated("int64[3] a = {1, 2, 3}, int64[2, 1] i = {0, -1}, int64[2] u = {7, 8}", "r = ScatterND(a, i, u)"),
            "int64[3] 7 2 8");
  EXPECT_EQ(evaluated("int64[3] a = {1, 2, 3}, int64[1] i = {4}", "r = Gather(a, i)"), "unknown");
}

TEST(Evaluate, SliceClampsAsOnnxDoes) {
  const auto slice = [](std::int64_t start, std::int64_t end, std::int64_t step) {
    return evaluated(
        fmt::format("int64[4] a = {{1, 2, 3, 4}}, int64[1] b = {{{}}}, int64[1] e = {{{}}}, int64[1] z = {{0}}, "
                    "int64[1] s = {{{}}}",
                    start, end, step),
        "r = Slice(a, b, e, z, s)");
  };
  EXPECT_EQ(slice(1, 3, 1), "int64[2] 2 3");
  EXPECT_EQ(slice(-3, 100, 2), "int64[2] 2 4");
  EXPECT_EQ(slice(3, 1, 1), "int64[0]");
  EXPECT_EQ(slice(-1, -9223372036854775807, -1), "int64[4] 4 3 2 1");
  EXPECT_EQ(slice(100, 0, -2), "int64[2] 4 2");
  EXPECT_EQ(slice(-100, -1, 1), "int64[3] 1 2 3");
  EXPECT_EQ(slice(0, 9223372036854775807, 9223372036854775807), "int64[1] 1");
  EXPECT_EQ(evaluated("int64[4] a = {1, 2, 3, 4}", "r = Slice<starts = [1], ends = [-1]>(a)", 9), "int64[2] 2 3");
}

TEST(Evaluate, IntegersDivideAndRoundAsOnnxDoes) {
  const char* ab = "int64[4] a = {7, -7, 7, -7}, int64[4] b = {2, 2, -2, -2}";
  EXPECT_EQ(evaluated(ab, "r = Div(a, b)"), "int64[4] 3 -3 -3 3");
  EXPECT_EQ(evaluated(ab, "r = Mod(a, b)"), "int64[4] 1 1 -1 -1");
  EXPECT_EQ(evaluated(ab, "r = Mod<fmod = 1>(a, b)"), "int64[4] 1 -1 1 -1");
  EXPECT_EQ(evaluated(ab, "r = Sub(a, b)"), "int64[4] 5 -9 9 -5");
  EXPECT_EQ(evaluated(ab, "r = Max(a, b)"), "int64[4] 7 2 7 -2");
  EXPECT_EQ(evaluated("int64[2] a = {2, 3}, int64 b = {3}", "r = Pow(a, b)"), "int64[2] 8 27");
  EXPECT_EQ(evaluated("int32 a = {2147483647}, int32 b = {1}", "r = Add(a, b)"), "unknown");
  EXPECT_EQ(evaluated("int64 a = {1}, int64 b = {0}", "r = Div(a, b)"), "unknown");
  EXPECT_EQ(evaluated("uint8 a = {1}, uint8 b = {2}", "r = Sub(a, b)"), "unknown");
}

TEST(Evaluate, FloatsRoundToTheirType) {
  EXPECT_EQ(evaluated("float a = {1}, float b = {3}", "r = Div(a, b)"), fmt::format("float {}", double(1.0F / 3.0F)));
  EXPECT_EQ(evaluated("float16 a = {1}, float16 b = {3}", "r = Div(a, b)"), "float16 0.333251953125");
  EXPECT_EQ(evaluated("float a = {2}", "r = Sqrt(a)"), fmt::format("float {}", double(std::sqrt(2.0F))));
  EXPECT_EQ(evaluated("float[4] a = {0.5, 1.5, -0.5, 2.6}", "r = Round(a)"), "float[4] 0 2 -0 3");
  EXPECT_EQ(evaluated("float[2] a = {-1.5, 1.5}", "r = Floor(a)"), "float[2] -2 1");
  EXPECT_EQ(evaluated("float[2] a = {-1.5, 1.5}", "r = Ceil(a)"), "float[2] -1 2");
  EXPECT_EQ(evaluated("float[2] a = {-1.5, 300}", "r = Cast<to = 7>(a)"), "int64[2] -1 300");
  EXPECT_EQ(evaluated("float a = {300}", "r = Cast<to = 3>(a)"), "unknown");
  EXPECT_EQ(evaluated("int64 a = {16777217}", "r = Cast<to = 1>(a)"), "float 16777216");
  EXPECT_EQ(evaluated("float[2] a = {0, 0.5}", "r = Cast<to = 9>(a)"), "bool[2] 0 1");
}

TEST(Evaluate, ComparesAndReduces) {
  const char* ab = "int64[3] a = {1, 2, 3}, int64 b = {2}, bool[3] m = {1, 0, 1}, int64[1] z = {0}";
  EXPECT_EQ(evaluated(ab, "r = Equal(a, b)"), "bool[3] 0 1 0");
  EXPECT_EQ(evaluated(ab, "r = LessOrEqual(a, b)"), "bool[3] 1 1 0");
  EXPECT_EQ(evaluated(ab, "r = Not(m)"), "bool[3] 0 1 0");
  EXPECT_EQ(evaluated(ab, "r = Where(m, a, b)"), "int64[3] 1 2 3");
  EXPECT_EQ(evaluated(ab, "c = Greater(a, b) r = Or(c, m)"), "bool[3] 1 0 1");
  EXPECT_EQ(evaluated(ab, "r = ReduceProd(a, z)"), "int64[1] 6");
  EXPECT_EQ(evaluated(ab, "r = ReduceSum<keepdims = 0>(a)"), "int64 6");
  EXPECT_EQ(evaluated(ab, "r = ReduceMax<axes = [0]>(a)", 13), "int64[1] 3");
  EXPECT_EQ(evaluated(ab, "r = CumSum(a, b)", 20), "unknown");
  EXPECT_EQ(evaluated(ab, "zero = Squeeze(z) r = CumSum<exclusive = 1>(a, zero)"), "int64[3] 0 1 3");
  EXPECT_EQ(evaluated("float[2] a = {0.1, 0.2}", "r = ReduceSum<keepdims = 0>(a)"), "unknown");
  EXPECT_EQ(evaluated("int64[2, 2] a = {1, 5, 3, 4}, int64[1] k = {1}", "r = ReduceMin(a, k)"), "int64[2,1] 1 3");
  EXPECT_EQ(evaluated("int64[3] a = {1, 5, 9}, int64 l = {2}, int64 h = {6}", "r = Clip(a, l, h)"), "int64[3] 2 5 6");
}

TEST(Evaluate, KnowsTensorsInPart) {
  const char* c = "int64[1] one = {1}, int64[1] minus = {-1}, int64[1] i = {1}, int64[1] j = {0}";
  EXPECT_EQ(evaluated(c, "s = Shape(x) r = Gather(s, i)"), "int64[1] 3");
  EXPECT_EQ(evaluated(c, "s = Shape(x) r = Concat<axis = 0>(s, one, runtime)"), "[N,3,1,?,?]");
  EXPECT_EQ(evaluated(c, "s = Shape(x) t = Mul(s, one) r = Gather(t, j)"), "[N]");
  EXPECT_EQ(evaluated(c, "s = Shape(x) r = Mul(s, i)"), "[N,3]");
  EXPECT_EQ(evaluated(c, "s = Shape(x) r = Add(s, one)"), "[?,4]");
  // A dimension is never -1.
  EXPECT_EQ(evaluated(c, "s = Shape(x) q = Equal(s, minus) r = Where(q, one, s)"), "[N,3]");
  EXPECT_EQ(evaluated(c, "s = Shape(x) q = Equal(s, one) r = Where(q, minus, s)"), "[?,3]");
}

}  // namespace
}  // namespace olivine::values

#include <complex>
#include <limits>

#include "torch/torch_fixture.h"

namespace olivine::torch {
namespace {

using runtime::floats;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class LinalgTest : public TorchFixture {
 protected:
  static Argument text(std::string value) { return {std::move(value)}; }

  void einsum(const std::string& equation, const std::vector<ir::Shape>& operands, const ir::Shape& result) {
    std::vector<std::string> names;
    for (const ir::Shape& sizes : operands) {
      names.push_back(std::string(1, static_cast<char>('a' + names.size())));
      input({names.back(), sizes});
    }
    call("aten.einsum.default", {{"equation", text(equation)}, {"tensors", tensors(names)}}, {"y", result});
    output("y");
  }
};

// ---- Products

TEST_F(LinalgTest, AnEquationThatOneMatMulSolvesIsOne) {
  einsum("bhid,bhdj->bhij", {{2, 3, 4, 5}, {2, 3, 5, 6}}, {2, 3, 4, 6});
  EXPECT_THAT(operators(), ElementsAre("MatMul"));
}

TEST_F(LinalgTest, AnEquationWithSeveralRowsIsOneEinsum) {
  einsum("bhwc,hkc->bhwk", {{2, 3, 4, 5}, {3, 6, 5}}, {2, 3, 4, 6});
  EXPECT_THAT(operators(), ElementsAre("Einsum"));
}

TEST_F(LinalgTest, ARepeatedLetterIsTheDiagonal) {
  einsum("ii->i", {{2, 2}}, {2});
  EXPECT_THAT(run({{"a", floats({2, 2}, {1, 2, 3, 4})}}), ElementsAre(1, 4));
}

TEST_F(LinalgTest, WhatTheSelfOfAddmmHoldsDoesNotCountWithoutBeta) {
  input({"self", {2}});
  input({"a", {1, 2}});
  input({"b", {2, 2}});
  call("aten.addmm.default",
       {{"self", tensor("self")}, {"mat1", tensor("a")}, {"mat2", tensor("b")}, {"beta", integer(0)}}, {"y", {1, 2}});
  output("y");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(
      run({{"self", floats({2}, {nan, nan})}, {"a", floats({1, 2}, {1, 2})}, {"b", floats({2, 2}, {1, 0, 0, 1})}}),
      ElementsAre(1, 2));
}

/// onnx's propagation of data takes both for shapes and refuses their product.
TEST_F(LinalgTest, AColumnTimesARowIsValid) {
  input({"a", {5}});
  input({"b", {10}});
  call("aten.outer.default", {{"self", tensor("a")}, {"vec2", tensor("b")}}, {"y", {5, 10}});
  output("y");
  EXPECT_THAT(operators(), ElementsAre("Unsqueeze", "Mul"));
}

// ---- Complex tensors

TEST_F(LinalgTest, ComplexTensorsHaveRowsOfTheirOwn) {
  input({"a", {1}, DataType::complex64});
  input({"b", {1}, DataType::complex64});
  call("aten.mul.Tensor", {{"self", tensor("a")}, {"other", tensor("b")}}, {"y", {1}, DataType::complex64});
  output("y");
  EXPECT_THAT(run({{"a", floats({1, 2}, {1, 2})}, {"b", floats({1, 2}, {3, 4})}}), ElementsAre(-5, 10));
}

TEST_F(LinalgTest, AComplexNumberMakesARealTensorComplex) {
  input({"a", {1}});
  call("aten.mul.Tensor", {{"self", tensor("a")}, {"other", {std::complex<double>(0, 2)}}},
       {"y", {1}, DataType::complex64});
  output("y");
  EXPECT_THAT(run({{"a", floats({1}, {3})}}), ElementsAre(0, 6));
}

TEST_F(LinalgTest, WhatIsExpressedForRealsOnlyIsRefused) {
  input({"a", {1}, DataType::complex64});
  call("aten.relu.default", {{"self", tensor("a")}}, {"y", {1}, DataType::complex64});
  output("y");
  EXPECT_THAT(refusal(), HasSubstr("it is not expressed for complex numbers"));
}

// ---- Transforms

TEST_F(LinalgTest, ATransformOfAPowerOfTwoIsAnOperatorAnotherAMatrix) {
  input({"a", {3, 8}});
  call("aten.fft_rfft.default", {{"self", tensor("a")}}, {"y", {3, 5}, DataType::complex64});
  call("aten.fft_rfft.default", {{"self", tensor("a")}, {"n", integer(6)}}, {"z", {3, 4}, DataType::complex64});
  output("y");
  output("z");
  const std::vector<std::string> made = operators();
  EXPECT_THAT(made, Contains("DFT").Times(1));
  EXPECT_THAT(made, Contains("MatMul").Times(1));
}

// ---- Decompositions

TEST_F(LinalgTest, FewStepsOfEliminationAreUnrolled) {
  input({"a", {2, 2}});
  call("aten.linalg_inv.default", {{"A", tensor("a")}}, {"y", {2, 2}});
  output("y");
  EXPECT_THAT(operators(), Not(Contains("Loop")));
  EXPECT_THAT(run({{"a", floats({2, 2}, {0, 2, 4, 0})}}), ElementsAre(0, 0.25, 0.5, 0));
}

TEST_F(LinalgTest, ManyStepsAreALoop) {
  input({"a", {5, 5}});
  call("aten.linalg_cholesky.default", {{"self", tensor("a")}}, {"y", {5, 5}});
  output("y");
  EXPECT_THAT(operators(), Contains("Loop"));
  std::vector<float> values(25, 0);
  for (std::size_t i = 0; i < 25; i += 6) values[i] = 9;
  EXPECT_THAT(run({{"a", floats({5, 5}, values)}}), Contains(3).Times(5));
}

TEST_F(LinalgTest, SingularValuesAreMadeAndTheirVectorsAreNot) {
  input({"a", {2, 2}});
  note({"u", {2, 2}});
  note({"s", {2}});
  note({"v", {2, 2}});
  Node& svd = call("aten.linalg_svd.default", {{"A", tensor("a")}}, {"u", {2, 2}});
  svd.outputs = {tensor("u"), tensor("s"), tensor("v")};
  output("s");
  EXPECT_THAT(run({{"a", floats({2, 2}, {0, 2, -3, 0})}}), ElementsAre(3, 2));
  output("u");
  EXPECT_THAT(refusal(), HasSubstr("aten.linalg_svd.default"));
}

}  // namespace
}  // namespace olivine::torch

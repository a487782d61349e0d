#include <chrono>

#include "passes/pass_fixture.h"

namespace olivine::passes {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class DynamicToFixedShape : public PassFixture {
 protected:
  DynamicToFixedShape() : PassFixture("DynamicToFixedShape") {}
};

constexpr const char* kBatchIs2 = R"({"dim_param": ["N"], "dim_value": [2]})";

// ---- By symbol

TEST_F(DynamicToFixedShape, FixesASymbolEverywhere) {
  // A second run would find no such symbol, but another one: see UnknownSymbolsAreListed.
  idempotent_ = false;
  expect_rewrite(R"({"dim_param": ["batch"], "dim_value": [2]})", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[batch, 3] x, float[batch, seq] z) => (float[batch, 3] y, float[seq, batch] w) {
      a = Relu(x)
      y = Neg(a)
      w = Transpose(z)
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[2, 3] x, float[2, seq] z) => (float[2, 3] y, float[seq, 2] w) <float[2, 3] a> {
      a = Relu(x)
      y = Neg(a)
      w = Transpose(z)
    })");
  EXPECT_EQ(context_.report["symbols"], config::Json({{"batch", 2}}));
}

TEST_F(DynamicToFixedShape, FixesSeveralSymbolsAndInfersWhatFollows) {
  expect_rewrite(R"({"input_dim": ["N", "H"], "dim_value": [1, 8]})", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, 3, H, H] x, float[4, 3, 3, 3] w) => (float[N, 4, P, Q] y) {
      c = Conv(x, w)
      y = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(c)
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[1, 3, 8, 8] x, float[4, 3, 3, 3] w) => (float[1, 4, 3, 3] y) <float[1, 4, 6, 6] c> {
      c = Conv(x, w)
      y = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(c)
    })");
  EXPECT_THAT(context_.report["dynamic_values"], IsEmpty());
  EXPECT_THAT(context_.notices, IsEmpty());
}

TEST_F(DynamicToFixedShape, ReachesSubgraphsFunctionsAndContainers) {
  const ir::Model model = run(kBatchIs2, R"(<ir_version: 10, opset_import: ["": 20, "local": 1]>
    g (float[N, 3] x, bool c, seq(float[N, 3]) s) => (float[N, 3] y, seq(float[N, 3]) t, float[N, 3] z) {
      y = If(c) <
        then_branch = a () => (float[N, 3] p) { q = Neg(x) p = Relu(q) },
        else_branch = b () => (float[N, 3] r) { r = Neg(x) }
      >
      t = SequenceInsert(s, y)
      z = local.twice(x)
    }
    <domain: "local", opset_import: ["": 20]> twice(a) => (b) { c = Neg(a) b = Neg(c) })");
  const std::string text = onnx::print_model(model);
  EXPECT_THAT(text, Not(HasSubstr("N,")));
  EXPECT_THAT(text, HasSubstr("float[2,3] p"));
  EXPECT_THAT(text, HasSubstr("seq(float[2,3]) t"));
  EXPECT_EQ(to_string(model.functions[0]->body->first()->output(0)->type), "float[2,3]");
}

TEST_F(DynamicToFixedShape, UnknownSymbolsAreListed) {
  const char* model = R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[batch, seq] x) => (float[batch, seq] y) { y = Relu(x) })";
  EXPECT_THAT(refusal(R"({"dim_param": ["batsh", "width"], "dim_value": [1, 2]})", model),
              AllOf(HasSubstr("error[config]"), HasSubstr("/dim_param/0: the model has no symbol 'batsh'"),
                    HasSubstr("did you mean batch?"),
                    HasSubstr("batch (input 'x' float[batch,seq], output 'y' float[batch,seq])"),
                    HasSubstr("/dim_param/1: the model has no symbol 'width'")));
  EXPECT_THAT(
      refusal(R"({"dim_param": ["?"], "dim_value": [1]})",
              R"(<ir_version: 9, opset_import: ["": 20]> g (float[?, 2] x) => (float[?, 2] y) { y = Relu(x) })"),
      AllOf(HasSubstr("'?' is no symbol"), HasSubstr("use input_name and input_shape")));
}

TEST_F(DynamicToFixedShape, WhereAllInputsAreFixedASymbolIsNoError) {
  expect_unchanged(kBatchIs2,
                   R"(<ir_version: 9, opset_import: ["": 20]> g (float[2] x) => (float[2] y) { y = Relu(x) })");
  EXPECT_THAT(context_.notices, ElementsAre(HasSubstr("no symbol 'N' is left")));
}

TEST_F(DynamicToFixedShape, OneSymbolHasOneSize) {
  EXPECT_THAT(refusal(R"({"dim_param": ["N", "N"], "dim_value": [1, 2]})",
                      R"(<ir_version: 9, opset_import: ["": 20]> g (float[N] x) => (float[N] y) { y = Relu(x) })"),
              HasSubstr("'N' is given two sizes, 1 and 2"));
}

// ---- By input

TEST_F(DynamicToFixedShape, ByInputItsSymbolsAreFixedEverywhere) {
  expect_rewrite(R"({"input_name": ["x"], "input_shape": [[1, 3, 4]]})", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, 3, ?] x, float[N, 2] z) => (float[N, 3, ?] y, float[N, 2] w) { y = Relu(x) w = Relu(z) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[1, 3, 4] x, float[1, 2] z) => (float[1, 3, 4] y, float[1, 2] w) { y = Relu(x) w = Relu(z) })");
}

TEST_F(DynamicToFixedShape, MinusOneLeavesADimensionAsItIs) {
  expect_rewrite(R"({"input_name": ["x"], "input_shape": [[1, -1]]})", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, M] x) => (float[N, M] y) { y = Relu(x) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[1, M] x) => (float[1, M] y) { y = Relu(x) })");
  EXPECT_THAT(context_.notices, ElementsAre("still dynamic because of input 'x': 'x' float[1,M] and 1 more"));
}

TEST_F(DynamicToFixedShape, NegativeSizesAndQuestionMarksAreUnknown) {
  ir::Model model = onnx::parse_model(R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, 2, M] x) => (float[N, 2, M] y) { y = Relu(x) })");
  const ir::Type written = ir::tensor_type(DataType::float32, ir::Shape{-1, 2, std::string("?")});
  model.graph->inputs()[0]->type = written;
  model.graph->outputs()[0]->type = written;
  const Pass* pass = find_pass("DynamicToFixedShape");
  EXPECT_EQ(pass->run(model, options(R"({"input_name": ["x"], "input_shape": [[1, 2, 5]]})"), context_),
            Change::changed);
  EXPECT_EQ(to_string(model.graph->inputs()[0]->type), "float[1,2,5]");
  EXPECT_EQ(to_string(model.graph->outputs()[0]->type), "float[1,2,5]");
}

TEST_F(DynamicToFixedShape, AnInputOfUnknownRankGetsTheShape) {
  ir::Model model = onnx::parse_model(R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N] x) => (float[N] y) { y = Relu(x) })");
  model.graph->inputs()[0]->type = ir::tensor_type(DataType::float32);
  model.graph->outputs()[0]->type = ir::tensor_type(DataType::float32);
  find_pass("DynamicToFixedShape")
      ->run(model, options(R"({"input_name": ["x"], "input_shape": [[1, 2, 5]]})"), context_);
  EXPECT_EQ(to_string(model.graph->outputs()[0]->type), "float[1,2,5]");
}

TEST_F(DynamicToFixedShape, WrongInputsAreListedTogether) {
  const char* model = R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, 3] x, float[N, N] z, seq(float[2]) s) => (float[N, 3] y) <float[3] w = {1, 2, 3}> { y = Add(x, w) })";
  EXPECT_THAT(refusal(R"({"input_name": ["X_", "w", "x", "s"], "input_shape": [[1, 3], [3], [1, 3, 4], [1]]})", model),
              AllOf(HasSubstr("error[config]"), HasSubstr("/input_name/0: the model has no input 'X_'"),
                    HasSubstr("the inputs are 'x' float[N,3], 'z' float[N,N]"),
                    HasSubstr("/input_name/1: 'w' is a constant of the model"),
                    HasSubstr("/input_shape/2: input 'x' float[N,3] has 2 dimensions, not 3"),
                    HasSubstr("/input_name/3: input 's' is seq(float[2]), which has no shape to fix")));
  EXPECT_THAT(refusal(R"({"input_name": ["x"], "input_shape": [[1, 4]]})", model),
              HasSubstr("/input_shape/0: dimension 1 of input 'x' is 3, not 4"));
  EXPECT_THAT(refusal(R"({"input_name": ["z"], "input_shape": [[1, 4]]})", model),
              HasSubstr("symbol 'N' would be 1 as dimension 0 of input 'z', but 4 as dimension 1 of input 'z'"));
  EXPECT_THAT(refusal(R"({"input_name": ["x"], "input_shape": [[0, 3]]})", model), HasSubstr("dimension 0 is 0"));
}

TEST_F(DynamicToFixedShape, SizesThatTheModelCannotTakeNameTheNode) {
  EXPECT_THAT(refusal(R"({"dim_param": ["C"], "dim_value": [4]})", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[2, C] x, float[3, 5] w) => (float[2, 5] y) { [product] y = MatMul(x, w) })"),
              AllOf(HasSubstr("error[conversion]"), HasSubstr("node MatMul 'product'"),
                    HasSubstr("cannot take the shapes that it gets")));
}

// ---- Options

TEST_F(DynamicToFixedShape, OptionsExcludeEachOther) {
  const config::OptionsSchema& schema = find_pass("DynamicToFixedShape")->options();
  const auto problems = [&](std::string_view json) {
    std::vector<config::Problem> found;
    schema.read(config::Json::parse(json), found);
    std::string text;
    for (const config::Problem& problem : found) text += problem.pointer + " " + problem.message + "\n";
    return text;
  };
  EXPECT_THAT(problems(R"({"dim_param": ["a"], "dim_value": [1], "input_name": ["x"], "input_shape": [[1]]})"),
              HasSubstr("dim_param and input_name exclude each other"));
  EXPECT_THAT(problems(R"({"dim_param": ["a", "b"], "dim_value": [1]})"), HasSubstr("2 and 1 items"));
  EXPECT_THAT(problems(R"({"dim_param": ["a"]})"), HasSubstr("go together"));
  EXPECT_THAT(problems(R"({"dim_param": ["a"], "dim_value": [0]})"), HasSubstr("0 is below 1"));
  EXPECT_THAT(problems(R"({"input_name": ["x"], "input_shape": [[1, -2]]})"), HasSubstr("-2 is below -1"));
  EXPECT_THAT(
      refusal("{}", R"(<ir_version: 9, opset_import: ["": 20]> g (float[N] x) => (float[N] y) { y = Relu(x) })"),
      AllOf(HasSubstr("error[config]"), HasSubstr("nothing says what is to be fixed")));
}

// ---- Shape arithmetic

TEST_F(DynamicToFixedShape, ShapeArithmeticBecomesConstant) {
  expect_rewrite(R"({"dim_param": ["N", "S"], "dim_value": [2, 4]})", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, S, 8] x) => (float[A, B, C, D] y)
    <int64 zero = {0}, int64 one = {1}, int64[1] first = {0}, int64[2] heads = {2, 4}> {
      s = Shape(x)
      n = Gather(s, zero)
      m = Gather(s, one)
      n1 = Unsqueeze(n, first)
      m1 = Unsqueeze(m, first)
      target = Concat<axis = 0>(n1, m1, heads)
      y = Reshape(x, target)
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[2, 4, 8] x) => (float[2, 4, 2, 4] y) <int64[4] target = {2, 4, 2, 4}> { y = Reshape(x, target) })");
  EXPECT_EQ(context_.report["folded_values"], 1);
  EXPECT_EQ(context_.report["removed_nodes"], 6);
}

// One dimension is known although others are not.
TEST_F(DynamicToFixedShape, WhatIsKnownInPartIsUsed) {
  idempotent_ = false;
  expect_rewrite(kBatchIs2, R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, S, 8] x) => (float[A, B] y, int64 n) <int64 zero = {0}, int64[1] first = {0}, int64[1] rest = {-1}> {
      s = Shape(x)
      n = Gather(s, zero)
      n1 = Unsqueeze(n, first)
      target = Concat<axis = 0>(n1, rest)
      y = Reshape(x, target)
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[2, S, 8] x) => (float[2, B] y, int64 n) <int64[2] target = {2, -1}> {
      n = Constant<value = int64 n {2}>()
      y = Reshape(x, target)
    })");
}

TEST_F(DynamicToFixedShape, OneOpenDimensionOfATargetBecomesMinusOne) {
  idempotent_ = false;
  expect_rewrite(kBatchIs2, R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, S, 8] x) => (float[A, B, C, D] y) <int64[1] b = {0}, int64[1] e = {2}, int64[2] heads = {2, 4}> {
      s = Shape(x)
      ns = Slice(s, b, e)
      target = Concat<axis = 0>(ns, heads)
      y = Reshape(x, target)
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[2, S, 8] x) => (float[2, B, 2, 4] y) <int64[4] target_1 = {2, -1, 2, 4}> { y = Reshape(x, target_1) })");
}

TEST_F(DynamicToFixedShape, TargetsAreWrittenOut) {
  expect_rewrite(kBatchIs2, R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, 3, 4] x) => (float[A, B] y) <int64[2] target = {0, -1}> { y = Reshape(x, target) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[2, 3, 4] x) => (float[2, 12] y) <int64[2] target_1 = {2, 12}> { y = Reshape(x, target_1) })");
}

TEST_F(DynamicToFixedShape, ResizesGetTheirSizesAndScales) {
  // out = floor(float(H) * 2) as old exporters write it.
  expect_rewrite(R"({"dim_param": ["H"], "dim_value": [5]})", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[1, 3, H, H] x) => (float[1, 3, P, Q] y)
    <int64 two = {2}, int64[1] first = {0}, int64[2] nc = {1, 3}, float factor = {1.5}> {
      s = Shape(x)
      h = Gather(s, two)
      hf = Cast<to = 1>(h)
      big = Mul(hf, factor)
      whole = Floor(big)
      hi = Cast<to = 7>(whole)
      h1 = Unsqueeze(hi, first)
      sizes = Concat<axis = 0>(nc, h1, h1)
      y = Resize<mode = "nearest">(x, , , sizes)
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[1, 3, 5, 5] x) => (float[1, 3, 7, 7] y) <int64[4] sizes = {1, 3, 7, 7}> {
      y = Resize<mode = "nearest">(x, , , sizes)
    })");
}

TEST_F(DynamicToFixedShape, ChainsAreInferredInOneWalk) {
  const ir::Model model = run(R"({"dim_param": ["H"], "dim_value": [4]})", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[1, 3, H, H] x) => (float[A, B, C, D] z)
    <int64[1] b = {2}, int64[1] e = {4}, int64[2] nc = {1, 3}, int64[2] twice = {2, 2}> {
      s1 = Shape(x) hw1 = Slice(s1, b, e) big1 = Mul(hw1, twice) sizes1 = Concat<axis = 0>(nc, big1)
      y = Resize<mode = "nearest">(x, , , sizes1)
      s2 = Shape(y) hw2 = Slice(s2, b, e) big2 = Mul(hw2, twice) sizes2 = Concat<axis = 0>(nc, big2)
      z = Resize<mode = "nearest">(y, , , sizes2)
    })");
  EXPECT_EQ(to_string(model.graph->outputs()[0]->type), "float[1,3,16,16]");
  EXPECT_EQ(model.graph->node_count(), 2U);
}

TEST_F(DynamicToFixedShape, ExpandAsExportersWriteIt) {
  // where(shape == -1, 1, shape), a mask of ones, positions, their product.
  expect_rewrite(R"({"dim_param": ["N", "S"], "dim_value": [2, 3]})", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, S] x) => (float[A, B] y, int64[C] p)
    <int64[1] minus = {-1}, int64 zero = {0}, int64 step = {1}, int64 at = {1}> {
      s = Shape(x)
      rank = Shape(s)
      ones = ConstantOfShape<value = int64[1] {1}>(rank)
      negative = Mul(ones, minus)
      asks = Equal(s, negative)
      target = Where(asks, ones, s)
      y = Expand(x, target)
      n = Gather(s, at)
      p = Range(zero, n, step)
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[2, 3] x) => (float[2, 3] y, int64[3] p) <int64[2] target = {2, 3}> {
      y = Expand(x, target)
      p = Constant<value = int64[3] p {0, 1, 2}>()
    })");
}

TEST_F(DynamicToFixedShape, OnesThenNonZeroIsARange) {
  expect_rewrite(R"({"dim_param": ["S"], "dim_value": [3]})", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[S] x) => (int64[K] y) {
      s = Shape(x)
      ones = ConstantOfShape<value = int64[1] {1}>(s)
      where = NonZero(ones)
      columns = Transpose(where)
      flat = Squeeze(columns)
      y = Neg(flat)
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[3] x) => (int64[3] y) { y = Constant<value = int64[3] y {0, -1, -2}>() })");
}

TEST_F(DynamicToFixedShape, WeightsAreLeftAlone) {
  expect_rewrite(kBatchIs2, R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, 2] x) => (float[N, 2] y) <float[2] a = {1, 2}, float[2] b = {3, 4}, int64[2] i = {1, 0}> {
      w = Mul(a, b)
      v = Gather(w, i)
      y = Add(x, v)
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[2, 2] x) => (float[2, 2] y) <float[2] a = {1, 2}, float[2] b = {3, 4}, int64[2] i = {1, 0}, float[2] w, float[2] v> {
      w = Mul(a, b)
      v = Gather(w, i)
      y = Add(x, v)
    })");
}

TEST_F(DynamicToFixedShape, LargeConstantsStayComputed) {
  expect_rewrite(R"({"dim_param": ["S"], "dim_value": [100]})", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[S] x) => (float[A, B] y) {
      s = Shape(x)
      ss = Concat<axis = 0>(s, s)
      y = ConstantOfShape(ss)
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[100] x) => (float[100, 100] y) <int64[2] ss = {100, 100}> { y = ConstantOfShape(ss) })");
}

TEST_F(DynamicToFixedShape, NothingIsFoldedThatDependsOnAnOverridableDefault) {
  expect_rewrite(kBatchIs2, R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, 4] x, int64[2] target = {4, -1}) => (float[A, B] y) { y = Reshape(x, target) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[2, 4] x, int64[2] target = {4, -1}) => (float[A, B] y) { y = Reshape(x, target) })");
  EXPECT_THAT(context_.notices, ElementsAre(HasSubstr("because of node Reshape")));
}

TEST_F(DynamicToFixedShape, BeforeIRVersion4ConstantsAreNodes) {
  expect_rewrite(kBatchIs2, R"(<ir_version: 3, opset_import: ["": 9]>
    g (float[N, 4] x, float[2, 4] z, int64[1] i) => (float[A, B] y) <int64[1] i = {0}> {
      s = Shape(x)
      n = Gather(s, i)
      t = Concat<axis = 0>(n, n, n)
      z3 = Reshape(z, t)
      y = Flatten(z3)
    })",
                 R"(<ir_version: 3, opset_import: ["": 9]>
    g (float[2, 4] x, float[2, 4] z, int64[1] i) => (float[2, 4] y) <int64[1] i = {0}, float[2, 2, 2] z3> {
      t = Constant<value = int64[3] t {2, 2, 2}>()
      z3 = Reshape(z, t)
      y = Flatten(z3)
    })");
}

TEST_F(DynamicToFixedShape, ConstantMakesOnlyFloatsBeforeOpset9) {
  expect_rewrite(kBatchIs2, R"(<ir_version: 4, opset_import: ["": 8]>
    g (float[N, 4] x) => (int64[K] y) { y = Shape(x) })",
                 R"(<ir_version: 4, opset_import: ["": 8]>
    g (float[2, 4] x) => (int64[2] y) <int64[2] y_1 = {2, 4}> { y = Identity(y_1) })");
  expect_rewrite(kBatchIs2, R"(<ir_version: 3, opset_import: ["": 8]>
    g (float[N, 4] x, float[8] z) => (float[C, D] y) { s = Shape(x) y = Reshape(z, s) })",
                 R"(<ir_version: 3, opset_import: ["": 8]>
    g (float[2, 4] x, float[8] z, int64[2] s) => (float[2, 4] y) <int64[2] s = {2, 4}> { y = Reshape(z, s) })");
}

// ---- Control flow and functions

TEST_F(DynamicToFixedShape, AnIfWithAKnownConditionBecomesItsBranch) {
  expect_rewrite(kBatchIs2, R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, 1] x) => (float[A] y) <int64 one = {1}, int64 axis = {1}, int64[1] axes = {1}> {
      s = Shape(x)
      n = Gather(s, axis)
      c = Equal(n, one)
      y = If(c) <
        then_branch = t () => (float[A] a) { a = Squeeze(x, axes) },
        else_branch = e () => (float[A, B] b) { b = Identity(x) }
      >
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[2, 1] x) => (float[2] y) <int64[1] axes = {1}> { y = Squeeze(x, axes) })");
}

TEST_F(DynamicToFixedShape, InlinedNamesStayUnique) {
  const ir::Model model = run(kBatchIs2, R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, 2] x, bool d) => (float[N, 2] y, float[N, 2] z, float[N, 2] v) <int64 two = {2}, int64 zero = {0}> {
      s = Shape(x)
      n = Gather(s, zero)
      c = Equal(n, two)
      y = If(c) <
        then_branch = t () => (float[N, 2] a) <float w = {1}> { h = Add(x, w) a = Relu(h) },
        else_branch = e () => (float[N, 2] b) { b = Identity(x) }
      >
      z = If(d) <
        then_branch = t2 () => (float[N, 2] a) <float w = {2}> { h = Add(x, w) a = Neg(h) },
        else_branch = e2 () => (float[N, 2] b) { b = Identity(x) }
      >
      v = If(c) <
        then_branch = t3 () => (float[N, 2] a) { a = Identity(y) },
        else_branch = e3 () => (float[N, 2] b) { b = Neg(x) }
      >
    })");
  // check_model has accepted it: no name is borne twice where both can be seen.
  const std::string text = onnx::print_model(model);
  EXPECT_THAT(text, HasSubstr("y = Relu (h_1)"));
  EXPECT_THAT(text, HasSubstr("v = Identity (y)"));
  EXPECT_EQ(context_.report["inlined_branches"], 2);
}

TEST_F(DynamicToFixedShape, FoldsInBodies) {
  expect_rewrite(kBatchIs2, R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, 4] x, int64 k, bool c) => (float[N, 4] last, float[K, 2, D] all) <int64[1] at = {0}, int64[1] rest = {-1}> {
      last, all = Loop(k, c, x) <
        body = b (int64 i, bool go, float[N, 4] s) => (bool go_on, float[N, 4] t, float[2, D] u) {
          go_on = Identity(go)
          t = Neg(s)
          shape = Shape(x)
          n = Gather(shape, at)
          target = Concat<axis = 0>(n, rest)
          u = Reshape(s, target)
        }
      >
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[2, 4] x, int64 k, bool c) => (float[2, 4] last, float[K, 2, 4] all) {
      last, all = Loop(k, c, x) <
        body = b (int64 i, bool go, float[2, 4] s) => (bool go_on, float[2, 4] t, float[2, 4] u) <int64[2] target_1 = {2, 4}> {
          go_on = Identity(go)
          t = Neg(s)
          u = Reshape(s, target_1)
        }
      >
    })");
}

TEST_F(DynamicToFixedShape, FunctionsAreFoldedWhereAllCallsAgree) {
  const char* before = R"(<ir_version: 10, opset_import: ["": 20, "local": 1]>
    g (float[N, 4] x, float[N, 4] z) => (float[A, B] y, float[C, D] w) { y = local.flat(x) w = local.flat(z) }
    <domain: "local", opset_import: ["": 20]> flat(a) => (b) {
      s = Shape(a)
      n = Size(a)
      one = Constant<value = int64[1] {-1}>()
      m = Reshape(n, one)
      b = Reshape(a, m)
    })";
  // The type of b has one dimension: the declared ranks are wrong, and inference wins.
  const ir::Model model = run(kBatchIs2, before);
  EXPECT_EQ(to_string(model.graph->outputs()[0]->type), "float[8]");
  EXPECT_EQ(model.functions[0]->body->node_count(), 3U) << onnx::print_model(model);
  EXPECT_THAT(onnx::print_model(model), HasSubstr("m = Constant <value: tensor = int64[1] m {8}> ()"));
  EXPECT_THAT(context_.notices, Contains(HasSubstr("output 'y' was declared as float[A,B], but is float[8]")));
}

TEST_F(DynamicToFixedShape, FunctionsThatAreCalledWithDifferentShapesStay) {
  const ir::Model model = run(kBatchIs2, R"(<ir_version: 10, opset_import: ["": 20, "local": 1]>
    g (float[N, 4] x, float[N, 5] z) => (float[A] y, float[B] w) { y = local.flat(x) w = local.flat(z) }
    <domain: "local", opset_import: ["": 20]> flat(a) => (b) {
      n = Size(a)
      one = Constant<value = int64[1] {-1}>()
      m = Reshape(n, one)
      b = Reshape(a, m)
    })");
  EXPECT_EQ(to_string(model.graph->outputs()[0]->type), "float[8]");
  EXPECT_EQ(to_string(model.graph->outputs()[1]->type), "float[10]");
  EXPECT_EQ(model.functions[0]->body->node_count(), 4U);
}

TEST_F(DynamicToFixedShape, ShapesGoThroughFunctionCalls) {
  const ir::Model model = run(kBatchIs2, R"(<ir_version: 10, opset_import: ["": 20, "local": 1]>
    g (float[N, 4] x) => (float[A, B] y) <int64[1] rest = {-1}> {
      n = local.size_of<index = 0>(x)
      target = Concat<axis = 0>(n, rest)
      y = Reshape(x, target)
    }
    <domain: "local", opset_import: ["": 20]> size_of<index>(a) => (b) {
      s = Shape(a)
      i = Constant<value_ints = [0]>()
      b = Gather(s, i)
    })");
  EXPECT_EQ(to_string(model.graph->outputs()[0]->type), "float[2,4]");
  EXPECT_EQ(model.graph->node_count(), 1U) << onnx::print_model(model);
}

// ---- What stays dynamic

TEST_F(DynamicToFixedShape, NamesTheNodeThatKeepsValuesDynamic) {
  run(kBatchIs2, R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, 4] x) => (int64[2, K] y, float[N, 4] z) {
      [finder] found = NonZero(x)
      y = Neg(found)
      z = Relu(x)
    })");
  EXPECT_THAT(
      context_.notices,
      ElementsAre("still dynamic because of node NonZero 'finder' (inputs 'x'): 'found' int64[2,?] and 1 more"));
  ASSERT_EQ(context_.report["dynamic_values"].size(), 2U);
  EXPECT_EQ(context_.report["dynamic_values"][1]["value"], "y");
  EXPECT_EQ(context_.report["dynamic_values"][1]["node"], "node NonZero 'finder' (inputs 'x')");
}

TEST_F(DynamicToFixedShape, OperatorsThatNobodyKnowsKeepWhatTheFileSays) {
  ir::Model model = onnx::parse_model(R"(<ir_version: 9, opset_import: ["": 20, "com.acme": 1]>
    g (float[N, 4] x) => (float[N, 4] z) <float[N, 4] y> { y = com.acme.Magic(x) z = Relu(y) })");
  find_pass("DynamicToFixedShape")->run(model, options(kBatchIs2), context_);
  EXPECT_EQ(to_string(model.graph->outputs()[0]->type), "float[2,4]");
  EXPECT_THAT(context_.notices, IsEmpty());
}

TEST_F(DynamicToFixedShape, WrongDeclaredShapesOfOutputsAreCorrected) {
  expect_rewrite(kBatchIs2, R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, 4] x) => (float[1, 4] y) { y = Relu(x) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[2, 4] x) => (float[2, 4] y) { y = Relu(x) })");
  EXPECT_THAT(context_.notices, ElementsAre("output 'y' was declared as float[1,4], but is float[2,4]"));
}

// ---- Cost

double seconds_for(const Pass& pass, const std::any& options, std::size_t nodes) {
  ir::Model model;
  model.ir_version = 9;
  model.set_opset("", 20);
  ir::Graph& graph = *model.graph;
  graph.name = "chain";
  ir::Value* value = &graph.add_input("x", ir::tensor_type(DataType::float32, ir::Shape{std::string("N"), 3, 32, 32}));
  for (std::size_t i = 0; i < nodes; ++i) {
    value = graph.append(i % 2 ? "Relu" : "Neg", {value}).add_output("v" + std::to_string(i));
  }
  value->type = ir::tensor_type(DataType::float32);
  graph.add_output(*value);
  Context context;
  const auto begin = std::chrono::steady_clock::now();
  pass.run(model, options, context);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(to_string(value->type), "float[2,3,32,32]");
  return elapsed.count();
}

TEST_F(DynamicToFixedShape, CostIsLinear) {
  const Pass& pass = *find_pass("DynamicToFixedShape");
  seconds_for(pass, options(kBatchIs2), 1000);
  const double small = seconds_for(pass, options(kBatchIs2), 10000);
  const double large = seconds_for(pass, options(kBatchIs2), 100000);
  RecordProperty("milliseconds_100000_nodes", static_cast<int>(large * 1000));
  // Generous: a shared machine may stop for a while.
  EXPECT_LT(large, 40 * small + 0.5);
}

}  // namespace
}  // namespace olivine::passes

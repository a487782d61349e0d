#include "passes/pass_fixture.h"

namespace olivine::passes {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class IODataTypeConverter : public PassFixture {
 protected:
  IODataTypeConverter() : PassFixture("OnnxIODataTypeConverter") {}
};

TEST_F(IODataTypeConverter, PutsCastsBetweenBorderAndInside) {
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[N, 3] x, float[N] other) => (float16[N, 3] y, float[N] same) {
      y = Relu(x)
      same = Neg(other)
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N, 3] x, float[N] other) => (float[N, 3] y, float[N] same) {
      [x_cast] x_float16 = Cast<to: int = 10>(x)
      y_float16 = Relu(x_float16)
      [y_cast] y = Cast<to: int = 1>(y_float16)
      same = Neg(other)
    })");
  EXPECT_EQ(context_.report["inputs"], config::Json({"x"}));
  EXPECT_EQ(context_.report["inserted_casts"], 2);
  EXPECT_THAT(context_.notices, IsEmpty());
}

TEST_F(IODataTypeConverter, SearchesThePatternInNames) {
  expect_rewrite(R"({"name_pattern": "ogit"})", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[4] x) => (float16[4] logits, float16[4] hidden) { hidden = Neg(x) logits = Relu(hidden) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[4] x) => (float[4] logits, float16[4] hidden) {
      hidden = Neg(x)
      logits_float16 = Relu(hidden)
      [logits_cast] logits = Cast<to: int = 1>(logits_float16)
    })");
}

TEST_F(IODataTypeConverter, AcceptsAnchorsAndTypeNames) {
  expect_rewrite(R"({"name_pattern": "^ids$", "source_dtype": "int64", "target_dtype": "INT32"})",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (int64[4] ids, int64[4] ids_too) => (int64[4] y) { y = Add(ids, ids_too) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (int32[4] ids, int64[4] ids_too) => (int64[4] y) {
      [ids_cast] ids_int64 = Cast<to: int = 7>(ids)
      y = Add(ids_int64, ids_too)
    })");
  EXPECT_THAT(context_.notices, ElementsAre(HasSubstr("int32 doesn't hold every int64 value")));
}

TEST_F(IODataTypeConverter, TellsWhatThereIsWhenNothingMatches) {
  expect_unchanged(R"({"name_pattern": "logits"})", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[N] x) => (float[N] logits) { logits = Cast<to = 1>(x) })");
  EXPECT_THAT(context_.notices, ElementsAre("no input or output that name_pattern matches is a float16 tensor; "
                                            "inputs: 'x' float16[N]; outputs: 'logits' float[N]"));
}

TEST_F(IODataTypeConverter, DoesNothingBetweenEqualTypes) {
  expect_unchanged(R"({"source_dtype": 1})",
                   R"(<ir_version: 9, opset_import: ["": 20]> g (float[4] x) => (float[4] y) { y = Relu(x) })");
}

// ---- Casts that are there already

TEST_F(IODataTypeConverter, DropsCastsToTheTargetBehindAnInput) {
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[4] x) => (float[4] y, float16[4] z) { a = Cast<to = 1>(x) y = Relu(a) z = Neg(x) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x) => (float[4] y, float[4] z) {
      [x_cast] x_float16 = Cast<to: int = 10>(x)
      y = Relu(x)
      z_float16 = Neg(x_float16)
      [z_cast] z = Cast<to: int = 1>(z_float16)
    })");
}

TEST_F(IODataTypeConverter, AnOutputThatWasCastFromAnInputBecomesACopy) {
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[4] x) => (float[4] y) { y = Cast<to = 1>(x) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x) => (float[4] y) { y = Identity(x) })");
}

// Cast(Cast(x, S), U) -> Cast(x, U) only where S holds every value of x.
TEST_F(IODataTypeConverter, CastsToThirdTypesReadTheBorderWhereThatIsExact) {
  const char* before = R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x) => (double[4] y) { y = Cast<to = 11>(x) })";
  expect_rewrite(R"({"source_dtype": 1, "target_dtype": 10})", before, R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[4] x) => (double[4] y) { y = Cast<to = 11>(x) })");
  expect_rewrite(R"({"name_pattern": "x", "source_dtype": 1, "target_dtype": 7})", before,
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (int64[4] x) => (double[4] y) {
      [x_cast] x_float = Cast<to: int = 1>(x)
      y = Cast<to = 11>(x_float)
    })");
}

TEST_F(IODataTypeConverter, ShapesAreReadFromTheBorder) {
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[N] x) => (int64[1] s, int64 n) { s = Shape(x) n = Size(x) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[N] x) => (int64[1] s, int64 n) { s = Shape(x) n = Size(x) })");
}

TEST_F(IODataTypeConverter, AnOutputThatIsCastFromTheTargetIsItsOperand) {
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x) => (float16[4] y) { a = Relu(x) y = Cast<to = 10>(a) })",
                 R"(<ir_version: 9, opset_import: ["": 20]> g (float[4] x) => (float[4] y) { y = Relu(x) })");
  // The Cast stays for whoever else uses it.
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x) => (float16[4] y, float[4] z) { a = Relu(x) y = Cast<to = 10>(a) b = Neg(y) z = Cast<to = 1>(b) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x) => (float[4] y, float[4] z) {
      y = Relu(x)
      y_float16 = Cast<to = 10>(y)
      b = Neg(y_float16)
      z = Cast<to = 1>(b)
    })");
  // An input keeps its name, so the output is a copy of it.
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x) => (float16[4] y) { y = Cast<to = 10>(x) })",
                 R"(<ir_version: 9, opset_import: ["": 20]> g (float[4] x) => (float[4] y) { y = Identity(x) })");
}

TEST_F(IODataTypeConverter, TwoOutputsOfOneOperandAreACopyOfEachOther) {
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x) => (float16[4] y, float16[4] z) { a = Relu(x) y = Cast<to = 10>(a) z = Cast<to = 10>(a) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x) => (float[4] y, float[4] z) { y = Relu(x) z = Identity(y) })");
}

TEST_F(IODataTypeConverter, AnOutputThatIsCastExactlyIsCastFarther) {
  // bool -> float16 -> float is bool -> float.
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (bool[4] x) => (float16[4] y) { y = Cast<to = 10>(x) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (bool[4] x) => (float[4] y) { y = Cast<to: int = 1>(x) })");
  // double -> float16 -> float rounds in between.
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (double[4] x) => (float16[4] y) { y = Cast<to = 10>(x) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (double[4] x) => (float[4] y) { y_float16 = Cast<to = 10>(x) [y_cast] y = Cast<to: int = 1>(y_float16) })");
  // A user inside goes on with the first Cast.
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (bool[4] x) => (float16[4] y, bool[4] z) { y = Cast<to = 10>(x) z = IsNaN(y) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (bool[4] x) => (float[4] y, bool[4] z) {
      y_float16 = Cast<to = 10>(x)
      [y_cast] y = Cast<to: int = 1>(x)
      z = IsNaN(y_float16)
    })");
}

TEST_F(IODataTypeConverter, CastsInsideReadTheOutputsCast) {
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x) => (float16[4] y, float[4] z) { c = Constant<value = float16 {15360}>() a = Cast<to = 10>(x) y = Add(a, c) b = Cast<to = 1>(y) z = Relu(b) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x) => (float[4] y, float[4] z) {
      c = Constant<value = float16 {15360}>()
      a = Cast<to = 10>(x)
      y_float16 = Add(a, c)
      [y_cast] y = Cast<to: int = 1>(y_float16)
      z = Relu(y)
    })");
}

TEST_F(IODataTypeConverter, ThereAndBackIsTheSameModel) {
  const char* original = R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[N, 3] x, float16[3] b) => (float16[N, 3] y, float16[N, 3] z) { y = Add(x, b) z = Neg(y) })";
  ir::Model wide = run("{}", original);
  const std::string text = onnx::print_model(wide);
  EXPECT_EQ(onnx::print_model(run(R"({"source_dtype": 1, "target_dtype": 10})", text)),
            onnx::print_model(onnx::parse_model(original)));
  EXPECT_EQ(context_.report["removed_casts"], 4);
}

// ---- Unusual borders

TEST_F(IODataTypeConverter, PassThroughNeedsNoCast) {
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[4] x) => (float16[4] x, float16[4] y) { y = Relu(x) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x) => (float[4] x, float[4] y) {
      [x_cast] x_float16 = Cast<to: int = 10>(x)
      y_float16 = Relu(x_float16)
      [y_cast] y = Cast<to: int = 1>(y_float16)
    })");
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[4] x) => (float16[4] y) { a = Identity(x) y = Identity(a) })",
                 R"(<ir_version: 9, opset_import: ["": 20]> g (float[4] x) => (float[4] y) { y = Identity(x) })");
}

TEST_F(IODataTypeConverter, AnOutputThatIsUsedInsideIsCastOnce) {
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x) => (float16[4] y, bool[4] z) { a = Cast<to = 10>(x) y = Neg(a) z = IsNaN(y) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x) => (float[4] y, bool[4] z) {
      a = Cast<to = 10>(x)
      y_float16 = Neg(a)
      [y_cast] y = Cast<to: int = 1>(y_float16)
      z = IsNaN(y_float16)
    })");
}

TEST_F(IODataTypeConverter, OneValueMayBeTwoOutputs) {
  const ir::Model model = run("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x) => (float16[4] y, float16[4] y) { a = Cast<to = 10>(x) y = Neg(a) })");
  EXPECT_EQ(model.graph->outputs()[0], model.graph->outputs()[1]);
  EXPECT_EQ(to_string(model.graph->outputs()[0]->type), "float[4]");
  EXPECT_EQ(context_.report["inserted_casts"], 1);
}

TEST_F(IODataTypeConverter, AnUnusedInputOnlyChangesItsType) {
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[4] x, int64[1] i) => (int64[1] y) { y = Neg(i) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x, int64[1] i) => (int64[1] y) { y = Neg(i) })");
}

TEST_F(IODataTypeConverter, SubgraphsReadTheInnerValue) {
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[4] x, bool c) => (float16[4] y) {
      y = If(c) <
        then_branch = t () => (float16[4] a) { x_float16 = Neg(x) a = Relu(x_float16) },
        else_branch = e () => (float16[4] b) { b = Identity(x) }
      >
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x, bool c) => (float[4] y) {
      [x_cast] x_float16_1 = Cast<to: int = 10>(x)
      y_float16 = If(c) <
        then_branch = t () => (float16[4] a) { x_float16 = Neg(x_float16_1) a = Relu(x_float16) },
        else_branch = e () => (float16[4] b) { b = Identity(x_float16_1) }
      >
      [y_cast] y = Cast<to: int = 1>(y_float16)
    })");
}

TEST_F(IODataTypeConverter, ACastThatABranchHandsOutBecomesACopy) {
  expect_rewrite(R"({"name_pattern": "x"})", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[4] x, float[4] z, bool c) => (float[4] y) {
      y = If(c) <
        then_branch = t () => (float[4] a) { a = Cast<to = 1>(x) },
        else_branch = e () => (float[4] b) { d = Cast<to = 1>(x) b = Add(d, z) }
      >
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x, float[4] z, bool c) => (float[4] y) {
      y = If(c) <
        then_branch = t () => (float[4] a) { a = Identity(x) },
        else_branch = e () => (float[4] b) { b = Add(x, z) }
      >
    })");
}

TEST_F(IODataTypeConverter, LoopsAndScansOutputsAreCast) {
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[4] x, int64 n, bool c) => (float16[4] last, float16[K, 4] all) {
      last, all = Loop(n, c, x) <
        body = b (int64 i, bool go, float16[4] s) => (bool go_on, float16[4] t, float16[4] u) {
          go_on = Identity(go) t = Add(s, x) u = Identity(t)
        }
      >
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] x, int64 n, bool c) => (float[4] last, float[K, 4] all) {
      [x_cast] x_float16 = Cast<to: int = 10>(x)
      last_float16, all_float16 = Loop(n, c, x_float16) <
        body = b (int64 i, bool go, float16[4] s) => (bool go_on, float16[4] t, float16[4] u) {
          go_on = Identity(go) t = Add(s, x_float16) u = Identity(t)
        }
      >
      [all_cast] all = Cast<to: int = 1>(all_float16)
      [last_cast] last = Cast<to: int = 1>(last_float16)
    })");
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] i, float16[3, 4] x) => (float[4] last, float16[3, 4] all) {
      last, all = Scan <num_scan_inputs = 1,
        body = b (float[4] s, float16[4] e) => (float[4] t, float16[4] u) { d = Cast<to = 1>(e) t = Add(s, d) u = Neg(e) }
      > (i, x)
    })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[4] i, float[3, 4] x) => (float[4] last, float[3, 4] all) {
      [x_cast] x_float16 = Cast<to: int = 10>(x)
      last, all_float16 = Scan <num_scan_inputs = 1,
        body = b (float[4] s, float16[4] e) => (float[4] t, float16[4] u) { d = Cast<to = 1>(e) t = Add(s, d) u = Neg(e) }
      > (i, x_float16)
      [all_cast] all = Cast<to: int = 1>(all_float16)
    })");
}

TEST_F(IODataTypeConverter, DefaultsOfInputsAreConverted) {
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[2] x, float16[2] w = {15360, 16384}) => (bool[2] y) { y = Less(x, w) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (float[2] x, float[2] w = {1.0, 2.0}) => (bool[2] y) {
      [x_cast] x_float16 = Cast<to: int = 10>(x)
      [w_cast] w_float16 = Cast<to: int = 10>(w)
      y = Less(x_float16, w_float16)
    })");
}

TEST_F(IODataTypeConverter, BeforeIRVersion4ListedConstantsAreNoInputs) {
  expect_rewrite("{}", R"(<ir_version: 3, opset_import: ["": 9]>
    g (float16[2] x, float16[2] w) => (bool[2] y) <float16[2] w = {15360, 16384}> { y = Less(x, w) })",
                 R"(<ir_version: 3, opset_import: ["": 9]>
    g (float[2] x, float16[2] w) => (bool[2] y) <float16[2] w = {15360, 16384}> {
      [x_cast] x_float16 = Cast<to: int = 10>(x)
      y = Less(x_float16, w)
    })");
}

TEST_F(IODataTypeConverter, ConstantsThatAreHandedOut) {
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (int64[1] i) => (int64[1] y, float16[2] w) <float16[2] w = {15360, 16384}> { y = Neg(i) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (int64[1] i) => (int64[1] y, float[2] w) <float[2] w = {1.0, 2.0}> { y = Neg(i) })");
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (int64[1] i) => (bool[2] y, float16[2] w) <float16[2] w = {15360, 16384}> { y = IsNaN(w) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (int64[1] i) => (bool[2] y, float[2] w) <float16[2] w_float16 = {15360, 16384}> {
      [w_cast] w = Cast<to: int = 1>(w_float16)
      y = IsNaN(w_float16)
    })");
}

TEST_F(IODataTypeConverter, SequencesStayWithANotice) {
  expect_rewrite("{}", R"(<ir_version: 9, opset_import: ["": 20]>
    g (seq(float16[4]) s, int64 i, float16[4] x) => (seq(float16[4]) t, float16[4] y) { t = SequenceInsert(s, x) y = SequenceAt(s, i) })",
                 R"(<ir_version: 9, opset_import: ["": 20]>
    g (seq(float16[4]) s, int64 i, float[4] x) => (seq(float16[4]) t, float[4] y) {
      [x_cast] x_float16 = Cast<to: int = 10>(x)
      t = SequenceInsert(s, x_float16)
      y_float16 = SequenceAt(s, i)
      [y_cast] y = Cast<to: int = 1>(y_float16)
    })");
  EXPECT_THAT(context_.notices, ElementsAre("input 's' stays seq(float16[4]): Cast converts tensors only",
                                            "output 't' stays seq(float16[4]): Cast converts tensors only"));
}

TEST_F(IODataTypeConverter, FindsTheTypesOfOutputsThatDoNotTellThem) {
  ir::Model model = onnx::parse_model(R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[4] x) => (float16[4] y) { y = Relu(x) })");
  model.graph->outputs()[0]->type = {};
  EXPECT_EQ(find_pass("OnnxIODataTypeConverter")->run(model, options("{}"), context_), Change::changed);
  EXPECT_EQ(to_string(model.graph->outputs()[0]->type), "float[4]");
  EXPECT_NO_THROW(onnx::check_model(model));
}

TEST_F(IODataTypeConverter, AnnotationsFollowTheirValues) {
  ir::Model model = onnx::parse_model(R"(<ir_version: 9, opset_import: ["": 20]>
    g (float16[4] x) => (float16[4] y) { y = Relu(x) })");
  model.graph->outputs()[0]->annotations.edit().doc_string = "the result";
  model.graph->quantization_annotations.push_back({"y", {{"SCALE_TENSOR", "s"}}, ""});
  find_pass("OnnxIODataTypeConverter")->run(model, options("{}"), context_);
  EXPECT_EQ(model.graph->outputs()[0]->name(), "y");
  EXPECT_EQ(model.graph->outputs()[0]->annotations.get().doc_string, "the result");
  EXPECT_EQ(model.graph->quantization_annotations[0].tensor_name, "y_float16");
}

TEST_F(IODataTypeConverter, ModelsOfOtherDomainsImportTheOneOfCast) {
  expect_rewrite(R"({"name_pattern": "x", "source_dtype": 1, "target_dtype": 11})",
                 R"(<ir_version: 8, opset_import: ["ai.onnx.ml": 3]>
    g (float[4] x) => (float[4] y) { y = ai.onnx.ml.Binarizer(x) })",
                 R"(<ir_version: 8, opset_import: ["ai.onnx.ml": 3, "": 18]>
    g (double[4] x) => (float[4] y) { [x_cast] x_float = Cast<to: int = 1>(x) y = ai.onnx.ml.Binarizer(x_float) })");
}

// ---- Refusals

TEST_F(IODataTypeConverter, RefusesWhatTheOpsetHasNoCastFor) {
  EXPECT_THAT(refusal(R"({"source_dtype": 1, "target_dtype": "bfloat16"})", R"(<ir_version: 7, opset_import: ["": 12]>
    g (float[4] x) => (float[4] y) { y = Relu(x) })"),
              AllOf(HasSubstr("error[conversion]"), HasSubstr("'x' bfloat16[4]: opset 12 has no Cast from bfloat16"),
                    HasSubstr("opset 12 has no Cast from float to bfloat16"),
                    HasSubstr("convert the model to opset 13 first")));
  EXPECT_THAT(refusal(R"({"source_dtype": 1, "target_dtype": "complex64"})",
                      R"(<ir_version: 9, opset_import: ["": 20]> g (float[4] x) => (float[4] y) { y = Relu(x) })"),
              HasSubstr("no Cast from complex64 to float"));
}

TEST_F(IODataTypeConverter, SpeaksTheOldWayBeforeOpset6) {
  ir::Model model = onnx::parse_model(R"(<ir_version: 3, opset_import: ["": 5]>
    g (float16[4] x) => (float16[4] y) { y = Relu(x) })");
  find_pass("OnnxIODataTypeConverter")->run(model, options("{}"), context_);
  EXPECT_EQ(model.graph->first()->string("to", ""), "FLOAT16");
  EXPECT_NO_THROW(onnx::check_model(model));
}

TEST_F(IODataTypeConverter, RefusesABadPattern) {
  EXPECT_THAT(refusal(R"x({"name_pattern": "(logits"})x",
                      R"(<ir_version: 9, opset_import: ["": 20]> g (float[4] x) => (float[4] y) { y = Relu(x) })"),
              AllOf(HasSubstr("error[config]: /name_pattern"), HasSubstr("is not a regular expression")));
}

}  // namespace
}  // namespace olivine::passes

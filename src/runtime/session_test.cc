#include "runtime/session.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "base/file.h"
#include "base/threads.h"
#include "runtime/test_support.h"
#include "runtime/weights.h"

namespace olivine::runtime {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Inputs = std::map<std::string, tensor::AnyValue>;

std::vector<tensor::AnyValue> run(const ir::Model& model, const Inputs& inputs,
                                  const std::string& optimization = "all") {
  SessionOptions options;
  options.graph_optimization = optimization;
  return Session(model, options).run(inputs);
}

tensor::Tensor filled(tensor::Dims dims, float value) {
  std::int64_t count = 1;
  for (const std::int64_t size : dims) count *= size;
  return floats(std::move(dims), std::vector<float>(static_cast<std::size_t>(count), value));
}

TEST(Session, RunsAModel) {
  const ir::Model model = model_of("g (float[N] x) => (float[N] y, float[N] z) { y = Neg(x) z = Add(x, x) }");
  const Session session(model, {});
  ASSERT_EQ(session.inputs().size(), 1U);
  EXPECT_EQ(session.inputs()[0].name, "x");
  EXPECT_EQ(ir::to_string(session.inputs()[0].type), "float[N]");
  EXPECT_EQ(session.outputs()[1].name, "z");
  const auto values = session.run({{"x", floats({2}, {1, 2})}});
  EXPECT_THAT(doubles(values[0]), ElementsAre(-1, -2));
  EXPECT_THAT(doubles(values[1]), ElementsAre(2, 4));
  const std::string wanted[] = {"z"};
  EXPECT_THAT(doubles(session.run({{"x", floats({2}, {1, 2})}}, wanted).at(0)), ElementsAre(2, 4));
}

TEST(Session, MovesEveryTensorTypeInAndOut) {
  for (const DataType dtype :
       {DataType::float32, DataType::float64, DataType::float16, DataType::bfloat16, DataType::float8e4m3fn,
        DataType::float8e5m2, DataType::int8, DataType::uint8, DataType::int16, DataType::uint16, DataType::int32,
        DataType::uint32, DataType::int64, DataType::uint64, DataType::boolean}) {
    ir::Model model = model_of("g (float[4] x) => (float[4] y) { y = Identity(x) }");
    input(model, "x").type = ir::tensor_type(dtype, ir::Shape{ir::Dim(4)});
    model.graph->outputs()[0]->type = input(model, "x").type;
    const tensor::Tensor given = tensor::cast(floats({4}, {0, 1, 1, 0}), dtype);
    const auto values = run(model, {{"x", given}});
    EXPECT_TRUE(tensor::equal(*values[0].tensor(), given)) << name_of(dtype);
  }
}

TEST(Session, MovesFourBitTypes) {
  ir::Model model = model_of("g (int4[3] x) => (float[3] y) <float s = {2}> { y = DequantizeLinear(x, s) }");
  model.set_opset("", 21);
  const tensor::Tensor given = tensor::from_bytes(DataType::int4, {3}, {std::byte{0x21}, std::byte{0x0f}});
  EXPECT_THAT(doubles(run(model, {{"x", given}})[0]), ElementsAre(2, 4, -2));
}

TEST(Session, MovesTypesThatTheRuntimeNumbersDifferently) {
  for (const DataType dtype : {DataType::uint2, DataType::int2, DataType::float8e8m0}) {
    const bool scale = dtype == DataType::float8e8m0;
    ir::Model model = model_of("g (uint8[4] x) => (float[4] y) { y = Cast<to = 1>(x) }");
    model.set_opset("", 25);
    input(model, "x").type = ir::tensor_type(dtype, ir::Shape{ir::Dim(4)});
    const tensor::Tensor given = tensor::cast(floats({4}, {1, 1, scale ? 2.0F : 0.0F, 1}), dtype);
    EXPECT_THAT(doubles(run(model, {{"x", given}})[0]), ElementsAre(1, 1, scale ? 2 : 0, 1)) << name_of(dtype);
  }
}

TEST(Session, MovesStringsSequencesAndOptionals) {
  const ir::Model strings = model_of("g (string[N] x) => (string[N] y) { y = Identity(x) }");
  const tensor::Tensor words({2}, {"one", ""});
  EXPECT_TRUE(tensor::equal(*run(strings, {{"x", words}})[0].tensor(), words));

  const ir::Model sequences =
      model_of("g (seq(float[N]) x, float[N] e) => (seq(float[N]) y) { y = SequenceInsert(x, e) }");
  const auto sequence = run(sequences, {{"x", tensor::Sequence{{floats({1}, {1})}}}, {"e", floats({1}, {2})}});
  ASSERT_EQ(sequence[0].sequence()->items.size(), 2U);
  EXPECT_THAT(doubles(sequence[0].sequence()->items[1]), ElementsAre(2));

  const ir::Model optional = model_of("g (optional(float[N]) x) => (bool b) { b = OptionalHasElement(x) }");
  EXPECT_THAT(doubles(run(optional, {{"x", floats({1}, {1})}})[0]), ElementsAre(1));
  EXPECT_THAT(error_of([&] {
                run(optional, {{"x", tensor::AnyValue()}});
              }),
              HasSubstr("input x: an optional without content"));
  EXPECT_THAT(error_of([&] {
                run(sequences, {{"x", tensor::Sequence()}, {"e", floats({1}, {2})}});
              }),
              HasSubstr("input x: an empty sequence"));
}

TEST(Session, MovesEmptyTensorsAndScalars) {
  const ir::Model model = model_of("g (float[N] x, float s) => (float[N] y) { y = Mul(x, s) }");
  EXPECT_THAT(doubles(run(model, {{"x", floats({0}, {})}, {"s", floats({}, {2})}})[0]), IsEmpty());
  EXPECT_THAT(doubles(run(model, {{"x", floats({1}, {3})}, {"s", floats({}, {2})}})[0]), ElementsAre(6));
}

TEST(Session, ReportsWhatTheRuntimeSays) {
  const ir::Model model = model_of("g (float[N] x) => (float[N] y) { y = Neg(x) }");
  const Session session(model, {});
  EXPECT_THAT(error_of([&] { session.run({}); }), HasSubstr("error[verification]: ONNX Runtime"));
  EXPECT_THAT(error_of([&] {
                session.run({{"x", floats({2}, {1, 2})}, {"xx", floats({1}, {1})}});
              }),
              HasSubstr("error[config]: the model has no input 'xx'"));
  const std::string wanted[] = {"z"};
  EXPECT_THAT(error_of([&] { session.run({{"x", floats({2}, {1, 2})}}, wanted); }), HasSubstr("no output 'z'"));
  EXPECT_THAT(error_of([&] { session.run({{"x", floats({1, 1}, {1})}}); }), HasSubstr("rank"));
  const ir::Model unknown = model_of("g (float[N] x) => (float[N] y) { y = Nonsense(x) }");
  EXPECT_THAT(error_of([&] { Session(unknown, {}); }), HasSubstr("cannot load it: "));
  SessionOptions options;
  options.graph_optimization = "most";
  EXPECT_THAT(error_of([&] { Session(model, options); }), HasSubstr("choose disable, basic, extended or all"));
}

TEST(Session, SendsTheRuntimesOwnMessagesToTheLog) {
  // An initializer that nothing uses makes ORT warn.
  const ir::Model model = model_of("g (float[N] x) => (float[N] y) <float[1] unused = {1}> { y = Neg(x) }");
  std::vector<std::string> lines;
  const Log log([&](LogLevel, const std::string& line) { lines.push_back(line); }, LogLevel::debug);
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  const Session session(model, {}, log);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_THAT(lines, Contains(HasSubstr("unused")));
}

TEST(Session, EndsARunWhenTheUserStops) {
  const ir::Model model = model_of(R"(g (float[N] x, int64 n) => (float[N] y) <bool go = {1}> { y = Loop(n, go, x) <
      body = b (int64 i, bool c, float[N] a) => (bool d, float[N] o) { d = Identity(c) o = Add(a, a) }> })");
  const Session session(model, {});
  const Inputs inputs = {{"x", floats({1}, {1})}, {"n", tensor::scalar_int64(int64_t{1} << 40)}};
  std::jthread user([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    request_cancel();
  });
  const std::string problem = error_of([&] { session.run(inputs); });
  reset_cancel();
  EXPECT_THAT(problem, HasSubstr("error[interrupted]"));
}

TEST(Session, StopsLoadingWhenTheUserStops) {
  ir::Model model = model_of("g (float[N] x) => (float[N] y) { y = Relu(x) }");
  ir::Graph& graph = *model.graph;
  ir::Value* last = graph.first()->output(0);
  for (int i = 0; i < 50000; ++i) last = graph.append("Relu", {last}).add_output(graph.unique_name("v"));
  graph.set_output(0, *last);
  std::jthread user([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    request_cancel();
  });
  const std::string problem = error_of([&] { Session(model, {}); });
  user.join();
  reset_cancel();
  EXPECT_THAT(problem, HasSubstr("error[interrupted]"));
}

// ---- Large tensors, which are not in the bytes that ONNX Runtime gets

constexpr std::int64_t kLarge = 1 << 19;  // elements: 2 MB

/// y = x + w; `w` has kLarge elements and is used, `unused` is not.
ir::Model large_model() {
  ir::Model model = model_of("g (float[N] x) => (float[N] y) { w = Identity(x) y = Add(x, w) }");
  ir::Graph& graph = *model.graph;
  ir::Value& old = *graph.first()->output(0);
  ir::Value& weight = graph.add_initializer("weight", filled({kLarge}, 3));
  graph.add_initializer("unused", filled({kLarge}, 4));
  graph.replace_all_uses(old, weight);
  graph.erase(*graph.first());
  return model;
}

TEST(Weights, OfTheMainGraphAreHandedOver) {
  const ir::Model model = large_model();
  const Disembodied bodiless = disembody(model);
  EXPECT_LT(bodiless.bytes.size(), 1000U);
  EXPECT_THAT(bodiless.names, ElementsAre("weight"));
  for (const char* const optimization : {"disable", "all"}) {
    EXPECT_EQ(doubles(run(model, {{"x", filled({kLarge}, 1)}}, optimization)[0])[kLarge - 1], 4);
  }
}

TEST(Weights, MayBeOutputsAndDefaultsOfInputs) {
  ir::Model model = large_model();
  ir::Value& weight = *model.graph->initializers()[0];
  model.graph->add_output(weight);
  EXPECT_EQ(doubles(run(model, {{"x", filled({kLarge}, 1)}})[1])[5], 3);

  ir::Model with_default = model_of("g (float[524288] x, float[524288] w) => (float[524288] y) { y = Add(x, w) }");
  with_default.graph->make_initializer(input(with_default, "w"), filled({kLarge}, 7));
  EXPECT_EQ(doubles(run(with_default, {{"x", filled({kLarge}, 1)}})[0])[5], 8);
}

TEST(Weights, OfConstantNodesAreHandedOver) {
  ir::Model model = model_of("g (float[N] x) => (float[N] y) { c = Constant<value_float = 1.0>() y = Add(x, c) }");
  ir::Node& constant = *model.graph->first();
  constant.remove("value_float");
  constant.set("value", ir::NamedTensor{"anything", filled({kLarge}, 5), {}});
  EXPECT_LT(disembody(model).bytes.size(), 1000U);
  EXPECT_EQ(doubles(run(model, {{"x", filled({kLarge}, 1)}})[0])[5], 6);
}

TEST(Weights, OfSubgraphsMoveToTheMainGraph) {
  ir::Model model = model_of(R"(g (bool c, float[524288] x) => (float[524288] y) { y = If(c) <
      then_branch = t () => (float[524288] a) { a = Add(x, x) },
      else_branch = e () => (float[524288] b) { k = Constant<value_float = 1.0>() b = Add(x, k) }> })");
  ir::Graph& then_branch = *model.graph->first()->subgraphs()[0];
  then_branch.first()->set_input(1, &then_branch.add_initializer("weight", filled({kLarge}, 10)));
  ir::Node& constant = *model.graph->first()->subgraphs()[1]->first();
  constant.remove("value_float");
  constant.set("value", ir::NamedTensor{"", filled({kLarge}, 20), {}});

  const Disembodied bodiless = disembody(model);
  EXPECT_LT(bodiless.bytes.size(), 2000U);
  EXPECT_EQ(bodiless.names.size(), 2U);
  EXPECT_EQ(model.graph->initializers().size(), 0U) << "the model itself was changed";
  for (const bool condition : {true, false}) {
    const Inputs inputs = {{"c", tensor::cast(floats({}, {condition ? 1.0F : 0.0F}), DataType::boolean)},
                           {"x", filled({kLarge}, 1)}};
    EXPECT_EQ(doubles(run(model, inputs)[0])[5], condition ? 11 : 21);
  }
}

TEST(Weights, ThatASubgraphReturnsStayInIt) {
  ir::Model model = model_of(R"(g (bool c) => (float[524288] y) { y = If(c) <
      then_branch = t () => (float[524288] a) { a = Constant<value_float = 1.0>() },
      else_branch = e () => (float[524288] b) { b = Constant<value_float = 2.0>() }> })");
  for (ir::Graph* const branch : model.graph->first()->subgraphs()) {
    const float value = branch->first()->find("value_float") ? branch->first()->floating("value_float", 0) : 0;
    branch->first()->remove("value_float");
    branch->first()->set("value", ir::NamedTensor{"", filled({kLarge}, value), {}});
  }
  EXPECT_THAT(disembody(model).names, IsEmpty());
  const Inputs inputs = {{"c", tensor::cast(floats({}, {0}), DataType::boolean)}};
  EXPECT_EQ(doubles(run(model, inputs)[0])[5], 2);
}

TEST(Weights, ThatShapeInferenceReadsStayInTheModel) {
  ir::Model model = model_of("g (float[N] x) => (float[A, B] y) { s = Shape(x) y = Reshape(x, s) }");
  ir::Graph& graph = *model.graph;
  const std::vector<std::int64_t> shape = {2, 3};
  graph.last()->set_input(1, &graph.add_initializer("shape", tensor::from_int64s(shape)));
  EXPECT_THAT(disembody(model).names, IsEmpty());
  EXPECT_THAT(run(model, {{"x", filled({6}, 1)}})[0].tensor()->dims(), ElementsAre(2, 3));
}

TEST(Weights, OfEveryTypeAreHandedOver) {
  for (const DataType dtype : {DataType::float16, DataType::bfloat16, DataType::float64, DataType::int8,
                               DataType::uint8, DataType::int32, DataType::int64, DataType::boolean}) {
    ir::Model model = model_of("g () => (float[524288] y) { w = Constant<value_float = 1.0>() y = Identity(w) }");
    model.graph->outputs()[0]->type = ir::tensor_type(dtype, ir::Shape{ir::Dim(kLarge)});
    ir::Node& constant = *model.graph->first();
    constant.remove("value_float");
    constant.set("value", ir::NamedTensor{"", tensor::cast(filled({kLarge}, 1), dtype), {}});
    EXPECT_EQ(disembody(model).names.size(), 1U);
    EXPECT_EQ(doubles(run(model, {})[0])[kLarge - 1], 1) << name_of(dtype);
  }
}

TEST(Weights, OfFunctionsThatPassTwoGigabytesAreRefused) {
  class Unread : public tensor::Source {
   public:
    void read(std::uint64_t, std::uint64_t, std::byte*) const override { FAIL() << "was read"; }
  };
  ir::Model model = onnx::parse_model(R"(<ir_version: 10, opset_import: ["": 20, "local": 1]>
    g (float[N] x) => (float[N] y) { y = local.f(x) }
    <domain: "local", opset_import: ["": 20]> f (a) => (b) { k = Constant<value_float = 1.0>() b = Add(a, k) })");
  ir::Node& constant = *model.functions[0]->body->first();
  constant.remove("value_float");
  const tensor::Tensor huge(DataType::float32, {std::int64_t{1} << 30}, std::make_shared<Unread>());
  constant.set("value", ir::NamedTensor{"", huge, {}});
  EXPECT_THAT(error_of([&] { disembody(model); }), HasSubstr("error[verification]: 42949"));
}

TEST(Weights, InMappedFilesAreHandedOverAsTheyAre) {
  const TempFolder folder;
  const std::vector<float> values(kLarge + 1, 2);
  // One copy at an address that suits floats, one at an address that doesn't.
  for (const std::size_t offset : {std::size_t{4}, std::size_t{3}}) {
    std::string bytes(offset, 'x');
    bytes.append(reinterpret_cast<const char*>(values.data()), kLarge * sizeof(float));
    const auto file = MappedFile::open(folder.write("weights" + std::to_string(offset), bytes));
    ir::Model model = large_model();
    model.graph->initializers()[0]->set_initializer(
        tensor::from_file(DataType::float32, {kLarge}, {file, offset, kLarge * sizeof(float)}));
    EXPECT_EQ(doubles(run(model, {{"x", filled({kLarge}, 1)}})[0])[kLarge - 1], 3) << offset;
  }
}

TEST(Weights, AreEvaluatedOnceForSessionsThatShareACache) {
  class Counting : public tensor::Source {
   public:
    void read(std::uint64_t, std::uint64_t count, std::byte* out) const override {
      ++reads;
      std::fill_n(out, count * sizeof(float), std::byte{0});
    }
    mutable std::atomic<int> reads = 0;
  };
  const auto source = std::make_shared<Counting>();
  ir::Model model = large_model();
  model.graph->initializers()[0]->set_initializer(tensor::Tensor(DataType::float32, {kLarge}, source));
  const auto cache = std::make_shared<WeightCache>();
  const Session first(model, {}, {}, cache);
  const int reads = source->reads;
  EXPECT_GT(reads, 0);
  const ir::Model copy = ir::clone(model);
  const Session second(copy, {}, {}, cache);
  EXPECT_EQ(source->reads, reads);
  EXPECT_EQ(doubles(second.run({{"x", filled({kLarge}, 1)}})[0])[0], 1);
}

}  // namespace
}  // namespace olivine::runtime

#include "workflow/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/threads.h"
#include "onnx/onnx.h"

namespace olivine::workflow {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kModel = R"(<ir_version: 9, opset_import: ["": 20]>
  g (float[N] x) => (float[N] y) <float[2] w = {1.0, 2.0}> { z = Add(x, w) y = Relu(z) })";

struct Nothing {};
const config::OptionsSchema& no_options() {
  static const config::OptionsSchema schema = config::Declare<Nothing>().done();
  return schema;
}

passes::Change do_nothing(ir::Model&, const std::any&, passes::Context&) { return passes::Change::unchanged; }

passes::Change add_node(ir::Model& model, const std::any&, passes::Context& context) {
  ir::Graph& graph = *model.graph;
  ir::Node& node = graph.append("Identity", {graph.outputs()[0]});
  graph.set_output(0, *node.add_output("again", graph.outputs()[0]->type));
  context.notices.emplace_back("one node more");
  context.report["added"] = 1;
  auto writes = std::make_shared<int>(41);
  context.before_write.emplace_back([writes] { *writes = 0; });
  context.after_write.emplace_back([writes](passes::Context& late) { late.report["counted"] = ++*writes; });
  context.after_write.emplace_back([](passes::Context& late) { late.report["written"] = true; });
  return passes::Change::changed;
}

passes::Change lie(ir::Model& model, const std::any& options, passes::Context& context) {
  add_node(model, options, context);
  return passes::Change::unchanged;
}

passes::Change break_model(ir::Model& model, const std::any&, passes::Context&) {
  model.graph->append("Relu", {}).add_output("dangling");
  return passes::Change::changed;
}

passes::Change refuse(ir::Model&, const std::any&, passes::Context&) {
  throw Error(ErrorCode::conversion, "cannot be converted").prepend("Relu 'r'");
}

constexpr passes::Pass kNothing = {"Nothing", "Does nothing.", no_options, do_nothing};
constexpr passes::Pass kAdd = {"AddNode", "Adds a node.", no_options, add_node};
constexpr passes::Pass kLie = {"Lie", "Adds a node and denies it.", no_options, lie};
constexpr passes::Pass kBreak = {"Break", "Makes an invalid model.", no_options, break_model};
constexpr passes::Pass kRefuse = {"Refuse", "Fails.", no_options, refuse};

/// Makes kModel's model, which adds {1, 2} and drops what is below zero.
passes::Made make_model(const passes::Source& source, const std::any&, passes::Context& context) {
  context.progress("making");
  context.notices.emplace_back("made of a " + source.type);
  passes::Made made;
  made.model = onnx::parse_model(kModel);
  made.origin = "the maker";
  for (const config::Json& files : source.config.value("cases", config::Json::array())) {
    made.recorded.push_back({"N = 2", {{"x", files[0].get<std::string>()}}, {{"y", files[1].get<std::string>()}}});
  }
  return made;
}

passes::Change fix_size(ir::Model& model, const std::any&, passes::Context&) {
  model.graph->inputs()[0]->type = ir::tensor_type(DataType::float32, ir::Shape{1});
  return passes::Change::changed;
}

passes::Change negate(ir::Model& model, const std::any&, passes::Context&) {
  ir::Graph& graph = *model.graph;
  ir::Value* const output = graph.outputs()[0];
  output->set_name("inner");
  ir::Node& node = graph.append("Neg", {output});
  graph.set_output(0, *node.add_output("y", output->type));
  return passes::Change::changed;
}

constexpr std::string_view kMadeOf[] = {"Thing"};
constexpr passes::Pass kMake = {"Make", "Makes a model.", no_options, do_nothing, make_model, kMadeOf};
constexpr passes::Pass kFix = {"Fix", "Fixes the size.", no_options, fix_size};
constexpr passes::Pass kNegate = {"Negate", "Computes something else.", no_options, negate};

class Runner : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              ("runner_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    input_ = folder_ / "in.onnxtxt";
    std::ofstream(input_) << kModel;
  }
  void TearDown() override {
    reset_cancel();
    fs::remove_all(folder_);
  }

  Workflow flow(std::vector<const passes::Pass*> passes) const {
    Workflow workflow;
    workflow.id = "test";
    workflow.input.path = input_;
    workflow.output = folder_ / "out";
    for (const passes::Pass* pass : passes) {
      workflow.steps.push_back({"s" + std::to_string(workflow.steps.size() + 1),
                                pass,
                                pass->options().defaults(),
                                config::Json::object(),
                                {}});
    }
    return workflow;
  }

  std::string failure(const Workflow& workflow, const RunOptions& options = {}) const {
    try {
      run(workflow, options);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  /// A .npy file with two float32 values.
  std::string npy(const std::string& name, float first, float second) const {
    const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";
    std::string bytes = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header;
    for (const float value : {first, second}) bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }

  /// A workflow that begins with something that isn't ONNX, and what that computes for {1, -5}.
  Workflow made_flow(std::vector<const passes::Pass*> passes, std::vector<float> outputs) const {
    passes.insert(passes.begin(), &kMake);
    Workflow workflow = flow(std::move(passes));
    workflow.input.path = "thing";
    workflow.input.source = passes::Source{"Thing", config::Json::object(), {}};
    if (!outputs.empty()) {
      workflow.input.source->config["cases"] =
          config::Json::array({config::Json::array({npy("x.npy", 1, -5), npy("y.npy", outputs[0], outputs[1])})});
    }
    workflow.verify = Verify{};
    return workflow;
  }

  RunOptions logged() {
    RunOptions options;
    options.log = Log([this](LogLevel, const std::string& message) { messages_.push_back(message); }, LogLevel::notice);
    return options;
  }

  fs::path folder_;
  fs::path input_;
  std::vector<std::string> messages_;
};

TEST_F(Runner, ReportsEachPass) {
  const Outcome outcome = run(flow({&kNothing, &kAdd}), logged());
  const config::Json& report = outcome.report;
  EXPECT_EQ(report["workflow_id"], "test");
  EXPECT_EQ(report["input"]["nodes"], 2);
  EXPECT_EQ(report["input"]["weight_bytes"], 8);
  ASSERT_EQ(report["passes"].size(), 2u);
  const config::Json& first = report["passes"][0];
  EXPECT_EQ(first["name"], "s1");
  EXPECT_EQ(first["type"], "Nothing");
  EXPECT_EQ(first["changed"], false);
  const config::Json& second = report["passes"][1];
  EXPECT_EQ(second["changed"], true);
  EXPECT_EQ(second["nodes"].dump(), R"({"before":2,"after":3})");
  EXPECT_EQ(second["weight_bytes"].dump(), R"({"before":8,"after":8})");
  EXPECT_EQ(second["notices"].dump(), R"(["one node more"])");
  EXPECT_GE(second["seconds"].get<double>(), 0);
  EXPECT_GE(report["seconds"]["total"].get<double>(), report["seconds"]["read"].get<double>());
  EXPECT_THAT(messages_, ElementsAre("s2: one node more"));
}

TEST_F(Runner, WritesTheFolderWithItsRecords) {
  const Outcome outcome = run(flow({&kAdd}), {});
  EXPECT_EQ(outcome.model_path, folder_ / "out" / "model.onnx");
  EXPECT_EQ(ir::node_count(onnx::read_model(outcome.model_path)), 3u);
  const auto read = [&](const char* name) { return config::Json::parse(std::ifstream(folder_ / "out" / name)); };
  const config::Json report = read("run.json");
  EXPECT_EQ(report["passes"][0]["report"]["added"], 1);
  EXPECT_EQ(report["passes"][0]["report"]["written"], true);
  EXPECT_EQ(report["passes"][0]["report"]["counted"], 1);
  EXPECT_EQ(report["output"]["files"][0]["name"], "model.onnx");
  EXPECT_EQ(report["output"]["files"][0]["bytes"], fs::file_size(outcome.model_path));
  const config::Json model_config = read("model_config.json");
  EXPECT_EQ(model_config["type"], "ONNXModel");
  EXPECT_EQ(model_config["config"]["model_path"], outcome.model_path.string());
  EXPECT_TRUE(model_config["config"]["onnx_file_name"].is_null());
}

TEST_F(Runner, LeavesRunJsonOutOnWish) {
  Workflow workflow = flow({});
  workflow.write_run_json = false;
  run(workflow, {});
  EXPECT_TRUE(fs::exists(folder_ / "out" / "model_config.json"));
  EXPECT_FALSE(fs::exists(folder_ / "out" / "run.json"));
}

TEST_F(Runner, WritesJustOneFileForAPathToOne) {
  Workflow workflow = flow({&kAdd});
  workflow.output = folder_ / "single.onnx";
  const Outcome outcome = run(workflow, {});
  EXPECT_TRUE(fs::exists(workflow.output));
  EXPECT_FALSE(fs::exists(folder_ / "run.json"));
  EXPECT_EQ(outcome.report["passes"][0]["report"]["written"], true);
  EXPECT_EQ(outcome.report["output"]["files"][0]["name"], "single.onnx");
}

TEST_F(Runner, WritesNothingInADryRun) {
  RunOptions options;
  options.write = false;
  const Outcome outcome = run(flow({&kAdd}), options);
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  EXPECT_TRUE(outcome.model_path.empty());
  EXPECT_TRUE(outcome.report["output"].is_null());
}

TEST_F(Runner, NamesTheFileAndThePassOfAnError) {
  EXPECT_EQ(failure(flow({&kNothing, &kRefuse})),
            "error[conversion]: " + input_.string() + " pass s2 (Refuse) Relu 'r': cannot be converted");
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(Runner, RefusesAnInvalidResult) {
  EXPECT_THAT(failure(flow({&kNothing, &kBreak})),
              testing::AllOf(HasSubstr(input_.string() + " after the passes"), HasSubstr("--check-passes")));
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(Runner, BlamesTheInputForItsOwnFaults) {
  std::ofstream(input_)
      << R"(<ir_version: 9, opset_import: ["": 20]> g (float[N] x) => (float[N] y) { y = Relu(x, x) })";
  EXPECT_THAT(failure(flow({&kNothing})), testing::Not(HasSubstr("after the passes")));
  EXPECT_THAT(failure(flow({&kNothing})), HasSubstr("error[conversion]: " + input_.string()));
}

TEST_F(Runner, HoldsPassesToTheirWordOnWish) {
  RunOptions options;
  options.check_passes = true;
  EXPECT_EQ(failure(flow({&kAdd, &kNothing}), options), "no error");
  EXPECT_EQ(failure(flow({&kLie}), options),
            "error[internal]: pass s1 (Lie): changed the model and says that it didn't");
  EXPECT_THAT(failure(flow({&kAdd, &kBreak, &kAdd}), options), HasSubstr("after pass s2 (Break)"));
}

TEST_F(Runner, DumpsTheModelAfterAPass) {
  std::vector<std::string> dumps;
  RunOptions options;
  options.dump = [&](std::string_view pass, const std::string& text) {
    dumps.push_back(std::string(pass) + (text.find("again") == std::string::npos ? " before" : " after"));
  };
  options.dump_after = "AddNode";
  run(flow({&kNothing, &kAdd}), options);
  options.dump_after = "s1";
  run(flow({&kNothing, &kAdd}), options);
  EXPECT_THAT(dumps, ElementsAre("s2 after", "s1 before"));
}

TEST_F(Runner, StopsBetweenPasses) {
  request_cancel();
  EXPECT_EQ(failure(flow({&kNothing})), "error[interrupted]: stopped by the user; nothing was written");
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(Runner, MakesTheSameModelEveryTime) {
  const auto bytes = [&](const char* name) {
    Workflow workflow = flow({&kAdd});
    workflow.output = folder_ / name;
    std::ifstream file(run(workflow, {}).model_path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(bytes("a"), bytes("b"));
}

TEST_F(Runner, MakesTheFirstModelOfASource) {
  const Outcome outcome = run(made_flow({&kAdd}, {2, 0}), logged());
  EXPECT_FALSE(outcome.failure);
  EXPECT_EQ(outcome.report["input"]["type"], "Thing");
  EXPECT_EQ(outcome.report["passes"][0]["nodes"]["after"], 2);
  EXPECT_EQ(outcome.report["verify"]["against"], "the maker");
  EXPECT_EQ(outcome.report["verify"]["cases"], config::Json::array({"N = 2"}));
  EXPECT_THAT(messages_, testing::Contains("s1: made of a Thing"));
}

TEST_F(Runner, HoldsTheResultAgainstTheSourceItself) {
  const Outcome outcome = run(made_flow({}, {2, 1}), {});
  ASSERT_TRUE(outcome.failure);
  EXPECT_THAT(outcome.failure->what(), HasSubstr("against the maker at N = 2"));
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(Runner, TellsWhichPartOfTheWayIsWrong) {
  EXPECT_THAT(run(made_flow({&kNegate}, {2, 0}), {}).failure->what(), HasSubstr("the first model is right"));
  EXPECT_THAT(run(made_flow({&kAdd}, {2, 1}), {}).failure->what(), HasSubstr("the first model differs already"));
}

TEST_F(Runner, VerifiesStepByStepWhereNoCaseFits) {
  EXPECT_FALSE(run(made_flow({&kFix}, {2, 0}), logged()).failure);
  EXPECT_THAT(messages_, testing::Contains(HasSubstr("no recorded case has sizes that the result takes")));
  EXPECT_TRUE(run(made_flow({&kNegate, &kFix}, {2, 0}), {}).failure);
}

TEST_F(Runner, TellsThatThereIsNothingToCompareWith) {
  EXPECT_FALSE(run(made_flow({}, {}), logged()).failure);
  EXPECT_THAT(messages_, testing::Contains(HasSubstr("there is nothing to compare with")));
}

TEST_F(Runner, ASourceNeedsAPassThatMakesAModel) {
  Workflow workflow = made_flow({}, {});
  workflow.steps.front().pass = &kAdd;
  EXPECT_THAT(failure(workflow), HasSubstr("thing: a Thing is no ONNX model yet"));
}

TEST_F(Runner, ValidatesWithoutRunning) {
  EXPECT_NO_THROW(validate(flow({&kRefuse}), {}));
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  std::ofstream(folder_ / "out").put('x');
  try {
    validate(flow({}), {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::io);
    EXPECT_EQ(error.what(),
              "error[io]: " + (folder_ / "out").string() + ": is in the place of the output folder and is none");
  }
}

TEST_F(Runner, ValidatesTheInput) {
  std::ofstream(input_) << "no model";
  EXPECT_THROW(validate(flow({}), {}), Error);
}

}  // namespace
}  // namespace olivine::workflow

#include "workflow/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "workflow/keys.h"

namespace olivine::workflow {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A folder with an empty `model.onnx` beside the workflow file that tests pretend to read.
class Reader : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fs::path(testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    touch("model.onnx");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void touch(const std::string& name) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name).put(' ');
  }

  Workflow read(const std::string& text, const Overrides& overrides = {}) const {
    return read_workflow(config::JsonDocument::parse(text, "flow.json"), folder_, overrides);
  }

  std::string failure(const std::string& text) const {
    try {
      read(text);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  /// A workflow around the members given.
  static std::string flow(const std::string& members) { return R"({"input_model": "model.onnx", )" + members + "}"; }

  static std::vector<std::string> step_names(const Workflow& workflow) {
    std::vector<std::string> names;
    for (const Step& step : workflow.steps) names.push_back(step.name + "=" + std::string(step.pass->name));
    return names;
  }

  fs::path folder_;
};

TEST_F(Reader, ReadsAWholeWorkflow) {
  const Workflow workflow = read(R"({
    "input_model": {"type": "ONNXModel", "config": {"model_path": "model.onnx"}},
    "passes": {
      "fixed": {"type": "DynamicToFixedShape", "input_dim": ["batch_size"], "dim_value": [1]},
      "fp16": {"type": "OnnxFloatToFloat16", "config": {"keep_io_types": true}}
    },
    "output_dir": "out",
    "workflow_id": "mine"
  })");
  EXPECT_EQ(workflow.id, "mine");
  EXPECT_EQ(workflow.input.path, folder_ / "model.onnx");
  EXPECT_EQ(workflow.output, "out");
  EXPECT_FALSE(workflow.output_is_file());
  EXPECT_THAT(step_names(workflow), ElementsAre("fixed=DynamicToFixedShape", "fp16=OnnxFloatToFloat16"));
  EXPECT_EQ(workflow.steps[1].effective["keep_io_types"], true);
  EXPECT_FALSE(workflow.verify);
  EXPECT_TRUE(workflow.write_run_json);
  EXPECT_THAT(workflow.notices, IsEmpty());
}

TEST_F(Reader, TakesTypesInAnyLetterCase) {
  const Workflow workflow = read(
      R"({"input_model": {"type": "onnxmodel", "model_path": "model.onnx"}, "passes": {"a": {"type": "ONNXFLOATTOFLOAT16"}}})");
  EXPECT_THAT(step_names(workflow), ElementsAre("a=OnnxFloatToFloat16"));
}

TEST_F(Reader, UnderstandsEveryKeyOfPublishedWorkflows) {
  const Workflow workflow = read(R"({
    "input_model": "model.onnx",
    "passes": {"a": {"type": "OnnxFloatToFloat16", "host": "local", "evaluator": "common", "disable_search": true}},
    "output_dir": "out",
    "systems": {"local": {"type": "LocalSystem"}},
    "cache_dir": "cache",
    "target": "local",
    "no_artifacts": true,
    "log_severity_level": 0,
    "evaluate_input_model": true,
    "data_configs": [{"name": "data"}],
    "evaluators": {"common": {"metrics": []}},
    "evaluator": "common",
    "host": "local",
    "search_strategy": {"sampler": "tpe"},
    "clean_cache": true,
    "targets": ["local"],
    "packaging_config": {"type": "Zipfile"},
    "telemetry": false
  })");
  EXPECT_FALSE(workflow.write_run_json);
  EXPECT_EQ(workflow.log_level, LogLevel::debug);
  EXPECT_THAT(
      workflow.notices,
      ElementsAre(
          "flow.json: without effect: systems, host, target, targets (everything runs on this machine; verify's "
          "provider chooses where the proof runs)",
          "flow.json: without effect: data_configs, evaluators, evaluator, evaluate_input_model (no accuracy or "
          "latency is measured; verify compares the outputs)",
          "flow.json: without effect: search_strategy (the passes run once, in their order)",
          "flow.json: without effect: cache_dir, clean_cache (nothing is cached: running a pass costs less than "
          "reading a stored result)",
          "flow.json: without effect: packaging_config (the output is a folder)",
          "flow.json:3 /passes/a: without effect: host (everything runs on this machine; verify's provider chooses "
          "where "
          "the proof runs)",
          "flow.json:3 /passes/a: without effect: evaluator (no accuracy or latency is measured; verify compares the "
          "outputs)",
          "flow.json:3 /passes/a: without effect: disable_search (the passes run once, in their order)"));
}

TEST_F(Reader, SaysNothingOfKeysThatAreOff) {
  EXPECT_THAT(read(flow(R"("search_strategy": false, "evaluate_input_model": false, "clean_cache": false,
                           "evaluators": {}, "data_configs": [], "host": null)"))
                  .notices,
              IsEmpty());
}

TEST_F(Reader, ReadsTheOlderNestingUnderEngine) {
  const Workflow workflow = read(flow(R"("engine": {"output_dir": "out", "log_severity_level": 3, "cache_dir": "c"})"));
  EXPECT_EQ(workflow.output, "out");
  EXPECT_EQ(workflow.log_level, LogLevel::error);
  EXPECT_THAT(workflow.notices, ElementsAre(HasSubstr("without effect: cache_dir")));
}

TEST_F(Reader, LetsTheNestedValueOverrule) {
  const Workflow workflow = read(flow(R"("output_dir": "a", "engine": {"output_dir": "b"})"));
  EXPECT_EQ(workflow.output, "b");
  EXPECT_THAT(workflow.notices, ElementsAre("flow.json:1 /output_dir: overruled by /engine/output_dir"));
}

TEST_F(Reader, PlacesErrorsUnderEngine) {
  EXPECT_EQ(failure("{\"input_model\": \"model.onnx\",\n\"engine\": {\n\"output_dri\": \"x\"}}"),
            "error[config]: flow.json:3 /engine/output_dri: unknown option; did you mean output_dir?");
  EXPECT_EQ(failure(flow("\"engine\": {\"passes\": {}}")),
            "error[config]: flow.json:1 /engine/passes: belongs to the top, not under engine");
  EXPECT_EQ(failure(flow("\"engine\": 3")), "error[config]: flow.json:1 /engine: expected an object, found 3");
}

TEST_F(Reader, ListsAllProblemsAtOnce) {
  EXPECT_EQ(failure("{\n"
                    "  \"input_model\": {\"type\": \"ONNXModel\", \"model_path\": \"model.onnx\"},\n"
                    "  \"passes\": {\n"
                    "    \"fp16\": {\n"
                    "      \"type\": \"OnnxFloatToFloat16\",\n"
                    "      \"keep_io_type\": true,\n"
                    "      \"config\": {\n"
                    "        \"size_treshold\": 3}\n"
                    "    },\n"
                    "    \"io\": {\"type\": \"OnnxIODataTypeConvertor\"}\n"
                    "  },\n"
                    "  \"outputdir\": \"x\"\n"
                    "}"),
            "error[config]: 4 problems\n"
            "  flow.json:12 /outputdir: unknown option; did you mean output_dir?\n"
            "  flow.json:6 /passes/fp16/keep_io_type: unknown option; did you mean keep_io_types?\n"
            "  flow.json:8 /passes/fp16/config/size_treshold: unknown option; did you mean size_threshold?\n"
            "  flow.json:10 /passes/io/type: there is no pass 'OnnxIODataTypeConvertor'; did you mean "
            "OnnxIODataTypeConverter?");
}

TEST_F(Reader, SaysWhatAValueShouldBe) {
  EXPECT_EQ(failure(flow("\"no_artifacts\": 1")),
            "error[config]: flow.json:1 /no_artifacts: expected true or false, found 1");
  EXPECT_EQ(failure(flow("\"log_severity_level\": 9")), "error[config]: flow.json:1 /log_severity_level: 9 is above 4");
  EXPECT_EQ(failure("[]"),
            "error[config]: 2 problems\n"
            "  flow.json:1: expected an object, found a list\n"
            "  flow.json:1: the option input_model is missing");
  EXPECT_EQ(failure("{}"), "error[config]: flow.json:1: the option input_model is missing");
  EXPECT_EQ(failure(flow("\"passes\": [1]")), "error[config]: flow.json:1 /passes: expected an object, found a list");
  EXPECT_EQ(failure(flow("\"passes\": {\"a\": null}")),
            "error[config]: flow.json:1 /passes/a: expected an object, found null");
  EXPECT_EQ(failure(flow("\"passes\": {\"a\": {}}")),
            "error[config]: flow.json:1 /passes/a: the option type is missing");
  EXPECT_EQ(failure(flow("\"passes\": {\"a\": {\"type\": 3}}")),
            "error[config]: flow.json:1 /passes/a/type: expected a string, found 3");
}

TEST_F(Reader, RefusesWhatWouldChangeTheResult) {
  EXPECT_EQ(failure(flow("\"builds\": {\"a\": {}}")),
            "error[config]: flow.json:1 /builds: one workflow makes one model here; write a workflow for each build");
  EXPECT_EQ(failure(flow("\"pass_flows\": [[\"a\"]]")),
            "error[config]: flow.json:1 /pass_flows: the passes run in the order of their keys; put them into that "
            "order under passes");
}

TEST_F(Reader, ChecksTheNamesOfSystemsAndEvaluators) {
  EXPECT_EQ(failure(flow("\"systems\": {\"local_system\": {}}, \"host\": \"local_sytem\"")),
            "error[config]: flow.json:1 /host: there is no 'local_sytem' in systems; did you mean local_system?");
  EXPECT_EQ(failure(flow("\"passes\": {\"a\": {\"type\": \"OnnxFloatToFloat16\", \"evaluator\": \"x\"}}")),
            "error[config]: flow.json:1 /passes/a/evaluator: there is no 'x' in evaluators");
}

TEST_F(Reader, RunsTheFirstPassOfAList) {
  const Workflow workflow = read(flow(R"("passes": {
    "a": [{"type": "OnnxFloatToFloat16", "save_as_external_data": true}, {"type": "DynamicToFixedShape"}],
    "b": [{"type": "OnnxIODataTypeConverter"}]})"));
  EXPECT_THAT(step_names(workflow), ElementsAre("a=OnnxFloatToFloat16", "b=OnnxIODataTypeConverter"));
  EXPECT_THAT(
      workflow.notices,
      ElementsAre("flow.json:2 /passes/a: the first pass of the list runs, the others are alternatives for a search",
                  "flow.json:2 /passes/a/0/save_as_external_data: without effect: the last pass, b, says how the "
                  "file is written"));
}

TEST_F(Reader, ChecksEveryPassOfAList) {
  EXPECT_EQ(failure(flow("\"passes\": {\"a\": [{\"type\": \"OnnxFloatToFloat16\"}, {\"type\": \"Nonsense\"}]}")),
            "error[config]: flow.json:1 /passes/a/1/type: there is no pass 'Nonsense'; the passes are "
            "OnnxConversion, OnnxOpVersionConversion, OnnxFloatToFloat16, OnnxIODataTypeConverter, OrtMixedPrecision, "
            "DynamicToFixedShape");
  EXPECT_EQ(failure(flow("\"passes\": {\"a\": []}")),
            "error[config]: flow.json:1 /passes/a: the list of passes is empty; drop it, or give a pass");
}

TEST_F(Reader, TakesDefaultValueAsNotGiven) {
  const Workflow workflow =
      read(flow(R"("passes": {"a": {"type": "OnnxFloatToFloat16", "size_threshold": "DEFAULT_VALUE"}})"));
  EXPECT_EQ(workflow.steps[0].effective["size_threshold"], 1024);
  EXPECT_EQ(failure(flow(R"("passes": {"a": {"type": "OnnxFloatToFloat16", "max_finite_val": "SEARCHABLE_VALUES"}})")),
            "error[config]: flow.json:1 /passes/a/max_finite_val: SEARCHABLE_VALUES asks for a search; give a value");
}

TEST_F(Reader, WritesAsTheLastPassSays) {
  const Workflow workflow = read(flow(R"("passes": {
    "a": {"type": "OnnxFloatToFloat16"},
    "b": {"type": "OnnxIODataTypeConverter", "save_as_external_data": true, "external_data_name": "w.bin",
          "size_threshold": 0, "all_tensors_to_one_file": false, "convert_attribute": true}})"));
  EXPECT_TRUE(workflow.external_data.save_as_external_data);
  EXPECT_FALSE(workflow.external_data.all_tensors_to_one_file);
  EXPECT_TRUE(workflow.external_data.convert_attribute);
  EXPECT_EQ(workflow.external_data.external_data_name, "w.bin");
  EXPECT_EQ(workflow.external_data.size_threshold, 0);
  EXPECT_FALSE(workflow.steps[0].external_data.save_as_external_data);
}

TEST_F(Reader, KnowsTheFormsOfAnInputModel) {
  for (const char* model : {
           R"("model.onnx")",
           R"({"type": "ONNXModel", "model_path": "model.onnx"})",
           R"({"type": "OnnxModel", "config": {"model_path": "model.onnx"}})",
           R"({"type": "ONNXModel", "model_path": {"type": "file", "path": "model.onnx"}})",
           R"({"type": "ONNXModel", "model_path": {"type": "local_file", "config": {"path": "model.onnx"}}})",
       }) {
    EXPECT_EQ(read(R"({"input_model": )" + std::string(model) + "}").input.path, folder_ / "model.onnx") << model;
  }
  EXPECT_EQ(read(R"({"input_model": ")" + folder_.string() + "\"}").input.path, folder_ / "model.onnx");
}

TEST_F(Reader, HandsOnWhatIsNotItsOwn) {
  const Workflow workflow = read(R"({"input_model": {"type": "ONNXModel", "model_path": "model.onnx",
    "model_attributes": {"hf_task": "x"}, "inference_settings": {"execution_provider": ["CPUExecutionProvider"]}}})");
  EXPECT_EQ(workflow.input.handed_on["model_attributes"]["hf_task"], "x");
  EXPECT_TRUE(workflow.input.handed_on.contains("inference_settings"));
}

TEST_F(Reader, FindsTheOneModelOfAFolder) {
  touch("several/a.onnx");
  touch("several/b.onnx");
  fs::create_directories(folder_ / "none");
  const auto of = [&](const std::string& rest) {
    return failure(R"({"input_model": {"type": "ONNXModel", "model_path": )" + rest + "}}");
  };
  const std::string several = (folder_ / "several").string();
  EXPECT_EQ(of("\"several\""),
            "error[config]: flow.json:1 /input_model/model_path: the folder '" + several +
                "' has 2 .onnx files: a.onnx, b.onnx; name one with onnx_file_name, or give its path");
  EXPECT_EQ(of("\"several\", \"onnx_file_name\": \"b.onnx\""), "no error");
  EXPECT_EQ(of("\"several\", \"onnx_file_name\": \"c.onnx\""),
            "error[io]: flow.json:1 /input_model/model_path: there is no 'c.onnx' in the folder '" + several + "'");
  EXPECT_EQ(of("\"none\""), "error[io]: flow.json:1 /input_model/model_path: the folder '" +
                                (folder_ / "none").string() + "' has no .onnx file");
  EXPECT_EQ(
      of("\"missing.onnx\""),
      "error[io]: flow.json:1 /input_model/model_path: there is no 'missing.onnx', neither in the current directory "
      "nor in '" +
          folder_.string() + "'");
}

TEST_F(Reader, ReadsModelsThatAreNotOnnxYet) {
  touch("model.py");
  touch("weights.bin");
  const Workflow workflow = read(R"({
    "input_model": {"type": "pytorchmodel", "config": {"model_path": {"type": "local_file", "config": {"path": "weights.bin"}},
                    "model_script": "model.py", "model_loader": "make", "io_config": "io", "model_attributes": {"n": 2}}},
    "passes": {"c": {"type": "OnnxConversion", "target_opset": 18}}})");
  ASSERT_TRUE(workflow.input.source);
  EXPECT_EQ(workflow.input.source->type, "PyTorchModel");
  EXPECT_EQ(workflow.input.source->config["model_path"], (folder_ / "weights.bin").string());
  EXPECT_EQ(workflow.input.source->config["model_script"], (folder_ / "model.py").string());
  EXPECT_EQ(workflow.input.source->config["model_loader"], "make");
  EXPECT_EQ(workflow.input.handed_on["model_attributes"]["n"], 2);
  EXPECT_EQ(workflow.input.path, folder_ / "weights.bin");
}

TEST_F(Reader, ALoaderMayKnowWhatANameMeans) {
  const Workflow workflow = read(R"({
    "input_model": {"type": "PyTorchModel", "model_path": "some/name", "model_loader": "make"},
    "passes": {"c": {"type": "OnnxConversion"}}})");
  EXPECT_EQ(workflow.input.source->config["model_path"], "some/name");
}

TEST_F(Reader, KnowsProgramsAndFoldersOfTransformersByTheirLook) {
  touch("program.pt2");
  touch("hf/config.json");
  const auto type_of = [&](const std::string& path) {
    return read(R"({"input_model": ")" + path + R"(", "passes": {"c": {"type": "OnnxConversion"}}})")
        .input.source->type;
  };
  EXPECT_EQ(type_of("program.pt2"), "PyTorchModel");
  EXPECT_EQ(type_of("hf"), "HfModel");
}

TEST_F(Reader, AModelThatIsNotOnnxYetNeedsAPassThatMakesOne) {
  touch("hf/config.json");
  constexpr auto kExpected =
      "error[config]: flow.json:1 /input_model: a HfModel is no ONNX model yet, and no pass makes one of it at first; "
      "begin the passes with OnnxConversion";
  EXPECT_EQ(failure(R"({"input_model": {"type": "HfModel", "model_path": "hf"}})"), kExpected);
  EXPECT_EQ(failure(R"({"input_model": {"type": "HfModel", "model_path": "hf"},
                        "passes": {"a": {"type": "OnnxFloatToFloat16"}, "b": {"type": "OnnxConversion"}}})"),
            kExpected);
}

TEST_F(Reader, ChecksTheKeysOfModelsThatAreNotOnnxYet) {
  touch("hf/config.json");
  const std::string text = failure(R"({"input_model": {"type": "HfModel", "model_path": "hf", "tasks": "fill-mask"},
                                       "passes": {"c": {"type": "OnnxConversion"}}})");
  EXPECT_THAT(text, HasSubstr("/input_model/tasks: unknown option; did you mean task?"));
  EXPECT_THAT(failure(R"({"input_model": {"type": "HfModel", "model_path": "far/away"},
                          "passes": {"c": {"type": "OnnxConversion"}}})"),
              HasSubstr("nothing is fetched from a model hub"));
  EXPECT_THAT(failure(R"({"input_model": {"type": "PyTorchModel", "io_config": "io"},
                          "passes": {"c": {"type": "OnnxConversion"}}})"),
              HasSubstr("neither model_path nor model_loader is given"));
}

TEST_F(Reader, NamesTypesOfModelsThatAreNotSupported) {
  EXPECT_EQ(
      failure(R"({"input_model": {"type": "diffusersmodel", "model_path": "x"}})"),
      "error[config]: flow.json:1 /input_model/type: DiffusersModel is not supported yet; convert it to ONNX first, "
      "then give it as ONNXModel");
  EXPECT_EQ(
      failure(R"({"input_model": {"type": "ONXModel", "model_path": "model.onnx"}})"),
      "error[config]: flow.json:1 /input_model/type: there is no type of model 'ONXModel'; did you mean ONNXModel?");
  EXPECT_EQ(failure(R"({"input_model": {"model_path": "model.onnx"}})"),
            "error[config]: flow.json:1 /input_model: the option type is missing; an ONNX model is \"ONNXModel\"");
  EXPECT_EQ(failure(R"({"input_model": {"type": "ONNXModel", "model_pth": "model.onnx"}})"),
            "error[config]: 2 problems\n"
            "  flow.json:1 /input_model/model_pth: unknown option; did you mean model_path?\n"
            "  flow.json:1 /input_model: the option model_path is missing");
  EXPECT_EQ(
      failure(R"({"input_model": {"type": "ONNXModel", "model_path": {"type": "string_name", "name": "x/y"}}})"),
      "error[config]: flow.json:1 /input_model/model_path: a resource of type 'string_name' is not on this machine; "
      "fetch the model and give its path");
}

TEST_F(Reader, ReadsVerify) {
  touch("inputs.npz");
  EXPECT_FALSE(read(flow("\"verify\": false")).verify);
  EXPECT_TRUE(read(flow("\"verify\": true")).verify);
  const Workflow workflow = read(flow(R"("verify": {"inputs": "inputs.npz", "dims": {"batch": 2}, "seed": 7, "runs": 3,
    "atol": 0.01, "rtol": 0.1, "on_failure": "report", "provider": "CUDAExecutionProvider",
    "provider_options": {"device_id": "1"}, "provider_libraries": {"mine": "inputs.npz"}, "library": "inputs.npz",
    "graph_optimization": "basic", "bisect": false})"));
  const Verify& verify = *workflow.verify;
  EXPECT_EQ(verify.on_failure, Verify::OnFailure::report);
  EXPECT_THAT(verify.compare.inputs.files, ElementsAre(folder_ / "inputs.npz"));
  EXPECT_EQ(verify.compare.inputs.dims.at("batch"), 2);
  EXPECT_EQ(verify.compare.inputs.seed, 7u);
  EXPECT_EQ(verify.compare.inputs.runs, 3);
  EXPECT_EQ(verify.compare.tolerance.absolute, 0.01);
  EXPECT_EQ(verify.compare.tolerance.relative, 0.1);
  EXPECT_EQ(verify.compare.session.execution_provider, "CUDAExecutionProvider");
  EXPECT_EQ(verify.compare.session.provider_options.at("device_id"), "1");
  EXPECT_EQ(verify.compare.session.provider_libraries.at("mine"), folder_ / "inputs.npz");
  EXPECT_EQ(verify.compare.session.library, folder_ / "inputs.npz");
  EXPECT_EQ(verify.compare.session.graph_optimization, "basic");
  EXPECT_FALSE(verify.compare.bisect);
  EXPECT_TRUE(read(flow("\"verify\": {}")).verify->compare.bisect);
}

TEST_F(Reader, ChecksVerify) {
  EXPECT_EQ(failure(flow("\"verify\": {\"atoll\": 1}")),
            "error[config]: flow.json:1 /verify/atoll: unknown option; did you mean atol?");
  EXPECT_EQ(failure(flow("\"verify\": {\"on_failure\": \"ignore\"}")),
            "error[config]: flow.json:1 /verify/on_failure: \"ignore\" is not one of \"fail\" and \"report\"");
  EXPECT_EQ(failure(flow("\"verify\": {\"runs\": 0}")), "error[config]: flow.json:1 /verify/runs: 0 is below 1");
  EXPECT_EQ(failure(flow("\"verify\": 3")), "error[config]: flow.json:1 /verify: expected an object, found 3");
  EXPECT_THAT(failure(flow("\"verify\": {\"inputs\": [\"no.npz\"]}")),
              HasSubstr("error[io]: flow.json:1 /verify/inputs: there is no 'no.npz'"));
}

TEST_F(Reader, LetsTheCommandLineChangeModelAndOutput) {
  touch("other.onnx");
  const Overrides overrides{folder_ / "other.onnx", "elsewhere.onnx"};
  const Workflow workflow = read(R"({"output_dir": "out"})", overrides);
  EXPECT_EQ(workflow.input.path, folder_ / "other.onnx");
  EXPECT_EQ(workflow.output, "elsewhere.onnx");
  EXPECT_TRUE(workflow.output_is_file());
}

TEST_F(Reader, ReadsTheSeedsExamples) {
  for (const char* pass : {
           R"({"type": "OnnxFloatToFloat16"})",
           R"({"type": "OnnxFloatToFloat16",
               // Don't convert input/output nodes to Float16
               "keep_io_types": true})",
           R"({"type": "OnnxIODataTypeConverter", "source_dtype": 10, "target_dtype": 1})",
           R"({"type": "DynamicToFixedShape", "input_dim": ["batch_size"], "dim_value": [1]})",
           R"({"type": "DynamicToFixedShape", "input_name": ["input"], "input_shape": [[1, 3, 224, 224]]})",
       }) {
    EXPECT_EQ(read(flow(R"("passes": {"a": )" + std::string(pass) + "}")).steps.size(), 1u) << pass;
  }
}

}  // namespace
}  // namespace olivine::workflow

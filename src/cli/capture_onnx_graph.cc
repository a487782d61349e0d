#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/flags.h"
#include "cli/run_flags.h"
#include "config/json_document.h"
#include "workflow/keys.h"
#include "workflow/pass_options.h"
#include "workflow/reader.h"

namespace olivine::cli {
namespace {

using config::Json;

struct State {
  std::string model;
  std::string task;
  std::string adapter;
  std::string script;
  std::string script_folder;
  std::string output = "onnx-model";
  std::string device = "cpu";
  std::vector<std::string> fixed;
  bool trust_remote_code = false;
  bool verify = false;
  bool save_config = false;
  bool model_builder = false;
  bool mobius_builder = false;
  bool genai = false;
  std::optional<OptionFlags> options;
  std::optional<OptionFlags> shared;
  RunFlags run;
};

/// As Olive's command finds them: functions of the script with fixed names.
Json scripted_model(const State& state) {
  Json model = {{"type", "PyTorchModel"}, {"model_script", state.script}, {"model_loader", "_model_loader"}};
  if (!state.model.empty()) model["model_path"] = state.model;
  if (!state.script_folder.empty()) model["script_dir"] = state.script_folder;
  const std::string text = read_text_file(state.script);
  if (text.find("_model_loader") == std::string::npos) {
    throw Error(ErrorCode::config, "has no function _model_loader")
        .prepend(state.script)
        .remedy("define it: it is given the model's path and returns the torch.nn.Module");
  }
  if (text.find("_io_config") != std::string::npos) model["io_config"] = "_io_config";
  if (text.find("_dummy_inputs") != std::string::npos) model["dummy_inputs_func"] = "_dummy_inputs";
  return model;
}

Json input_model(const State& state) {
  if (!state.script.empty()) return scripted_model(state);
  if (state.model.empty()) {
    throw Error(ErrorCode::config, "no model is given")
        .remedy("name a folder of transformers' with -m, or a --model-script");
  }
  if (state.model.ends_with(".pt2")) return {{"type", "PyTorchModel"}, {"model_path", state.model}};
  if (state.model.ends_with(".onnx")) {
    throw Error(ErrorCode::config, "is an ONNX model already")
        .prepend(state.model)
        .remedy("olivine run-pass runs a pass on it");
  }
  Json model = {{"type", "HfModel"}, {"model_path", state.model}};
  if (!state.task.empty()) model["task"] = state.task;
  if (!state.adapter.empty()) model["adapter_path"] = state.adapter;
  if (state.trust_remote_code) model["load_kwargs"] = {{"trust_remote_code", true}};
  return model;
}

/// --fixed-param-dict batch_size=1,sequence_length=128
Json fixed_shape(const std::vector<std::string>& given) {
  Json pass = {{"type", "DynamicToFixedShape"}, {"dim_param", Json::array()}, {"dim_value", Json::array()}};
  for (const std::string& text : given) {
    const std::size_t equals = text.find('=');
    const Json value = Json::parse(equals == std::string::npos ? "" : text.substr(equals + 1), nullptr, false);
    if (!value.is_number_unsigned()) {
      throw Error(ErrorCode::config, fmt::format("'{}' is not NAME=SIZE", text)).prepend("--fixed-param-dict");
    }
    pass["dim_param"].push_back(text.substr(0, equals));
    pass["dim_value"].push_back(value);
  }
  return pass;
}

Json workflow_of(const State& state) {
  Json conversion = {{"type", "OnnxConversion"}};
  conversion.update(state.options->given());
  conversion.update(state.shared->given());
  if (state.device != "cpu") conversion["device"] = state.device;
  Json flow = {{"input_model", input_model(state)},
               {"passes", {{"c", std::move(conversion)}}},
               {"output_dir", state.output},
               {"workflow_id", "capture-onnx-graph"}};
  if (!state.fixed.empty()) flow["passes"]["f"] = fixed_shape(state.fixed);
  if (state.verify) flow["verify"] = true;
  return flow;
}

void refuse_other_builders(const State& state) {
  const auto refuse = [](std::string_view flag, std::string_view why) {
    throw Error(ErrorCode::config, std::string(why))
        .prepend(flag)
        .remedy("drop it: the graph is captured by torch.export");
  };
  if (state.model_builder) refuse("--use-model-builder", "models are not built from their weights yet");
  if (state.mobius_builder) refuse("--use-mobius-builder", "that builder is not part of this program");
  if (state.genai) refuse("--use-ort-genai", "the files of onnxruntime-genai are not written yet");
}

int run(const State& state, Console& console) {
  refuse_other_builders(state);
  const Json flow = workflow_of(state);
  const auto document = config::JsonDocument::parse(flow.dump(), "capture-onnx-graph");
  const workflow::Workflow read = workflow::read_workflow(document, {});
  const int code = state.run.run(read, console);
  if (state.save_config && std::filesystem::is_directory(read.output)) {
    write_text_file(read.output / "config.json", flow.dump(2) + "\n");
  }
  return code;
}

Action declare_capture(CLI::App& app, Console& console, const Arguments&) {
  auto state = std::make_shared<State>();
  app.description(
      "Captures a PyTorch model, one of transformers or a scripted one, as an ONNX model: OnnxConversion without a "
      "workflow file. A model that is Python code needs a Python that has torch; a .pt2 needs none.");
  app.footer(
      "Example:\n  olivine capture-onnx-graph -m all-MiniLM-L6-v2 -t feature-extraction -o out --verify\n"
      "  olivine capture-onnx-graph --model-script model.py -o out --target-opset 18");
  app.add_option("-m,--model,--model-name-or-path", state->model,
                 "A local folder of transformers', a .pt2, or what the script's _model_loader is given.")
      ->type_name("PATH");
  app.add_option("-t,--task", state->task, "The task of a model of transformers; by default what its own class is for.")
      ->type_name("TASK");
  app.add_option("-a,--adapter-path", state->adapter, "A folder with a LoRA adapter, which is merged.")
      ->type_name("PATH");
  app.add_flag("--trust-remote-code", state->trust_remote_code, "Run the code that the model's folder brings along.");
  app.add_option("--model-script", state->script,
                 "A Python file with _model_loader, and _io_config or _dummy_inputs or both.")
      ->type_name("FILE");
  app.add_option("--script-dir", state->script_folder, "Where the script finds modules that it imports.")
      ->type_name("PATH");
  app.add_option("-o,--output,--output-path", state->output,
                 "A folder, or a path that ends in .onnx for just that file and its data; onnx-model by default.")
      ->type_name("PATH");
  app.add_option("--conversion-device", state->device, "The device that runs the model: cpu (default) or gpu.")
      ->type_name("cpu|gpu");
  app.add_option("--fixed-param-dict", state->fixed, "Sizes for open axes: batch_size=1,sequence_length=128.")
      ->delimiter(',')
      ->type_name("NAME=SIZE,...");
  app.add_flag("--verify", state->verify, "Compare the result with PyTorch's own outputs before writing it.");
  app.add_flag("--save-config-file", state->save_config,
               "Also write the workflow that this amounts to: config.json in the output folder.");
  app.add_flag("--use-model-builder", state->model_builder, "Refused: not yet.")->group("");
  app.add_flag("--use-mobius-builder", state->mobius_builder, "Refused.")->group("");
  app.add_flag("--use-ort-genai", state->genai, "Refused: not yet.")->group("");
  state->run.declare(app);
  config::Problem unknown;
  const passes::Pass* pass = workflow::find_pass("OnnxConversion", unknown);
  state->options.emplace(app, pass->options(), "Options of OnnxConversion",
                         std::initializer_list<std::string_view>{"device", "script_dir", "user_script", "parallel_jobs",
                                                                 "save_metadata_for_token_generation"});
  state->shared.emplace(app, workflow::external_data_keys(), "Options of every pass");
  return [state, &console] { return run(*state, console); };
}

}  // namespace

extern const Command kCaptureOnnxGraph = {"capture-onnx-graph", "Capture a PyTorch model as ONNX.",
                                          "-m MODEL [-t TASK] -o OUTPUT [options]", false, declare_capture};

}  // namespace olivine::cli

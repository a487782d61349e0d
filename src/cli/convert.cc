#include <fmt/format.h>

#include <optional>
#include <string>

#include "base/error.h"
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
  std::string output;
  std::optional<std::int64_t> opset;
  bool verify = false;
  std::optional<OptionFlags> options;
  std::optional<OptionFlags> shared;
  RunFlags run;
};

int run(const State& state, Console& console) {
  if (!state.model.ends_with(".pt2")) {
    throw Error(ErrorCode::config, "is no .pt2")
        .prepend(state.model)
        .remedy("save the program with torch.export.save; olivine capture-onnx-graph converts other PyTorch models");
  }
  Json conversion = {{"type", "OnnxConversion"}};
  conversion.update(state.options->given());
  conversion.update(state.shared->given());
  if (state.opset) conversion["target_opset"] = *state.opset;
  Json flow = {{"input_model", {{"type", "PyTorchModel"}, {"model_path", state.model}}},
               {"passes", {{"convert", std::move(conversion)}}},
               {"output_dir", state.output},
               {"workflow_id", "convert"}};
  if (state.verify) flow["verify"] = true;
  const auto document = config::JsonDocument::parse(flow.dump(), "convert");
  return state.run.run(workflow::read_workflow(document, {}), console);
}

Action declare_convert(CLI::App& app, Console& console, const Arguments&) {
  auto state = std::make_shared<State>();
  app.description("Converts an exported PyTorch program (.pt2) to ONNX. No Python is needed.");
  app.footer("Example:\n  olivine convert model.pt2 -o model.onnx --target-opset 18");
  app.add_option("model", state->model, "The program, as torch.export.save writes it.")
      ->required()
      ->type_name("MODEL.pt2");
  app.add_option("-o,--output", state->output,
                 "A folder, or a path that ends in .onnx for just that file and its data.")
      ->required()
      ->type_name("PATH");
  app.add_option("--opset", state->opset, "Short for --target-opset.")->type_name("N");
  app.add_flag("--verify", state->verify, "Load and run the result in ONNX Runtime before writing it.");
  state->run.declare(app);
  config::Problem unknown;
  const passes::Pass* pass = workflow::find_pass("OnnxConversion", unknown);
  state->options.emplace(
      app, pass->options(), "Options of OnnxConversion",
      std::initializer_list<std::string_view>{
          "device", "script_dir", "user_script", "parallel_jobs", "python", "exporter", "torch_dtype", "dynamic",
          "use_dynamo_exporter", "past_key_value_name", "merge_adapter_weights", "save_metadata_for_token_generation"});
  state->shared.emplace(app, workflow::external_data_keys(), "Options of every pass");
  return [state, &console] { return run(*state, console); };
}

}  // namespace

extern const Command kConvert = {"convert", "Convert an exported PyTorch program (.pt2) to ONNX.",
                                 "MODEL.pt2 -o OUTPUT [options]", false, declare_convert};

}  // namespace olivine::cli

#include "workflow/inspect.h"

#include "base/error.h"
#include "cli/command.h"
#include "cli/console.h"
#include "onnx/onnx.h"
#include "workflow/inspect_checkpoint.h"
#include "workflow/reader.h"
#include "workflow/report.h"

namespace olivine::cli {
namespace {

struct State {
  std::string model;
  std::size_t largest = 10;
  bool json = false;
};

Action declare_inspect(CLI::App& app, Console& console, const Arguments&) {
  auto state = std::make_shared<State>();
  app.description(
      "Shows what a model is made of: opsets, inputs and outputs, symbolic dimensions and where they occur, operators, "
      "element types, weights and the largest tensors, functions and metadata. Of a checkpoint (a Hugging Face folder, "
      "safetensors, GGUF, PyTorch's state dicts): architecture, parameters, types, tensors and settings. Weights are "
      "not "
      "read, and nothing in a checkpoint is executed.");
  app.footer("Examples:\n  olivine inspect model.onnx --json\n  olivine inspect Llama-3.2-1B");
  app.add_option("model", state->model, "An .onnx, .onnxtxt, .safetensors, .gguf or .bin file, or a folder with one.")
      ->type_name("MODEL");
  app.add_option("--largest", state->largest, "How many of the largest tensors to show (default 10).")->type_name("N");
  app.add_flag("--json", state->json, "Print JSON.");
  return [state, &console] {
    if (state->model.empty())
      throw Error(ErrorCode::config, "no model is given").remedy("name one: olivine inspect model.onnx");
    if (workflow::is_checkpoint(state->model)) {
      const workflow::CheckpointSummary summary = workflow::inspect_checkpoint(state->model, state->largest);
      console.print(state->json ? workflow::file_text(workflow::to_json(summary)) : workflow::to_text(summary));
      return 0;
    }
    ir::Model model = onnx::read_model(workflow::input_model(state->model).path);
    onnx::infer_types(model);
    const workflow::ModelSummary summary = workflow::inspect(model, state->largest);
    console.print(state->json ? workflow::file_text(workflow::to_json(summary)) : workflow::to_text(summary));
    return 0;
  };
}

}  // namespace

extern const Command kInspect = {"inspect", "Show what a model is made of.", "MODEL [options]", false, declare_inspect};

}  // namespace olivine::cli

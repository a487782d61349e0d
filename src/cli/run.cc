#include "cli/command.h"
#include "cli/console.h"
#include "cli/model_flags.h"
#include "cli/run_flags.h"
#include "cli/workflow_file.h"

namespace olivine::cli {
namespace {

struct State {
  WorkflowFile workflow;
  ModelFlags paths;
  RunFlags run;
};

Action declare_run(CLI::App& app, Console& console, const Arguments&) {
  auto state = std::make_shared<State>();
  app.description(
      "Reads the workflow's model, applies its passes in memory, checks the result, verifies it with ONNX Runtime if "
      "the workflow asks for it, and writes model.onnx, model_config.json and run.json to output_dir. Nothing appears "
      "there before it is whole.");
  app.footer(
      "Example:\n  olivine run flow.json\n  olivine run --config flow.json -m other.onnx -o out --report report.json");
  state->workflow.declare(app);
  state->paths.declare(app, "Take this model instead of the workflow's.",
                       "Write to this folder, or .onnx file, instead of the workflow's output_dir.");
  state->run.declare(app);
  return [state, &console] {
    workflow::Overrides overrides;
    if (!state->paths.model.empty()) overrides.model = state->paths.model;
    if (!state->paths.output.empty()) overrides.output = state->paths.output;
    return state->run.run(state->workflow.read(overrides), console);
  };
}

}  // namespace

extern const Command kRun = {"run", "Run a workflow file.", "WORKFLOW [options]", false, declare_run};

}  // namespace olivine::cli

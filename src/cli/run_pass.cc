#include <fmt/format.h>

#include <optional>

#include "base/error.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/flags.h"
#include "cli/model_flags.h"
#include "cli/run_flags.h"
#include "config/json_document.h"
#include "workflow/keys.h"
#include "workflow/pass_options.h"
#include "workflow/reader.h"
#include "workflow/reference.h"

namespace olivine::cli {
namespace {

struct State {
  std::string pass_name;
  std::string pass_config;
  bool list_passes = false;
  bool verify = false;
  ModelFlags paths{{}, "run-pass-output"};
  RunFlags run;
  std::optional<OptionFlags> own;
  std::optional<OptionFlags> shared;
};

/// The flags' options over those of --pass-config; an error names the one that it came from.
workflow::Step read_step(const State& state, const passes::Pass& pass) {
  config::Json options = config::Json::object();
  std::optional<config::JsonDocument> document;
  if (!state.pass_config.empty()) {
    document = config::JsonDocument::parse(state.pass_config, "--pass-config");
    if (!document->root().is_object()) {
      throw document->error("", config::type_error("an object", document->root()));
    }
    options = document->root();
  }
  config::Json flags = state.own ? state.own->given() : config::Json::object();
  if (state.shared) flags.update(state.shared->given());
  options.update(flags);

  workflow::PassOptions read = workflow::read_pass_options(pass, options);
  ErrorList errors;
  for (const config::Problem& problem : read.problems) {
    const std::string key = problem.pointer.empty() ? std::string() : problem.pointer.substr(1);
    if (document && !key.empty() && !flags.contains(key)) {
      errors.add(document->error(config::child_pointer("", key), problem.message, problem.remedy));
    } else {
      errors.add(Error(ErrorCode::config, problem.message)
                     .remedy(problem.remedy)
                     .prepend(key.empty() ? std::string() : flag_name(key))
                     .prepend(pass.name));
    }
  }
  errors.throw_if_any();
  return {std::string(pass.name), &pass, std::move(read.options), std::move(read.effective), read.external_data};
}

const passes::Pass& find(const std::string& name) {
  if (name.empty()) {
    throw Error(ErrorCode::config, "no pass is given").remedy("name one with --pass-name; olivine passes lists them");
  }
  config::Problem problem;
  const passes::Pass* pass = workflow::find_pass(name, problem);
  if (pass == nullptr) throw Error(ErrorCode::config, problem.message).prepend("--pass-name").remedy(problem.remedy);
  return *pass;
}

int run(const State& state, Console& console) {
  if (state.list_passes) {
    console.print(workflow::passes_text());
    return 0;
  }
  const passes::Pass& pass = find(state.pass_name);
  if (state.paths.model.empty()) throw Error(ErrorCode::config, "no model is given").remedy("name one with -m");
  workflow::Workflow flow;
  flow.id = "run-pass";
  flow.steps.push_back(read_step(state, pass));
  flow.external_data = flow.steps.front().external_data;
  flow.input = workflow::input_model(state.paths.model);
  flow.output = state.paths.output;
  if (state.verify) flow.verify = workflow::Verify{workflow::verification({}), workflow::Verify::OnFailure::fail};
  return state.run.run(flow, console);
}

Action declare_run_pass(CLI::App& app, Console& console, const Arguments& arguments) {
  auto state = std::make_shared<State>();
  app.description(
      "Runs one pass on a model. Each option of the pass is a flag: --help together with --pass-name lists them.");
  app.footer(
      "Example:\n  olivine run-pass --pass-name OnnxFloatToFloat16 -m model.onnx -o out --keep-io-types\n"
      "  olivine run-pass --pass-name DynamicToFixedShape -m model.onnx -o fixed.onnx \\\n"
      "      --pass-config '{\"dim_param\": [\"batch\"], \"dim_value\": [1]}'");
  app.add_option("--pass-name", state->pass_name, "The pass, in any letter case.")->type_name("PASS");
  app.add_option("--pass-config", state->pass_config, "Its options as a JSON object; flags are stronger.")
      ->type_name("JSON");
  state->paths.declare(
      app, "The model: an .onnx file, or a folder with one.",
      "A folder, or a path that ends in .onnx for just that file and its data; run-pass-output by default.");
  app.add_flag("--verify", state->verify, "Compare the result with the original in ONNX Runtime before writing it.");
  app.add_flag("--list-passes", state->list_passes, "List the passes and stop.");
  state->run.declare(app);
  config::Problem unknown;
  const std::string name = peek(arguments, "--pass-name");
  if (const passes::Pass* pass = name.empty() ? nullptr : workflow::find_pass(name, unknown)) {
    state->own.emplace(app, pass->options(), fmt::format("Options of {}", pass->name));
    state->shared.emplace(app, workflow::external_data_keys(), "Options of every pass");
  }
  return [state, &console] { return run(*state, console); };
}

}  // namespace

extern const Command kRunPass = {"run-pass", "Run one pass on a model.",
                                 "--pass-name PASS -m MODEL -o OUTPUT [options]", false, declare_run_pass};

}  // namespace olivine::cli

#include "base/error.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/flags.h"
#include "onnx/onnx.h"
#include "workflow/comparison.h"
#include "workflow/keys.h"
#include "workflow/reader.h"
#include "workflow/report.h"

namespace olivine::cli {
namespace {

struct State {
  std::string a;
  std::string b;
  bool json = false;
  std::optional<OptionFlags> flags;
};

workflow::VerifyKeys read_keys(const OptionFlags& flags) {
  std::vector<config::Problem> problems;
  auto keys = std::any_cast<workflow::VerifyKeys>(workflow::verify_keys().read(flags.given(), problems));
  ErrorList errors;
  for (const config::Problem& problem : problems) {
    errors.add(
        Error(ErrorCode::config, problem.message).remedy(problem.remedy).prepend(flag_name(problem.pointer.substr(1))));
  }
  errors.throw_if_any();
  return keys;
}

int run(const State& state, Console& console) {
  if (state.b.empty()) throw Error(ErrorCode::config, "two models are needed").remedy("olivine compare a.onnx b.onnx");
  runtime::CompareOptions options = workflow::compare_options(read_keys(*state.flags));
  options.name_a = state.a;
  options.name_b = state.b;
  console.progress("reading", 0, 0);
  const ir::Model a = onnx::read_model(workflow::input_model(state.a).path);
  const ir::Model b = onnx::read_model(workflow::input_model(state.b).path);
  console.progress("comparing", 0, 0);
  const runtime::Comparison comparison = runtime::compare(a, b, options, console.log());
  console.print(state.json ? workflow::file_text(workflow::to_json(comparison)) : workflow::to_text(comparison));
  return comparison.passed ? 0 : static_cast<int>(ErrorCode::verification);
}

Action declare_compare(CLI::App& app, Console& console, const Arguments&) {
  auto state = std::make_shared<State>();
  app.description(
      "Runs two models on the same inputs with ONNX Runtime and compares their outputs; inputs and outputs go together "
      "by name, else by position. The exit code is 0 if all outputs agree within the tolerance, else 4.");
  app.footer(
      "Example:\n  olivine compare model.onnx out/model.onnx --dim batch=2 --runs 3 --bisect\n"
      "  olivine compare model.onnx out/model.onnx --inputs inputs.npz --json");
  app.add_option("a", state->a, "The original, whose outputs are expected.")->type_name("A");
  app.add_option("b", state->b, "The other model.")->type_name("B");
  state->flags.emplace(app, workflow::verify_keys(), "Options", std::initializer_list<std::string_view>{"on_failure"});
  app.add_flag("--json", state->json, "Print JSON.");
  return [state, &console] { return run(*state, console); };
}

}  // namespace

extern const Command kCompare = {"compare", "Compare the outputs of two models in ONNX Runtime.", "A B [options]",
                                 false, declare_compare};

}  // namespace olivine::cli

#include <fmt/format.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/console.h"
#include "workflow/pass_options.h"
#include "workflow/reference.h"
#include "workflow/report.h"

namespace olivine::cli {
namespace {

struct State {
  std::string name;
  bool json = false;
};

Action declare_passes(CLI::App& app, Console& console, const Arguments&) {
  auto state = std::make_shared<State>();
  app.description("Lists the passes, or shows one with all of its options: type, range, default and meaning.");
  app.footer("Example:\n  olivine passes OnnxFloatToFloat16");
  app.add_option("name", state->name, "The pass to show, in any letter case.")->type_name("PASS");
  app.add_flag("--json", state->json, "All passes with their options' JSON Schema.");
  return [state, &console] {
    if (state->json) {
      console.print(workflow::file_text(workflow::passes_json()));
    } else if (state->name.empty()) {
      console.print(workflow::passes_text());
    } else {
      config::Problem problem;
      const passes::Pass* pass = workflow::find_pass(state->name, problem);
      if (pass == nullptr) throw Error(ErrorCode::config, problem.message).remedy(problem.remedy);
      console.print(workflow::pass_text(*pass));
    }
    return 0;
  };
}

}  // namespace

extern const Command kPasses = {"passes", "List the passes, or show one with its options.", "[PASS] [options]", false,
                                declare_passes};

}  // namespace olivine::cli

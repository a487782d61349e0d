#include <fmt/format.h>

#include "cli/command.h"
#include "cli/console.h"
#include "cli/workflow_file.h"
#include "workflow/runner.h"

namespace olivine::cli {
namespace {

Action declare_validate(CLI::App& app, Console& console, const Arguments&) {
  auto file = std::make_shared<WorkflowFile>();
  app.description(
      "Checks a workflow without running it: its keys, passes and options, the input model, the place of the output, "
      "and that ONNX Runtime is there if it asks for verification. All problems are listed at once. To see whether the "
      "passes can convert the model too, use olivine run --dry-run.");
  app.footer("Example:\n  olivine validate flow.json");
  file->declare(app);
  return [file, &console] {
    const workflow::Workflow workflow = file->read();
    workflow::validate(workflow, console.log(workflow.log_level));
    console.tell(fmt::format("{} is valid\n", file->path));
    return 0;
  };
}

}  // namespace

extern const Command kValidate = {"validate", "Check a workflow file without running it.", "WORKFLOW [options]", false,
                                  declare_validate};

}  // namespace olivine::cli

#include "workflow/schema.h"

#include "cli/command.h"
#include "cli/console.h"
#include "workflow/report.h"

namespace olivine::cli {
namespace {

Action declare_schema(CLI::App& app, Console& console, const Arguments&) {
  app.description(
      "Prints the JSON Schema of workflows, with every pass and option. An editor that finds it under \"$schema\" "
      "completes and checks a workflow while it is written.");
  app.footer("Example:\n  olivine schema > olivine.schema.json");
  return [&console] {
    console.print(workflow::file_text(workflow::workflow_schema()));
    return 0;
  };
}

}  // namespace

extern const Command kSchema = {"schema", "Print the JSON Schema of workflows.", "[options]", false, declare_schema};

}  // namespace olivine::cli

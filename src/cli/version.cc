#include "workflow/version.h"

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/console.h"
#include "runtime/runtime.h"

namespace olivine::cli {
namespace {

Action declare_version(CLI::App& app, Console& console, const Arguments&) {
  auto with_runtime = std::make_shared<bool>(false);
  app.description("Prints the version.");
  app.add_flag("--runtime", *with_runtime, "Look for ONNX Runtime and print its version too.");
  return [with_runtime, &console] {
    console.print(fmt::format("olivine {}\n", workflow::version()));
    if (*with_runtime)
      console.print(fmt::format("ONNX Runtime {}\n", runtime::runtime_version().value_or("not found")));
    return 0;
  };
}

}  // namespace

extern const Command kVersion = {"version", "Print the version.", "[options]", false, declare_version};

}  // namespace olivine::cli

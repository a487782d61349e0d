#include "cli/run_flags.h"

#include <fmt/format.h>

#include <fstream>

#include "base/error.h"
#include "base/suggest.h"
#include "workflow/report.h"
#include "workflow/weights.h"

namespace olivine::cli {
namespace {

void write_report(const std::string& path, const config::Json& report) {
  std::ofstream file(path, std::ios::binary);
  file << workflow::file_text(report);
  file.close();
  if (!file) throw Error(ErrorCode::io, "cannot write the report").prepend(path);
}

/// A name that no pass bears would dump nothing and say nothing.
void check_dump(const workflow::Workflow& workflow, const std::string& wanted) {
  std::vector<std::string> names;
  for (const workflow::Step& step : workflow.steps) {
    names.push_back(step.name);
    names.emplace_back(step.pass->name);
  }
  if (wanted.empty() || std::find(names.begin(), names.end(), wanted) != names.end()) return;
  throw Error(ErrorCode::config, fmt::format("no pass of the workflow is called '{}'", wanted))
      .prepend("--dump-after")
      .remedy(did_you_mean(wanted, names));
}

}  // namespace

void RunFlags::declare(CLI::App& app) {
  app.add_flag("--dry-run", dry_run_, "Do everything but the writing, and print what passes that tell it did.");
  app.add_option("--report", report_, "Also write the content of run.json to this file, even if verification fails.")
      ->type_name("FILE");
  app.add_flag("--check-passes", check_passes_, "After every pass, check the model and what the pass says of it.");
  app.add_option("--dump-after", dump_after_, "Print the model as onnx text after the pass of this name or type.")
      ->type_name("PASS");
}

int RunFlags::run(const workflow::Workflow& workflow, Console& console) const {
  check_dump(workflow, dump_after_);
  workflow::RunOptions options;
  options.log = console.log(workflow.log_level);
  options.write = !dry_run_;
  options.check_passes = check_passes_;
  options.progress = [&](std::string_view what, std::uint64_t done, std::uint64_t total) {
    console.progress(what, done, total);
  };
  if (!dump_after_.empty()) {
    options.dump_after = dump_after_;
    options.dump = [&](std::string_view, const std::string& text) { console.print(text + "\n"); };
  }
  const workflow::Outcome outcome = workflow::run(workflow, options);
  if (!report_.empty()) write_report(report_, outcome.report);
  if (outcome.failure) throw *outcome.failure;
  if (dry_run_) {
    console.print(outcome.plan);
    console.tell(fmt::format("done but for the writing, in {:.3f} s\n", outcome.seconds));
  } else {
    console.tell(fmt::format("wrote {} ({}) in {:.3f} s\n", outcome.model_path.string(),
                             workflow::format_bytes(outcome.bytes), outcome.seconds));
  }
  return 0;
}

}  // namespace olivine::cli

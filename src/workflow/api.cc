#include "base/error.h"
#include "base/file.h"
#include "base/threads.h"
#include "olivine/olivine.h"
#include "workflow/reader.h"
#include "workflow/runner.h"
#include "workflow/version.h"

namespace olivine {
namespace {

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::notice:
      return "notice";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "error";
}

RunResult run(const config::JsonDocument& document, const std::filesystem::path& folder, const RunSettings& settings) {
  set_thread_count(settings.threads);
  workflow::RunOptions options;
  if (settings.log) {
    const auto sink = [&](LogLevel level, const std::string& message) { settings.log(level_name(level), message); };
    options.log = Log(sink, LogLevel::debug);
  }
  options.progress = settings.progress;
  const workflow::Outcome outcome = workflow::run(workflow::read_workflow(document, folder), options);
  RunResult result;
  result.report = outcome.report.dump(2);
  result.model = outcome.model_path;
  result.verified = !outcome.failure;
  if (outcome.failure) result.problem = outcome.failure->what();
  return result;
}

}  // namespace

std::string_view version() { return workflow::version(); }

RunResult run_workflow(std::string_view json, const std::filesystem::path& folder, const RunSettings& settings) {
  return run(config::JsonDocument::parse(std::string(json), "workflow"), folder, settings);
}

RunResult run_workflow_file(const std::filesystem::path& file, const RunSettings& settings) {
  return run(config::JsonDocument::parse(read_text_file(file), file.string()), file.parent_path(), settings);
}

int exit_code(const std::exception& problem) {
  const auto* error = dynamic_cast<const Error*>(&problem);
  return static_cast<int>(error ? error->code() : ErrorCode::internal);
}

}  // namespace olivine

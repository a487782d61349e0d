#include "workflow/runner.h"

#include <fmt/format.h>
#include <unistd.h>

#include <list>
#include <system_error>

#include "base/threads.h"
#include "onnx/onnx.h"
#include "workflow/input_model.h"
#include "workflow/report.h"
#include "workflow/verify.h"
#include "workflow/version.h"
#include "workflow/weights.h"

namespace olivine::workflow {
namespace {

namespace fs = std::filesystem;
using config::Json;

std::string describe(const Step& step) { return fmt::format("pass {} ({})", step.name, step.pass->name); }

/// What is wrong with a model whose structure is right.
std::optional<std::string> type_fault(const ir::Model& model) {
  try {
    onnx::check_model(model);
  } catch (const Error& error) {
    return error.message();
  }
  return std::nullopt;
}

/// A model that isn't ONNX yet needs a pass that makes one.
void check_source(const Workflow& workflow) {
  if (const auto problem = source_problem(workflow)) {
    throw Error(ErrorCode::config, problem->message).remedy(problem->remedy).prepend(workflow.input.path.string());
  }
}

class Run {
 public:
  Run(const Workflow& workflow, const RunOptions& options) : workflow_(workflow), options_(options) {}

  Outcome run() {
    for (const std::string& notice : workflow_.notices) note(notice);
    read();
    for (const Step& step : workflow_.steps) run_step(step);
    check();
    verify();
    if (!outcome_.failure && options_.write) write();
    outcome_.seconds = total_.seconds();
    outcome_.report = report(Json());
    return std::move(outcome_);
  }

 private:
  void progress(std::string_view what, std::uint64_t done = 0, std::uint64_t total = 0) const {
    if (options_.progress) options_.progress(what, done, total);
  }

  void read() {
    check_source(workflow_);
    if (workflow_.input.source) return;
    progress("reading");
    const Stopwatch watch;
    model_ = onnx::read_model(workflow_.input.path);
    with_place(workflow_.input.path.string(), [&] { onnx::check_opsets(model_); });
    seconds_["read"] = watch.seconds();
    input_size_ = measure(model_);
  }

  void run_step(const Step& step) {
    throw_if_cancelled();
    progress(step.name);
    const std::string untouched = options_.check_passes ? onnx::serialize_weightless(model_) : std::string();
    StepRecord& record = records_.emplace_back();
    record.step = &step;
    record.before = records_.size() == 1 ? input_size_ : std::prev(records_.end(), 2)->after;
    record.context.log = options_.log;
    record.context.folder = workflow_.folder;
    const Stopwatch watch;
    record.context.progress = [&](std::string_view what) { progress(what); };
    with_place(workflow_.input.path.string(),
               [&] { with_place(describe(step), [&] { record.change = change(step, record.context); }); });
    record.seconds = watch.seconds();
    record.after = measure(model_);
    if (!record.context.plan.empty()) outcome_.plan += fmt::format("{}:\n{}", describe(step), record.context.plan);
    log_step(record);
    if (options_.check_passes) check_claims(record, untouched);
    dump(step);
  }

  passes::Change change(const Step& step, passes::Context& context) {
    if (!workflow_.input.source || records_.size() > 1) return step.pass->run(model_, step.options, context);
    made_ = step.pass->make(*workflow_.input.source, step.options, context);
    model_ = std::move(made_.model);
    if (workflow_.verify) made_.model = ir::clone(model_);
    return passes::Change::changed;
  }

  void log_step(const StepRecord& record) {
    options_.log.write(LogLevel::info, "{}: {} in {:.3f} s, nodes {} -> {}, weights {} -> {}", describe(*record.step),
                       record.change == passes::Change::changed ? "changed" : "unchanged", record.seconds,
                       record.before.nodes, record.after.nodes, format_bytes(record.before.weight_bytes),
                       format_bytes(record.after.weight_bytes));
    for (const std::string& notice : record.context.notices) {
      options_.log.write(LogLevel::notice, "{}: {}", record.step->name, notice);
    }
  }

  void check_claims(const StepRecord& record, const std::string& untouched) {
    with_place(workflow_.input.path.string(),
               [&] { with_place("after " + describe(*record.step), [&] { onnx::check_model(model_); }); });
    if (record.change == passes::Change::changed || onnx::serialize_weightless(model_) == untouched) return;
    throw Error(ErrorCode::internal, "changed the model and says that it didn't").prepend(describe(*record.step));
  }

  void dump(const Step& step) {
    if (!options_.dump || (options_.dump_after != step.name && options_.dump_after != step.pass->name)) return;
    options_.dump(step.name, onnx::print_model(model_));
  }

  void check() {
    throw_if_cancelled();
    progress("checking");
    const Stopwatch watch;
    try {
      onnx::check_model(model_);
    } catch (Error& error) {
      blame(error);
    }
    seconds_["check"] = watch.seconds();
  }

  void note(std::string notice) {
    options_.log.write(LogLevel::notice, "{}", notice);
    notices_.push_back(std::move(notice));
  }

  /// Whether the input was invalid to begin with decides what the user can do.
  void blame(Error& error) {
    const std::string input = workflow_.input.path.string();
    if (workflow_.input.source) {
      error.remedy("a pass made an invalid model: run again with --check-passes to see which one, and report it");
      error.prepend("after the passes").prepend(input);
      throw error;
    }
    const ir::Model original = onnx::read_model(workflow_.input.path);
    with_place(input, [&] { onnx::check_structure(original); });
    if (const auto fault = type_fault(original)) {
      // Types that onnx's inference finds contradictory in the input already are no pass's doing, and runtimes are
      // often more lenient.
      onnx::check_structure(model_);
      note("the types of the input contradict each other by onnx's inference, and so do the output's: " + *fault);
      return;
    }
    if (!workflow_.steps.empty()) {
      error.remedy(
          "the input is valid, so a pass broke it: run again with --check-passes to see which one, and report it");
      error.prepend("after the passes");
    }
    error.prepend(input);
    throw error;
  }

  void verify() {
    if (!workflow_.verify) return;
    throw_if_cancelled();
    progress("verifying");
    const Stopwatch watch;
    const auto notice = [&](std::string text) { note(std::move(text)); };
    const Verdict verdict =
        workflow_.input.source
            ? verify_made(made_, model_, records_.size(), workflow_.verify->compare, options_.log, notice)
            : verify_read(onnx::read_model(workflow_.input.path), model_, workflow_.verify->compare, options_.log);
    seconds_["verify"] = watch.seconds();
    verification_ = verdict.report;
    verification_["provider"] = workflow_.verify->compare.session.execution_provider;
    if (verdict.passed) {
      options_.log.write(LogLevel::info, "verified:\n{}", verdict.text);
    } else if (workflow_.verify->on_failure == Verify::OnFailure::report) {
      options_.log.write(LogLevel::warning, "the result does not compute what the original computes:\n{}",
                         verdict.text);
    } else {
      outcome_.failure = Error(ErrorCode::verification,
                               fmt::format("the result does not compute what the original computes; nothing was "
                                           "written\n{}",
                                           verdict.text.substr(0, verdict.text.size() - 1)))
                             .prepend(workflow_.input.path.string());
    }
  }

  void write() {
    throw_if_cancelled();
    const auto show = [&](std::uint64_t done, std::uint64_t total) { progress("writing", done, total); };
    for (const StepRecord& record : records_) {
      for (const auto& hook : record.context.before_write) hook();
    }
    const Stopwatch watch;
    writer::Written written;
    if (workflow_.output_is_file()) {
      written = writer::write_file(model_, workflow_.output, workflow_.external_data, show);
      after_write();
    } else {
      const auto last_files = [&](const writer::Written& so_far) {
        after_write();
        seconds_["write"] = watch.seconds();
        return files_beside(so_far);
      };
      written = writer::write_folder(model_, workflow_.output, workflow_.external_data, last_files, show);
    }
    seconds_["write"] = watch.seconds();
    for (const std::string& notice : written.notices) options_.log.write(LogLevel::notice, "{}", notice);
    output_ = describe_output(written);
    outcome_.model_path = written.model_path;
    outcome_.bytes = written.bytes;
  }

  /// What passes know only now: figures that were counted while the payloads went by.
  void after_write() {
    for (StepRecord& record : records_) {
      const std::size_t notices = record.context.notices.size();
      for (const auto& hook : record.context.after_write) hook(record.context);
      for (std::size_t i = notices; i < record.context.notices.size(); ++i) {
        options_.log.write(LogLevel::notice, "{}: {}", record.step->name, record.context.notices[i]);
      }
    }
  }

  std::vector<writer::FileToWrite> files_beside(const writer::Written& written) {
    std::vector<writer::FileToWrite> files;
    const fs::path model_path = workflow_.output / written.model_path.filename();
    files.push_back({"model_config.json", model_config_json(workflow_, model_path, written.files.size() > 1)});
    if (workflow_.write_run_json) files.push_back({"run.json", file_text(report(describe_output(written)))});
    return files;
  }

  static Json describe_output(const writer::Written& written) {
    Json files = Json::array();
    for (const writer::WrittenFile& file : written.files) files.push_back({{"name", file.name}, {"bytes", file.bytes}});
    return {{"files", std::move(files)}, {"bytes", written.bytes}, {"notices", written.notices}};
  }

  Json report(Json output) {
    if (output.is_null()) output = output_;
    Json json = {{"olivine", std::string(version())}, {"workflow_id", workflow_.id}};
    json["input"] = {{"path", workflow_.input.path.string()}};
    if (workflow_.input.source) {
      json["input"]["type"] = workflow_.input.source->type;
    } else {
      json["input"]["nodes"] = input_size_.nodes;
      json["input"]["weight_bytes"] = input_size_.weight_bytes;
    }
    json["passes"] = Json::array();
    for (const StepRecord& record : records_) json["passes"].push_back(to_json(record));
    if (!verification_.is_null()) json["verify"] = verification_;
    json["output"] = output.is_null() ? Json() : std::move(output);
    json["notices"] = notices_;
    json["seconds"] = seconds_;
    json["seconds"]["total"] = total_.seconds();
    return json;
  }

  const Workflow& workflow_;
  const RunOptions& options_;
  Stopwatch total_;
  std::vector<std::string> notices_;
  passes::Made made_;  ///< of a source: what its own results are; before model_, whose weights its files may hold
  ir::Model model_;
  ModelSize input_size_;
  std::list<StepRecord> records_;
  Json seconds_ = Json::object();
  Json verification_;
  Json output_;
  Outcome outcome_;
};

/// What stands in the output's place must be of its kind, and the nearest folder that is there must be writable.
void check_output(const fs::path& output, bool is_file) {
  std::error_code error;
  if (is_file && fs::is_directory(output, error)) throw Error(ErrorCode::io, "is a folder").prepend(output.string());
  fs::path nearest = fs::absolute(is_file ? output.parent_path() : output).lexically_normal();
  while (!fs::exists(nearest, error) && nearest.has_relative_path()) nearest = nearest.parent_path();
  if (!fs::is_directory(nearest, error)) {
    throw Error(ErrorCode::io, "is in the place of the output folder and is none").prepend(nearest.string());
  }
  if (::access(nearest.c_str(), W_OK) != 0) {
    throw Error(ErrorCode::io, "the output cannot be written to this folder").prepend(nearest.string());
  }
}

void check_runtime(const Workflow& workflow) {
  if (workflow.verify && !runtime::runtime_version(workflow.verify->compare.session)) {
    throw Error(ErrorCode::io, "verify needs ONNX Runtime and finds none")
        .remedy("install the Python package onnxruntime, or give verify's library or OLIVINE_ORT_LIBRARY");
  }
}

}  // namespace

Outcome run(const Workflow& workflow, const RunOptions& options) { return Run(workflow, options).run(); }

void validate(const Workflow& workflow, const Log& log) {
  for (const std::string& notice : workflow.notices) log.write(LogLevel::notice, "{}", notice);
  check_output(workflow.output, workflow.output_is_file());
  check_source(workflow);
  if (workflow.input.source) return check_runtime(workflow);
  const ir::Model model = onnx::read_model(workflow.input.path);
  with_place(workflow.input.path.string(), [&] { onnx::check_structure(model); });
  if (const auto fault = type_fault(model)) {
    log.write(LogLevel::notice, "the types of the input contradict each other by onnx's inference: {}", *fault);
  }
  check_runtime(workflow);
}

}  // namespace olivine::workflow

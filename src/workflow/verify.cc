#include "workflow/verify.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "workflow/comparison.h"

namespace olivine::workflow {
namespace {

using runtime::CompareOptions;
using runtime::Comparison;
using runtime::RecordedCase;

Verdict verdict_of(const Comparison& comparison) {
  return {comparison.passed, to_json(comparison), to_text(comparison)};
}

/// Both must hold.
Verdict both(Verdict first, const Verdict& second, const std::string& heading) {
  first.passed = first.passed && second.passed;
  first.text += heading + "\n" + second.text;
  first.report["then"] = second.report;
  return first;
}

class MadeModel {
 public:
  MadeModel(const passes::Made& made, const ir::Model& result, std::size_t steps, CompareOptions options,
            const Log& log, const std::function<void(std::string)>& notice)
      : made_(made), result_(result), is_last_(steps == 1), options_(std::move(options)), log_(log), notice_(notice) {
    if (!made.recorded.empty() && (!options_.inputs.files.empty() || !options_.inputs.dims.empty())) {
      notice(
          "verify's inputs and dims are without effect: what is compared with was computed when the model was "
          "captured");
    }
  }

  Verdict verdict() {
    if (made_.recorded.empty()) return without_records();
    std::vector<RecordedCase> fitting;
    for (const RecordedCase& recorded : made_.recorded) {
      if (runtime::takes(result_, recorded)) fitting.push_back(recorded);
    }
    if (fitting.empty()) return by_steps();
    if (const std::size_t left = made_.recorded.size() - fitting.size(); left > 0) {
      notice_(fmt::format("{} of {} recorded cases have other sizes than the result takes, and were left out", left,
                          made_.recorded.size()));
    }
    Verdict verdict = against_records(result_, fitting);
    if (!verdict.passed && !is_last_) verdict = explained(std::move(verdict), fitting);
    return verdict;
  }

 private:
  Verdict against_records(const ir::Model& model, const std::vector<RecordedCase>& cases) const {
    CompareOptions options = options_;
    options.name_a = made_.origin;
    Verdict verdict = verdict_of(runtime::compare_recorded(cases, model, options, log_));
    verdict.report["against"] = made_.origin;
    config::Json names = config::Json::array();
    for (const RecordedCase& recorded : cases) names.push_back(recorded.name);
    verdict.report["cases"] = names;
    verdict.text = fmt::format("against {} at {}:\n{}", made_.origin,
                               fmt::join(names.get<std::vector<std::string>>(), "; "), verdict.text);
    return verdict;
  }

  Verdict later_passes() const {
    CompareOptions options = options_;
    options.name_a = "the first model";
    return verdict_of(runtime::compare(made_.model, result_, options, log_));
  }

  /// No case fits: each part of the way by itself.
  Verdict by_steps() const {
    notice_(
        "no recorded case has sizes that the result takes: the first model is compared with the records, and the "
        "result with the first model");
    return both(against_records(made_.model, made_.recorded), later_passes(), "then, against the first model:");
  }

  Verdict without_records() const {
    notice_(is_last_
                ? "there is nothing to compare with: a .pt2 brings no results along; the model was only loaded and run"
                : "there is nothing to compare the first model with: a .pt2 brings no results along; the result is "
                  "compared with the first model");
    return later_passes();
  }

  /// Who is to blame: the conversion, or a pass after it.
  Verdict explained(Verdict verdict, const std::vector<RecordedCase>& cases) const {
    if (!against_records(made_.model, cases).passed) {
      verdict.text += "the first model differs already\n";
      return verdict;
    }
    return both(std::move(verdict), later_passes(), "the first model is right; against that one:");
  }

  const passes::Made& made_;
  const ir::Model& result_;
  bool is_last_;
  CompareOptions options_;
  const Log& log_;
  const std::function<void(std::string)>& notice_;
};

}  // namespace

Verdict verify_read(const ir::Model& original, const ir::Model& result, const CompareOptions& options, const Log& log) {
  return verdict_of(runtime::compare(original, result, options, log));
}

Verdict verify_made(const passes::Made& made, const ir::Model& result, std::size_t steps, const CompareOptions& options,
                    const Log& log, const std::function<void(std::string)>& notice) {
  return MadeModel(made, result, steps, options, log, notice).verdict();
}

}  // namespace olivine::workflow

#include "passes/support/mixed/accuracy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "base/suggest.h"
#include "runtime/metrics.h"

namespace olivine::passes::mixed {
namespace {

using config::Json;
using tensor::AnyValue;

/// Where an output's target may differ from the common one.
struct TargetKey {
  std::string_view name;
  std::optional<double> AccuracyOptions::*field;
};
constexpr std::array<TargetKey, 5> kTargetKeys = {{{"atol", &AccuracyOptions::atol},
                                                   {"rtol", &AccuracyOptions::rtol},
                                                   {"mismatch_fraction", &AccuracyOptions::mismatch_fraction},
                                                   {"cosine", &AccuracyOptions::cosine},
                                                   {"top1", &AccuracyOptions::top1}}};

bool has_tolerance(const AccuracyOptions& options) { return options.atol || options.rtol || options.mismatch_fraction; }

std::size_t largest_of(const double* row, std::size_t count) {
  return static_cast<std::size_t>(std::max_element(row, row + count) - row);
}

/// The part of the rows along the last axis whose largest element is at the same place; nothing for scalars, other
/// types and no rows.
std::optional<double> top1_of(const AnyValue& truth, const AnyValue& attempt) {
  const tensor::Tensor* const a = truth.tensor();
  const tensor::Tensor* const b = attempt.tensor();
  if (a == nullptr || b == nullptr || !is_float(a->dtype()) || a->dims().empty() || a->dims() != b->dims())
    return std::nullopt;
  const auto width = static_cast<std::size_t>(a->dims().back());
  const auto values_a = tensor::as_doubles(*a, a->element_count());
  const auto values_b = tensor::as_doubles(*b, b->element_count());
  if (!values_a || !values_b || values_a->empty()) return std::nullopt;
  const std::size_t rows = values_a->size() / width;
  std::size_t agreed = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const double* const row_b = values_b->data() + row * width;
    const bool whole = std::none_of(row_b, row_b + width, [](double value) { return std::isnan(value); });
    agreed += whole && largest_of(values_a->data() + row * width, width) == largest_of(row_b, width) ? 1 : 0;
  }
  return static_cast<double>(agreed) / static_cast<double>(rows);
}

/// How many standard deviations from zero that part of normally distributed errors lies.
double spread_beyond(double part) {
  double low = 0;
  double high = 8;
  for (int step = 0; step < 40; ++step) {
    const double middle = (low + high) / 2;
    (std::erfc(middle / std::numbers::sqrt2) > part ? low : high) = middle;
  }
  return high;
}

/// JSON has no infinities.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(fmt::format("{}", value)); }

}  // namespace

const config::OptionsSchema& accuracy_schema() {
  static const config::OptionsSchema schema = [] {
    config::Declare<AccuracyOptions> declare;
    declare_accuracy(declare);
    return declare.done();
  }();
  return schema;
}

Json Accuracy::to_json() const {
  Json json = Json::object();
  for (const OutputAccuracy& output : outputs) {
    const runtime::OutputComparison& compared = output.compared;
    Json row = {{"max_absolute_error", number(compared.max_absolute_error)},
                {"mean_absolute_error", number(compared.mean_absolute_error)},
                {"max_relative_error", number(compared.max_relative_error)},
                {"cosine", number(compared.cosine)},
                {"absolute_tolerance", compared.absolute_tolerance},
                {"mismatches", compared.mismatches},
                {"elements", compared.elements}};
    if (output.top1) row["top1"] = *output.top1;
    if (!output.miss.empty()) row["misses"] = output.miss;
    json[compared.name] = std::move(row);
  }
  return json;
}

Judge::Judge(const ir::Model& model, const ir::Model& narrowed, const AccuracyOptions& options)
    : model_(model), narrowed_(narrowed) {
  std::vector<std::string> names;
  for (const ir::Value* output : model.graph->outputs()) names.push_back(output->name());
  for (const auto& [name, target] : options.outputs) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    throw Error(ErrorCode::config, fmt::format("/outputs/{}: the model has no such output", name))
        .remedy(fmt::format("{} it has {}", did_you_mean(name, names), fmt::join(names, ", ")));
  }
  for (const std::string& name : names) targets_.push_back(target_of(name, options));
}

Judge::Target Judge::target_of(const std::string& output, const AccuracyOptions& options) const {
  AccuracyOptions own;
  const auto found = options.outputs.find(output);
  for (const TargetKey& key : kTargetKeys) {
    if (found == options.outputs.end()) own.*key.field = options.*key.field;
  }
  if (found != options.outputs.end()) {
    for (const auto& [name, value] : found->second) {
      const auto* const key = std::find_if(kTargetKeys.begin(), kTargetKeys.end(),
                                           [&name = name](const TargetKey& row) { return row.name == name; });
      if (key == kTargetKeys.end()) {
        throw Error(ErrorCode::config, fmt::format("/outputs/{}: '{}' is no target", output, name))
            .remedy("atol, rtol, mismatch_fraction, cosine and top1 are");
      }
      own.*key->field = value;
    }
  }
  Target target{std::nullopt, own.cosine, own.top1};
  if (has_tolerance(own)) {
    // What is given is the target: a default beside it would make it laxer than it reads.
    target.tolerance = {own.atol, own.rtol, own.mismatch_fraction};
    if (own.atol && !own.rtol) target.tolerance->relative = 0;
    if ((own.atol || own.rtol) && !own.mismatch_fraction) target.tolerance->mismatch_fraction = 0;
  } else if (!own.cosine && !own.top1) {
    target.tolerance.emplace();
  }
  return target;
}

void Judge::add(const std::vector<AnyValue>& truth, const std::vector<AnyValue>& attempt, Accuracy& accuracy) const {
  accuracy.outputs.resize(targets_.size());
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const ir::Value& value = *model_.graph->outputs()[i];
    OutputAccuracy run;
    const auto limits = runtime::limits_for(model_, narrowed_, targets_[i].tolerance.value_or(runtime::Tolerance()));
    run.compared = runtime::compare_values(truth[i], attempt[i], limits);
    run.compared.passed = run.compared.passed || runtime::mismatches_allowed(run.compared, value, limits);
    if (targets_[i].top1) run.top1 = top1_of(truth[i], attempt[i]);
    run.miss = miss(run, targets_[i]);
    accuracy.met = accuracy.met && run.miss.empty();
    accuracy.excess = std::max(accuracy.excess, excess(run, targets_[i], limits));

    OutputAccuracy& total = accuracy.outputs[i];
    total.compared.name = value.name();
    runtime::merge(total.compared, run.compared);
    if (run.top1) total.top1 = std::min(total.top1.value_or(1), *run.top1);
    if (total.miss.empty()) total.miss = run.miss;
  }
}

std::string Judge::miss(const OutputAccuracy& output, const Target& target) const {
  const runtime::OutputComparison& compared = output.compared;
  if (!compared.problem.empty()) return compared.problem;
  if (std::isinf(compared.max_absolute_error))
    return "NaN or infinities where the original has numbers, or the reverse";
  if (target.tolerance && !compared.passed) {
    return fmt::format("{} of {} elements differ by more than {:.3g} and the relative tolerance, one by {:.3g}",
                       compared.mismatches, compared.elements, compared.absolute_tolerance,
                       compared.max_absolute_error);
  }
  if (target.cosine && !(compared.cosine >= *target.cosine)) {
    return fmt::format("the cosine is {:.6f}, {} is asked", compared.cosine, *target.cosine);
  }
  if (target.top1 && output.top1 && *output.top1 < *target.top1) {
    return fmt::format("top-1 agrees on {:.2f} % of the rows, {:.2f} % are asked", 100 * *output.top1,
                       100 * *target.top1);
  }
  return {};
}

double Judge::excess(const OutputAccuracy& output, const Target& target, const runtime::Limits& limits) const {
  const runtime::OutputComparison& compared = output.compared;
  if (!compared.problem.empty() || std::isinf(compared.max_absolute_error) || target.top1)
    return std::numeric_limits<double>::infinity();
  if (compared.elements == 0) return 0;
  if (target.tolerance && compared.absolute_tolerance == 0 && !compared.passed)
    return std::numeric_limits<double>::infinity();
  double excess = 0;
  if (target.tolerance && compared.absolute_tolerance > 0) {
    const double outliers = limits.mismatch_fraction.value_or(limits.scaled ? runtime::kOutliers : 0);
    const double mismatches = static_cast<double>(compared.mismatches) / static_cast<double>(compared.elements);
    excess = outliers == 0 ? compared.max_absolute_error / compared.absolute_tolerance
                           : spread_beyond(outliers) / spread_beyond(std::max(mismatches, outliers / 100));
    if (limits.scaled) excess = std::max(excess, compared.max_absolute_error / (10 * compared.absolute_tolerance));
  }
  if (target.cosine && *target.cosine < 1)
    excess = std::max(excess, std::sqrt((1 - compared.cosine) / (1 - *target.cosine)));
  return excess;
}

}  // namespace olivine::passes::mixed

namespace olivine::config {

std::optional<std::string> Codec<passes::mixed::AccuracyOptions>::read(const Json& json,
                                                                       passes::mixed::AccuracyOptions& out) {
  if (!json.is_object()) return type_error("an object", json);
  std::vector<Problem> problems;
  const std::any options = passes::mixed::accuracy_schema().read(json, problems);
  if (!problems.empty()) {
    const Problem& first = problems.front();
    return first.pointer + ": " + first.message + (first.remedy.empty() ? "" : "; " + first.remedy);
  }
  out = std::any_cast<const passes::mixed::AccuracyOptions&>(options);
  return std::nullopt;
}

}  // namespace olivine::config

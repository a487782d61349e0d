#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "runtime/bisect.h"
#include "runtime/feeds.h"
#include "runtime/matching.h"
#include "runtime/metrics.h"
#include "runtime/runtime.h"
#include "runtime/tolerance.h"

namespace olivine::runtime {
namespace {

/// The outputs of one model for each run, by name.
using Results = std::vector<std::map<std::string, tensor::AnyValue>>;

std::vector<std::string> output_names(const ir::Model& model) {
  std::vector<std::string> names;
  for (const ir::Value* const output : model.graph->outputs()) {
    // One value may be several outputs; ORT returns each name once.
    if (std::find(names.begin(), names.end(), output->name()) == names.end()) names.push_back(output->name());
  }
  return names;
}

Results run_all(const ir::Model& model, const std::string& name, InputSet Feed::*inputs, const Feeds& feeds,
                const SessionOptions& options, const Log& log) {
  return with_place(name, [&] {
    const Session session(model, options, log);
    const std::vector<std::string> names = output_names(model);
    Results results;
    for (const Feed& feed : feeds.runs) {
      std::vector<tensor::AnyValue> values;
      try {
        values = session.run(feed.*inputs, names);
      } catch (Error& error) {
        if (error.code() == ErrorCode::verification && !feeds.assumed.empty() && error.remedy().empty()) {
          error.remedy(fmt::format(
              "if what was assumed of its inputs is to blame ({}), give sizes by name, or the inputs in files",
              fmt::join(feeds.assumed, ", ")));
        }
        throw;
      }
      auto& by_name = results.emplace_back();
      for (std::size_t i = 0; i < names.size(); ++i) by_name.emplace(names[i], std::move(values[i]));
    }
    return results;
  });
}

OutputComparison missing(const Pair& output, const CompareOptions& options) {
  OutputComparison result;
  result.name = output.any().name();
  result.problem = fmt::format("{} has no such output", output.a == nullptr ? options.name_a : options.name_b);
  result.passed = false;
  return result;
}

/// How far a run's output is from passing: to choose the run in which to look for the node that is to blame.
double severity(const OutputComparison& compared) {
  if (compared.passed) return 0;
  if (!compared.problem.empty()) return 2;
  return 1 +
         static_cast<double>(compared.mismatches) / static_cast<double>(std::max<std::uint64_t>(compared.elements, 1));
}

}  // namespace

Comparison compare(const ir::Model& a, const ir::Model& b, const CompareOptions& options, const Log& log) {
  const Feeds feeds = make_feeds(a, b, options.inputs, log);
  const Limits limits = limits_for(a, b, options.tolerance);
  const Results results_a = run_all(a, options.name_a, &Feed::a, feeds, options.session, log);
  const Results results_b = run_all(b, options.name_b, &Feed::b, feeds, options.session, log);

  Comparison comparison;
  comparison.runs = static_cast<int>(feeds.runs.size());
  comparison.absolute_tolerance = limits.absolute;
  comparison.relative_tolerance = limits.relative;
  std::size_t worst_run = 0;
  double worst = 0;
  for (const Pair& output : match_outputs(a, b)) {
    if (output.a == nullptr) {
      log.write(LogLevel::notice, "{} has the output '{}', {} has not", options.name_b, output.b->name(),
                options.name_a);
      continue;
    }
    if (output.b == nullptr) {
      comparison.outputs.push_back(missing(output, options));
      continue;
    }
    OutputComparison total;
    total.name = output.a->name();
    for (std::size_t run = 0; run < feeds.runs.size(); ++run) {
      OutputComparison compared =
          compare_values(results_a[run].at(output.a->name()), results_b[run].at(output.b->name()), limits);
      compared.passed = compared.passed || mismatches_allowed(compared, *output.a, limits);
      if (severity(compared) > worst) {
        worst = severity(compared);
        worst_run = run;
      }
      merge(total, compared);
    }
    comparison.outputs.push_back(std::move(total));
  }
  comparison.passed = std::all_of(comparison.outputs.begin(), comparison.outputs.end(),
                                  [](const OutputComparison& output) { return output.passed; });
  if (options.bisect && worst > 0) {
    comparison.divergence = find_divergence(a, b, feeds.runs[worst_run], options, limits, log);
    if (!comparison.divergence) {
      log.write(LogLevel::notice,
                "no inner value that both models name alike differs when ONNX Runtime's graph optimizations are off");
    }
  }
  return comparison;
}

}  // namespace olivine::runtime

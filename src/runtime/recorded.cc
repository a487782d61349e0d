#include "runtime/recorded.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "runtime/input_files.h"
#include "runtime/matching.h"
#include "runtime/metrics.h"
#include "runtime/npy.h"
#include "runtime/tolerance.h"

namespace olivine::runtime {
namespace {

using Files = std::vector<std::pair<std::string, std::filesystem::path>>;

std::vector<std::string> names_of(const Files& files) {
  std::vector<std::string> names;
  for (const auto& [name, path] : files) names.push_back(name);
  return names;
}

std::vector<std::string> names_of(const std::vector<const ir::Value*>& values) {
  std::vector<std::string> names;
  for (const ir::Value* const value : values) names.push_back(value->name());
  return names;
}

/// One value may be several outputs; it is run once.
std::vector<const ir::Value*> outputs_of(const ir::Model& model) {
  std::vector<const ir::Value*> values;
  for (const ir::Value* const output : model.graph->outputs()) {
    if (std::find(values.begin(), values.end(), output) == values.end()) values.push_back(output);
  }
  return values;
}

/// The recorded inputs by the model's names. An input that was dropped since then is left out.
std::map<std::string, tensor::AnyValue> feed(const ir::Model& model, const RecordedCase& recorded) {
  const std::vector<const ir::Value*> inputs = required_inputs(model);
  std::map<std::string, tensor::AnyValue> values;
  for (const auto& [given, wanted] : match_names(names_of(recorded.inputs), names_of(inputs))) {
    if (!wanted) continue;
    const ir::Value& input = *inputs[*wanted];
    if (!given) throw Error(ErrorCode::verification, fmt::format("no values were recorded for '{}'", input.name()));
    with_place("input " + input.name(),
               [&] { values.emplace(input.name(), conformed(read_npy(recorded.inputs[*given].second), input.type)); });
  }
  return values;
}

OutputComparison missing(const std::string& name, const CompareOptions& options) {
  OutputComparison result;
  result.name = name;
  result.problem = fmt::format("{} has no such output", options.name_b);
  result.passed = false;
  return result;
}

}  // namespace

bool takes(const ir::Model& model, const RecordedCase& recorded) {
  const std::vector<const ir::Value*> inputs = required_inputs(model);
  for (const auto& [given, wanted] : match_names(names_of(recorded.inputs), names_of(inputs))) {
    if (!given || !wanted) continue;
    const ir::TensorType* const type = inputs[*wanted]->type.tensor();
    if (type != nullptr && !fits(read_npy(recorded.inputs[*given].second).dims(), type->shape)) return false;
  }
  return true;
}

Comparison compare_recorded(const std::vector<RecordedCase>& cases, const ir::Model& model,
                            const CompareOptions& options, const Log& log) {
  const Limits limits = limits_for(model, model, options.tolerance);
  const Session session = with_place(options.name_b, [&] { return Session(model, options.session, log); });
  const std::vector<const ir::Value*> outputs = outputs_of(model);
  Comparison comparison;
  comparison.runs = static_cast<int>(cases.size());
  comparison.absolute_tolerance = limits.absolute;
  comparison.relative_tolerance = limits.relative;
  std::map<std::string, OutputComparison> totals;
  std::vector<std::string> order;
  for (const RecordedCase& recorded : cases) {
    with_place(recorded.name, [&] {
      const auto inputs = feed(model, recorded);
      const auto values = with_place(options.name_b, [&] { return session.run(inputs, names_of(outputs)); });
      for (const auto& [given, found] : match_names(names_of(recorded.outputs), names_of(outputs))) {
        // What the model gives beyond the recorded is no fault.
        if (!given) continue;
        const std::string& name = recorded.outputs[*given].first;
        OutputComparison compared;
        if (found) {
          compared = compare_values(read_npy(recorded.outputs[*given].second), values[*found], limits);
          compared.passed = compared.passed || mismatches_allowed(compared, *outputs[*found], limits);
        } else {
          compared = missing(name, options);
        }
        const auto [total, first] = totals.try_emplace(name);
        if (first) order.push_back(name);
        total->second.name = name;
        merge(total->second, compared);
      }
    });
  }
  for (const std::string& name : order) comparison.outputs.push_back(std::move(totals.at(name)));
  comparison.passed = std::all_of(comparison.outputs.begin(), comparison.outputs.end(),
                                  [](const OutputComparison& output) { return output.passed; });
  return comparison;
}

}  // namespace olivine::runtime

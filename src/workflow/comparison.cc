#include "workflow/comparison.h"

#include <fmt/format.h>

#include <cmath>

#include "workflow/table.h"

namespace olivine::workflow {
namespace {

using config::Json;
using runtime::Comparison;
using runtime::OutputComparison;

/// JSON has no infinities and no NaN; null is what other tools write.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

std::string dtypes(const OutputComparison& output) {
  return output.dtype_a == output.dtype_b ? output.dtype_a : fmt::format("{} / {}", output.dtype_a, output.dtype_b);
}

}  // namespace

Json to_json(const Comparison& comparison) {
  Json outputs = Json::array();
  for (const OutputComparison& output : comparison.outputs) {
    Json json = {{"name", output.name},
                 {"passed", output.passed},
                 {"dtype_a", output.dtype_a},
                 {"dtype_b", output.dtype_b},
                 {"shape", output.shape},
                 {"max_absolute_error", number(output.max_absolute_error)},
                 {"mean_absolute_error", number(output.mean_absolute_error)},
                 {"max_relative_error", number(output.max_relative_error)},
                 {"cosine", number(output.cosine)},
                 {"mismatches", output.mismatches},
                 {"elements", output.elements},
                 {"absolute_tolerance", output.absolute_tolerance}};
    if (!output.problem.empty()) json["problem"] = output.problem;
    outputs.push_back(std::move(json));
  }
  Json json = {{"passed", comparison.passed},
               {"runs", comparison.runs},
               {"absolute_tolerance", comparison.absolute_tolerance},
               {"relative_tolerance", comparison.relative_tolerance},
               {"outputs", std::move(outputs)}};
  if (comparison.divergence) {
    json["divergence"] = {{"node", comparison.divergence->node},
                          {"value", comparison.divergence->value},
                          {"max_absolute_error", number(comparison.divergence->max_absolute_error)}};
    if (!comparison.divergence->problem.empty()) json["divergence"]["problem"] = comparison.divergence->problem;
  }
  return json;
}

std::string to_text(const Comparison& comparison) {
  using Align = TextTable::Align;
  TextTable table({Align::left, Align::left, Align::left, Align::right, Align::right, Align::right, Align::right,
                   Align::right, Align::left});
  table.add({"output", "dtype", "shape", "max abs", "mean abs", "max rel", "cosine", "beyond", ""});
  for (const OutputComparison& output : comparison.outputs) {
    std::vector<std::string> row = {output.name, dtypes(output), output.shape};
    if (output.problem.empty()) {
      row.insert(row.end(),
                 {fmt::format("{:.3g}", output.max_absolute_error), fmt::format("{:.3g}", output.mean_absolute_error),
                  fmt::format("{:.3g}", output.max_relative_error), fmt::format("{:.6f}", output.cosine),
                  fmt::format("{}/{}", output.mismatches, output.elements), output.passed ? "ok" : "DIFFERS"});
    } else {
      row.insert(row.end(), {"", "", "", "", "", output.problem});
    }
    table.add(std::move(row));
  }
  std::string text = table.text();
  text += fmt::format("{} run{}, tolerance {:.3g} + {:.3g} * |expected|: {}\n", comparison.runs,
                      comparison.runs == 1 ? "" : "s", comparison.absolute_tolerance, comparison.relative_tolerance,
                      comparison.passed ? "passed" : "not passed");
  if (const auto& part = comparison.divergence) {
    const std::string how =
        part->problem.empty() ? fmt::format("differs by {:.3g}", part->max_absolute_error) : part->problem;
    text += fmt::format("the models part at {}: its result '{}' {}\n", part->node, part->value, how);
  }
  return text;
}

}  // namespace olivine::workflow

#include <fmt/format.h>

#include "workflow/inspect.h"
#include "workflow/table.h"
#include "workflow/weights.h"

namespace olivine::workflow {
namespace {

using Align = TextTable::Align;

std::string facts(const ModelSummary& summary) {
  std::vector<std::string> opsets;
  for (const ir::OpsetImport& opset : summary.opsets) {
    opsets.push_back(fmt::format("{} {}", opset.domain.empty() ? "ai.onnx" : opset.domain, opset.version));
  }
  TextTable table({Align::left, Align::left});
  table.add({"opsets", fmt::format("{}", fmt::join(opsets, ", "))});
  table.add({"IR version", std::to_string(summary.ir_version)});
  if (!summary.producer.empty()) table.add({"producer", summary.producer});
  table.add({"nodes", summary.subgraphs == 0 ? std::to_string(summary.nodes)
                                             : fmt::format("{} ({} subgraphs)", summary.nodes, summary.subgraphs)});
  table.add({"weights", format_bytes(summary.weight_bytes)});
  return table.text();
}

std::string interface(std::string_view title, const std::vector<ModelSummary::Io>& values) {
  TextTable table({Align::left, Align::left});
  for (const auto& value : values) table.add({value.name, value.type});
  return section(title, table);
}

std::string symbols(const ModelSummary& summary) {
  TextTable table({Align::left, Align::left});
  for (const auto& symbol : summary.symbols) {
    std::string places = fmt::format("{}", fmt::join(symbol.places, "; "));
    if (symbol.inner_values != 0) {
      places += fmt::format("{}{} inner value{}", places.empty() ? "" : "; ", symbol.inner_values,
                            symbol.inner_values == 1 ? "" : "s");
    }
    table.add({symbol.name, places});
  }
  return section("symbols", table);
}

std::string counts(std::string_view title, const auto& entries) {
  TextTable table({Align::left, Align::right});
  for (const auto& [name, count] : entries) table.add({name, std::to_string(count)});
  return section(title, table);
}

}  // namespace

std::string to_text(const ModelSummary& summary) {
  std::string text = facts(summary) + interface("inputs", summary.inputs) + interface("outputs", summary.outputs) +
                     symbols(summary) + counts("operators", summary.operators) +
                     counts("values by dtype", summary.values) + weights_text(summary);
  TextTable functions({Align::left, Align::right});
  for (const auto& function : summary.functions)
    functions.add({function.name, fmt::format("{} nodes", function.nodes)});
  TextTable metadata({Align::left, Align::left});
  for (const auto& [key, value] : summary.metadata) metadata.add({key, value});
  text += section("functions", functions) + section("metadata", metadata);
  if (!summary.doc_string.empty()) text += "description\n  " + summary.doc_string + "\n";
  return text;
}

}  // namespace olivine::workflow

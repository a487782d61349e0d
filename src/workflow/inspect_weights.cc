#include "workflow/inspect_weights.h"

#include <fmt/format.h>

#include <algorithm>

#include "workflow/weights.h"

namespace olivine::workflow {
namespace {

using Align = TextTable::Align;

bool is_larger(const WeightSummary::Tensor& a, const WeightSummary::Tensor& b) {
  return a.bytes != b.bytes ? a.bytes > b.bytes : a.name < b.name;
}

}  // namespace

void WeightTally::add(WeightSummary::Tensor tensor, std::uint64_t elements) {
  WeightSummary::Weights& weights = summary_.weights[tensor.dtype];
  ++weights.tensors;
  weights.elements += elements;
  weights.bytes += tensor.bytes;
  summary_.weight_bytes += tensor.bytes;
  std::vector<WeightSummary::Tensor>& largest = summary_.largest;
  largest.push_back(std::move(tensor));
  std::ranges::push_heap(largest, is_larger);
  if (largest.size() <= count_) return;
  std::ranges::pop_heap(largest, is_larger);
  largest.pop_back();
}

WeightSummary WeightTally::summary() const {
  WeightSummary sorted = summary_;
  std::ranges::sort_heap(sorted.largest, is_larger);
  return sorted;
}

std::string section(std::string_view title, const TextTable& table) {
  return table.empty() ? std::string() : fmt::format("{}\n{}", title, table.text("  "));
}

std::string weights_text(const WeightSummary& summary) {
  TextTable table({Align::left, Align::right, Align::right, Align::right});
  for (const auto& [dtype, weights] : summary.weights) {
    table.add({dtype, fmt::format("{} tensors", weights.tensors), fmt::format("{} elements", weights.elements),
               format_bytes(weights.bytes)});
  }
  TextTable largest({Align::left, Align::left, Align::right});
  for (const auto& tensor : summary.largest) {
    largest.add(
        {tensor.name, fmt::format("{}[{}]", tensor.dtype, fmt::join(tensor.dims, ",")), format_bytes(tensor.bytes)});
  }
  return section("weights by dtype", table) + section("largest tensors", largest);
}

void add_to_json(const WeightSummary& summary, config::Json& json) {
  json["weights"] = config::Json::object();
  for (const auto& [dtype, weights] : summary.weights) {
    json["weights"][dtype] = {{"tensors", weights.tensors}, {"elements", weights.elements}, {"bytes", weights.bytes}};
  }
  json["weight_bytes"] = summary.weight_bytes;
  json["largest_tensors"] = config::Json::array();
  for (const auto& tensor : summary.largest) {
    json["largest_tensors"].push_back(
        {{"name", tensor.name}, {"dtype", tensor.dtype}, {"dims", tensor.dims}, {"bytes", tensor.bytes}});
  }
}

}  // namespace olivine::workflow

#include "runtime/matching.h"

#include <algorithm>
#include <span>
#include <unordered_map>

namespace olivine::runtime {
namespace {

using Values = std::vector<const ir::Value*>;

std::vector<Pair> match(const Values& a, const Values& b) {
  const auto names_of = [](const Values& values) {
    std::vector<std::string> names;
    for (const ir::Value* const value : values) names.push_back(value->name());
    return names;
  };
  std::vector<Pair> pairs;
  for (const auto& [in_a, in_b] : match_names(names_of(a), names_of(b))) {
    pairs.push_back({in_a ? a[*in_a] : nullptr, in_b ? b[*in_b] : nullptr});
  }
  return pairs;
}

Values outputs_of(const ir::Model& model) {
  const auto outputs = model.graph->outputs();
  return {outputs.begin(), outputs.end()};
}

}  // namespace

std::vector<std::pair<std::optional<std::size_t>, std::optional<std::size_t>>> match_names(
    const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::unordered_map<std::string, std::size_t> named;
  for (std::size_t i = 0; i < b.size(); ++i) named.emplace(b[i], i);
  std::vector<std::pair<std::optional<std::size_t>, std::optional<std::size_t>>> pairs;
  std::vector<std::size_t> alone;
  for (std::size_t i = 0; i < a.size(); ++i) {
    pairs.emplace_back(i, std::nullopt);
    if (const auto found = named.find(a[i]); found != named.end()) {
      pairs.back().second = found->second;
      named.erase(found);
    } else {
      alone.push_back(i);
    }
  }
  std::vector<std::size_t> rest;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const auto found = named.find(b[i]);
    if (found != named.end() && found->second == i) rest.push_back(i);
  }
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (alone.size() == rest.size()) {
      pairs[alone[i]].second = rest[i];
    } else {
      pairs.emplace_back(std::nullopt, rest[i]);
    }
  }
  return pairs;
}

std::vector<const ir::Value*> required_inputs(const ir::Model& model) {
  Values values;
  for (const ir::Value* const value : model.graph->inputs()) {
    if (!value->is_initializer()) values.push_back(value);
  }
  return values;
}

std::vector<Pair> match_inputs(const ir::Model& a, const ir::Model& b) {
  return match(required_inputs(a), required_inputs(b));
}

std::vector<Pair> match_outputs(const ir::Model& a, const ir::Model& b) { return match(outputs_of(a), outputs_of(b)); }

}  // namespace olivine::runtime

#include "runtime/matching.h"

#include <algorithm>
#include <span>
#include <unordered_map>

namespace olivine::runtime {
namespace {

using Values = std::vector<const ir::Value*>;

std::vector<Pair> match(const Values& a, const Values& b) {
  std::unordered_map<std::string, const ir::Value*> named;
  for (const ir::Value* const value : b) named.emplace(value->name(), value);
  std::vector<Pair> pairs;
  std::vector<std::size_t> alone;
  for (const ir::Value* const value : a) {
    Pair pair{value, nullptr};
    if (const auto found = named.find(value->name()); found != named.end()) {
      pair.b = found->second;
      named.erase(found);
    } else {
      alone.push_back(pairs.size());
    }
    pairs.push_back(pair);
  }
  Values rest;
  for (const ir::Value* const value : b) {
    const auto found = named.find(value->name());
    if (found != named.end() && found->second == value) rest.push_back(value);
  }
  if (alone.size() == rest.size()) {
    for (std::size_t i = 0; i < rest.size(); ++i) pairs[alone[i]].b = rest[i];
  } else {
    for (const ir::Value* const value : rest) pairs.push_back({nullptr, value});
  }
  return pairs;
}

Values required_inputs(const ir::Model& model) {
  Values values;
  for (const ir::Value* const value : model.graph->inputs()) {
    if (!value->is_initializer()) values.push_back(value);
  }
  return values;
}

Values outputs_of(const ir::Model& model) {
  const auto outputs = model.graph->outputs();
  return {outputs.begin(), outputs.end()};
}

}  // namespace

std::vector<Pair> match_inputs(const ir::Model& a, const ir::Model& b) {
  return match(required_inputs(a), required_inputs(b));
}

std::vector<Pair> match_outputs(const ir::Model& a, const ir::Model& b) { return match(outputs_of(a), outputs_of(b)); }

}  // namespace olivine::runtime

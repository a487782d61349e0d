#include "runtime/bisect.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/threads.h"
#include "runtime/metrics.h"

namespace olivine::runtime {
namespace {

/// What the values of one batch may take in memory, both models' together.
constexpr std::uint64_t kBudget = std::uint64_t{256} << 20;
constexpr std::size_t kFirstBatch = 32;

/// Values of the main graph that a session can return, by name.
std::unordered_map<std::string, ir::Value*> returnable(const ir::Graph& graph) {
  std::unordered_map<std::string, ir::Value*> values;
  for (ir::Value* const value : graph.initializers()) {
    if (value->initializer() != nullptr) values.emplace(value->name(), value);
  }
  for (const ir::Node& node : graph.nodes()) {
    for (const auto& output : node.outputs()) {
      if (output) values.emplace(output->name(), output.get());
    }
  }
  return values;
}

std::vector<const ir::Value*> common_values(const ir::Model& a, const ir::Model& b) {
  const auto in_b = returnable(*b.graph);
  std::vector<const ir::Value*> values;
  for (const ir::Node& node : a.graph->nodes()) {
    for (const auto& output : node.outputs()) {
      if (output && in_b.contains(output->name())) values.push_back(output.get());
    }
  }
  return values;
}

/// Drops the nodes and weights that no output needs: a batch at the beginning costs little then.
void prune(ir::Graph& graph) {
  for (ir::Node* node = graph.last(); node != nullptr;) {
    ir::Node* const before = node->previous();
    const bool needed = std::any_of(node->outputs().begin(), node->outputs().end(),
                                    [](const auto& output) { return output && !output->uses().empty(); });
    if (!needed) graph.erase(*node);
    node = before;
  }
  const auto initializers = graph.initializers();
  for (ir::Value* const value : std::vector<ir::Value*>(initializers.begin(), initializers.end())) {
    if (value->uses().empty() && !value->is_graph_input()) graph.remove_initializer(*value);
  }
}

/// One side of the search.
class Probe {
 public:
  Probe(const ir::Model& model, std::string name, const InputSet& inputs, const CompareOptions& options, const Log& log)
      : model_(model), name_(std::move(name)), inputs_(inputs), session_(options.session), log_(log) {
    session_.graph_optimization = "disable";
  }

  std::vector<tensor::AnyValue> values(const std::vector<std::string>& names) {
    return with_place(name_, [&] {
      ir::Model copy = ir::clone(model_);
      ir::Graph& graph = *copy.graph;
      while (!graph.outputs().empty()) graph.remove_output(graph.outputs().size() - 1);
      const auto found = returnable(graph);
      for (const std::string& name : names) graph.add_output(*found.at(name));
      prune(graph);
      return Session(copy, session_, log_, cache_).run(inputs_, names);
    });
  }

 private:
  const ir::Model& model_;
  std::string name_;
  const InputSet& inputs_;
  SessionOptions session_;
  Log log_;
  std::shared_ptr<WeightCache> cache_ = std::make_shared<WeightCache>();
};

std::uint64_t bytes_of(const tensor::AnyValue& value) {
  if (const auto* const tensor = value.tensor()) return tensor->byte_size();
  if (const auto* const map = value.map()) return map->keys.byte_size() + map->values.byte_size();
  std::uint64_t bytes = 0;
  if (const auto* const sequence = value.sequence()) {
    for (const auto& item : sequence->items) bytes += bytes_of(item);
  }
  return bytes;
}

std::uint64_t bytes_of(const std::vector<tensor::AnyValue>& values) {
  std::uint64_t bytes = 0;
  for (const auto& value : values) bytes += bytes_of(value);
  return bytes;
}

std::size_t next_batch(std::size_t batch, std::uint64_t bytes) {
  if (bytes > kBudget) return std::max<std::size_t>(batch / 2, 1);
  return bytes < kBudget / 4 ? batch * 2 : batch;
}

std::optional<Divergence> first_in(const std::vector<const ir::Value*>& batch, const std::vector<tensor::AnyValue>& a,
                                   const std::vector<tensor::AnyValue>& b, const Limits& limits) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const OutputComparison compared = compare_values(a[i], b[i], limits);
    if (compared.passed || mismatches_allowed(compared, *batch[i], limits)) continue;
    return Divergence{batch[i]->name(), batch[i]->producer()->describe(), compared.max_absolute_error,
                      compared.problem};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Divergence> find_divergence(const ir::Model& a, const ir::Model& b, const Feed& feed,
                                          const CompareOptions& options, const Limits& limits, const Log& log) {
  const std::vector<const ir::Value*> values = common_values(a, b);
  Probe probe_a(a, options.name_a, feed.a, options, log);
  Probe probe_b(b, options.name_b, feed.b, options, log);
  std::size_t batch_size = kFirstBatch;
  for (std::size_t begin = 0; begin < values.size();) {
    throw_if_cancelled();
    const std::size_t end = std::min(begin + batch_size, values.size());
    const std::vector<const ir::Value*> batch(values.begin() + static_cast<std::ptrdiff_t>(begin),
                                              values.begin() + static_cast<std::ptrdiff_t>(end));
    std::vector<std::string> names;
    for (const ir::Value* const value : batch) names.push_back(value->name());
    const auto results_a = probe_a.values(names);
    const auto results_b = probe_b.values(names);
    if (auto found = first_in(batch, results_a, results_b, limits)) return found;
    log.write(LogLevel::debug, "bisect: {} of {} inner values agree", end, values.size());
    batch_size = next_batch(batch_size, bytes_of(results_a) + bytes_of(results_b));
    begin = end;
  }
  return std::nullopt;
}

}  // namespace olivine::runtime

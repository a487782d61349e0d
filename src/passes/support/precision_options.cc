#include "passes/support/precision_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/suggest.h"

namespace olivine::passes {
namespace {

using config::Json;

/// Tells the user of names that match nothing: most likely they are misspelt.
void note_strangers(const std::optional<Names>& wanted, const Names& present, std::string_view option,
                    Context& context) {
  if (!wanted) return;
  for (const std::string& name : *wanted) {
    if (std::find(present.begin(), present.end(), name) != present.end()) continue;
    const std::string hint = did_you_mean(name, present);
    context.notices.push_back(
        fmt::format("{}: the model has no '{}'{}{}", option, name, hint.empty() ? "" : "; ", hint));
  }
}

Names names_of(std::span<ir::Value* const> values) {
  Names names;
  for (const ir::Value* value : values) names.push_back(value->name());
  return names;
}

Names sorted(const std::unordered_set<std::string>& names) {
  Names result(names.begin(), names.end());
  std::sort(result.begin(), result.end());
  return result;
}

bool contains(const std::optional<Names>& names, const std::string& name) {
  return names && std::find(names->begin(), names->end(), name) != names->end();
}

/// Clamped and flushed values are known once the writer has read the weights.
void report_tensors(Context& context, const std::vector<ConvertedTensor>& tensors) {
  constexpr std::size_t kShown = 3;
  Json list = Json::array();
  std::uint64_t clamped = 0;
  std::uint64_t flushed = 0;
  for (const ConvertedTensor& tensor : tensors) {
    const std::uint64_t over = tensor.counters->clamped;
    const std::uint64_t under = tensor.counters->flushed;
    if (over + under == 0) continue;
    clamped += over;
    flushed += under;
    list.push_back({{"name", tensor.name}, {"elements", tensor.elements}, {"clamped", over}, {"flushed", under}});
  }
  if (list.empty()) return;
  std::string shown;
  for (std::size_t i = 0; i < std::min(kShown, list.size()); ++i)
    shown += fmt::format("{}'{}'", i ? ", " : "", list[i]["name"].get<std::string>());
  if (list.size() > kShown) shown += " …";
  context.notices.push_back(fmt::format("{} values of {} tensors were too large and {} too small for the new type ({})",
                                        clamped, list.size(), flushed, shown));
  context.report["tensors_out_of_range"] = std::move(list);
}

}  // namespace

NodeSelection::NodeSelection(const ir::Model& model, const NodeLists& lists, Context& context) : lists_(lists) {
  const bool lists_nodes = lists.node_block_list || lists.node_include_list;
  const bool lists_ops = lists.op_block_list || lists.op_include_list;
  if (!lists_nodes && !lists_ops) return;
  std::unordered_set<std::string> nodes;
  std::unordered_set<std::string> op_types;
  for_each_graph(model, [&](const ir::Graph& graph) {
    for (const ir::Node& node : graph.nodes()) {
      if (lists_nodes) nodes.insert(node.name);
      op_types.insert(node.op_type);
    }
  });
  const Names node_names = sorted(nodes);
  const Names op_names = sorted(op_types);
  note_strangers(lists.op_block_list, op_names, "op_block_list", context);
  note_strangers(lists.op_include_list, op_names, "op_include_list", context);
  note_strangers(lists.node_block_list, node_names, "node_block_list", context);
  note_strangers(lists.node_include_list, node_names, "node_include_list", context);
}

bool NodeSelection::keeps(const ir::Node& node) const {
  if (contains(lists_.op_block_list, node.op_type) || contains(lists_.node_block_list, node.name)) return true;
  // A node with a body must be entered to reach the included nodes in it.
  if (!node.subgraphs().empty()) return false;
  if (lists_.op_include_list && !contains(lists_.op_include_list, node.op_type)) return true;
  return lists_.node_include_list && !contains(lists_.node_include_list, node.name);
}

std::function<bool(const ir::Value&)> io_filter(const ir::Model& model, const KeepIo& keep, Context& context) {
  if (const bool* all = std::get_if<bool>(&keep)) {
    return [all = *all](const ir::Value&) { return all; };
  }
  const Names& kept = std::get<Names>(keep);
  Names present = names_of(model.graph->inputs());
  const Names outputs = names_of(model.graph->outputs());
  present.insert(present.end(), outputs.begin(), outputs.end());
  note_strangers(kept, present, "keep_io_types", context);
  return [&kept](const ir::Value& value) { return std::find(kept.begin(), kept.end(), value.name()) != kept.end(); };
}

void report_conversion(const PrecisionResult& result, std::string_view kept_key, Context& context) {
  context.report["converted_nodes"] = result.converted_nodes;
  context.report["inserted_casts"] = result.inserted_casts;
  context.report["removed_casts"] = result.removed_casts;
  Json kept = Json::array();
  for (const KeptNode& node : result.kept) kept.push_back({{"node", node.node}, {"reason", node.reason}});
  if (!kept.empty()) context.report[kept_key] = std::move(kept);
  context.before_write.push_back([tensors = result.tensors] {
    for (const ConvertedTensor& tensor : tensors) tensor.counters->clamped = tensor.counters->flushed = 0;
  });
  context.after_write.push_back([tensors = result.tensors](Context& later) { report_tensors(later, tensors); });
}

}  // namespace olivine::passes

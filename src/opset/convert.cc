#include "opset/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ir/cloner.h"
#include "ir/each_value.h"
#include "ir/erase.h"
#include "opset/converter.h"
#include "opset/fit.h"
#include "opset/imports.h"

namespace olivine::opset {
namespace {

bool is_plain(const Route& route) {
  return std::all_of(route.begin(), route.end(), [](const Hop& hop) { return hop.plain; });
}

std::string_view shown(std::string_view domain) { return domain.empty() ? "ai.onnx" : domain; }

}  // namespace

// ---- The whole model

bool Converter::is_needed(const std::vector<ir::OpsetImport>& imports) const {
  return std::any_of(imports.begin(), imports.end(), [&](const ir::OpsetImport& import) {
    const auto target = targets_.find(import.domain);
    return target != targets_.end() && target->second != import.version;
  });
}

bool Converter::all_plain(ir::Graph& top, const std::vector<ir::OpsetImport>& imports) {
  bool plain = true;
  for_each_graph(top, [&](ir::Graph& graph) {
    for (const ir::Node& node : graph.nodes()) {
      const auto version = version_in(imports, node.domain);
      const auto target = targets_.find(node.domain);
      if (!plain || !version || target == targets_.end()) continue;
      const Route& route = routes_.find(node.op_type, node.domain, *version, target->second);
      plain = is_plain(route);
    }
  });
  return plain;
}

Result Converter::run() {
  Result result;
  bool needed = is_needed(model_.opset_imports);
  for (const auto& function : model_.functions) needed = needed || is_needed(function->opset_imports);
  if (!needed) return result;
  result.changed = true;
  bool plain = all_plain(*model_.graph, model_.opset_imports);
  for (const auto& function : model_.functions) {
    plain = plain && all_plain(*function->body, function->opset_imports);
  }
  if (!plain) {
    note_told_types();
    infer_in_order(model_, known_);
    inference_.emplace(model_, known_);
    convert_top(*model_.graph, model_.opset_imports, "");
    for (const auto& function : model_.functions) {
      convert_top(*function->body, function->opset_imports, fmt::format("function '{}'", function->name));
    }
    errors_.throw_if_any();
    finish();
  }
  for (const auto& [domain, version] : targets_) {
    set_version(model_.opset_imports, domain, version);
    for (const auto& function : model_.functions) set_version(function->opset_imports, domain, version);
  }
  raise_ir_version();
  for (const auto& [key, nodes] : plan_) {
    const auto& [op_type, domain, from, to, how] = key;
    result.plan.push_back({op_type, domain, from, to, how, nodes});
  }
  return result;
}

/// Inference completes types that the file tells only in part; that is not asked for.
void Converter::note_told_types() {
  for_each_graph(model_, [&](ir::Graph& graph) {
    for_each_value(graph, [&](ir::Value& value) {
      if ((value.listed || value.is_graph_output()) && value.type.known()) told_.emplace(&value, value.type);
    });
  });
}

void Converter::finish() {
  std::vector<std::pair<std::size_t, ir::Value*>> loose;
  for (const auto& [value, order] : loose_) loose.emplace_back(order, value);
  std::sort(loose.begin(), loose.end());
  std::vector<ir::Value*> values;
  for (const auto& [order, value] : loose) values.push_back(value);
  for (auto& [value, type] : told_) {
    if (ir::element_type(type) != DataType::undefined) value->type = std::move(type);
  }
  ir::DeadCode().drop(std::move(values));
}

/// Below IR version 4 every constant had to be listed as an input; later that would make it a default that may be
/// overridden, and no runtime would fold it any more.
void Converter::raise_ir_version() {
  const auto target = targets_.find("");
  if (target == targets_.end()) return;
  const std::int64_t needed = oldest_ir_of_opset(target->second);
  if (model_.ir_version >= needed) return;
  if (model_.ir_version < 4) {
    const std::vector<ir::Value*> inputs(model_.graph->inputs().begin(), model_.graph->inputs().end());
    for (ir::Value* input : inputs) {
      if (!input->is_initializer()) continue;
      model_.graph->remove_input(*input);
      input->listed = false;
    }
  }
  model_.ir_version = needed;
}

// ---- Graphs

void Converter::convert_top(ir::Graph& graph, const std::vector<ir::OpsetImport>& imports, std::string place) {
  if (!is_needed(imports)) return;
  imports_ = &imports;
  place_ = std::move(place);
  imports_at_.clear();
  convert_graph(graph);
}

/// Graphs of a node come before the node: its adapter finds them in their final form.
void Converter::convert_graph(ir::Graph& graph) {
  std::vector<ir::Node*> nodes;
  for (ir::Node& node : graph.nodes()) nodes.push_back(&node);
  for (ir::Node* node : nodes) {
    for (ir::Graph* subgraph : node->subgraphs()) {
      convert_graph(*subgraph);
      done_.insert(subgraph);
    }
    const auto version = version_in(*imports_, node->domain);
    const auto target = targets_.find(node->domain);
    if (version && target != targets_.end()) convert_root(*node, *version, target->second);
  }
}

void Converter::convert_root(ir::Node& node, std::int64_t opset, std::int64_t target) {
  const Route& route = routes_.find(node.op_type, node.domain, opset, target);
  if (is_plain(route)) return;
  const std::string place = fmt::format("{}: opset {} to {}", node.describe(), opset, target);
  root_name_ = node.name;
  root_metadata_ = node.annotations.empty() ? ir::Metadata() : node.annotations.get().metadata;
  made_.clear();
  pending_ = {{&node, opset}};
  try {
    while (!pending_.empty()) {
      const Pending next = pending_.back();
      pending_.pop_back();
      convert_node(*next.node, next.opset);
    }
  } catch (const Refusal& refusal) {
    Error error = Error(ErrorCode::conversion, refusal.reason).prepend(place);
    if (!place_.empty()) error.prepend(place_);
    errors_.add(std::move(error));
  }
}

void Converter::convert_node(ir::Node& node, std::int64_t opset) {
  if (made_.contains(&node)) {
    if (const auto schema = onnx::find_standard_schema(node.op_type, node.domain, opset)) {
      fit_types(node, *schema, opset);
      if (const auto misfit = find_misfit(node, *schema)) {
        throw Refusal{fmt::format("{} {} of opset {}: {}", node.op_type, shown(node.domain), opset, *misfit)};
      }
    }
    for (ir::Graph* subgraph : node.subgraphs()) {
      if (done_.contains(subgraph)) continue;
      for (ir::Node& inner : subgraph->nodes()) {
        made_.insert(&inner);
        pending_.push_back({&inner, opset});
      }
    }
  }
  const std::string op_type = node.op_type;
  const Route& route = routes_.find(op_type, node.domain, opset, target_of(node.domain));
  for (const Hop& hop : route) {
    if (hop.plain) continue;
    current_ = &node;
    take(node, hop);
    if (current_ == nullptr) return;
    if (node.op_type != op_type) return convert_node(node, hop.opset);
  }
}

/// One hop; `current_` becomes null if the node is gone.
void Converter::take(ir::Node& node, const Hop& hop) {
  const Adapter* adapter = hop.adapter;
  if (adapter != nullptr && adapter->impossible) {
    throw Refusal{fmt::format("{} {}: {}", hop.from.name(), hop.from.since_version(), adapter->summary)};
  }
  if (adapter != nullptr && adapter->adapt != nullptr) {
    Step step(*this, node, hop.from, hop.opset);
    adapter->adapt(step);
    record(hop, adapter->summary);
    if (current_ == nullptr || node.op_type != hop.from.name()) return;
  } else if (!hop.to) {
    Step(*this, node, hop.from, hop.opset).replace_by_function();
    record(hop, "replaced by the function that defines it");
    return;
  } else {
    for (const ir::Attribute& fallback : hop.defaults) {
      if (node.find(fallback.name) == nullptr) node.add(*ir::Cloner().attribute(fallback));
    }
  }
  if (!hop.to) {
    throw Refusal{fmt::format("there is no {} in opset {} of {}", hop.from.name(), hop.opset, shown(node.domain))};
  }
  settle(node, hop);
}

void Converter::settle(ir::Node& node, const Hop& hop) {
  drop_new_attributes(node, hop);
  if (fit_types(node, *hop.to, hop.opset)) record(hop, "types that it does not take are carried by others");
  if (const auto misfit = find_misfit(node, *hop.to)) {
    throw Refusal{fmt::format("{} in opset {}: {}", hop.to->name(), hop.opset, *misfit)};
  }
}

/// An attribute that the older version lacks may go if it says what that version does anyway.
void Converter::drop_new_attributes(ir::Node& node, const Hop& hop) {
  std::vector<std::string> gone;
  for (const ir::Attribute& attribute : node.attributes()) {
    if (hop.to->has_attribute(attribute.name) || !attribute.reference.empty()) continue;
    if (same_content(attribute.value, hop.from.attribute_default(attribute.name))) gone.push_back(attribute.name);
  }
  for (const std::string& name : gone) node.remove(name);
}

void Converter::record(const Hop& hop, std::string_view how) {
  const std::int64_t to = hop.to ? hop.to->since_version() : 0;
  ++plan_[{std::string(hop.from.name()), std::string(hop.from.domain()), hop.from.since_version(), to,
           std::string(how)}];
}

Result convert(ir::Model& model, const Targets& targets) { return Converter(model, targets).run(); }

}  // namespace olivine::opset

#include "opset/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ir/erase.h"
#include "opset/converter.h"
#include "opset/fit.h"

namespace olivine::opset {
namespace {

std::string_view shown(std::string_view domain) { return domain.empty() ? "ai.onnx" : domain; }

std::optional<std::int64_t> version_in(const std::vector<ir::OpsetImport>& imports, std::string_view domain) {
  for (const ir::OpsetImport& import : imports) {
    if (import.domain == domain) return import.version;
  }
  return std::nullopt;
}

void set_version(std::vector<ir::OpsetImport>& imports, std::string_view domain, std::int64_t version) {
  for (ir::OpsetImport& import : imports) {
    if (import.domain == domain) import.version = version;
  }
}

/// Elements above this are not compared to share constants.
constexpr std::uint64_t kSharedBytes = 4096;

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
      plain = std::all_of(route.begin(), route.end(), [](const Hop& hop) { return hop.plain; });
    }
  });
  return plain;
}

Result Converter::run() {
  Result result;
  bool needed = is_needed(model_.opset_imports);
  bool plain = all_plain(*model_.graph, model_.opset_imports);
  for (const auto& function : model_.functions) {
    needed = needed || is_needed(function->opset_imports);
    plain = plain && all_plain(*function->body, function->opset_imports);
  }
  if (!needed) return result;
  result.changed = true;
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
  const auto note = [&](ir::Value& value) {
    if ((value.listed || value.is_graph_output()) && value.type.known()) told_.emplace(&value, value.type);
  };
  for_each_graph(model_, [&](ir::Graph& graph) {
    for (ir::Value* input : graph.inputs()) note(*input);
    for (ir::Node& node : graph.nodes()) {
      for (const auto& output : node.outputs()) {
        if (output) note(*output);
      }
    }
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
  if (std::all_of(route.begin(), route.end(), [](const Hop& hop) { return hop.plain; })) return;
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
    for (const auto& [name, value] : hop.defaults) set_default(node, name, value);
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

void Converter::set_default(ir::Node& node, const std::string& name, const ir::AttributeValue& value) {
  if (node.find(name) != nullptr) return;
  std::visit(
      [&](const auto& content) {
        using Content = std::decay_t<decltype(content)>;
        if constexpr (std::is_same_v<Content, std::int64_t> || std::is_same_v<Content, float> ||
                      std::is_same_v<Content, std::string> || std::is_same_v<Content, Ints>) {
          node.set(name, content);
        }
      },
      value);
}

void Converter::record(const Hop& hop, std::string_view how) {
  const std::int64_t to = hop.to ? hop.to->since_version() : 0;
  ++plan_[{std::string(hop.from.name()), std::string(hop.from.domain()), hop.from.since_version(), to,
           std::string(how)}];
}

// ---- Types

namespace {

DataType refused_type(const ir::Value* value, const onnx::Parameter& parameter) {
  if (value == nullptr || value->type.tensor() == nullptr) return DataType::undefined;
  const DataType dtype = value->type.tensor()->dtype;
  return dtype == DataType::undefined || parameter.accepts(dtype) ? DataType::undefined : dtype;
}

}  // namespace

/// Types that the schema does not take are cast to others and back, where that changes nothing.
bool Converter::fit_types(ir::Node& node, const onnx::Schema& schema, std::int64_t opset) {
  if (node.is("Cast") || node.is("Constant") || !node.subgraphs().empty()) return false;
  bool any = false;
  for (std::size_t i = 0; i < node.inputs().size(); ++i) {
    const onnx::Parameter* parameter = schema.input(i);
    if (parameter == nullptr) break;
    const DataType dtype = refused_type(node.input(i), *parameter);
    if (dtype != DataType::undefined) any = carry(node, schema, *parameter, dtype, opset) || any;
  }
  return any;
}

/// All inputs and outputs of one type variable change together.
bool Converter::carry(ir::Node& node, const onnx::Schema& schema, const onnx::Parameter& parameter, DataType dtype,
                      std::int64_t opset) {
  const auto carrier = find_carrier(node.op_type, dtype, parameter);
  if (!carrier) return false;
  const std::string variable(parameter.type_variable);
  for (std::size_t i = 0; i < node.inputs().size(); ++i) {
    const onnx::Parameter* other = schema.input(i);
    ir::Value* value = node.input(i);
    if (other == nullptr || other->type_variable != variable || value == nullptr) continue;
    node.set_input(i, cast_before(node, *value, *carrier, opset));
  }
  for (std::size_t i = 0; i < node.output_count(); ++i) {
    const onnx::Parameter* other = schema.output(i);
    if (other != nullptr && other->type_variable == variable && node.output(i) != nullptr) {
      cast_after(node, i, *carrier, opset);
    }
  }
  return true;
}

ir::Value* Converter::cast_before(ir::Node& node, ir::Value& value, DataType dtype, std::int64_t opset) {
  const auto fill = [&](ir::Node& cast) { cast.set("to", static_cast<std::int64_t>(dtype)); };
  return make(node, "Cast", {&value}, 1, fill, opset_beside(node, opset), "").front();
}

void Converter::cast_after(ir::Node& node, std::size_t output, DataType dtype, std::int64_t opset) {
  ir::Value& value = *node.output(output);
  const DataType outer = ir::element_type(value.type);
  ir::Node& cast = node.graph().insert_after(node, "Cast", {});
  cast.set("to", static_cast<std::int64_t>(outer));
  ir::Value* result = cast.add_output(node.graph().unique_name(value.name() + "_cast"), value.type);
  note_made(cast, opset_beside(node, opset));
  hand_over(value, *result);
  std::string name = value.name();
  value.set_name(node.graph().unique_name(name + "_" + std::string(name_of(dtype))));
  result->set_name(std::move(name));
  value.type = ir::with_element_type(value.type, dtype);
  value.listed = false;
  value.annotations = {};
  cast.set_input(0, &value);
}

// ---- Making and replacing

/// Where a node of a domain goes: to its target, or it stays.
std::int64_t Converter::target_of(std::string_view domain) const {
  const auto target = targets_.find(std::string(domain));
  if (target != targets_.end()) return target->second;
  return version_in(*imports_, domain).value_or(0);
}

/// The opset of an operator of ai.onnx that is made beside a node of `opset` of its own domain.
std::int64_t Converter::opset_beside(const ir::Node& node, std::int64_t opset) const {
  if (node.domain.empty()) return opset;
  if (!version_in(*imports_, "")) {
    throw Refusal{"it needs an operator of ai.onnx beside it, which the model does not import"};
  }
  return target_of("");
}

const std::vector<ir::OpsetImport>& Converter::imports_at(std::string_view domain, std::int64_t opset) {
  const auto [entry, fresh] = imports_at_.try_emplace({std::string(domain), opset});
  if (fresh) {
    entry->second = *imports_;
    set_version(entry->second, domain, opset);
    if (!version_in(entry->second, domain)) entry->second.push_back({std::string(domain), opset});
  }
  return entry->second;
}

void Converter::note_made(ir::Node& node, std::int64_t opset) {
  if (!root_name_.empty()) node.name = node.graph().unique_node_name(root_name_ + "/" + node.op_type);
  if (!root_metadata_.empty()) node.annotations.edit().metadata = root_metadata_;
  made_.insert(&node);
  for (const auto& output : node.outputs()) note_loose(output.get());
  pending_.push_back({&node, opset});
}

Values Converter::make(ir::Node& position, std::string op_type, Values inputs, std::size_t outputs,
                       const std::function<void(ir::Node&)>& fill, std::int64_t opset, std::string domain) {
  while (!inputs.empty() && inputs.back() == nullptr) inputs.pop_back();
  ir::Graph& graph = position.graph();
  ir::Node& node = graph.insert_before(&position, std::move(op_type), std::move(inputs), std::move(domain));
  if (fill) fill(node);
  const ir::Value* named = nullptr;
  for (const auto& output : position.outputs()) {
    if (output && named == nullptr) named = output.get();
  }
  const std::string name = (named ? named->name() : std::string("value")) + "_" + node.op_type;
  for (std::size_t i = 0; i < outputs; ++i) node.add_output(graph.unique_name(name));
  const auto problem = inference_->infer(node, imports_at(node.domain, opset));
  // Of a function's parameter nothing is known.
  if (problem && !values::has_references(node)) {
    throw Refusal{fmt::format("{} of opset {}, which is to take part in its place: {}", node.op_type, opset, *problem)};
  }
  Values values;
  for (std::size_t i = 0; i < outputs; ++i) {
    const tensor::Tensor* known = node.subgraphs().empty() ? known_.constant(*node.output(i)) : nullptr;
    if (known == nullptr) break;
    values.push_back(constant(position, *known));
  }
  if (values.size() == outputs) {
    erase(node);
    return values;
  }
  note_made(node, opset);
  values.clear();
  for (std::size_t i = 0; i < outputs; ++i) values.push_back(node.output(i));
  return values;
}

/// Functions have no initializers; before IR version 4 initializers are listed as inputs.
ir::Value* Converter::constant(const ir::Node& position, tensor::Tensor tensor) {
  ir::Graph& top = position.graph().root();
  std::string key;
  if (tensor.dtype() != DataType::string && tensor.byte_size() <= kSharedBytes) {
    key = fmt::format("{} {} {} ", static_cast<const void*>(&top), name_of(tensor.dtype()),
                      fmt::join(tensor.dims(), ","));
    const std::vector<std::byte> bytes = tensor::evaluate(tensor);
    key.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto known = constants_.find(key);
    if (known != constants_.end()) return known->second;
  }
  const ir::Type type = ir::tensor_type(tensor.dtype(), ir::Shape(tensor.dims().begin(), tensor.dims().end()));
  const std::string name = top.unique_name("constant");
  ir::Value* value = nullptr;
  if (&top != model_.graph.get()) {
    ir::Node& node = top.insert_before(top.first(), "Constant", {});
    node.set("value", ir::NamedTensor{name, std::move(tensor), {}});
    value = node.add_output(name, type);
  } else if (model_.ir_version < 4) {
    value = &top.add_input(name, type);
    top.make_initializer(*value, std::move(tensor));
  } else {
    value = &top.add_initializer(name, std::move(tensor));
  }
  if (!value->type.known()) value->type = type;
  note_loose(value);
  if (!key.empty()) constants_.emplace(std::move(key), value);
  return value;
}

void Converter::note_loose(ir::Value* value) {
  if (value != nullptr) loose_.try_emplace(value, loose_.size());
}

/// `to` takes the place of `from` in every respect but its name.
void Converter::hand_over(ir::Value& from, ir::Value& to) {
  to.annotations = std::move(from.annotations);
  to.listed = from.listed;
  const bool says_more = from.type.known() && (from.listed || to.type.tensor() == nullptr || !to.type.tensor()->shape);
  if (says_more || from.is_graph_output()) to.type = from.type;
  const auto told = told_.find(&from);
  if (told != told_.end()) {
    told_.insert_or_assign(&to, std::move(told->second));
    told_.erase(&from);
  }
  ir::Graph::replace_all_uses(from, to);
}

void Converter::replace(ir::Node& node, const Values& values, std::int64_t opset) {
  std::vector<std::pair<ir::Value*, std::string>> names;
  for (std::size_t i = 0; i < node.output_count(); ++i) {
    ir::Value* output = node.output(i);
    if (output == nullptr || output->uses().empty()) continue;
    ir::Value* fresh = i < values.size() ? values[i] : nullptr;
    if (fresh == nullptr) throw Refusal{fmt::format("its output '{}' has no equal", output->name())};
    const auto is_ours = [&](const ir::Value& value) {
      return value.producer() != nullptr && made_.contains(value.producer()) &&
             &value.producer()->graph() == &node.graph() && !value.is_graph_output() &&
             std::none_of(names.begin(), names.end(), [&](const auto& name) { return name.first == &value; });
    };
    if (!is_ours(*fresh)) {
      if (!output->is_graph_output()) {
        ir::Graph::replace_all_uses(*output, *fresh);
        continue;
      }
      fresh = make_copy(node, *fresh, opset);
    }
    if (fresh->type.tensor() != nullptr && output->type.tensor() != nullptr &&
        fresh->type.tensor()->dtype != output->type.tensor()->dtype) {
      throw Error(ErrorCode::internal, fmt::format("{}: an adapter makes {} of {}", node.describe(),
                                                   ir::to_string(fresh->type), ir::to_string(output->type)));
    }
    hand_over(*output, *fresh);
    names.emplace_back(fresh, output->name());
  }
  for (const auto& [value, name] : names) {
    if (value->producer()->output(0) != value) continue;
    if (!node.name.empty()) value->producer()->name = node.name;
    if (!node.annotations.empty()) value->producer()->annotations = node.annotations;
  }
  erase(node);
  for (auto& [value, name] : names) value->set_name(std::move(name));
}

/// Not made by make(), which would put a constant in its place.
ir::Value* Converter::make_copy(ir::Node& position, ir::Value& value, std::int64_t opset) {
  ir::Node& copy = position.graph().insert_before(&position, "Identity", {&value});
  ir::Value* output = copy.add_output(position.graph().unique_name(value.name()), value.type);
  note_made(copy, opset_beside(position, opset));
  return output;
}

void Converter::erase(ir::Node& node) {
  for (ir::Value* input : node.inputs()) note_loose(input);
  for (const auto& output : node.outputs()) {
    if (!output) continue;
    loose_.erase(output.get());
    told_.erase(output.get());
    known_.forget(*output);
  }
  for (ir::Graph* subgraph : node.subgraphs()) {
    for_each_graph(*subgraph, [&](ir::Graph& graph) { forget(graph); });
  }
  made_.erase(&node);
  std::erase_if(pending_, [&](const Pending& pending) { return pending.node == &node; });
  if (current_ == &node) current_ = nullptr;
  node.graph().erase(node);
}

void Converter::forget(ir::Graph& graph) {
  done_.erase(&graph);
  const auto drop = [&](ir::Value& value) {
    loose_.erase(&value);
    told_.erase(&value);
    known_.forget(value);
  };
  for (ir::Value* input : graph.inputs()) drop(*input);
  for (ir::Value* constant : graph.initializers()) drop(*constant);
  for (ir::Node& node : graph.nodes()) {
    for (const auto& output : node.outputs()) {
      if (output) drop(*output);
    }
  }
}

Result convert(ir::Model& model, const Targets& targets) { return Converter(model, targets).run(); }

}  // namespace olivine::opset

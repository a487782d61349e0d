#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "ir/each_value.h"
#include "opset/converter.h"
#include "opset/imports.h"

/// The part of the converter that makes nodes and puts them in the place of others.
namespace olivine::opset {

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
  std::string key = values::content_key(tensor);
  if (!key.empty()) {
    key += fmt::format(" {}", static_cast<const void*>(&top));
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
    if (output) forget(*output);
  }
  for (ir::Graph* subgraph : node.subgraphs()) {
    for_each_graph(*subgraph, [&](ir::Graph& graph) { forget(graph); });
  }
  made_.erase(&node);
  std::erase_if(pending_, [&](const Pending& pending) { return pending.node == &node; });
  if (current_ == &node) current_ = nullptr;
  node.graph().erase(node);
}

/// Before a value goes: its address may be another's later.
void Converter::forget(ir::Value& value) {
  loose_.erase(&value);
  told_.erase(&value);
  known_.forget(value);
}

void Converter::forget(ir::Graph& graph) {
  done_.erase(&graph);
  for_each_value(graph, [&](ir::Value& value) { forget(value); });
}

}  // namespace olivine::opset

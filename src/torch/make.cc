#include <fmt/format.h>

#include <set>

#include "torch/lowering.h"

/// The part of the engine that makes nodes and constants.
namespace olivine::torch {

namespace {

bool is_pure(std::string_view op_type) {
  static const std::set<std::string, std::less<>> random = {
      "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial", "Dropout"};
  return !random.contains(op_type);
}

void append_bytes(std::string& key, const void* data, std::size_t size) {
  key.append(static_cast<const char*>(data), size);
  key.push_back('|');
}

/// What makes two nodes equal; empty for a node that is no other's equal.
std::string equality_key(const ir::Node& node, std::size_t outputs) {
  if (!is_pure(node.op_type) || !node.subgraphs().empty()) return {};
  std::string key = fmt::format("{} {} {} ", node.domain, node.op_type, outputs);
  for (const ir::Value* input : node.inputs()) append_bytes(key, &input, sizeof input);
  for (const ir::Attribute& attribute : node.attributes()) {
    key += attribute.name;
    key.push_back('=');
    if (const auto* number = std::get_if<std::int64_t>(&attribute.value)) {
      append_bytes(key, number, sizeof *number);
    } else if (const auto* real = std::get_if<float>(&attribute.value)) {
      append_bytes(key, real, sizeof *real);
    } else if (const auto* text = std::get_if<std::string>(&attribute.value)) {
      append_bytes(key, text->data(), text->size());
    } else if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(&attribute.value)) {
      append_bytes(key, numbers->data(), numbers->size() * sizeof(std::int64_t));
    } else if (const auto* reals = std::get_if<std::vector<float>>(&attribute.value)) {
      append_bytes(key, reals->data(), reals->size() * sizeof(float));
    } else {
      const auto* tensor = std::get_if<ir::NamedTensor>(&attribute.value);
      const std::string content = tensor != nullptr ? values::content_key(tensor->tensor) : std::string();
      if (content.empty()) return {};
      append_bytes(key, content.data(), content.size());
    }
  }
  return key;
}

}  // namespace

Values Lowering::make(const Node& origin, std::string op_type, Values inputs, std::size_t outputs,
                      const std::function<void(ir::Node&)>& fill, std::string domain) {
  while (!inputs.empty() && inputs.back() == nullptr) inputs.pop_back();
  ir::Graph& graph = *graphs_.back().graph;
  ir::Node& node = graph.append(std::move(op_type), std::move(inputs), std::move(domain));
  if (fill) fill(node);
  const std::string key = options_.optimize ? equality_key(node, outputs) : std::string();
  if (!key.empty()) {
    for (auto open = graphs_.rbegin(); open != graphs_.rend(); ++open) {
      const auto found = open->made.find(key);
      if (found == open->made.end()) continue;
      graph.erase(node);
      return found->second;
    }
  }
  const std::string scope = origin.module_path.empty() ? "" : origin.module_path + "/";
  for (std::size_t i = 0; i < outputs; ++i) {
    node.add_output(model_.graph->unique_name(fmt::format("{}{}/{}", scope, origin.name, node.op_type)));
  }
  const auto problem = inference_.infer(node, model_.opset_imports);
  if (problem) {
    const std::string reason = fmt::format("{}: {}", node.op_type, *problem);
    for (const auto& output : node.outputs()) known_.forget(*output);
    graph.erase(node);
    throw values::Refusal{reason};
  }
  Values values;
  for (std::size_t i = 0; options_.optimize && i < outputs && node.subgraphs().empty() && is_pure(node.op_type); ++i) {
    const tensor::Tensor* known = known_.constant(*node.output(i));
    if (known == nullptr) break;
    values.push_back(constant(*known));
  }
  if (values.size() == outputs) {
    for (const auto& output : node.outputs()) known_.forget(*output);
    graph.erase(node);
  } else {
    values.clear();
    for (std::size_t i = 0; i < outputs; ++i) values.push_back(node.output(i));
    node.name = model_.graph->unique_node_name(scope + node.op_type);
    ir::Metadata& metadata = node.annotations.edit().metadata;
    metadata.emplace_back("namespace", origin.module_path);
    if (!origin.module_types.empty()) metadata.emplace_back("pkg.torch.onnx.class_hierarchy", origin.module_types);
    metadata.emplace_back("pkg.torch.onnx.fx_node", fmt::format("{} = {}", origin.name, origin.target));
    if (!origin.stack_trace.empty()) metadata.emplace_back("pkg.torch.onnx.stack_trace", origin.stack_trace);
  }
  if (!key.empty()) graphs_.back().made.emplace(key, values);
  return values;
}

ir::Value* Lowering::constant(tensor::Tensor tensor) {
  const std::string key = values::content_key(tensor);
  if (!key.empty()) {
    const auto known = constants_.find(key);
    if (known != constants_.end()) return known->second;
  }
  const ir::Type type = ir::tensor_type(tensor.dtype(), ir::Shape(tensor.dims().begin(), tensor.dims().end()));
  ir::Value& value = model_.graph->add_initializer(model_.graph->unique_name("constant"), std::move(tensor));
  value.type = type;
  if (!key.empty()) constants_.emplace(key, &value);
  return &value;
}

}  // namespace olivine::torch

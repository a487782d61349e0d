#include "ir/cloner.h"

namespace olivine::ir {

std::unique_ptr<Graph> Cloner::graph(const Graph& source) {
  auto copy = std::make_unique<Graph>();
  fill(source, *copy);
  return copy;
}

std::optional<Attribute> Cloner::attribute(const Attribute& source) {
  const Attribute* content = &source;
  if (!source.reference.empty() && resolve) content = resolve(source);
  if (content == nullptr) return std::nullopt;
  Attribute copy;
  copy.name = source.name;
  copy.reference = content->reference;
  copy.reference_kind = content->reference_kind;
  copy.annotations = source.annotations;
  copy.value = std::visit([this](const auto& value) -> AttributeValue { return this->value(value); }, content->value);
  return copy;
}

void Cloner::copy_attributes(const Node& from, Node& to) {
  for (const Attribute& source : from.attributes()) {
    if (auto copied = attribute(source)) to.add(std::move(*copied));
  }
}

std::vector<std::unique_ptr<Graph>> Cloner::value(const std::vector<std::unique_ptr<Graph>>& values) {
  std::vector<std::unique_ptr<Graph>> copies;
  for (const auto& value : values) copies.push_back(graph(*value));
  return copies;
}

void Cloner::describe(const Value& source, Value& copy) {
  copy.annotations = source.annotations;
  copy.type = source.type;
  copy.listed = source.listed;
  if (source.initializer() != nullptr) copy.initializer_annotations() = source.initializer_annotations();
  values_[&source] = &copy;
}

void Cloner::constants(const Graph& source, Graph& copy) {
  for (const Value* input : source.inputs()) values_[input] = &copy.add_input(input->name(), input->type);
  for (const Value* initializer : source.initializers()) {
    if (const SparseTensor* sparse = initializer->sparse_initializer()) {
      values_[initializer] = &copy.add_sparse_initializer(*sparse);
    } else if (initializer->is_graph_input()) {
      copy.make_initializer(*values_.at(initializer), *initializer->initializer());
    } else {
      values_[initializer] = &copy.add_initializer(initializer->name(), *initializer->initializer());
    }
  }
  for (const Value* input : source.inputs()) describe(*input, *values_.at(input));
  for (const Value* initializer : source.initializers()) describe(*initializer, *values_.at(initializer));
}

void Cloner::fill(const Graph& source, Graph& copy) {
  copy.name = source.name;
  copy.annotations = source.annotations;
  copy.quantization_annotations = source.quantization_annotations;
  constants(source, copy);
  for (const Node& node : source.nodes()) {
    std::vector<Value*> inputs;
    for (const Value* input : node.inputs()) inputs.push_back(mapped(input));
    Node& twin = copy.append(node.op_type, std::move(inputs), node.domain);
    twin.name = node.name;
    twin.overload = node.overload;
    twin.annotations = node.annotations;
    copy_attributes(node, twin);
    for (const auto& output : node.outputs()) {
      Value* value = twin.add_output(output ? output->name() : std::string());
      if (output) describe(*output, *value);
    }
  }
  for (const Value* output : source.outputs()) copy.add_output(*mapped(output));
}

Model clone(const Model& model) {
  Model copy;
  copy.ir_version = model.ir_version;
  copy.opset_imports = model.opset_imports;
  copy.producer_name = model.producer_name;
  copy.producer_version = model.producer_version;
  copy.domain = model.domain;
  copy.model_version = model.model_version;
  copy.annotations = model.annotations;
  copy.training_info = model.training_info;
  copy.graph = Cloner().graph(*model.graph);
  for (const auto& function : model.functions) {
    auto twin = std::make_unique<Function>();
    twin->name = function->name;
    twin->domain = function->domain;
    twin->overload = function->overload;
    twin->annotations = function->annotations;
    twin->opset_imports = function->opset_imports;
    twin->attributes = function->attributes;
    for (const Attribute& attribute : function->default_attributes)
      twin->default_attributes.push_back(*Cloner().attribute(attribute));
    twin->body = Cloner().graph(*function->body);
    copy.functions.push_back(std::move(twin));
  }
  return copy;
}

}  // namespace olivine::ir

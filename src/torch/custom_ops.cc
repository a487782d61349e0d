#include "torch/custom_ops.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "config/json_document.h"
#include "config/options.h"
#include "ir/cloner.h"
#include "onnx/onnx.h"
#include "opset/convert.h"
#include "torch/lowering.h"

namespace olivine::torch {
namespace {

using config::Json;

struct Entry {
  std::string op_type;
  std::string domain;
  std::int64_t version = 1;
  std::vector<std::string> inputs;
  std::map<std::string, std::string> attributes;
  std::string model;
};

const config::OptionsSchema& entry_schema() {
  static const config::OptionsSchema schema =
      config::Declare<Entry>()
          .field("op_type", &Entry::op_type, "Operator of the node that takes the call's place.")
          .field("domain", &Entry::domain, "Domain of that operator.")
          .field("version", &Entry::version, "Version of the domain's opset.")
          .range(1, 1 << 30)
          .field("inputs", &Entry::inputs, "Arguments that become inputs, in order; by default all tensors.")
          .field("attributes", &Entry::attributes, "Attributes of the node, each with the argument that it is.")
          .field("model", &Entry::model, "An ONNX model whose graph takes the call's place.")
          .exclusive({"op_type", "model"})
          .done();
  return schema;
}

std::shared_ptr<const ir::Model> read_body(const std::filesystem::path& path, std::int64_t opset) {
  auto model = std::make_shared<ir::Model>(onnx::read_model(path));
  with_place(path.string(), [&] {
    onnx::check_model(*model);
    opset::convert(*model, {{"", opset}});
  });
  return model;
}

std::string with_overload(const std::string& target) {
  return std::count(target.begin(), target.end(), '.') < 2 ? target + ".default" : target;
}

/// The arguments that are wanted, or all tensors among them.
Values inputs_of(Call& c, const CustomOp& op) {
  Values inputs;
  if (!op.inputs.empty()) {
    for (const std::string& name : op.inputs) {
      if (c.has(name) && !c.is_tensor(name)) {
        inputs.push_back(c.scalar(c.number_argument(name), c.number_argument(name).dtype()));
      } else {
        inputs.push_back(c.find_tensor(name));
      }
    }
    return inputs;
  }
  for (const NamedArgument& input : c.node().inputs) {
    if (input.value.as<TensorName>() != nullptr) inputs.push_back(c.tensor(input.name));
    const List* list = input.value.as<List>();
    if (list == nullptr || list->empty() || list->front().as<TensorName>() == nullptr) continue;
    for (ir::Value* value : c.tensors(input.name)) inputs.push_back(value);
  }
  return inputs;
}

ir::AttributeValue attribute_of(Call& c, const std::string& argument) {
  const Argument* value = c.find(argument);
  if (value == nullptr) c.refuse(fmt::format("its argument '{}', which is to be an attribute, is not given", argument));
  if (const auto* text = value->as<std::string>()) return *text;
  if (const auto* real = value->as<double>()) return static_cast<float>(*real);
  if (const auto* type = value->as<DataType>()) return static_cast<std::int64_t>(*type);
  const List* list = value->as<List>();
  if (list == nullptr) return c.integer(argument);
  if (list->empty() || list->front().as<double>() == nullptr) return *c.integers(argument);
  const std::vector<double> numbers = *c.reals_argument(argument);
  return std::vector<float>(numbers.begin(), numbers.end());
}

Values inline_body(Call& c, const ir::Graph& body, const Values& inputs) {
  if (body.inputs().size() < inputs.size()) {
    c.refuse(fmt::format("its model takes {} inputs and {} are given", body.inputs().size(), inputs.size()));
  }
  ir::Cloner cloner;
  for (std::size_t i = 0; i < body.inputs().size(); ++i) {
    cloner.map(*body.inputs()[i], i < inputs.size() ? inputs[i] : nullptr);
  }
  for (const ir::Value* value : body.initializers()) {
    if (value->initializer() != nullptr) cloner.map(*value, c.constant(*value->initializer()));
  }
  for (const ir::Node& inner : body.nodes()) {
    Values operands;
    for (const ir::Value* value : inner.inputs()) operands.push_back(cloner.mapped(value));
    const Values made = c.lowering().make(
        c.node(), inner.op_type, std::move(operands), inner.output_count(),
        [&](ir::Node& node) { cloner.copy_attributes(inner, node); }, inner.domain);
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (inner.output(i) != nullptr) cloner.map(*inner.output(i), made[i]);
    }
  }
  Values results;
  for (const ir::Value* output : body.outputs()) results.push_back(cloner.mapped(output));
  return results;
}

}  // namespace

Values lower_custom(Call& c, const CustomOp& op) {
  const Values inputs = inputs_of(c, op);
  if (op.body != nullptr) {
    for (const ir::OpsetImport& import : op.body->opset_imports) {
      if (!import.domain.empty()) c.lowering().import_opset(import.domain, import.version);
    }
    return inline_body(c, *op.body->graph, inputs);
  }
  c.lowering().import_opset(op.domain, op.version);
  const auto fill = [&](ir::Node& node) {
    for (const auto& [name, argument] : op.attributes) node.set(name, attribute_of(c, argument));
  };
  return c.lowering().make(c.node(), op.op_type, inputs, c.result_count(), fill, op.domain);
}

CustomOps read_custom_ops(const std::filesystem::path& path, std::int64_t opset) {
  const auto document = config::JsonDocument::parse(read_text_file(path), path.string());
  if (!document.root().is_object()) throw document.error("", config::type_error("an object", document.root()));
  CustomOps ops;
  ErrorList errors;
  for (const auto& [target, value] : document.root().items()) {
    const std::string pointer = config::child_pointer("", target);
    if (!value.is_object()) {
      errors.add(document.error(pointer, config::type_error("an object", value)));
      continue;
    }
    std::vector<config::Problem> problems;
    const std::any read = entry_schema().read(value, problems);
    document.report(pointer, problems, errors);
    if (!problems.empty()) continue;
    const auto& entry = std::any_cast<const Entry&>(read);
    if (entry.op_type.empty() && entry.model.empty()) {
      errors.add(document.error(pointer, "says nothing of what the operator becomes", "give op_type or model"));
      continue;
    }
    CustomOp op{entry.op_type, entry.domain, entry.version, entry.inputs, entry.attributes, nullptr};
    if (!entry.model.empty()) op.body = read_body(path.parent_path() / entry.model, opset);
    ops.emplace(with_overload(target), std::move(op));
  }
  errors.throw_if_any();
  return ops;
}

}  // namespace olivine::torch

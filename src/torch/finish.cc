#include <fmt/format.h>

#include <algorithm>

#include "ir/each_value.h"
#include "ir/erase.h"
#include "opset/convert.h"
#include "torch/lowering.h"

/// What comes after the last call: outputs, weights that are rearranged once and for all, dead code, the target's
/// opset.
namespace olivine::torch {
namespace {

/// The constant that a node makes of constants, without reading them; nothing where it isn't one of these.
std::optional<tensor::Tensor> rearranged(const ir::Node& node) {
  const ir::Value* input = node.input(0);
  if (input == nullptr || input->initializer() == nullptr || !node.domain.empty()) return std::nullopt;
  const tensor::Tensor& tensor = *input->initializer();
  const auto dims = values::static_dims(node.output(0)->type);
  if (node.is("Transpose")) {
    const auto* permutation = node.integers("perm");
    return tensor::transpose(tensor, permutation != nullptr ? *permutation : std::vector<std::int64_t>());
  }
  if (node.is("Cast")) {
    tensor::CastOptions options;
    options.saturate = node.integer("saturate", 1) != 0;
    return tensor::cast(tensor, static_cast<DataType>(node.integer("to", 0)), options);
  }
  const bool reshapes = node.is("Reshape") || node.is("Unsqueeze") || node.is("Squeeze") || node.is("Flatten");
  if (reshapes && dims) return tensor::reshape(tensor, *dims);
  return std::nullopt;
}

}  // namespace

/// A result that a call doesn't make may stay unused, but for one that the program gives away.
ir::Value* Lowering::output_tensor(const std::string& name) {
  if (ir::Value* value = current(*cell(name))) return value;
  const auto makes = [&](const Node& node) {
    return std::ranges::any_of(node.outputs, [&](const Argument& output) {
      const auto* tensor = output.as<TensorName>();
      return tensor != nullptr && tensor->name == name;
    });
  };
  const auto node = std::ranges::find_if(program_.graph.nodes, makes);
  const std::string call =
      node != program_.graph.nodes.end() ? fmt::format("'{}' ({})", node->name, node->target) : name;
  throw Error(ErrorCode::conversion, fmt::format("its result '{}', an output, has no equal in ONNX", name))
      .prepend(call);
}

void Lowering::bind_outputs() {
  std::size_t user = 0;
  std::vector<std::string> names;
  Node origin;
  for (std::size_t i = 0; i < program_.outputs.size(); ++i) {
    if (program_.outputs[i].kind != OutputSpec::Kind::user) continue;
    const std::size_t position = user++;
    const Argument& output = program_.graph.outputs[i];
    ir::Value* value = nullptr;
    std::string name;
    if (const auto* tensor_name = output.as<TensorName>()) {
      value = output_tensor(tensor_name->name);
      name = tensor_name->name;
    } else if (const auto* size = output.as<SymbolName>()) {
      name = size->name;
      origin.name = name;
      value = make(origin, "Squeeze", {symbol(size->name)}, 1, {}).front();
    } else {
      // None and numbers that the export took as they were are no outputs.
      continue;
    }
    const std::size_t index = model_.graph->outputs().size();
    if (index < options_.output_names.size()) {
      name = options_.output_names[index];
    } else if (position < program_.output_paths.size() && !program_.output_paths[position].empty() &&
               std::isdigit(static_cast<unsigned char>(program_.output_paths[position].front())) == 0) {
      name = program_.output_paths[position];
    }
    if (value->producer() == nullptr || value->is_graph_output() || value->graph() != model_.graph.get()) {
      ir::Node& copy = model_.graph->append("Identity", {value});
      copy.name = model_.graph->unique_node_name("Identity");
      value = copy.add_output(model_.graph->unique_name(name + "/Identity"), value->type);
    }
    names.push_back(std::move(name));
    model_.graph->add_output(*value);
  }
  name_outputs(names);
}

/// Outputs get their names even where an inner value bears one.
void Lowering::name_outputs(const std::vector<std::string>& names) {
  std::unordered_map<std::string, ir::Value*> inner;
  ir::for_each_graph(*model_.graph, [&](ir::Graph& graph) {
    ir::for_each_value(graph, [&](ir::Value& value) { inner.emplace(value.name(), &value); });
  });
  for (std::size_t i = 0; i < names.size(); ++i) {
    ir::Value* output = model_.graph->outputs()[i];
    if (output->name() == names[i]) continue;
    const auto bearer = inner.find(names[i]);
    const bool is_inner = bearer != inner.end() && !bearer->second->is_graph_input() &&
                          bearer->second->name() == names[i] && !bearer->second->is_graph_output();
    if (is_inner) bearer->second->set_name(model_.graph->unique_name(names[i]));
    const bool is_free = bearer == inner.end() || is_inner;
    output->set_name(is_free ? names[i] : model_.graph->unique_name(names[i]));
  }
}

/// A weight that is used in one arrangement only is stored in it; one that has other users too stays as it is.
void Lowering::fold_weights() {
  std::vector<ir::Node*> nodes;
  for_each_graph(model_, [&](ir::Graph& graph) {
    for (ir::Node& node : graph.nodes()) nodes.push_back(&node);
  });
  for (ir::Node* node : nodes) {
    if (node->output_count() != 1 || node->output(0)->is_graph_output()) continue;
    ir::Value* input = node->input(0);
    if (input == nullptr || input->initializer() == nullptr || input->uses().size() != 1) continue;
    const auto constant = rearranged(*node);
    if (!constant) continue;
    ir::Value& stored = model_.graph->add_initializer(
        model_.graph->unique_name(fmt::format("{}/{}", input->name(), node->op_type)), *constant);
    stored.type = ir::tensor_type(constant->dtype(), ir::Shape(constant->dims().begin(), constant->dims().end()));
    known_.forget(*node->output(0));
    ir::Graph::replace_all_uses(*node->output(0), stored);
    ir::DeadCode().erase_if_dead(*node);
  }
}

void Lowering::finish() {
  if (options_.optimize) {
    std::vector<ir::Node*> nodes;
    for (ir::Node& node : model_.graph->nodes()) nodes.push_back(&node);
    ir::DeadCode dead;
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
      if (!dead.erased().contains(*node)) dead.erase_if_dead(**node);
    }
    fold_weights();
  }
  const std::vector<ir::Value*> initializers(model_.graph->initializers().begin(), model_.graph->initializers().end());
  for (ir::Value* value : initializers) {
    if (value->uses().empty()) model_.graph->remove_initializer(*value);
  }
  if (options_.target_opset < opset_) {
    const opset::Result converted = opset::convert(model_, {{"", options_.target_opset}});
    for (const std::string& text : converted.notices) notice(text);
    model_.ir_version = opset::oldest_ir_of_opset(options_.target_opset);
  }
  // Runtimes read nothing newer than they know: the oldest version that the opset allows, but one that has initializers
  // beside inputs.
  model_.ir_version = std::max<std::int64_t>(model_.ir_version, 8);
}

}  // namespace olivine::torch

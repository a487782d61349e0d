#include "workflow/inspect.h"

#include <fmt/format.h>

#include <algorithm>

#include "workflow/weights.h"

namespace olivine::workflow {
namespace {

std::string qualified(const std::string& domain, const std::string& name) {
  return domain.empty() ? name : domain + "::" + name;
}

const ir::Shape* shape_of(const ir::Type& type) {
  const ir::TensorType* tensor = type.tensor();
  return tensor != nullptr && tensor->shape ? &*tensor->shape : nullptr;
}

class Inspector {
 public:
  explicit Inspector(const ir::Model& model) : model_(model) {}

  ModelSummary inspect(std::size_t count) {
    describe_model();
    describe_interface();
    ir::for_each_graph(model_, [&](const ir::Graph& graph) { describe_graph(graph); });
    describe_weights(count);
    summary_.operators.assign(operators_.begin(), operators_.end());
    std::stable_sort(summary_.operators.begin(), summary_.operators.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    for (const std::string& name : symbol_order_) summary_.symbols.push_back(symbols_.at(name));
    return std::move(summary_);
  }

 private:
  void describe_model() {
    summary_.ir_version = model_.ir_version;
    summary_.producer = model_.producer_name;
    if (!model_.producer_version.empty()) summary_.producer += " " + model_.producer_version;
    summary_.opsets = model_.opset_imports;
    if (!model_.annotations.empty()) {
      summary_.metadata = model_.annotations.get().metadata;
      summary_.doc_string = model_.annotations.get().doc_string;
    }
    for (const auto& function : model_.functions) {
      std::size_t nodes = 0;
      ir::for_each_graph(*function->body, [&](const ir::Graph& graph) { nodes += graph.node_count(); });
      summary_.functions.push_back({qualified(function->domain, function->name), nodes});
    }
  }

  void describe_interface() {
    for (const ir::Value* input : model_.graph->inputs()) {
      if (input->is_initializer()) continue;
      summary_.inputs.push_back({input->name(), ir::to_string(input->type)});
      note_symbols(*input, "input");
    }
    for (const ir::Value* output : model_.graph->outputs()) {
      summary_.outputs.push_back({output->name(), ir::to_string(output->type)});
      note_symbols(*output, "output");
    }
  }

  ModelSummary::Symbol& symbol(const std::string& name) {
    const auto [entry, is_new] = symbols_.try_emplace(name);
    if (is_new) {
      entry->second.name = name;
      symbol_order_.push_back(name);
    }
    return entry->second;
  }

  void note_symbols(const ir::Value& value, std::string_view role) {
    const ir::Shape* shape = shape_of(value.type);
    if (shape == nullptr) return;
    for (std::size_t axis = 0; axis < shape->size(); ++axis) {
      if (!(*shape)[axis].is_symbol()) continue;
      symbol((*shape)[axis].symbol()).places.push_back(fmt::format("{} {}, axis {}", role, value.name(), axis));
    }
  }

  void describe_graph(const ir::Graph& graph) {
    summary_.nodes += graph.node_count();
    if (graph.parent_node() != nullptr) ++summary_.subgraphs;
    for (const ir::Value* value : graph.inputs()) describe_value(*value);
    for (const ir::Node& node : graph.nodes()) {
      ++operators_[qualified(node.domain, node.op_type)];
      for (const auto& output : node.outputs()) {
        if (output != nullptr) describe_value(*output);
      }
    }
  }

  void describe_value(const ir::Value& value) {
    const DataType dtype = ir::element_type(value.type);
    if (dtype != DataType::undefined) ++summary_.values[std::string(name_of(dtype))];
    const bool is_main = value.graph() == model_.graph.get();
    if (is_main && (value.is_graph_input() || value.is_graph_output())) return;
    const ir::Shape* shape = shape_of(value.type);
    if (shape == nullptr) return;
    std::vector<std::string> seen;
    for (const ir::Dim& dim : *shape) {
      if (!dim.is_symbol() || std::find(seen.begin(), seen.end(), dim.symbol()) != seen.end()) continue;
      seen.push_back(dim.symbol());
      ++symbol(dim.symbol()).inner_values;
    }
  }

  void describe_weights(std::size_t count) {
    WeightTally tally(count);
    for_each_tensor(model_, [&](std::string_view name, const tensor::Tensor& tensor) {
      tally.add({std::string(name), std::string(name_of(tensor.dtype())), tensor.dims(), tensor.byte_size()},
                tensor.element_count());
    });
    static_cast<WeightSummary&>(summary_) = tally.summary();
  }

  const ir::Model& model_;
  ModelSummary summary_;
  std::map<std::string, std::size_t> operators_;
  std::map<std::string, ModelSummary::Symbol> symbols_;
  std::vector<std::string> symbol_order_;
};

}  // namespace

ModelSummary inspect(const ir::Model& model, std::size_t count) { return Inspector(model).inspect(count); }

config::Json to_json(const ModelSummary& summary) {
  using config::Json;
  Json json = {{"ir_version", summary.ir_version}, {"producer", summary.producer}};
  json["opsets"] = Json::object();
  for (const ir::OpsetImport& opset : summary.opsets) {
    json["opsets"][opset.domain.empty() ? "ai.onnx" : opset.domain] = opset.version;
  }
  const auto interface = [](const std::vector<ModelSummary::Io>& values) {
    Json list = Json::array();
    for (const auto& value : values) list.push_back({{"name", value.name}, {"type", value.type}});
    return list;
  };
  json["inputs"] = interface(summary.inputs);
  json["outputs"] = interface(summary.outputs);
  json["symbols"] = Json::object();
  for (const auto& symbol : summary.symbols) {
    json["symbols"][symbol.name] = {{"places", symbol.places}, {"inner_values", symbol.inner_values}};
  }
  json["nodes"] = summary.nodes;
  json["subgraphs"] = summary.subgraphs;
  json["operators"] = Json::object();
  for (const auto& [name, count] : summary.operators) json["operators"][name] = count;
  json["values"] = Json::object();
  for (const auto& [dtype, count] : summary.values) json["values"][dtype] = count;
  add_to_json(summary, json);
  json["functions"] = Json::array();
  for (const auto& function : summary.functions) {
    json["functions"].push_back({{"name", function.name}, {"nodes", function.nodes}});
  }
  json["metadata"] = Json::object();
  for (const auto& [key, value] : summary.metadata) json["metadata"][key] = value;
  json["doc_string"] = summary.doc_string;
  return json;
}

}  // namespace olivine::workflow

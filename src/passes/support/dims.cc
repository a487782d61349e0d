#include "passes/support/dims.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>

namespace olivine::passes {
namespace {

/// Changes one dimension; true if it did.
using ChangeDim = std::function<bool(ir::Dim&)>;

bool change_dims(ir::Type& type, const ChangeDim& change);

bool change_shape(std::optional<ir::Shape>& shape, const ChangeDim& change) {
  bool changed = false;
  if (!shape) return changed;
  for (ir::Dim& dim : *shape) changed = change(dim) || changed;
  return changed;
}

/// Element types are shared and never changed in place.
bool change_element(std::shared_ptr<const ir::Type>& element, const ChangeDim& change) {
  if (element == nullptr) return false;
  ir::Type copy = *element;
  if (!change_dims(copy, change)) return false;
  element = std::make_shared<const ir::Type>(std::move(copy));
  return true;
}

struct ChangeKind {
  const ChangeDim& change;

  bool operator()(std::monostate) const { return false; }
  bool operator()(const ir::OpaqueType&) const { return false; }
  bool operator()(ir::TensorType& type) const { return change_shape(type.shape, change); }
  bool operator()(ir::SparseTensorType& type) const { return change_shape(type.shape, change); }
  bool operator()(ir::SequenceType& type) const { return change_element(type.element, change); }
  bool operator()(ir::OptionalType& type) const { return change_element(type.element, change); }
  bool operator()(ir::MapType& type) const { return change_element(type.value, change); }
};

bool change_dims(ir::Type& type, const ChangeDim& change) { return std::visit(ChangeKind{change}, type.kind); }

bool change_attribute(ir::Attribute& attribute, const ChangeDim& change) {
  bool changed = false;
  if (auto* type = std::get_if<ir::Type>(&attribute.value)) changed = change_dims(*type, change);
  if (auto* types = std::get_if<std::vector<ir::Type>>(&attribute.value)) {
    for (ir::Type& type : *types) changed = change_dims(type, change) || changed;
  }
  return changed;
}

bool change_everywhere(ir::Model& model, const ChangeDim& change) {
  bool changed = false;
  for_each_graph(model, [&](ir::Graph& graph) {
    for (ir::Value* input : graph.inputs()) changed = change_dims(input->type, change) || changed;
    for (ir::Value* initializer : graph.initializers()) changed = change_dims(initializer->type, change) || changed;
    for (ir::Node& node : graph.nodes()) {
      for (const auto& output : node.outputs()) {
        if (output) changed = change_dims(output->type, change) || changed;
      }
      for (ir::Attribute& attribute : node.attributes()) changed = change_attribute(attribute, change) || changed;
    }
  });
  return changed;
}

bool means_unknown(const ir::Dim& dim) {
  if (dim.is_value()) return dim.value() < 0;
  return dim.is_symbol() && (dim.symbol() == "?" || dim.symbol() == "-1");
}

}  // namespace

bool normalize_unknown_dims(ir::Model& model) {
  return change_everywhere(model, [](ir::Dim& dim) {
    if (!means_unknown(dim)) return false;
    const std::string denotation = std::move(dim.denotation);
    dim = ir::Dim();
    dim.denotation = denotation;
    return true;
  });
}

SymbolPlaces find_symbols(const ir::Model& model) {
  constexpr std::size_t kPlaces = 3;
  SymbolPlaces places;
  const auto note = [&](const ir::Value& value, std::string_view role) {
    ir::Type copy = value.type;
    change_dims(copy, [&](ir::Dim& dim) {
      if (!dim.is_symbol() || means_unknown(dim)) return false;
      auto& list = places[dim.symbol()];
      if (list.size() == kPlaces) return false;
      std::string place = fmt::format("{} '{}' {}", role, value.name(), to_string(value.type));
      if (list.empty() || list.back() != place) list.push_back(std::move(place));
      return false;
    });
  };
  for (const ir::Value* input : model.graph->inputs()) note(*input, "input");
  for (const ir::Value* output : model.graph->outputs()) note(*output, "output");
  for_each_graph(model, [&](const ir::Graph& graph) {
    if (&graph != model.graph.get()) {
      for (const ir::Value* input : graph.inputs()) note(*input, "input of a subgraph");
    }
    for (const ir::Node& node : graph.nodes()) {
      for (const auto& output : node.outputs()) {
        if (output && !output->is_graph_output()) note(*output, "value");
      }
    }
  });
  return places;
}

bool substitute_symbols(ir::Model& model, const SymbolSizes& sizes) {
  if (sizes.empty()) return false;
  return change_everywhere(model, [&](ir::Dim& dim) {
    if (!dim.is_symbol()) return false;
    const auto entry = sizes.find(dim.symbol());
    if (entry == sizes.end()) return false;
    const std::string denotation = std::move(dim.denotation);
    dim = ir::Dim(entry->second);
    dim.denotation = denotation;
    return true;
  });
}

bool is_static(const ir::Type& type) {
  if (!type.known()) return false;
  const ir::TensorType* tensor = type.tensor();
  if (tensor == nullptr) return true;
  return tensor->shape && std::all_of(tensor->shape->begin(), tensor->shape->end(),
                                      [](const ir::Dim& dim) { return dim.is_value() && dim.value() >= 0; });
}

}  // namespace olivine::passes

#include "workflow/weights.h"

#include <fmt/format.h>

namespace olivine::workflow {
namespace {

using Visit = std::function<void(std::string_view, const tensor::Tensor&)>;

void visit_tensor(const ir::NamedTensor& tensor, std::string_view fallback, const Visit& visit) {
  visit(tensor.name.empty() ? fallback : std::string_view(tensor.name), tensor.tensor);
}

void visit_sparse(const ir::SparseTensor& tensor, std::string_view fallback, const Visit& visit) {
  visit_tensor(tensor.values, fallback, visit);
  visit_tensor(tensor.indices, fallback, visit);
}

void visit_attributes(const ir::Node& node, const Visit& visit) {
  const std::string_view name = node.output(0) != nullptr ? std::string_view(node.output(0)->name()) : node.name;
  for (const ir::Attribute& attribute : node.attributes()) {
    if (const auto* one = std::get_if<ir::NamedTensor>(&attribute.value)) {
      visit_tensor(*one, name, visit);
    } else if (const auto* many = std::get_if<std::vector<ir::NamedTensor>>(&attribute.value)) {
      for (const ir::NamedTensor& tensor : *many) visit_tensor(tensor, name, visit);
    } else if (const auto* sparse = std::get_if<ir::SparseTensor>(&attribute.value)) {
      visit_sparse(*sparse, name, visit);
    } else if (const auto* sparses = std::get_if<std::vector<ir::SparseTensor>>(&attribute.value)) {
      for (const ir::SparseTensor& tensor : *sparses) visit_sparse(tensor, name, visit);
    }
  }
}

}  // namespace

void for_each_tensor(const ir::Model& model, const Visit& visit) {
  ir::for_each_graph(model, [&](const ir::Graph& graph) {
    for (const ir::Value* value : graph.initializers()) {
      if (const tensor::Tensor* tensor = value->initializer()) visit(value->name(), *tensor);
      if (const ir::SparseTensor* sparse = value->sparse_initializer()) visit_sparse(*sparse, value->name(), visit);
    }
    for (const ir::Node& node : graph.nodes()) visit_attributes(node, visit);
  });
}

ModelSize measure(const ir::Model& model) {
  ModelSize size;
  size.nodes = ir::node_count(model);
  for_each_tensor(model,
                  [&](std::string_view, const tensor::Tensor& tensor) { size.weight_bytes += tensor.byte_size(); });
  return size;
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"bytes", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  if (unit == 0) return bytes == 1 ? "1 byte" : fmt::format("{} bytes", bytes);
  return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, kUnits[unit]);
}

}  // namespace olivine::workflow

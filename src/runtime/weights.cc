#include "runtime/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>
#include <unordered_map>
#include <utility>
#include <variant>

#include "base/error.h"
#include "onnx/onnx.h"

namespace olivine::runtime {
namespace {

/// Small tensors travel in the model. Integers stay in it longer: shapes, axes and splits are read by ORT's shape
/// inference, which doesn't see what is supplied from memory.
constexpr std::uint64_t kInlineBytes = 1024;
constexpr std::uint64_t kInlineIntegerBytes = 1 << 16;
/// From this size it pays to copy the model in order to take a tensor out of a subgraph.
constexpr std::uint64_t kHoistBytes = 1 << 20;
constexpr std::uint64_t kProtobufLimit = std::numeric_limits<std::int32_t>::max();

bool stays_inline(const tensor::Tensor& tensor) {
  // Older libraries have no tensors of the types that came later, only models with them.
  if (tensor.dtype() == DataType::string || tensor.dtype() > DataType::int4) return true;
  return tensor.byte_size() <= (is_integer(tensor.dtype()) ? kInlineIntegerBytes : kInlineBytes);
}

const tensor::Tensor* constant_value(const ir::Node& node) {
  return node.is("Constant") && node.output(0) != nullptr ? node.tensor("value") : nullptr;
}

bool worth_hoisting(const tensor::Tensor* tensor) {
  return tensor != nullptr && !stays_inline(*tensor) && tensor->byte_size() >= kHoistBytes;
}

/// A subgraph may not return a value of an outer graph, and a default of a subgraph's input belongs to that input.
bool can_leave(const ir::Value& value) {
  return !value.uses().empty() && !value.is_graph_output() && !value.is_graph_input();
}

template <typename Visit>
void for_each_nested_graph(ir::Graph& graph, const Visit& visit) {
  ir::for_each_graph(graph, [&](ir::Graph& inner) {
    if (&inner != &graph) visit(inner);
  });
}

bool needs_hoisting(const ir::Model& model) {
  bool found = false;
  for_each_nested_graph(*model.graph, [&](const ir::Graph& graph) {
    const auto large = [](const ir::Value* value) { return worth_hoisting(value->initializer()) && can_leave(*value); };
    if (!found) found = std::any_of(graph.initializers().begin(), graph.initializers().end(), large);
    for (const ir::Node& node : graph.nodes()) {
      if (found) return;
      found = worth_hoisting(constant_value(node)) && can_leave(*node.output(0));
    }
  });
  return found;
}

/// initializer of a subgraph, or its Constant -> initializer of the main graph, which subgraphs see as well
void hoist(ir::Graph& main) {
  const auto move_out = [&](ir::Value& value, const tensor::Tensor& tensor) {
    main.replace_all_uses(value, main.add_initializer(main.unique_name(value.name()), tensor));
  };
  for_each_nested_graph(main, [&](ir::Graph& graph) {
    const auto span = graph.initializers();
    for (ir::Value* const value : std::vector<ir::Value*>(span.begin(), span.end())) {
      if (!worth_hoisting(value->initializer()) || !can_leave(*value)) continue;
      move_out(*value, *value->initializer());
      graph.remove_initializer(*value);
    }
    for (ir::Node& node : graph.nodes()) {
      const tensor::Tensor* const tensor = constant_value(node);
      if (!worth_hoisting(tensor) || !can_leave(*node.output(0))) continue;
      move_out(*node.output(0), *tensor);
      graph.erase(node);
    }
  });
}

bool is_used(const ir::Value& value) { return !value.uses().empty() || value.is_graph_output(); }

/// A tensor of the main graph that can be supplied, and the value that it is.
struct Supply {
  const tensor::Tensor* tensor;
  const ir::Value* value;
};

std::vector<Supply> suppliable(const ir::Graph& main) {
  std::vector<Supply> found;
  const auto add = [&](const tensor::Tensor* tensor, const ir::Value& value) {
    if (tensor != nullptr && !stays_inline(*tensor)) found.push_back({tensor, &value});
  };
  for (const ir::Value* const value : main.initializers()) add(value->initializer(), *value);
  for (const ir::Node& node : main.nodes()) {
    if (const auto* const tensor = constant_value(node)) add(tensor, *node.output(0));
  }
  return found;
}

std::string join(onnx::Serialized serialized) {
  if (serialized.bytes > kProtobufLimit) {
    throw Error(ErrorCode::verification,
                fmt::format("{} bytes of weights lie where ONNX Runtime takes them only inside the model, which may "
                            "have 2 GB: in functions' bodies or in outputs of subgraphs",
                            serialized.bytes));
  }
  std::string text;
  text.reserve(serialized.bytes);
  for (onnx::Piece& piece : serialized.pieces) {
    if (const auto* const bytes = std::get_if<std::string>(&piece)) {
      text += *bytes;
      continue;
    }
    const auto& tensor = std::get<tensor::Tensor>(piece);
    const std::size_t begin = text.size();
    text.resize(begin + tensor.byte_size());
    tensor::evaluate_into(tensor, std::as_writable_bytes(std::span(text).subspan(begin)));
  }
  return text;
}

Disembodied take_out(const ir::Model& model) {
  const std::vector<Supply> supplies = suppliable(*model.graph);
  std::unordered_map<const tensor::Tensor*, const ir::Value*> wanted;
  for (const Supply& supply : supplies) wanted.emplace(supply.tensor, supply.value);
  const auto place = [&](const tensor::Tensor& tensor, std::string_view,
                         onnx::TensorRole) -> std::optional<onnx::ExternalData> {
    const auto found = wanted.find(&tensor);
    if (found == wanted.end()) return std::nullopt;
    return onnx::ExternalData{"#" + found->second->name(), 0, tensor.byte_size()};
  };
  Disembodied result;
  result.bytes = join(onnx::serialize(model, place));
  for (const Supply& supply : supplies) {
    // ORT drops what nothing uses before it looks at what is supplied, and refuses names that it doesn't know then.
    if (!is_used(*supply.value)) continue;
    result.names.push_back(supply.value->name());
    result.tensors.push_back(*supply.tensor);
  }
  return result;
}

}  // namespace

Disembodied disembody(const ir::Model& model) {
  if (!needs_hoisting(model)) return take_out(model);
  ir::Model copy = ir::clone(model);
  hoist(*copy.graph);
  return take_out(copy);
}

}  // namespace olivine::runtime

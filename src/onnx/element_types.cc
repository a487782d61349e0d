#include <utility>
#include <vector>

#include "onnx/onnx.h"
#include "onnx/walk.h"

namespace olivine::onnx {
namespace {

/// Knows the constants that stand in the model and computes nothing: enough for the element types.
class Constants final : public Evaluator {
 public:
  const tensor::Tensor* constant(const ir::Value& value) override {
    constexpr std::uint64_t kSmall = 1024;
    const tensor::Tensor* found = value.is_graph_input() ? nullptr : value.initializer();
    if (value.producer() != nullptr && value.producer()->is("Constant")) found = value.producer()->tensor("value");
    return found != nullptr && found->byte_size() <= kSmall ? found : nullptr;
  }
  std::optional<ir::Shape> elements(const ir::Value&) override { return std::nullopt; }
  void leave(const ir::Node&, std::int64_t) override {}
  void bind(const ir::Value&, const ir::Value*) override {}
};

}  // namespace

void infer_element_types(ir::Model& model) {
  std::vector<std::pair<ir::Value*, ir::Type>> told;
  const auto note = [&](ir::Value& value) {
    if (value.listed && value.type.known()) told.emplace_back(&value, value.type);
  };
  for_each_graph(model, [&](ir::Graph& graph) {
    for (ir::Value* input : graph.inputs()) note(*input);
    for (ir::Node& node : graph.nodes()) {
      for (const auto& output : node.outputs()) {
        if (output) note(*output);
      }
    }
  });
  Constants constants;
  infer_in_order(model, constants);
  for (auto& [value, type] : told) {
    if (element_type(type) != DataType::undefined) value->type = std::move(type);
  }
}

}  // namespace olivine::onnx

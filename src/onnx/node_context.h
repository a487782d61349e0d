#pragma once

#include <onnx/defs/shape_inference.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "onnx/walk.h"

/// Inside the room: a node of the IR as onnx's inference functions want to see it.
namespace olivine::onnx {

/// The call that a function's body is walked for.
struct CallFrame {
  const ir::Function* function = nullptr;
  const ir::Node* call = nullptr;
  const CallFrame* outer = nullptr;
};

/// The attribute that a reference stands for, or null; other attributes are returned as they are.
const ir::Attribute* resolved(const ir::Attribute* attribute, const CallFrame* frame);

/// Everything is made when it is asked for: most inference functions look at few attributes and no data.
class NodeContext final : public ::onnx::InferenceContext {
 public:
  using SubgraphInferencer = std::function<std::unique_ptr<::onnx::GraphInferencer>(ir::Graph&)>;
  using Absent = std::function<bool(const ir::Value&)>;

  NodeContext(const ir::Node& node, const CallFrame* frame, Evaluator& evaluator, Absent absent,
              SubgraphInferencer subgraph_inferencer);

  const ::onnx::AttributeProto* getAttribute(const std::string& name) const override;
  std::size_t getNumInputs() const override { return node_.inputs().size(); }
  bool hasInput(std::size_t index) const override;
  const ::onnx::TypeProto* getInputType(std::size_t index) const override;
  const ::onnx::TensorProto* getInputData(std::size_t index) const override;
  const ::onnx::SparseTensorProto* getInputSparseData(std::size_t) const override { return nullptr; }
  const ::onnx::TensorShapeProto* getSymbolicInput(std::size_t index) const override;
  std::size_t getNumOutputs() const override { return output_types_.size(); }
  ::onnx::TypeProto* getOutputType(std::size_t index) override { return &output_types_.at(index); }
  bool hasOutput(std::size_t index) override { return node_.output(index) != nullptr; }
  ::onnx::GraphInferencer* getGraphAttributeInferencer(const std::string& name) override;
  std::string getDisplayName() const override { return node_.describe(); }

 private:
  const ir::Node& node_;
  const CallFrame* frame_;
  Evaluator& evaluator_;
  Absent absent_;
  SubgraphInferencer subgraph_inferencer_;
  std::vector<::onnx::TypeProto> output_types_;
  mutable std::vector<std::unique_ptr<::onnx::TypeProto>> input_types_;
  mutable std::deque<::onnx::AttributeProto> attributes_;
  mutable std::deque<::onnx::TensorProto> data_;
  mutable std::deque<::onnx::TensorShapeProto> elements_;
  std::vector<std::unique_ptr<::onnx::GraphInferencer>> inferencers_;
};

}  // namespace olivine::onnx

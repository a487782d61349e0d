#pragma once

#include <onnx/defs/schema.h>
#include <onnx/defs/shape_inference.h>

#include <memory>
#include <string>
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

/// What a node's surroundings know.
class NodeSurroundings {
 public:
  virtual ~NodeSurroundings() = default;
  /// An input of a function that its call leaves out.
  virtual bool is_absent(const ir::Value& value) const = 0;
  virtual std::unique_ptr<::onnx::GraphInferencer> inferencer_of(ir::Graph& subgraph) = 0;
};

/// Everything is made when it is asked for: most inference functions look at few attributes and no data.
class NodeContext final : public ::onnx::InferenceContext {
 public:
  NodeContext(const ir::Node& node, const CallFrame* frame, Evaluator& evaluator, NodeSurroundings& surroundings)
      : node_(node),
        frame_(frame),
        evaluator_(evaluator),
        surroundings_(surroundings),
        output_types_(node.output_count()),
        input_types_(node.inputs().size()) {}

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
  template <typename Message>
  using Made = std::vector<std::unique_ptr<Message>>;

  const ir::Node& node_;
  const CallFrame* frame_;
  Evaluator& evaluator_;
  NodeSurroundings& surroundings_;
  std::vector<::onnx::TypeProto> output_types_;
  mutable Made<::onnx::TypeProto> input_types_;  ///< by input
  mutable Made<::onnx::AttributeProto> attributes_;
  mutable Made<::onnx::TensorProto> data_;
  mutable Made<::onnx::TensorShapeProto> elements_;
  Made<::onnx::GraphInferencer> inferencers_;
};

/// The same for the schemas whose function depends on the node.
class FunctionContext final : public ::onnx::FunctionBodyBuildContext {
 public:
  explicit FunctionContext(NodeContext& node) : node_(node) {}
  const ::onnx::AttributeProto* getAttribute(const std::string& name) const override {
    return node_.getAttribute(name);
  }
  bool hasInput(int index) const override { return node_.hasInput(static_cast<std::size_t>(index)); }
  bool hasOutput(int index) const override { return node_.hasOutput(static_cast<std::size_t>(index)); }
  const ::onnx::TypeProto* getInputType(int index) const override {
    return node_.getInputType(static_cast<std::size_t>(index));
  }

 private:
  NodeContext& node_;
};

}  // namespace olivine::onnx

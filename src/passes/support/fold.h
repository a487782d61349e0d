#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "onnx/walk.h"
#include "passes/support/erase.h"
#include "passes/support/evaluate.h"
#include "passes/support/inline_branch.h"

/// Evaluates shape arithmetic while types are inferred (onnx::infer_in_order), and then puts constants in its place.
namespace olivine::passes {

class ShapeFolder final : public onnx::Evaluator {
 public:
  explicit ShapeFolder(ir::Model& model) : model_(model) {}

  const tensor::Tensor* constant(const ir::Value& value) override;
  std::optional<ir::Shape> elements(const ir::Value& value) override;
  ir::Node* enter(ir::Node& node) override;
  void leave(const ir::Node& node, std::int64_t opset) override;
  void bind(const ir::Value& formal, const ir::Value* actual) override;

  struct Counts {
    std::size_t folded = 0;    ///< values that became constants
    std::size_t targets = 0;   ///< Reshape targets that were written out
    std::size_t branches = 0;  ///< Ifs that became one of their branches
    std::size_t removed = 0;   ///< nodes that nobody used any more
    bool any() const { return folded + targets + branches + removed != 0; }
  };
  /// After the walk: whatever follows from shapes alone and is known becomes a constant, Reshape's targets become
  /// explicit, and what nobody uses any more goes. Weights and what doesn't follow from shapes stay as they are.
  Counts fold();

 private:
  struct Known {
    PartialTensor partial;
    std::optional<tensor::Tensor> constant;  ///< made when it is asked for
  };

  Known* find(const ir::Value& value);
  const tensor::Tensor* stored_constant(const ir::Value& value) const;
  bool take_inputs(const ir::Node& node, const Operator& op, std::vector<const PartialTensor*>& inputs);
  const PartialTensor* unknown_elements(const ir::Value& value);
  void keep(ir::Value& value, PartialTensor partial);

  bool is_folded(const ir::Node& node, std::size_t output);
  void fold_node(ir::Node& node);
  void write_out_target(ir::Node& reshape);
  ir::Value* make_constant(ir::Node& position, const std::string& name, tensor::Tensor tensor, bool by_node);

  ir::Model& model_;
  SymbolNames symbols_;
  std::unordered_map<const ir::Value*, Known> known_;
  std::uint64_t cells_ = 0;
  std::vector<std::unique_ptr<PartialTensor>> unknown_;  ///< of the node that is being evaluated
  BranchInliner inliner_;
  std::vector<ir::Value*> loose_;  ///< conditions of Ifs that are no more
  DeadCode dead_;
  Counts counts_;
};

}  // namespace olivine::passes

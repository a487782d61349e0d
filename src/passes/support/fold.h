#pragma once

#include <string>
#include <vector>

#include "ir/erase.h"
#include "passes/support/inline_branch.h"
#include "values/known_values.h"

/// Evaluates shape arithmetic while types are inferred (onnx::infer_in_order), and then puts constants in its place.
namespace olivine::passes {

class ShapeFolder final : public values::KnownValues {
 public:
  using KnownValues::KnownValues;

  ir::Node* enter(ir::Node& node) override;

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
  bool is_folded(const ir::Node& node, std::size_t output);
  void fold_node(ir::Node& node);
  void write_out_target(ir::Node& reshape);
  ir::Value* make_constant(ir::Node& position, const std::string& name, tensor::Tensor tensor, bool by_node);

  BranchInliner inliner_;
  std::vector<ir::Value*> loose_;  ///< conditions of Ifs that are no more
  ir::DeadCode dead_;
  Counts counts_;
};

}  // namespace olivine::passes

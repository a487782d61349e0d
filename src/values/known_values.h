#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "onnx/walk.h"
#include "values/evaluate.h"

/// Which values of a model are known without running it: constants, and what follows from them and from shapes.
namespace olivine::values {

/// Fills itself during onnx::infer_in_order. The model must outlive it.
class KnownValues : public onnx::Evaluator {
 public:
  explicit KnownValues(ir::Model& model) : model_(model) {}

  const tensor::Tensor* constant(const ir::Value& value) override;
  std::optional<ir::Shape> elements(const ir::Value& value) override;
  void leave(const ir::Node& node, std::int64_t opset) override;
  void bind(const ir::Value& formal, const ir::Value* actual) override;

  /// What is known of a value's elements: evaluated, or read from a constant of at most kFoldedElements elements. Null:
  /// nothing.
  const PartialTensor* find(const ir::Value& value);
  /// The same without looking at constants.
  const PartialTensor* evaluated(const ir::Value& value) const {
    const auto entry = known_.find(&value);
    return entry != known_.end() ? &entry->second.partial : nullptr;
  }
  /// Before a value goes: its address may be another's later.
  void forget(const ir::Value& value) { known_.erase(&value); }

  ir::Model& model() const { return model_; }

 private:
  struct Known {
    PartialTensor partial;
    std::optional<tensor::Tensor> constant;  ///< made when it is asked for
  };

  Known* find_known(const ir::Value& value);
  const tensor::Tensor* stored_constant(const ir::Value& value) const;
  bool take_inputs(const ir::Node& node, const Operator& op, std::vector<const PartialTensor*>& inputs);
  const PartialTensor* unknown_elements(const ir::Value& value);
  void keep(ir::Value& value, PartialTensor partial);

  ir::Model& model_;
  SymbolNames symbols_;
  std::unordered_map<const ir::Value*, Known> known_;
  std::uint64_t cells_ = 0;
  std::vector<std::unique_ptr<PartialTensor>> unknown_;  ///< of the node that is being evaluated
};

/// Whether an attribute takes its value from the function that the node is in.
bool has_references(const ir::Node& node);

/// The dimensions when all are numbers, else nothing.
std::optional<tensor::Dims> static_dims(const ir::Type& type);

}  // namespace olivine::values

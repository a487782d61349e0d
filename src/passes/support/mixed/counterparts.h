#pragma once

#include <unordered_map>

#include "ir/graph.h"
#include "passes/support/precision.h"

namespace olivine::passes::mixed {

/// A clone of a model, and what corresponds to what.
class Counterparts {
 public:
  explicit Counterparts(const ir::Model& model);

  ir::Model& model() { return copy_; }

  ir::Node& copy_of(const ir::Node& node) const { return *nodes_.at(&node); }
  ir::Graph& copy_of(const ir::Graph& graph) const { return *graphs_.at(&graph); }
  ir::Value& copy_of(const ir::Value& value) const { return *values_.at(&value); }

  /// A request about the model as one about the clone.
  PrecisionRequest translated(const PrecisionRequest& request) const;

 private:
  void pair(const ir::Graph& from, ir::Graph& to);
  void pair(const ir::Value& from, ir::Value& to);

  ir::Model copy_;
  std::unordered_map<const ir::Node*, ir::Node*> nodes_;
  std::unordered_map<const ir::Graph*, ir::Graph*> graphs_;
  std::unordered_map<const ir::Value*, ir::Value*> values_;
  std::unordered_map<const ir::Node*, const ir::Node*> node_originals_;
  std::unordered_map<const ir::Value*, const ir::Value*> value_originals_;
};

}  // namespace olivine::passes::mixed

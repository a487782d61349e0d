#pragma once

#include <unordered_set>
#include <vector>

#include "ir/graph.h"

/// Erasing what has lost its users, and what only it used.
namespace olivine::ir {

class DeadCode {
 public:
  /// Erases `node` when none of its outputs is in use, then the nodes and initializers that were used only by what has
  /// been erased. Graph inputs stay.
  void erase_if_dead(Node& node);
  /// The same for values that have lost uses: their producers or, for initializers, themselves.
  void drop(std::vector<Value*> values);

  /// Nodes erased so far; their addresses may have been given to nodes that were made since.
  const std::unordered_set<const Node*>& erased() const { return erased_; }
  std::size_t count() const { return count_; }

 private:
  void erase(Node& node, std::vector<Value*>& loose);

  std::unordered_set<const Node*> erased_;
  std::size_t count_ = 0;
};

}  // namespace olivine::ir

#pragma once

#include <string>
#include <unordered_map>

#include "ir/graph.h"

/// An If whose condition is known becomes the branch that it takes.
namespace olivine::passes {

class BranchInliner {
 public:
  /// If(true, A, B) -> A, If(false, A, B) -> B. Names of graph outputs stay; inner names are changed where another
  /// value of the nest bears them. Returns the node that now stands where the branch begins (null: none follows). The
  /// node must not be in a function's body.
  ir::Node* inline_branch(ir::Node& node, bool condition);

  /// Takes note of a body of a node that came from elsewhere: names in it that others in the nest bear are changed.
  void adopt(ir::Graph& body);

 private:
  void count_names(ir::Graph& top, int change);
  void rename_if_taken(ir::Value& value);

  std::unordered_map<std::string, int> names_;  ///< how many values bear each name; made at the first use
};

}  // namespace olivine::passes

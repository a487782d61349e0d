#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "onnx/walk.h"
#include "opset/convert.h"
#include "opset/route.h"
#include "opset/step.h"
#include "values/known_values.h"

/// The engine: takes every node along its route.
namespace olivine::opset {

class Converter {
 public:
  Converter(ir::Model& model, const Targets& targets) : model_(model), targets_(targets), known_(model) {}

  Result run();

  /// @name For Step
  /// @{
  values::KnownValues& known() { return known_; }
  /// Makes a node before `position` and takes note of it as one that is still to be brought to the target.
  Values make(ir::Node& position, std::string op_type, Values inputs, std::size_t outputs,
              const std::function<void(ir::Node&)>& fill, std::int64_t opset, std::string domain);
  ir::Value* constant(const ir::Node& position, tensor::Tensor tensor);
  void replace(ir::Node& node, const Values& values, std::int64_t opset);
  /// An input that the node gave up: it goes at the end if nobody uses it.
  void note_loose(ir::Value* value);
  void mark_converted(const ir::Graph& graph) { done_.insert(&graph); }
  /// @}

 private:
  struct Pending {
    ir::Node* node;
    std::int64_t opset;
  };

  bool is_needed(const std::vector<ir::OpsetImport>& imports) const;
  bool all_plain(ir::Graph& top, const std::vector<ir::OpsetImport>& imports);
  void note_told_types();
  void convert_top(ir::Graph& graph, const std::vector<ir::OpsetImport>& imports, std::string place);
  void convert_graph(ir::Graph& graph);
  void convert_root(ir::Node& node, std::int64_t opset, std::int64_t target);
  void convert_node(ir::Node& node, std::int64_t opset);
  void take(ir::Node& node, const Hop& hop);
  void settle(ir::Node& node, const Hop& hop);
  static void drop_new_attributes(ir::Node& node, const Hop& hop);
  bool fit_types(ir::Node& node, const onnx::Schema& schema, std::int64_t opset);
  bool carry(ir::Node& node, const onnx::Schema& schema, const onnx::Parameter& parameter, DataType dtype,
             std::int64_t opset);
  ir::Value* cast_before(ir::Node& node, ir::Value& value, DataType dtype, std::int64_t opset);
  void cast_after(ir::Node& node, std::size_t output, DataType dtype, std::int64_t opset);
  std::int64_t target_of(std::string_view domain) const;
  std::int64_t opset_beside(const ir::Node& node, std::int64_t opset) const;
  void note_made(ir::Node& node, std::int64_t opset);
  void hand_over(ir::Value& from, ir::Value& to);
  ir::Value* make_copy(ir::Node& position, ir::Value& value, std::int64_t opset);
  void erase(ir::Node& node);
  void forget(ir::Graph& graph);
  void forget(ir::Value& value);
  void record(const Hop& hop, std::string_view how);
  void finish();
  void raise_ir_version();
  const std::vector<ir::OpsetImport>& imports_at(std::string_view domain, std::int64_t opset);

  ir::Model& model_;
  const Targets& targets_;
  values::KnownValues known_;
  std::optional<onnx::NodeInference> inference_;
  Routes routes_;
  const std::vector<ir::OpsetImport>* imports_ = nullptr;  ///< of the graph that is being converted
  std::string place_;                                      ///< of that graph, for messages; empty: the main graph
  std::string root_name_;  ///< of that node: what is made in its place inherits name and metadata
  ir::Metadata root_metadata_;
  std::unordered_set<const ir::Node*> made_;       ///< in its place
  std::vector<Pending> pending_;                   ///< those that are not of the target opset yet
  const ir::Node* current_ = nullptr;              ///< null when it has been erased
  std::unordered_set<const ir::Graph*> done_;      ///< subgraphs whose nodes are of the target opset
  std::unordered_map<ir::Value*, ir::Type> told_;  ///< types as the file tells them
  std::unordered_map<ir::Value*, std::size_t> loose_;
  std::unordered_map<std::string, ir::Value*> constants_;
  std::map<std::pair<std::string, std::int64_t>, std::vector<ir::OpsetImport>> imports_at_;
  std::map<std::tuple<std::string, std::string, std::int64_t, std::int64_t, std::string>, std::size_t> plan_;
  ErrorList errors_;
};

}  // namespace olivine::opset

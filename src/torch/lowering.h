#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "onnx/walk.h"
#include "torch/lower.h"
#include "torch/op.h"
#include "values/known_values.h"

/// The engine: takes the program's calls in order and keeps what each of its tensors is at the moment.
namespace olivine::torch {

/// Calls that write into a tensor change every tensor that shares its memory. A tensor is therefore either the owner of
/// its elements or a view, that is a call applied to another tensor, which is made again when the owner has changed.
struct Storage {
  std::size_t version = 0;
};
struct Frame;
struct Cell {
  ir::Value* value = nullptr;  ///< as of `version`
  std::size_t version = 0;
  std::shared_ptr<Storage> storage = std::make_shared<Storage>();
  std::shared_ptr<Cell> base;  ///< of a view
  const Node* view = nullptr;
  const Op* op = nullptr;  ///< that of the view
  std::size_t output = 0;  ///< which of the call's results
  Frame* home = nullptr;   ///< where the view's arguments are found
};

/// The names of one graph of the program.
struct Frame {
  const Graph* graph;
  std::unordered_map<std::string, std::shared_ptr<Cell>> tensors;
  std::unordered_map<std::string, ir::Value*> symbols;
  std::unordered_map<std::string, std::string> missing;  ///< symbols that couldn't be made, and why
  DataType autocast = DataType::undefined;               ///< of the region that the graph is, or is in
};

/// For its lifetime names are those of another frame.
class InFrame {
 public:
  InFrame(Frame*& current, Frame& inner) : current_(current), outer_(current) { current_ = &inner; }
  InFrame(const InFrame&) = delete;
  InFrame& operator=(const InFrame&) = delete;
  ~InFrame() { current_ = outer_; }

 private:
  Frame*& current_;
  Frame* outer_;
};

class Lowering {
 public:
  Lowering(const Program& program, const LowerOptions& options);

  Lowered run();

  /// @name For Call
  /// @{
  values::KnownValues& known() { return known_; }
  std::int64_t opset() const { return opset_; }
  ir::Value* tensor(const std::string& name);
  ir::Value* symbol(const std::string& name);
  /// The tensor, and what shares its memory, has these elements from now on.
  void write(const std::string& name, ir::Value* fresh);
  const TensorMeta* find_meta(const std::string& name) const;
  /// Whether a call of the graph that is being lowered, or its outputs, use a tensor.
  bool is_used(const std::string& name);
  Values make(const Node& origin, std::string op_type, Values inputs, std::size_t outputs,
              const std::function<void(ir::Node&)>& fill, std::string domain = "");
  ir::Value* constant(tensor::Tensor tensor);
  void begin_graph(const Node& origin);
  ir::Value* graph_input(const ir::Type& type);
  std::unique_ptr<ir::Graph> end_graph(const Node& origin, const Values& outputs);
  Values inline_graph(const Graph& graph, const Values& inputs, std::optional<DataType> autocast);
  /// The type by which ONNX holds a tensor: complex numbers are pairs of reals.
  ir::Type type_of(const TensorMeta& meta) const;
  /// The type that a region of autocast casts this operator's tensors to, if it does.
  std::optional<DataType> autocast_of(std::string_view target) const;
  /// What a call with a row of its own makes; refuses where its operator isn't known.
  Values results_of(const Node& node);
  void notice(std::string text);
  void import_opset(const std::string& domain, std::int64_t version);
  /// @}

 private:
  struct OpenGraph {
    std::unique_ptr<ir::Graph> owned;
    ir::Graph* graph;
    std::unordered_map<std::string, Values> made;  ///< what equal nodes are found by
  };

  const CustomOp* find_custom(const std::string& target) const;
  void collect_unknown(const Graph& graph, std::map<std::string, std::size_t>& unknown) const;
  void check_operators() const;
  void bind_inputs();
  void bind_user_inputs();
  void name_outputs(const std::vector<std::string>& names);
  ir::Value* weight(const std::string& path, const std::string& name);
  void lower_nodes(const Graph& graph);
  void lower_node(const Node& node);
  void refuse(const Node& node, const std::string& reason);
  bool postpone(const Node& node, const std::string& reason);
  void bind_results(const Node& node, const Op* op, const Values& results);
  void bind_result(const Node& node, const Op* op, const Argument& output, ir::Value* value, std::size_t index);
  bool is_alias(const Node& node, const Op* op);
  ir::Value* settle(const Node& node, ir::Value* value, const TensorMeta& meta, const std::string& name);
  ir::Shape named(const ir::Shape& shape) const;
  std::shared_ptr<Cell>& cell(const std::string& name);
  std::shared_ptr<Cell> self_cell(const Node& node);
  ir::Value* current(Cell& cell);
  void lower_in_place(const Node& node, const Op& op);
  void change_layout(const Node& node, const Op& op);
  void write(Cell& cell, ir::Value* fresh);
  ir::Value* write_into_base(Cell& view, ir::Value* base, ir::Value* fresh);
  ir::Value* trace_write(Call& call, Cell& view, ir::Value* base, ir::Value* fresh);
  const Op* row(const Node& node, std::string_view target) const;
  static Values apply(const Op& op, Call& call);
  ir::Value* view_of(const Cell& view, ir::Value* base);
  void bind_outputs();
  ir::Value* output_tensor(const std::string& name);
  void fold_weights();
  void finish();

  const Program& program_;
  const LowerOptions& options_;
  std::int64_t opset_;
  Lowered result_;
  ir::Model& model_;
  values::KnownValues known_;
  onnx::NodeInference inference_;
  std::vector<OpenGraph> graphs_;
  std::deque<Frame> frames_;  ///< all that ever were: views refer to them
  Frame* frame_ = nullptr;
  std::unordered_map<std::string, ir::Value*> constants_;
  std::unordered_map<std::string, ir::Value*> weights_;                          ///< by payload
  std::unordered_map<const Graph*, std::unordered_set<std::string_view>> used_;  ///< names of tensors
  ErrorList errors_;
};

}  // namespace olivine::torch

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "ir/graph.h"
#include "onnx/onnx.h"

/// The types that a model shows to the outside.
namespace olivine::passes {

/// Gives the border of the main graph another type. A value of the border is of the target type and bears the name that
/// it had; what was computed with it inside goes on in the source type under a new name, with a Cast between the two
/// where one is needed.
class Border {
 public:
  Border(ir::Model& model, DataType source, DataType target);

  /// A graph input that is a tensor of the source type; a default value is cast too. Where it is an output as well,
  /// that is converted with it. Inputs come before outputs.
  void convert_input(ir::Value& input);
  /// A graph output, not an input, that is a tensor of the source type; once, also where it is listed twice.
  void convert_output(ir::Value& output);

  /// Error[conversion] for every Cast that this opset doesn't have; then the model is of no use any more.
  const ErrorList& errors() const { return errors_; }

  std::size_t inserted = 0;  ///< Casts
  std::size_t removed = 0;   ///< Casts, those that became an Identity included

 private:
  bool reads_border(const ir::Node& user) const;
  void bypass(ir::Node& cast, ir::Value& value);
  void convert_constant(ir::Value& output);
  bool take_operand(ir::Value& output, ir::Node& cast);
  bool retarget(ir::Value& output, ir::Node& cast);
  bool look_through_identity(ir::Value& output, ir::Node& identity);
  void cast_output(ir::Value& output);

  ir::Value& make_cast(ir::Node& node, std::string name, const ir::Type& type, const ir::Value& border);
  void set_target(ir::Node& cast, DataType dtype);
  void require_cast(DataType from, DataType to, const ir::Value& border);
  void rename(ir::Value& value, const std::string& name);
  void hand_over(ir::Value& output, ir::Value& result);
  bool is_used_inside(const ir::Value& value) const;
  std::string inner_name(const ir::Value& border);

  ir::Model& model_;
  ir::Graph& graph_;
  DataType source_;
  DataType target_;
  std::int64_t opset_ = 0;
  std::optional<onnx::Schema> cast_;
  ir::Node* last_input_cast_ = nullptr;
  ErrorList errors_;
};

}  // namespace olivine::passes

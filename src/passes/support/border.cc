#include "passes/support/border.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "passes/support/default_opset.h"

namespace olivine::passes {
namespace {

/// The type that a Cast casts to; before opset 6 its attribute is a name.
DataType cast_target(const ir::Node& cast) {
  const std::string name = cast.string("to", "");
  if (!name.empty()) return parse_data_type(name).value_or(DataType::undefined);
  return static_cast<DataType>(cast.integer("to", 0));
}

void become_identity(ir::Node& cast) {
  cast.op_type = "Identity";
  for (const char* attribute : {"to", "saturate", "round_mode"}) cast.remove(attribute);
}

bool is_output_of(const ir::Value& value, const ir::Graph& graph) {
  return std::any_of(value.uses().begin(), value.uses().end(),
                     [&](const ir::Use& use) { return use.node == nullptr && use.graph == &graph; });
}

}  // namespace

Border::Border(ir::Model& model, DataType source, DataType target)
    : model_(model), graph_(*model.graph), source_(source), target_(target) {
  import_default_opset(model, graph_);
  opset_ = model.opset().value_or(1);
  cast_ = onnx::find_schema("Cast", "", opset_);
}

std::string Border::inner_name(const ir::Value& border) {
  return graph_.unique_name(fmt::format("{}_{}", border.name(), name_of(source_)));
}

void Border::require_cast(DataType from, DataType to, const ir::Value& border) {
  const auto exists = [&](const std::optional<onnx::Schema>& cast) {
    return cast && cast->input(0)->accepts(from) && cast->output(0)->accepts(to);
  };
  if (exists(cast_)) return;
  Error error(ErrorCode::conversion, fmt::format("'{}' {}: opset {} has no Cast from {} to {}", border.name(),
                                                 to_string(border.type), opset_, name_of(from), name_of(to)));
  for (std::int64_t opset = opset_ + 1; opset <= onnx::newest_opset(); ++opset) {
    if (!exists(onnx::find_schema("Cast", "", opset))) continue;
    error.remedy(fmt::format("convert the model to opset {} first", opset));
    break;
  }
  errors_.add(std::move(error));
}

void Border::set_target(ir::Node& cast, DataType dtype) {
  if (cast_ && cast_->attribute_kind("to") == ir::AttributeKind::string) {
    std::string name(name_of(dtype));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
    cast.set("to", std::move(name));
  } else {
    cast.set("to", static_cast<std::int64_t>(dtype));
  }
}

ir::Value& Border::make_cast(ir::Node& node, std::string name, const ir::Type& type, const ir::Value& border) {
  require_cast(element_type(node.input(0)->type), element_type(type), border);
  node.name = graph_.unique_node_name(fmt::format("{}_cast", border.name()));
  set_target(node, element_type(type));
  ++inserted;
  return *node.add_output(std::move(name), type);
}

/// A quantization annotation tells of the values that were computed: it follows them.
void Border::rename(ir::Value& value, const std::string& name) {
  for (ir::QuantizationAnnotation& annotation : graph_.quantization_annotations) {
    if (annotation.tensor_name == value.name()) annotation.tensor_name = name;
  }
  value.set_name(name);
}

/// `result` is the model's output from now on.
void Border::hand_over(ir::Value& output, ir::Value& result) {
  result.annotations = std::move(output.annotations);
  output.annotations = {};
  result.listed = output.listed;
  output.listed = false;
  ir::Graph::replace_uses_if(output, result,
                             [this](const ir::Use& use) { return use.node == nullptr && use.graph == &graph_; });
}

bool Border::is_used_inside(const ir::Value& value) const {
  return std::any_of(value.uses().begin(), value.uses().end(),
                     [this](const ir::Use& use) { return use.node != nullptr || use.graph != &graph_; });
}

// ---- Inputs

/// Users that need no Cast between:
///   Shape(Cast(x)) -> Shape(x)
///   Cast(Cast(x, S), T) -> x       the type that was asked for is there
///   Cast(Cast(x, S), U) -> Cast(x, U)   where S holds every value of x; otherwise S is to round
bool Border::reads_border(const ir::Node& user) const {
  if (user.is("Shape") || user.is("Size")) {
    const auto schema = onnx::find_schema(user, model_);
    return schema && schema->input(0)->accepts(target_);
  }
  if (!user.is("Cast")) return false;
  const DataType to = cast_target(user);
  return to == target_ || to == source_ || tensor::is_exact_cast(target_, source_);
}

/// Cast(value, T) -> value. A value that a graph hands out keeps its name, so it becomes a copy.
void Border::bypass(ir::Node& cast, ir::Value& value) {
  ir::Value& result = *cast.output(0);
  ++removed;
  if (result.is_graph_output()) {
    become_identity(cast);
    cast.set_input(0, &value);
    return;
  }
  graph_.replace_all_uses(result, value);
  cast.graph().erase(cast);
}

void Border::convert_input(ir::Value& input) {
  const ir::Type inner_type = input.type;
  input.type = with_element_type(input.type, target_);
  if (const tensor::Tensor* fallback = input.initializer()) input.set_initializer(tensor::cast(*fallback, target_));

  std::vector<ir::Node*> casts;
  ir::Value* inner = nullptr;
  const std::vector<ir::Use> uses(input.uses().begin(), input.uses().end());
  for (const ir::Use& use : uses) {
    if (use.node == nullptr && use.graph == &graph_) continue;
    if (use.node != nullptr && reads_border(*use.node)) {
      if (use.node->is("Cast")) casts.push_back(use.node);
      continue;
    }
    if (inner == nullptr) {
      ir::Node& node = last_input_cast_ != nullptr ? graph_.insert_after(*last_input_cast_, "Cast", {&input})
                                                   : graph_.insert_before(graph_.first(), "Cast", {&input});
      last_input_cast_ = &node;
      inner = &make_cast(node, inner_name(input), inner_type, input);
    }
    if (use.node != nullptr) {
      use.node->set_input(use.index, inner);
    } else {
      use.graph->set_output(use.index, *inner);
    }
  }
  for (ir::Node* cast : casts) {
    const DataType to = cast_target(*cast);
    if (to == target_) {
      bypass(*cast, input);
    } else if (to == source_ && inner != nullptr && !cast->output(0)->is_graph_output()) {
      bypass(*cast, *inner);
    } else {
      require_cast(target_, to, input);
    }
  }
}

// ---- Outputs

/// Cast(Cast(u: T, S), T) -> u, also where S is narrower: what was to be handed out was u.
bool Border::take_operand(ir::Value& output, ir::Node& cast) {
  ir::Value& operand = *cast.input(0);
  const ir::Type type = with_element_type(output.type, target_);
  const std::string name = output.name();
  const bool takes_name = operand.producer() != nullptr && operand.graph() == &graph_ && !is_output_of(operand, graph_);
  if (!takes_name && !is_used_inside(output)) {
    become_identity(cast);
    output.type = type;
    ++removed;
    return true;
  }
  rename(output, is_used_inside(output) ? inner_name(output) : std::string());
  ir::Value* result = &operand;
  if (takes_name) {
    rename(operand, name);
    operand.type = type;
  } else {
    result = graph_.insert_after(cast, "Identity", {&operand}).add_output(name, type);
  }
  hand_over(output, *result);
  if (output.uses().empty()) {
    graph_.erase(cast);
    ++removed;
  }
  return true;
}

/// Cast(Cast(u: U, S), T) -> Cast(u, T) where S holds every value of U.
bool Border::retarget(ir::Value& output, ir::Node& cast) {
  const DataType from = element_type(cast.input(0)->type);
  if (from == DataType::undefined || !tensor::is_exact_cast(from, source_)) return false;
  const ir::Type type = with_element_type(output.type, target_);
  if (!is_used_inside(output)) {
    require_cast(from, target_, output);
    for (const char* attribute : {"saturate", "round_mode"}) cast.remove(attribute);
    set_target(cast, target_);
    output.type = type;
    return true;
  }
  ir::Node& second = graph_.insert_after(cast, "Cast", {cast.input(0)});
  const std::string inner = inner_name(output);
  ir::Value& result = make_cast(second, output.name(), type, output);
  rename(output, inner);
  hand_over(output, result);
  return true;
}

/// Cast(Identity(Cast(u: T, S)), T) -> Identity(u): an input that is handed out as it came.
bool Border::look_through_identity(ir::Value& output, ir::Node& identity) {
  if (is_used_inside(output)) return false;
  ir::Value* value = identity.input(0);
  while (value != nullptr && value->producer() != nullptr && value->producer()->is("Identity")) {
    value = value->producer()->input(0);
  }
  ir::Node* cast = value != nullptr ? value->producer() : nullptr;
  if (cast == nullptr || !cast->is("Cast") || cast->input(0) == nullptr) return false;
  if (element_type(cast->input(0)->type) != target_) return false;
  ir::Value* dropped = identity.input(0);
  identity.set_input(0, cast->input(0));
  output.type = with_element_type(output.type, target_);
  while (dropped != nullptr && dropped->producer() != nullptr && dropped->uses().empty()) {
    ir::Node& unused = *dropped->producer();
    if (!unused.is("Identity") && !unused.is("Cast")) break;
    dropped = unused.input(0);
    if (unused.is("Cast")) ++removed;
    unused.graph().erase(unused);
  }
  return true;
}

/// A constant that is only handed out is stored in the new type.
void Border::convert_constant(ir::Value& output) {
  if (output.initializer() != nullptr && !is_used_inside(output)) {
    output.set_initializer(tensor::cast(*output.initializer(), target_));
    output.type = with_element_type(output.type, target_);
    return;
  }
  cast_output(output);
}

void Border::cast_output(ir::Value& output) {
  const std::string name = output.name();
  const ir::Type type = with_element_type(output.type, target_);
  ir::Node& node = output.producer() != nullptr ? graph_.insert_after(*output.producer(), "Cast", {&output})
                                                : graph_.insert_before(graph_.first(), "Cast", {&output});
  const std::string inner = inner_name(output);
  ir::Value& result = make_cast(node, name, type, output);
  rename(output, inner);
  hand_over(output, result);
  // Casts to the same type that stand inside are the one that was just made.
  const std::vector<ir::Use> uses(output.uses().begin(), output.uses().end());
  for (const ir::Use& use : uses) {
    if (use.node != nullptr && use.node != &node && use.node->is("Cast") && cast_target(*use.node) == target_) {
      bypass(*use.node, result);
    }
  }
}

void Border::convert_output(ir::Value& output) {
  ir::Node* producer = output.producer();
  if (producer == nullptr) {
    convert_constant(output);
    return;
  }
  if (producer->is("Cast") && producer->input(0) != nullptr) {
    const DataType from = element_type(producer->input(0)->type);
    if (from == target_ ? take_operand(output, *producer) : retarget(output, *producer)) return;
  }
  if (producer->is("Identity") && look_through_identity(output, *producer)) return;
  cast_output(output);
}

}  // namespace olivine::passes

#include "passes/support/precision_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "passes/support/precision_borders.h"
#include "passes/support/shape_math.h"

namespace olivine::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::Value;

/// Attributes that hold the element type of an output; `value` of ConstantOfShape and `type` of Optional are no numbers
/// and are looked after where the plan is carried out.
constexpr std::array kTypeAttributes = {"to", "dtype", "output_datatype", "output_dtype"};

/// Operators that pass elements on without computing: not worth a pair of casts.
constexpr std::array<std::string_view, 18> kMovesData = {
    "Identity", "Reshape", "Transpose",      "Squeeze",      "Unsqueeze", "Flatten",
    "Slice",    "Gather",  "GatherElements", "GatherND",     "Concat",    "Split",
    "Expand",   "Tile",    "DepthToSpace",   "SpaceToDepth", "Compress",  "ReverseSequence"};

/// Operators that the schemas allow in a 16-bit type and that ONNX Runtime's CPU provider refuses in it (1.32: no
/// kernel, nor can it cast around the node by itself). A model must load everywhere.
struct WithoutKernel {
  std::string_view op_type;
  bool only_with_reduction;
};
constexpr std::array<WithoutKernel, 5> kWithoutKernel = {{{"EyeLike", false},
                                                          {"MeanVarianceNormalization", false},
                                                          {"MelWeightMatrix", false},
                                                          {"ScatterElements", true},
                                                          {"ScatterND", true}}};

bool lacks_kernel(const Node& node, DataType dtype) {
  if (dtype != DataType::float16 && dtype != DataType::bfloat16) return false;
  return std::any_of(kWithoutKernel.begin(), kWithoutKernel.end(), [&](const WithoutKernel& row) {
    return node.is(row.op_type) && (!row.only_with_reduction || node.string("reduction", "none") != "none");
  });
}

/// Operators with learned statistics or factors that are used as they are: to limit a variance of 1e8 would ruin the
/// result. In masks and limits (Add, Where, Clip …) a large constant means "as much as there is", and limiting it is
/// right.
constexpr std::array<std::string_view, 6> kUsesParameters = {"BatchNormalization", "InstanceNormalization",
                                                             "GroupNormalization", "LayerNormalization",
                                                             "RMSNormalization",   "PRelu"};

/// The attributes of a node without its graphs, for asking what its outputs would be.
template <typename T>
ir::AttributeValue copied(const T& value) {
  constexpr bool holds_graphs =
      std::is_same_v<T, std::unique_ptr<Graph>> || std::is_same_v<T, std::vector<std::unique_ptr<Graph>>>;
  if constexpr (holds_graphs) {
    return std::monostate();
  } else {
    return value;
  }
}

/// How the ports of an operator with a body correspond to the body's inputs and outputs.
struct BodyPorts {
  std::string_view op_type;
  std::size_t first_input;       ///< the node's first input that goes to the body
  std::size_t first_body_input;  ///< and where it goes
  std::size_t first_body_output;
};
constexpr std::array<BodyPorts, 4> kBodies = {
    {{"If", 1, 0, 0}, {"Loop", 2, 2, 1}, {"Scan", 0, 0, 0}, {"SequenceMap", 0, 0, 0}}};

constexpr std::string_view kRuntimeDomain = "com.microsoft";
/// Nodes of ONNX Runtime that hold a compiled model: its types are fixed where nobody sees them.
constexpr std::array<std::string_view, 2> kCompiled = {"EPContext", "Snpe"};

bool is_sequence_or_optional(const ir::Type& type) {
  return std::holds_alternative<ir::SequenceType>(type.kind) || std::holds_alternative<ir::OptionalType>(type.kind);
}

class Planner {
 public:
  Planner(const ir::Model& model, const PrecisionRequest& request)
      : model_(model), request_(request), shape_math_(find_shape_math(model)) {}

  PrecisionPlan run() {
    find_mixed_functions();
    plan_graph(*model_.graph, nullptr, false);
    for (const Value* input : model_.graph->inputs()) {
      if (moves(*input) && !request_.keep_io(*input)) plan_.moved_inputs.insert(input);
    }
    auto& outputs = plan_.graph_outputs[model_.graph.get()];
    for (const Value* output : model_.graph->outputs()) {
      outputs.push_back(!moves(*output) ? Port::other : request_.keep_io(*output) ? Port::from : Port::to);
    }
    for (const auto& function : model_.functions) plan_function(*function);
    settle_borders(model_, request_.from, plan_);
    keep_idle_movers();
    return std::move(plan_);
  }

 private:
  /// Whether the value's elements are of the type that is to move.
  bool moves(const Value& value) const { return element_type(value.type) == request_.from; }
  bool moves(const Value* value) const { return value != nullptr && moves(*value); }

  std::optional<onnx::Schema> schema_of(const Node& node, const ir::Function* function) {
    const std::string key = fmt::format("{}\n{}\n{}", fmt::ptr(function), node.domain, node.op_type);
    const auto entry = schemas_.find(key);
    if (entry != schemas_.end()) return entry->second;
    return schemas_[key] = onnx::find_schema(node, model_, function);
  }

  // ---- Functions

  /// A function whose calls bring different element types is left alone.
  void find_mixed_functions() {
    std::map<const ir::Function*, std::vector<DataType>> seen;
    for_each_graph(model_, [&](const Graph& graph) {
      for (const Node& node : graph.nodes()) {
        const ir::Function* function = model_.find_function(node.domain, node.op_type, node.overload);
        if (function == nullptr) continue;
        std::vector<DataType> types;
        for (const Value* input : node.inputs())
          types.push_back(input ? element_type(input->type) : DataType::undefined);
        const auto [entry, first] = seen.emplace(function, types);
        if (!first && entry->second != types) mixed_functions_.insert(function);
        if (request_.keep_node(node)) mixed_functions_.insert(function);
        called_functions_.insert(function);
      }
    });
  }

  bool function_moves(const ir::Function& function) const {
    return called_functions_.contains(&function) && !mixed_functions_.contains(&function);
  }

  void plan_function(const ir::Function& function) {
    const bool moving = function_moves(function);
    plan_graph(*function.body, &function, !moving);
    auto& outputs = plan_.graph_outputs[function.body.get()];
    for (const Value* output : function.body->outputs()) {
      outputs.push_back(!moves(*output) ? Port::other : moving ? Port::to : Port::from);
    }
    for (const Value* input : function.body->inputs()) {
      if (moving && moves(*input)) plan_.moved_inputs.insert(input);
    }
  }

  // ---- Nodes

  void plan_graph(const Graph& graph, const ir::Function* function, bool kept) {
    for (const Node& node : graph.nodes()) plan_node(node, function, kept);
  }

  void plan_node(const Node& node, const ir::Function* function, bool kept) {
    const bool keep = kept || request_.keep_node(node);
    NodePlan& plan = plan_.nodes[&node];
    for (const Value* input : node.inputs()) plan.inputs.push_back(moves(input) ? Port::from : Port::other);
    for (const auto& output : node.outputs()) plan.outputs.push_back(moves(output.get()) ? Port::from : Port::other);
    if (const ir::Function* callee = model_.find_function(node.domain, node.op_type, node.overload)) {
      if (!keep && function_moves(*callee)) move_all(plan);
    } else if (!keep) {
      plan.schema = schema_of(node, function);
      if (plan.schema) {
        plan_by_schema(node, function, *plan.schema, plan);
      } else if (has_port(plan, Port::from)) {
        note_kept(node, "its operator is not known here");
      }
    }
    plan_bodies(node, function, keep, plan);
  }

  static bool has_port(const NodePlan& plan, Port port) {
    return std::find(plan.inputs.begin(), plan.inputs.end(), port) != plan.inputs.end() ||
           std::find(plan.outputs.begin(), plan.outputs.end(), port) != plan.outputs.end();
  }

  static void move_all(NodePlan& plan) {
    std::replace(plan.inputs.begin(), plan.inputs.end(), Port::from, Port::to);
    std::replace(plan.outputs.begin(), plan.outputs.end(), Port::from, Port::to);
  }

  void note_kept(const Node& node, std::string reason) { plan_.kept.push_back({node.describe(), std::move(reason)}); }

  /// Ports of one node that must have the same element type.
  struct Group {
    std::vector<std::size_t> inputs;
    std::vector<std::size_t> outputs;
    bool accepts = true;
  };

  void plan_by_schema(const Node& node, const ir::Function* function, const onnx::Schema& schema, NodePlan& plan) {
    if (node.is("Constant")) {
      // A value that comes from the function's call can't be changed here.
      const bool own_value = std::none_of(node.attributes().begin(), node.attributes().end(),
                                          [](const ir::Attribute& a) { return !a.reference.empty(); });
      if (plan.outputs[0] == Port::from && own_value && node.find("sparse_value") == nullptr)
        plan.outputs[0] = Port::either;
      return;
    }
    if (node.is("Cast")) return plan_cast(node, plan);
    if (node.is("Shape") || node.is("Size")) {
      std::replace(plan.inputs.begin(), plan.inputs.end(), Port::from, Port::either);
      return;
    }
    if (node.is("BitCast") || shape_math_.contains(&node)) return;
    if (const std::string reason = reason_to_stay(node); !reason.empty()) {
      if (has_port(plan, Port::from)) note_kept(node, reason);
      return;
    }
    std::map<std::string, Group, std::less<>> groups;
    collect(node, schema, groups);
    for (const auto& [variable, group] : groups) decide(node, schema, group, plan);
    follow_inference(node, function, plan);
    if (node.is("CastLike") && !plan.inputs.empty() && plan.inputs[0] != Port::other) plan.inputs[0] = Port::either;
    keep_scales(node, schema, plan);
    keep_large_parameters(node, plan);
    if (has_port(plan, Port::from) && !has_port(plan, Port::to)) {
      note_kept(node, fmt::format("{} does not take {} at this opset", node.op_type, name_of(request_.to)));
    }
  }

  std::string reason_to_stay(const Node& node) const {
    if (holds_values(node)) return fmt::format("its attributes hold values in {}", name_of(request_.from));
    if (holds_own_types(node)) return "the types of what it holds are its own";
    if (lacks_kernel(node, request_.to)) {
      return fmt::format("ONNX Runtime's CPU provider cannot run it in {}", name_of(request_.to));
    }
    return {};
  }

  /// TreeEnsemble compares its input with thresholds that an attribute holds in the same type.
  bool holds_values(const Node& node) const {
    if (node.is("ConstantOfShape")) return false;
    return std::any_of(node.attributes().begin(), node.attributes().end(), [&](const ir::Attribute& attribute) {
      const auto* held = std::get_if<ir::NamedTensor>(&attribute.value);
      return held != nullptr && held->tensor.dtype() == request_.from;
    });
  }

  /// ONNX Runtime's searches run their bodies with values of their own making.
  static bool holds_own_types(const Node& node) {
    if (find_body(node) != nullptr) return false;
    const bool compiled = std::find(kCompiled.begin(), kCompiled.end(), node.op_type) != kCompiled.end();
    return !node.subgraphs().empty() || (compiled && node.domain == kRuntimeDomain);
  }

  static void plan_cast(const Node& node, NodePlan& plan) {
    if (plan.inputs[0] == Port::from) plan.inputs[0] = Port::either;
    const ir::Attribute* to = node.find("to");
    if (plan.outputs[0] == Port::from && to != nullptr && to->reference.empty()) plan.outputs[0] = Port::either;
  }

  void collect(const Node& node, const onnx::Schema& schema, std::map<std::string, Group, std::less<>>& groups) {
    // Sequences and optionals tie type variables together (SequenceAt: S → T); so does an operator with a body.
    bool tied = false;
    for (const Value* input : node.inputs()) tied = tied || (input && is_sequence_or_optional(input->type));
    for (const auto& output : node.outputs()) tied = tied || (output && is_sequence_or_optional(output->type));
    const auto add = [&](const onnx::Parameter* parameter, const Value& value, std::size_t index,
                         std::vector<std::size_t> Group::*side) {
      if (parameter == nullptr) return;
      std::string key = tied ? "" : std::string(parameter->type_variable);
      if (!parameter->homogeneous) key += fmt::format("#{}{}", side == &Group::inputs ? "i" : "o", index);
      Group& group = groups[key];
      (group.*side).push_back(index);
      group.accepts = group.accepts && accepts(*parameter, value);
    };
    for (std::size_t i = 0; i < node.inputs().size(); ++i) {
      if (moves(node.input(i))) add(schema.input(i), *node.input(i), i, &Group::inputs);
      if (node.input(i) != nullptr && !node.input(i)->type.known() && schema.input(i) != nullptr) {
        // Whatever shares a type with something unknown had better stay.
        groups[std::string(schema.input(i)->type_variable)].accepts = false;
      }
    }
    for (std::size_t i = 0; i < node.output_count(); ++i) {
      if (moves(node.output(i))) add(schema.output(i), *node.output(i), i, &Group::outputs);
    }
  }

  /// Asked for every port of every node; there are few parameters in all.
  bool accepts(const onnx::Parameter& parameter, const Value& value) {
    if (value.type.tensor() == nullptr) return parameter.accepts(with_element_type(value.type, request_.to));
    const auto [entry, fresh] = accepts_.try_emplace(&parameter, false);
    if (fresh) entry->second = parameter.accepts(request_.to);
    return entry->second;
  }

  void decide(const Node& node, const onnx::Schema& schema, const Group& group, NodePlan& plan) {
    if (!group.accepts) return;
    if (group.inputs.empty() && !attribute_can_follow(node, schema)) return;
    for (const std::size_t index : group.inputs) plan.inputs[index] = Port::to;
    for (const std::size_t index : group.outputs) plan.outputs[index] = Port::to;
  }

  /// Outputs whose type neither an input's variable nor an attribute tells: onnx's inference does. The mean that
  /// LayerNormalization gives stays (stash_type), LinearAttention's state moves.
  void follow_inference(const Node& node, const ir::Function* function, NodePlan& plan) const {
    if (!has_port(plan, Port::to) ||
        std::find(plan.outputs.begin(), plan.outputs.end(), Port::from) == plan.outputs.end())
      return;
    ir::Model probe;
    probe.ir_version = model_.ir_version;
    probe.opset_imports = function ? function->opset_imports : model_.opset_imports;
    std::vector<Value*> inputs;
    for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
      const Value* input = node.input(i);
      if (input == nullptr) {
        inputs.push_back(nullptr);
        continue;
      }
      const ir::Type type = plan.inputs[i] == Port::to ? with_element_type(input->type, request_.to) : input->type;
      inputs.push_back(&probe.graph->add_input(fmt::format("i{}", i), type));
    }
    Node& twin = probe.graph->append(node.op_type, std::move(inputs), node.domain);
    for (const ir::Attribute& attribute : node.attributes()) {
      twin.set(attribute.name, std::visit([](const auto& value) { return copied(value); }, attribute.value));
    }
    for (std::size_t i = 0; i < node.output_count(); ++i) twin.add_output(node.output(i) ? fmt::format("o{}", i) : "");
    onnx::infer_types(probe);
    for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
      if (plan.outputs[i] == Port::from && element_type(twin.output(i)->type) == request_.to)
        plan.outputs[i] = Port::to;
    }
  }

  /// An output whose type no input tells: an attribute must, and must be ours to change.
  static bool attribute_can_follow(const Node& node, const onnx::Schema& schema) {
    if (find_body(node) != nullptr) return true;
    const char* name = node.is("ConstantOfShape") ? "value" : node.is("Optional") ? "type" : dtype_attribute(schema);
    if (name == nullptr) return false;
    const ir::Attribute* attribute = node.find(name);
    return attribute == nullptr || attribute->reference.empty();
  }

  /// Quantization: a scale keeps its type unless it is a constant that the other type holds to full precision, i.e. as
  /// a normal number: int8 weights times a scale that was flushed to zero are zeros.
  void keep_scales(const Node& node, const onnx::Schema& schema, NodePlan& plan) {
    const bool quantizes = node.op_type == "QuantizeLinear";
    const bool dequantizes = node.op_type == "DequantizeLinear";
    if (!quantizes && !dequantizes) return keep_scales_of_runtime(node, schema, plan);
    if (plan.inputs.size() < 2 || plan.inputs[1] != Port::to || scale_survives(*node.input(1))) return;
    plan.inputs[1] = Port::from;
    // Where the output's type is the scale's (DequantizeLinear), or the input's must equal it, they stay with it.
    if (dequantizes) std::replace(plan.outputs.begin(), plan.outputs.end(), Port::to, Port::from);
    if (quantizes) std::replace(plan.inputs.begin(), plan.inputs.end(), Port::to, Port::from);
  }

  /// The other operators of ONNX Runtime that take the scale of a whole tensor give it the type of their results.
  /// Scales of blocks may move: among so many, a few that vanish belong to weights that do.
  void keep_scales_of_runtime(const Node& node, const onnx::Schema& schema, NodePlan& plan) {
    if (node.domain != kRuntimeDomain) return;
    for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
      if (plan.inputs[i] != Port::to || schema.input(i)->name.find("scale") == std::string_view::npos) continue;
      if (is_one_number(*node.input(i)) && !scale_survives(*node.input(i))) return stay(plan);
    }
  }

  static bool is_one_number(const Value& value) {
    const ir::TensorType* type = value.type.tensor();
    if (type == nullptr || !type->shape) return false;
    return std::all_of(type->shape->begin(), type->shape->end(),
                       [](const ir::Dim& dim) { return dim.is_value() && dim.value() == 1; });
  }

  void keep_large_parameters(const Node& node, NodePlan& plan) {
    if (std::find(kUsesParameters.begin(), kUsesParameters.end(), node.op_type) == kUsesParameters.end()) return;
    for (std::size_t i = 1; i < plan.inputs.size(); ++i) {
      const double largest = plan.inputs[i] == Port::to ? largest_constant(*node.input(i)) : 0;
      if (largest <= limit()) continue;
      stay(plan);
      return note_kept(
          node, fmt::format("its constant '{}' holds {:.4g}, more than {:g}", node.input(i)->name(), largest, limit()));
    }
  }

  /// The largest finite magnitude that comes through unchanged.
  double limit() const {
    const double type_limit = request_.to == DataType::float16 ? 65504.0 : 3.3e38;
    return request_.max_finite > 0 ? std::min(request_.max_finite, type_limit) : type_limit;
  }

  /// Of a constant that is small enough to be a parameter by channel; else 0.
  static double largest_constant(const Value& value) {
    const tensor::Tensor* constant = constant_of(value);
    const auto values = constant ? tensor::as_doubles(*constant, 1 << 16) : std::nullopt;
    double largest = 0;
    for (const double element : values.value_or(std::vector<double>())) {
      if (std::isfinite(element)) largest = std::max(largest, std::abs(element));
    }
    return largest;
  }

  bool scale_survives(const Value& scale) const {
    const tensor::Tensor* constant = constant_of(scale);
    if (constant == nullptr) return false;
    const auto values = tensor::as_doubles(*constant, 1 << 20);
    const auto [smallest, largest] = normal_range();
    return values && std::all_of(values->begin(), values->end(),
                                 [&](double value) { return value >= smallest && value <= largest; });
  }

  std::pair<double, double> normal_range() const {
    if (request_.to == DataType::float16) return {6.103515625e-05, 65504.0};
    if (request_.to == DataType::bfloat16 || request_.to == DataType::float64 || request_.to == DataType::float32)
      return {1.17549435e-38, 3.3e38};
    return {1, 0};
  }

  // ---- Bodies

  static const BodyPorts* find_body(const Node& node) {
    const auto found =
        std::find_if(kBodies.begin(), kBodies.end(), [&](const BodyPorts& row) { return node.is(row.op_type); });
    return found == kBodies.end() ? nullptr : &*found;
  }

  /// The body's inputs and outputs are what the node's own ports are.
  void plan_bodies(const Node& node, const ir::Function* function, bool keep, const NodePlan& plan) {
    const BodyPorts* ports = find_body(node);
    const std::vector<Graph*> bodies = node.subgraphs();
    if (ports == nullptr) {
      for (const Graph* body : bodies) plan_body_alone(*body, function);
      return;
    }
    // Scan 8 has the lengths of its sequences as a first input that the body does not see.
    const bool scan_8 = node.is("Scan") && !bodies.empty() && node.inputs().size() == bodies[0]->inputs().size() + 1;
    const std::size_t first_input = ports->first_input + (scan_8 ? 1 : 0);
    for (const Graph* body : bodies) {
      plan_graph(*body, function, keep);
      for (std::size_t i = ports->first_body_input; i < body->inputs().size(); ++i) {
        const std::size_t port = first_input + i - ports->first_body_input;
        const Value& input = *body->inputs()[i];
        if (moves(input) && port < plan.inputs.size() && plan.inputs[port] == Port::to)
          plan_.moved_inputs.insert(&input);
      }
      auto& outputs = plan_.graph_outputs[body];
      for (std::size_t i = 0; i < body->outputs().size(); ++i) {
        const Value& output = *body->outputs()[i];
        const bool has_port = i >= ports->first_body_output && i - ports->first_body_output < plan.outputs.size();
        Port wanted = !moves(output) ? Port::other : has_port ? plan.outputs[i - ports->first_body_output] : Port::from;
        if (wanted == Port::other && moves(output)) wanted = Port::from;
        outputs.push_back(wanted);
      }
    }
  }

  /// A body of an operator that is not known here: it stays, whatever it may be for.
  void plan_body_alone(const Graph& body, const ir::Function* function) {
    plan_graph(body, function, true);
    auto& outputs = plan_.graph_outputs[&body];
    for (const Value* output : body.outputs()) outputs.push_back(moves(*output) ? Port::from : Port::other);
  }

  // ---- Data movers

  /// A chain of nodes that only move data, from values that stay to users that want them as they were, would get two
  /// casts for nothing: it stays too.
  void keep_idle_movers() {
    std::vector<const Node*> movers;
    for_each_graph(model_, [&](const Graph& graph) {
      for (const Node& node : graph.nodes()) {
        if (moves_data(node) && has_port(plan_.nodes.at(&node), Port::to)) movers.push_back(&node);
      }
    });
    std::unordered_set<const Node*> idle(movers.begin(), movers.end());
    // Each sweep drops what a neighbour's leaving uncovered; forwards for inputs, backwards for users.
    for (bool shrinking = true; shrinking;) {
      shrinking = false;
      for (const Node* node : movers)
        shrinking |= idle.contains(node) && !is_fed_unmoved(*node, idle) && idle.erase(node) != 0;
      for (auto node = movers.rbegin(); node != movers.rend(); ++node) {
        shrinking |= idle.contains(*node) && !is_wanted_unmoved(**node, idle) && idle.erase(*node) != 0;
      }
    }
    for (const Node* node : idle) stay(plan_.nodes.at(node));
  }

  static void stay(NodePlan& plan) {
    std::replace(plan.inputs.begin(), plan.inputs.end(), Port::to, Port::from);
    std::replace(plan.outputs.begin(), plan.outputs.end(), Port::to, Port::from);
  }

  bool is_fed_unmoved(const Node& node, const std::unordered_set<const Node*>& idle) const {
    bool any = false;
    const NodePlan& plan = plan_.nodes.at(&node);
    for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
      if (plan.inputs[i] != Port::to) continue;
      const Value& input = *node.input(i);
      const Port given = idle.contains(input.producer()) ? Port::from : plan_.given(input, request_.from);
      if (given == Port::to) return false;
      any = any || given == Port::from;
    }
    return any;
  }

  bool is_wanted_unmoved(const Node& node, const std::unordered_set<const Node*>& idle) const {
    for (const auto& output : node.outputs()) {
      if (!output) continue;
      for (const ir::Use& use : output->uses()) {
        if (plan_.wanted(use) == Port::to && !idle.contains(use.node)) return false;
      }
    }
    return true;
  }

  const ir::Model& model_;
  const PrecisionRequest& request_;
  const std::unordered_set<const Node*> shape_math_;
  PrecisionPlan plan_;
  std::unordered_map<std::string, std::optional<onnx::Schema>> schemas_;
  std::unordered_map<const onnx::Parameter*, bool> accepts_;
  std::unordered_set<const ir::Function*> mixed_functions_;
  std::unordered_set<const ir::Function*> called_functions_;
};

}  // namespace

bool moves_data(const Node& node) {
  return node.domain.empty() && std::find(kMovesData.begin(), kMovesData.end(), node.op_type) != kMovesData.end();
}

const tensor::Tensor* constant_of(const Value& value) {
  if (value.producer() && value.producer()->is("Constant")) return value.producer()->tensor("value");
  return value.is_graph_input() ? nullptr : value.initializer();
}

const char* dtype_attribute(const onnx::Schema& schema) {
  for (const char* name : kTypeAttributes) {
    if (schema.has_attribute(name)) return name;
  }
  return nullptr;
}

Port PrecisionPlan::given(const ir::Value& value, DataType from) const {
  if (element_type(value.type) != from) return Port::other;
  if (const ir::Node* producer = value.producer()) return nodes.at(producer).outputs[value.output_index()];
  if (value.is_graph_input()) return moved_inputs.contains(&value) ? Port::to : Port::from;
  return value.initializer() != nullptr ? Port::either : Port::from;
}

Port PrecisionPlan::wanted(const ir::Use& use) const {
  if (use.node != nullptr) return nodes.at(use.node).inputs[use.index];
  const auto outputs = graph_outputs.find(use.graph);
  return outputs == graph_outputs.end() ? Port::from : outputs->second[use.index];
}

PrecisionPlan plan_precision(const ir::Model& model, const PrecisionRequest& request) {
  return Planner(model, request).run();
}

}  // namespace olivine::passes

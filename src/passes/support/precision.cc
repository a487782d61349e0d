#include "passes/support/precision.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "onnx/onnx.h"
#include "passes/support/default_opset.h"
#include "passes/support/precision_plan.h"

namespace olivine::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::Use;
using ir::Value;

bool is_tensor(const Value& value) { return value.type.tensor() != nullptr; }

/// Sequences and optionals cannot be cast. Where one would have to be, the nodes that it connects stay.
class SequenceConflicts {
 public:
  SequenceConflicts(const ir::Model& model, const PrecisionPlan& plan, DataType from) : plan_(plan), from_(from) {
    for_each_graph(model, [&](const Graph& graph) {
      for (const Value* input : graph.inputs()) look_at(*input);
      for (const Node& node : graph.nodes()) {
        for (const auto& output : node.outputs()) {
          if (output) look_at(*output);
        }
      }
    });
    while (!pending_.empty()) {
      const Value* value = pending_.back();
      pending_.pop_back();
      spread_from(*value);
    }
  }

  /// The nodes that must stay.
  const std::unordered_set<const Node*>& nodes() const { return nodes_; }

 private:
  bool concerns(const Value& value) const { return element_type(value.type) == from_ && !is_tensor(value); }

  void look_at(const Value& value) {
    if (!concerns(value)) return;
    const Port given = plan_.given(value, from_);
    for (const Use& use : value.uses()) {
      const Port wanted = plan_.wanted(use);
      if (wanted != Port::either && wanted != given) push(value);
    }
  }

  void push(const Value& value) {
    if (concerns(value) && values_.insert(&value).second) pending_.push_back(&value);
  }

  void spread_from(const Value& value) {
    keep(value.producer() ? value.producer() : value.graph()->parent_node());
    for (const Use& use : value.uses()) keep(use.node ? use.node : use.graph->parent_node());
  }

  void keep(const Node* node) {
    if (node == nullptr || !nodes_.insert(node).second) return;
    for (const Value* input : node->inputs()) {
      if (input) push(*input);
    }
    for (const auto& output : node->outputs()) {
      if (output) push(*output);
    }
    for (const Graph* body : node->subgraphs()) {
      for (const Value* input : body->inputs()) push(*input);
      for (const Value* output : body->outputs()) push(*output);
    }
  }

  const PrecisionPlan& plan_;
  const DataType from_;
  std::unordered_set<const Node*> nodes_;
  std::unordered_set<const Value*> values_;
  std::vector<const Value*> pending_;
};

class Converter {
 public:
  Converter(ir::Model& model, const PrecisionRequest& request)
      : model_(model), request_(request), plan_(plan_without_conflicts(model, request)) {}

  PrecisionResult run() {
    result_.kept = plan_.kept;
    const std::vector<Value*> values = values_to_move();
    const std::vector<Node*> casts = casts_to_target();
    for (const auto& [node, plan] : plan_.nodes) {
      if (std::count(plan.outputs.begin(), plan.outputs.end(), Port::to) +
              std::count(plan.inputs.begin(), plan.inputs.end(), Port::to) !=
          0) {
        ++result_.converted_nodes;
      }
    }
    for_each_graph(model_, [&](Graph& graph) {
      for (Node& node : graph.nodes()) follow_with_attributes(node);
    });
    for (Value* value : values) settle(*value);
    for (Node* cast : casts) drop_if_idle(*cast);
    return std::move(result_);
  }

 private:
  /// Taken before anything changes.
  std::vector<Value*> values_to_move() {
    std::vector<Value*> values;
    const auto add = [&](Value* value) {
      if (value != nullptr && element_type(value->type) == request_.from) values.push_back(value);
    };
    for_each_graph(model_, [&](Graph& graph) {
      for (Value* input : graph.inputs()) add(input);
      for (Value* initializer : graph.initializers()) {
        if (!initializer->is_graph_input()) add(initializer);
      }
      for (Node& node : graph.nodes()) {
        for (const auto& output : node.outputs()) add(output.get());
      }
    });
    return values;
  }

  std::vector<Node*> casts_to_target() {
    std::vector<Node*> casts;
    for_each_graph(model_, [&](Graph& graph) {
      for (Node& node : graph.nodes()) {
        if (node.is("Cast") && node.output(0) && element_type(node.output(0)->type) == request_.to)
          casts.push_back(&node);
      }
    });
    return casts;
  }

  // ---- Attributes

  void follow_with_attributes(Node& node) {
    const NodePlan& plan = plan_.nodes.at(&node);
    const bool moved = std::find(plan.outputs.begin(), plan.outputs.end(), Port::to) != plan.outputs.end();
    if (node.is("ConstantOfShape")) {
      if (moved) move_fill_value(node);
      return;
    }
    if (node.is("Optional")) {
      if (const ir::Attribute* type = node.find("type"); moved && type != nullptr) {
        node.set("type", with_element_type(std::get<ir::Type>(type->value), request_.to));
        result_.changed = true;
      }
      return;
    }
    if (node.is("Cast")) return;
    const bool input_moved = std::find(plan.inputs.begin(), plan.inputs.end(), Port::to) != plan.inputs.end();
    if (!moved && !input_moved) return;
    const auto& schema = plan.schema;
    const char* name = schema ? dtype_attribute(*schema) : nullptr;
    if (name == nullptr || node.output(0) == nullptr || plan.outputs[0] == Port::other) return;
    const DataType wanted = moved ? request_.to : request_.from;
    const std::int64_t present = node.integer(name, default_of(*schema, name));
    // 0, and no default, mean "as the input": then only a type that differs from the input's must be said.
    if (present == 0 && wanted == request_.to && input_moved) return;
    if (present == static_cast<std::int64_t>(wanted)) return;
    node.set(name, static_cast<std::int64_t>(wanted));
    result_.changed = true;
  }

  static std::int64_t default_of(const onnx::Schema& schema, const char* name) {
    const ir::AttributeValue value = schema.attribute_default(name);
    const auto* number = std::get_if<std::int64_t>(&value);
    return number ? *number : 0;
  }

  void move_fill_value(Node& node) {
    ir::NamedTensor value;
    if (ir::Attribute* given = node.find("value")) value = std::get<ir::NamedTensor>(given->value);
    if (value.tensor.dtype() == DataType::undefined)
      value.tensor = tensor::from_values<float>(DataType::float32, {1}, std::array{0.0F});
    value.tensor = moved_tensor(value.tensor, node.output(0)->name());
    node.set("value", std::move(value));
    result_.changed = true;
  }

  // ---- Values

  tensor::Tensor moved_tensor(const tensor::Tensor& tensor, const std::string& name) {
    tensor::CastOptions options;
    options.max_finite = request_.max_finite;
    options.min_positive = request_.min_positive;
    options.counters = std::make_shared<tensor::CastCounters>();
    result_.tensors.push_back({name, options.counters, tensor.element_count()});
    return tensor::cast(tensor, request_.to, options);
  }

  /// Gives the value its new type and every user the type that it wants.
  void settle(Value& value) {
    const Port given = plan_.given(value, request_.from);
    std::vector<Use> to_uses;
    std::vector<Use> from_uses;
    for (const Use& use : value.uses()) {
      const Port wanted = plan_.wanted(use);
      if (wanted == Port::to) to_uses.push_back(use);
      if (wanted == Port::from) from_uses.push_back(use);
    }
    switch (given) {
      case Port::from:
        if (!to_uses.empty()) redirect(value, to_uses, cast_of(value, request_.to));
        break;
      case Port::to:
        retype(value, request_.to);
        if (!from_uses.empty()) redirect(value, from_uses, cast_of(value, request_.from));
        break;
      case Port::either:
        if (!to_uses.empty()) settle_constant(value, to_uses, !from_uses.empty());
        break;
      case Port::other:
        break;
    }
  }

  void retype(Value& value, DataType dtype) {
    value.type = with_element_type(value.type, dtype);
    result_.changed = true;
    if (value.initializer() != nullptr) value.set_initializer(moved_tensor(*value.initializer(), value.name()));
  }

  /// The value in the other type: a Cast right behind its producer, the one that is there already if there is one.
  Value& cast_of(Value& value, DataType dtype) {
    if (!is_tensor(value))
      throw Error(ErrorCode::internal,
                  fmt::format("'{}' is {}, which cannot be cast", value.name(), to_string(value.type)));
    Graph& graph = *value.graph();
    Node* const position = value.producer() ? value.producer()->next() : graph.first();
    for (const Use& use : value.uses()) {
      if (use.node == nullptr || &use.node->graph() != &graph || !use.node->is("Cast") ||
          cast_target(*use.node) != dtype)
        continue;
      if (use.node != position) graph.move_before(*use.node, position);
      return *use.node->output(0);
    }
    ++result_.inserted_casts;
    result_.changed = true;
    import_default_opset(model_, graph);
    Node& cast = graph.insert_before(position, "Cast", {&value});
    set_cast_target(cast, dtype);
    Value& output = *cast.add_output(graph.unique_name(fmt::format("{}_{}", value.name(), data_type_info(dtype).name)),
                                     with_element_type(value.type, dtype));
    cast.name = graph.unique_node_name("cast_" + output.name());
    return output;
  }

  /// Before opset 6 Cast told its type by name.
  bool casts_by_name() const { return model_.opset().value_or(6) < 6; }

  void set_cast_target(Node& cast, DataType dtype) const {
    if (!casts_by_name()) {
      cast.set("to", static_cast<std::int64_t>(dtype));
      return;
    }
    std::string name(name_of(dtype));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
    cast.set("to", std::move(name));
  }

  static DataType cast_target(const Node& cast) {
    return static_cast<DataType>(cast.integer("to", static_cast<std::int64_t>(DataType::undefined)));
  }

  /// Makes the uses take `replacement`. A graph's output keeps its name: the replacement takes it over.
  void redirect(Value& value, const std::vector<Use>& uses, Value& replacement) {
    for (const Use& use : uses) {
      if (use.node != nullptr) {
        use.node->set_input(use.index, &replacement);
        continue;
      }
      use.graph->set_output(use.index, replacement);
      if (value.graph() == use.graph && !value.is_graph_input() && !keeps_its_name(value))
        take_name(value, replacement);
    }
    result_.changed = true;
  }

  static bool keeps_its_name(const Value& value) {
    return std::any_of(value.uses().begin(), value.uses().end(),
                       [&](const Use& use) { return use.node == nullptr && use.graph == value.graph(); });
  }

  static void take_name(Value& value, Value& replacement) {
    std::string name = value.name();
    value.set_name(replacement.name());
    replacement.set_name(std::move(name));
    std::swap(value.annotations, replacement.annotations);
    std::swap(value.listed, replacement.listed);
  }

  // ---- Constants and casts: they can be had in both types

  void settle_constant(Value& value, const std::vector<Use>& to_uses, bool needed_as_it_is) {
    if (value.producer() != nullptr && value.producer()->is("Cast"))
      return settle_cast(value, to_uses, needed_as_it_is);
    if (!needed_as_it_is) {
      if (value.producer() != nullptr) move_constant_node(*value.producer());
      retype(value, request_.to);
      return;
    }
    redirect(value, to_uses, value.producer() ? second_constant_node(*value.producer()) : second_initializer(value));
  }

  std::string other_name(const Value& value) const {
    return value.graph()->unique_name(fmt::format("{}_{}", value.name(), data_type_info(request_.to).name));
  }

  Value& second_initializer(Value& value) {
    Value& twin = value.graph()->add_initializer(other_name(value), moved_tensor(*value.initializer(), value.name()));
    twin.initializer_annotations() = value.initializer_annotations();
    return twin;
  }

  Value& second_constant_node(Node& node) {
    Graph& graph = node.graph();
    Node& twin = graph.insert_after(node, "Constant", {});
    twin.name = graph.unique_node_name(node.name.empty() ? "constant" : node.name);
    twin.set("value", constant_value(node));
    return *twin.add_output(other_name(*node.output(0)), with_element_type(node.output(0)->type, request_.to));
  }

  void move_constant_node(Node& node) {
    ir::NamedTensor value = constant_value(node);
    node.remove("value_float");
    node.remove("value_floats");
    node.set("value", std::move(value));
  }

  ir::NamedTensor constant_value(const Node& node) {
    const std::string& name = node.output(0)->name();
    if (const ir::Attribute* attribute = node.find("value")) {
      ir::NamedTensor value = std::get<ir::NamedTensor>(attribute->value);
      value.tensor = moved_tensor(value.tensor, name);
      return value;
    }
    const ir::Attribute* list = node.find("value_floats");
    const auto floats = list ? std::get<std::vector<float>>(list->value) : std::vector{node.floating("value_float", 0)};
    tensor::Dims dims;
    if (list) dims.push_back(static_cast<std::int64_t>(floats.size()));
    const auto exact = tensor::from_values<float>(DataType::float32, std::move(dims), floats);
    return {"", moved_tensor(exact, name), {}};
  }

  /// Cast(x → from) for users that want the other type: x itself where it has that type by now, for it came from there
  /// without loss (Cast(Cast(x)) -> x); else the Cast makes that type at once.
  void settle_cast(Value& value, const std::vector<Use>& to_uses, bool needed_as_it_is) {
    Node& cast = *value.producer();
    Value& source = *cast.input(0);
    if (element_type(source.type) == request_.to && can_replace(value, to_uses, source)) {
      redirect(value, to_uses, source);
      if (value.uses().empty()) erase_cast(cast);
    } else if (!needed_as_it_is) {
      set_cast_target(cast, request_.to);
      retype(value, request_.to);
    } else {
      redirect(value, to_uses, cast_of_source(cast));
    }
  }

  Value& cast_of_source(Node& cast) {
    Graph& graph = cast.graph();
    Node& twin = graph.insert_after(cast, "Cast", {cast.input(0)});
    set_cast_target(twin, request_.to);
    Value& output = *twin.add_output(other_name(*cast.output(0)), with_element_type(cast.output(0)->type, request_.to));
    twin.name = graph.unique_node_name("cast_" + output.name());
    ++result_.inserted_casts;
    result_.changed = true;
    return output;
  }

  /// An output of the graph must keep its name, which `source` can take over only if it has none to keep.
  static bool can_replace(const Value& value, const std::vector<Use>& uses, const Value& source) {
    const bool as_output = std::any_of(
        uses.begin(), uses.end(), [&](const Use& use) { return use.node == nullptr && use.graph == value.graph(); });
    return !as_output || (source.producer() != nullptr && source.graph() == value.graph() && !keeps_its_name(source));
  }

  void erase_cast(Node& cast) {
    cast.graph().erase(cast);
    ++result_.removed_casts;
    result_.changed = true;
  }

  /// Cast(x → to) with x moved is nothing: Cast(x) -> x.
  void drop_if_idle(Node& cast) {
    Value& source = *cast.input(0);
    Value& value = *cast.output(0);
    if (element_type(source.type) != request_.to) return;
    const std::vector<Use> uses(value.uses().begin(), value.uses().end());
    if (!was_moved(source) || !can_replace(value, uses, source)) return;
    redirect(value, uses, source);
    erase_cast(cast);
  }

  bool was_moved(const Value& value) const {
    if (value.producer() != nullptr) {
      const auto plan = plan_.nodes.find(value.producer());
      return plan != plan_.nodes.end() && plan->second.outputs[value.output_index()] == Port::to;
    }
    return plan_.moved_inputs.contains(&value);
  }

  ir::Model& model_;
  const PrecisionRequest& request_;
  const PrecisionPlan plan_;
  PrecisionResult result_;
};

}  // namespace

PrecisionPlan plan_without_conflicts(const ir::Model& model, const PrecisionRequest& request) {
  PrecisionRequest narrowed = request;
  std::unordered_set<const Node*> kept;
  narrowed.keep_node = [&](const Node& node) { return kept.contains(&node) || request.keep_node(node); };
  while (true) {
    PrecisionPlan plan = plan_precision(model, narrowed);
    const SequenceConflicts conflicts(model, plan, request.from);
    const std::size_t before = kept.size();
    kept.insert(conflicts.nodes().begin(), conflicts.nodes().end());
    if (kept.size() == before) {
      for (const Node* node : kept)
        plan.kept.push_back({node->describe(), "a sequence that it shares with others cannot be cast"});
      return plan;
    }
  }
}

PrecisionResult convert_precision(ir::Model& model, const PrecisionRequest& request) {
  return Converter(model, request).run();
}

}  // namespace olivine::passes

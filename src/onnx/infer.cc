#include <fmt/format.h>
#include <onnx/shape_inference/implementation.h>

#include <deque>
#include <set>
#include <unordered_set>

#include "base/error.h"
#include "onnx/contrib/registry.h"
#include "onnx/onnx.h"
#include "onnx/protos.h"
#include "onnx/read_parts.h"
#include "onnx/serialize.h"
#include "onnx/type_proto.h"

namespace olivine::onnx {
namespace {

using TypesByName = std::unordered_map<std::string_view, const ::onnx::TypeProto*>;

TypesByName types_of(const ::onnx::GraphProto& graph) {
  TypesByName types;
  for (const auto& info : graph.value_info()) {
    if (info.has_type()) types.emplace(info.name(), &info.type());
  }
  for (const auto& info : graph.output()) {
    if (info.has_type()) types.emplace(info.name(), &info.type());
  }
  return types;
}

/// onnx's data propagation invents symbols ("unk__7") for sizes that it cannot tell. They mean nothing to a user.
class InventedSymbols {
 public:
  explicit InventedSymbols(const ir::Model& model) {
    for_each_graph(model, [&](const ir::Graph& graph) {
      for (const ir::Value* input : graph.inputs()) note(input->type);
      for (const ir::Value* output : graph.outputs()) note(output->type);
      for (const ir::Node& node : graph.nodes()) {
        for (const auto& output : node.outputs()) {
          if (output) note(output->type);
        }
      }
    });
  }

  void remove_from(ir::Type& type) const {
    ir::TensorType* tensor = type.tensor();
    if (tensor == nullptr || !tensor->shape) return;
    for (ir::Dim& dim : *tensor->shape) {
      if (dim.is_symbol() && dim.symbol().starts_with(kPrefix) && !known_.contains(dim.symbol())) dim = ir::Dim();
    }
  }

 private:
  static constexpr std::string_view kPrefix = "unk__";

  void note(const ir::Type& type) {
    const ir::TensorType* tensor = type.tensor();
    if (tensor == nullptr || !tensor->shape) return;
    for (const ir::Dim& dim : *tensor->shape) {
      if (dim.is_symbol() && dim.symbol().starts_with(kPrefix)) known_.insert(dim.symbol());
    }
  }

  std::unordered_set<std::string> known_;
};

/// A type without denotations and unknown fields is what inference makes; what the file said beyond that is kept.
ir::Type merged(const ir::Type& existing, const ::onnx::TypeProto& inferred, const InventedSymbols& invented) {
  ir::Type type = type_of(inferred);
  invented.remove_from(type);
  if (!type.known()) return existing;
  if (type.denotation.empty()) type.denotation = existing.denotation;
  if (type.unknown_fields.empty()) type.unknown_fields = existing.unknown_fields;
  return type;
}

bool told_by_file(const ir::Value& value) { return value.listed && element_type(value.type) != DataType::undefined; }

/// Both sides come from one serialization: nodes and subgraphs stand in the same order.
void take_types(ir::Graph& graph, const ::onnx::GraphProto& proto, const InventedSymbols& invented, bool refine) {
  const TypesByName types = types_of(proto);
  int index = 0;
  for (ir::Node& node : graph.nodes()) {
    for (const auto& output : node.outputs()) {
      if (!output || (!refine && told_by_file(*output))) continue;
      const auto entry = types.find(output->name());
      if (entry != types.end()) output->type = merged(output->type, *entry->second, invented);
    }
    const std::vector<ir::Graph*> subgraphs = node.subgraphs();
    auto subgraph = subgraphs.begin();
    for (const auto& attribute : proto.node(index++).attribute()) {
      if (attribute.has_g()) take_types(**subgraph++, attribute.g(), invented, refine);
      for (const auto& nested : attribute.graphs()) take_types(**subgraph++, nested, invented, refine);
    }
  }
  for (ir::Value* input : graph.inputs()) {
    if (input->type.known() || graph.parent_node() == nullptr) continue;
    // A loop body's untyped inputs get their types from the loop.
    for (const auto& info : proto.input()) {
      if (info.name() == input->name() && info.has_type()) input->type = merged(input->type, info.type(), invented);
    }
  }
}

::onnx::ShapeInferenceOptions library_options(const InferenceOptions& options) {
  return ::onnx::ShapeInferenceOptions(options.strict, options.strict ? 1 : 0, options.data_propagation);
}

void run_inference(::onnx::ModelProto& proto, const InferenceOptions& options) {
  try {
    ::onnx::shape_inference::InferShapes(proto, &schema_registry(), library_options(options));
  } catch (const std::exception& problem) {
    // Without `strict` a node that cannot be inferred costs only its own types; what still leaves the library is a
    // model that is broken as a whole.
    throw Error(ErrorCode::conversion, fmt::format("its types contradict each other: {}", problem.what()));
  }
}

// ---- Functions

/// A function's body has no types of its own: they come with each call. Types are given to the bodies when all calls
/// agree on element types; dimensions that differ between calls become unknown.
class FunctionInference {
 public:
  FunctionInference(ir::Model& model, const InferenceOptions& options, const InventedSymbols& invented, bool refine)
      : model_(model), options_(options), invented_(invented), refine_(refine) {}

  void run() {
    calls_in(*model_.graph);
    // Each function is inferred when its calls are known; recursion is forbidden by ONNX, so the bound is never met.
    for (std::size_t round = 0; round <= model_.functions.size() && !pending_.empty(); ++round) {
      std::set<const ir::Function*> now;
      now.swap(pending_);
      for (const auto& function : model_.functions) {
        if (now.contains(function.get())) infer(*function);
      }
    }
  }

 private:
  void calls_in(ir::Graph& top) {
    for_each_graph(top, [&](ir::Graph& graph) {
      for (const ir::Node& node : graph.nodes()) {
        const ir::Function* function = model_.find_function(node.domain, node.op_type, node.overload);
        if (function != nullptr && note_call(*function, node)) pending_.insert(function);
      }
    });
  }

  /// Whether the call told something new.
  bool note_call(const ir::Function& function, const ir::Node& call) {
    bool news = !calls_.contains(&function);
    calls_.emplace(&function, &call);
    const auto inputs = function.body->inputs();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const ir::Value* argument = call.input(i);
      if (argument == nullptr || !argument->type.known()) continue;
      ir::Type& type = inputs[i]->type;
      const ir::Type joined = type.known() ? common(type, argument->type) : argument->type;
      if (joined == type) continue;
      type = joined;
      news = true;
    }
    return news;
  }

  static ir::Type common(const ir::Type& a, const ir::Type& b) {
    if (a == b || element_type(a) != element_type(b)) return a;
    const ir::TensorType* left = a.tensor();
    const ir::TensorType* right = b.tensor();
    if (left == nullptr || right == nullptr) return a;
    if (!left->shape || !right->shape || left->shape->size() != right->shape->size())
      return ir::tensor_type(left->dtype);
    ir::Shape shape = *left->shape;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (!(shape[i] == (*right->shape)[i])) shape[i] = ir::Dim();
    }
    return ir::tensor_type(left->dtype, std::move(shape));
  }

  void infer(ir::Function& function) {
    ::onnx::ModelProto proto;
    proto.set_ir_version(model_.ir_version);
    for (const ir::OpsetImport& import : function.opset_imports) {
      auto* opset = proto.add_opset_import();
      opset->set_domain(import.domain);
      opset->set_version(import.version);
    }
    if (!proto.mutable_graph()->ParseFromString(serialize_graph_message(*function.body, weightless_policy(1024))))
      return;
    proto.mutable_graph()->set_name(function.name);
    add_callees(*function.body, proto);
    bind_attributes(*proto.mutable_graph(), function, *calls_.at(&function));
    InferenceOptions lenient = options_;
    lenient.strict = false;
    run_inference(proto, lenient);
    take_types(*function.body, proto.graph(), invented_, refine_);
    calls_in(*function.body);
  }

  /// The functions that the body calls, and those that they call.
  void add_callees(ir::Graph& body, ::onnx::ModelProto& proto) const {
    std::set<const ir::Function*> added;
    std::vector<ir::Graph*> pending = {&body};
    while (!pending.empty()) {
      ir::Graph* top = pending.back();
      pending.pop_back();
      for_each_graph(*top, [&](ir::Graph& graph) {
        for (const ir::Node& node : graph.nodes()) {
          const ir::Function* callee = model_.find_function(node.domain, node.op_type, node.overload);
          if (callee == nullptr || !added.insert(callee).second) continue;
          proto.add_functions()->ParseFromString(serialize_function_message(*callee, weightless_policy(1024)));
          pending.push_back(callee->body.get());
        }
      });
    }
  }

  /// References to the function's attributes become the values of the call, or the defaults.
  void bind_attributes(::onnx::GraphProto& graph, const ir::Function& function, const ir::Node& call) {
    for (auto& node : *graph.mutable_node()) {
      for (auto& attribute : *node.mutable_attribute()) {
        if (attribute.has_g()) bind_attributes(*attribute.mutable_g(), function, call);
        if (attribute.ref_attr_name().empty()) continue;
        if (const ir::Attribute* value = argument(function, call, attribute.ref_attr_name())) bind(attribute, *value);
      }
    }
  }

  static const ir::Attribute* argument(const ir::Function& function, const ir::Node& call, const std::string& name) {
    if (const ir::Attribute* given = call.find(name)) return given;
    for (const ir::Attribute& fallback : function.default_attributes) {
      if (fallback.name == name) return &fallback;
    }
    return nullptr;
  }

  static void bind(::onnx::AttributeProto& attribute, const ir::Attribute& value) {
    const auto* number = std::get_if<std::int64_t>(&value.value);
    const auto* floating = std::get_if<float>(&value.value);
    const auto* text = std::get_if<std::string>(&value.value);
    const auto* numbers = std::get_if<std::vector<std::int64_t>>(&value.value);
    if (!number && !floating && !text && !numbers) return;
    attribute.clear_ref_attr_name();
    if (number) attribute.set_i(*number);
    if (floating) attribute.set_f(*floating);
    if (text) attribute.set_s(*text);
    if (numbers) attribute.mutable_ints()->Add(numbers->begin(), numbers->end());
  }

  ir::Model& model_;
  const InferenceOptions& options_;
  const InventedSymbols& invented_;
  const bool refine_;
  std::unordered_map<const ir::Function*, const ir::Node*> calls_;
  std::set<const ir::Function*> pending_;
};

void discard_shapes(ir::Model& model) {
  for_each_graph(model, [](ir::Graph& graph) {
    for (const ir::Node& node : graph.nodes()) {
      for (const auto& output : node.outputs()) {
        if (output && output->type.tensor() != nullptr) output->type.tensor()->shape.reset();
      }
    }
  });
}

}  // namespace

void infer_types(ir::Model& model, const InferenceOptions& options) {
  const InventedSymbols invented(model);
  const bool refine = options.refine || options.discard_shapes;
  if (options.discard_shapes) discard_shapes(model);
  ::onnx::ModelProto proto = weightless_proto(model);
  run_inference(proto, options);
  take_types(*model.graph, proto.graph(), invented, refine);
  if (!model.functions.empty()) FunctionInference(model, options, invented, refine).run();
}

}  // namespace olivine::onnx

#include "onnx/walk.h"

#include <fmt/format.h>
#include <onnx/defs/schema.h>
#include <onnx/shape_inference/implementation.h>

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "onnx/contrib/registry.h"
#include "onnx/node_context.h"
#include "onnx/type_proto.h"

namespace olivine::onnx {
namespace {

using ::onnx::OpSchema;

// ---- Types

bool tensors_of_one_kind(const ir::Type& a, const ir::Type& b) {
  return a.tensor() != nullptr && b.tensor() != nullptr && a.tensor()->dtype == b.tensor()->dtype;
}

bool differ(const ir::Dim& a, const ir::Dim& b) { return a.is_value() && b.is_value() && a.value() != b.value(); }

enum class Agreement { agree, shapes_differ, types_differ };

bool is_untyped(const ir::Type& type) { return !type.known() || element_type(type) == DataType::undefined; }

Agreement compare(const ir::Type& declared, const ir::Type& inferred) {
  if (!inferred.known() || is_untyped(declared)) return Agreement::agree;
  if (!tensors_of_one_kind(declared, inferred)) {
    const bool same =
        declared.kind.index() == inferred.kind.index() && element_type(declared) == element_type(inferred);
    return same ? Agreement::agree : Agreement::types_differ;
  }
  const std::optional<ir::Shape>& a = declared.tensor()->shape;
  const std::optional<ir::Shape>& b = inferred.tensor()->shape;
  return !a || !b || std::equal(a->begin(), a->end(), b->begin(), b->end(), std::not_fn(differ))
             ? Agreement::agree
             : Agreement::shapes_differ;
}

/// Takes into `type` what `inferred` knows better; where shapes differ, `inferred` is right.
void refine(ir::Type& type, const ir::Type& inferred) {
  if (!inferred.known()) return;
  if (is_untyped(type)) {
    type.kind = inferred.kind;
    if (type.denotation.empty()) type.denotation = inferred.denotation;
    return;
  }
  if (!tensors_of_one_kind(type, inferred)) return;
  const std::optional<ir::Shape>& found = inferred.tensor()->shape;
  std::optional<ir::Shape>& shape = type.tensor()->shape;
  if (!found) return;
  if (!shape || shape->size() != found->size()) {
    shape = found;
    return;
  }
  for (std::size_t i = 0; i < shape->size(); ++i) {
    ir::Dim& dim = (*shape)[i];
    const ir::Dim& better = (*found)[i];
    if (dim == better || (!dim.is_unknown() && !better.is_value())) continue;
    const std::string denotation = std::move(dim.denotation);
    dim = better;
    dim.denotation = denotation;
  }
}

/// What holds of both.
ir::Type common(const ir::Type& a, const ir::Type& b) {
  if (a == b) return a;
  if (!tensors_of_one_kind(a, b)) return {};
  const auto& left = a.tensor()->shape;
  const auto& right = b.tensor()->shape;
  if (!left || !right || left->size() != right->size()) return ir::tensor_type(a.tensor()->dtype);
  ir::Shape shape = *left;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (!(shape[i] == (*right)[i])) shape[i] = ir::Dim();
  }
  return ir::tensor_type(a.tensor()->dtype, std::move(shape));
}

/// The graph's inputs and all outputs of nodes, nested ones included.
void for_each_value(ir::Graph& top, const std::function<void(ir::Value&)>& visit) {
  for_each_graph(top, [&](ir::Graph& graph) {
    for (ir::Value* input : graph.inputs()) visit(*input);
    for (const ir::Node& node : graph.nodes()) {
      for (const auto& output : node.outputs()) {
        if (output) visit(*output);
      }
    }
  });
}

// ---- The walk

/// Where a graph stands: the opsets that its nodes are of, and the call whose function's body it is in.
struct Scope {
  const std::vector<ir::OpsetImport>* imports;
  const CallFrame* frame;
};

class Walker {
 public:
  Walker(ir::Model& model, Evaluator& evaluator) : model_(model), evaluator_(evaluator) {}

  WalkReport run() {
    steps_left_ = kStepsPerNode * (ir::node_count(model_) + 1000);
    walk(*model_.graph, {&model_.opset_imports, nullptr});
    for (const auto& function : model_.functions) {
      if (bodies_.contains(function.get())) settle(*function);
    }
    return std::move(report_);
  }

  WalkReport run_one(ir::Node& node, const std::vector<ir::OpsetImport>& imports) {
    infer(node, {&imports, nullptr});
    return std::exchange(report_, {});
  }

  void walk(ir::Graph& graph, const Scope& scope) {
    walked_.insert(&graph);
    for (ir::Node* node = graph.first(); node != nullptr;) {
      if (scope.frame == nullptr) {
        ir::Node* now = evaluator_.enter(*node);
        if (now != node) {
          node = now;
          continue;
        }
      }
      infer(*node, scope);
      node = node->next();
    }
  }

  void assign(ir::Value& value, const ir::Type& inferred, const ir::Node* maker) {
    switch (compare(value.type, inferred)) {
      case Agreement::agree:
        refine(value.type, inferred);
        break;
      case Agreement::shapes_differ: {
        ir::Type declared = value.type;
        refine(value.type, inferred);
        report_.contradictions.push_back({&value, std::move(declared), value.type});
        break;
      }
      case Agreement::types_differ:
        refuse(maker, fmt::format("'{}' is declared as {}, but is {}", value.name(), to_string(value.type),
                                  to_string(inferred)));
    }
  }

 private:
  /// Chains of functions that call functions twice are walked no more often than this allows: their cost is
  /// exponential.
  static constexpr std::size_t kStepsPerNode = 64;

  struct Operator {
    const OpSchema* schema = nullptr;
    ::onnx::InferenceFunction infer;  ///< empty: it has none
  };

  class Subgraph final : public ::onnx::GraphInferencer {
   public:
    Subgraph(Walker& walker, ir::Graph& graph, const Scope& scope) : walker_(walker), graph_(graph), scope_(scope) {}

    std::vector<const ::onnx::TypeProto*> doInferencing(const std::vector<const ::onnx::TypeProto*>& input_types,
                                                        const std::vector<const ::onnx::TensorProto*>&) override {
      const auto inputs = graph_.inputs();
      if (input_types.size() > inputs.size()) {
        throw ::onnx::InferenceError(
            fmt::format("a graph of {} inputs is given {}", inputs.size(), input_types.size()));
      }
      for (std::size_t i = 0; i < input_types.size(); ++i) {
        if (input_types[i] != nullptr) walker_.assign(*inputs[i], type_of(*input_types[i]), graph_.parent_node());
      }
      walker_.walk(graph_, scope_);
      std::vector<const ::onnx::TypeProto*> result;
      output_types_ = std::vector<::onnx::TypeProto>(graph_.outputs().size());
      for (std::size_t i = 0; i < output_types_.size(); ++i) {
        write_type(graph_.outputs()[i]->type, output_types_[i]);
        result.push_back(&output_types_[i]);
      }
      return result;
    }

   private:
    Walker& walker_;
    ir::Graph& graph_;
    Scope scope_;
    std::vector<::onnx::TypeProto> output_types_;
  };

  class Surroundings final : public NodeSurroundings {
   public:
    Surroundings(Walker& walker, const Scope& scope) : walker_(walker), scope_(scope) {}
    bool is_absent(const ir::Value& value) const override { return walker_.absent_.contains(&value); }
    std::unique_ptr<::onnx::GraphInferencer> inferencer_of(ir::Graph& graph) override {
      return std::make_unique<Subgraph>(walker_, graph, scope_);
    }

   private:
    Walker& walker_;
    const Scope& scope_;
  };

  void infer(ir::Node& node, const Scope& scope) {
    const std::vector<ir::Graph*> subgraphs = node.subgraphs();
    for (ir::Graph* subgraph : subgraphs) walked_.erase(subgraph);
    const std::optional<std::int64_t> opset = opset_of(node, scope);
    const Operator* known = opset ? &operator_of(node, *opset) : nullptr;
    if (known != nullptr && known->schema != nullptr) {
      infer_by_schema(node, *known, *opset, scope);
    } else if (const ir::Function* function = model_.find_function(node.domain, node.op_type, node.overload)) {
      call(*function, node, scope);
    } else {
      // What comes out of such a node is not known, and what follows may complain of that.
      has_unknown_operators_ = true;
    }
    take_known_branch(node);
    // A graph that its node's inference did not come to, or could not.
    for (ir::Graph* subgraph : subgraphs) {
      if (!walked_.contains(subgraph)) walk(*subgraph, scope);
    }
    if (opset) evaluator_.leave(node, *opset);
  }

  void infer_by_schema(ir::Node& node, const Operator& known, std::int64_t opset, const Scope& scope) {
    if (!known.infer && !known.schema->HasFunction() && !known.schema->HasContextDependentFunction()) return;
    // Loop and Scan want every input's type.
    if (!node.subgraphs().empty() && !all_inputs_typed(node)) return;
    Surroundings surroundings(*this, scope);
    NodeContext context(node, scope.frame, evaluator_, surroundings);
    try {
      if (known.infer) {
        known.infer(context);
      } else {
        infer_by_body(*known.schema, opset, context);
      }
    } catch (const Error&) {
      throw;
    } catch (const ::onnx::InferenceError& problem) {
      refuse(&node, problem.what());
      return;
    } catch (const std::exception&) {
      // An inference function that stumbles over something else than the shapes (a payload too large to be looked at)
      // knows nothing.
      return;
    }
    for (std::size_t i = 0; i < node.output_count(); ++i) {
      if (ir::Value* output = node.output(i)) assign(*output, type_of(*context.getOutputType(i)), &node);
    }
  }

  /// An If whose condition is known hands out what that branch makes; its own inference says what both have in common.
  void take_known_branch(ir::Node& node) {
    if (!node.is("If") || node.input(0) == nullptr) return;
    const tensor::Tensor* condition = evaluator_.constant(*node.input(0));
    const auto value = condition != nullptr ? tensor::as_int64s(*condition, 1) : std::nullopt;
    if (!value || value->size() != 1) return;
    const ir::Attribute* branch = node.find(value->front() != 0 ? "then_branch" : "else_branch");
    const auto* graph = branch != nullptr ? std::get_if<std::unique_ptr<ir::Graph>>(&branch->value) : nullptr;
    if (graph == nullptr || !walked_.contains(graph->get())) return;
    const auto results = (*graph)->outputs();
    for (std::size_t i = 0; i < std::min(results.size(), node.output_count()); ++i) {
      if (ir::Value* output = node.output(i)) refine(output->type, results[i]->type);
    }
  }

  /// An operator without inference of its own is what its function computes.
  static void infer_by_body(const OpSchema& schema, std::int64_t opset, NodeContext& context) {
    const auto infer = [&](const ::onnx::FunctionProto& body) {
      ::onnx::shape_inference::DataValueMap values;
      ::onnx::shape_inference::InferShapeForFunctionNode(
          body, &schema_registry(), context, ::onnx::ShapeInferenceOptions(false, 0, true), {}, nullptr, &values);
    };
    if (const auto* body = schema.HasFunction() ? schema.GetFunction(static_cast<int>(opset)) : nullptr) {
      infer(*body);
      return;
    }
    ::onnx::FunctionProto body;
    if (schema.BuildContextDependentFunction(FunctionContext(context), body, static_cast<int>(opset))) infer(body);
  }

  static bool all_inputs_typed(const ir::Node& node) {
    return std::all_of(node.inputs().begin(), node.inputs().end(),
                       [](const ir::Value* input) { return input == nullptr || input->type.known(); });
  }

  std::optional<std::int64_t> opset_of(const ir::Node& node, const Scope& scope) const {
    for (const ir::OpsetImport& import : *scope.imports) {
      if (import.domain == node.domain) return import.version;
    }
    return std::nullopt;
  }

  /// Its schema is null for an operator that the library doesn't know.
  const Operator& operator_of(const ir::Node& node, std::int64_t opset) {
    std::string& key = operator_key_;
    key.assign(node.op_type).append(1, ' ').append(node.domain).append(1, ' ').append(std::to_string(opset));
    const auto [entry, fresh] = operators_.try_emplace(key);
    if (!fresh) return entry->second;
    Operator& made = entry->second;
    made.schema = schema_registry().GetSchema(node.op_type, static_cast<int>(opset), node.domain);
    if (made.schema != nullptr && made.schema->has_type_and_shape_inference_function()) {
      made.infer = made.schema->GetTypeAndShapeInferenceFunction();
    }
    return made;
  }

  void refuse(const ir::Node* node, std::string reason) {
    if (has_unknown_operators_ || node == nullptr) return;
    // It only lacks the type that another refused node could not tell.
    if (!report_.refusals.empty() && !all_inputs_typed(*node)) return;
    std::replace(reason.begin(), reason.end(), '\n', ' ');
    report_.refusals.push_back({node, std::move(reason)});
  }

  // ---- Functions

  /// A function's inner types are those of one call while that is walked, and in the end what all calls agree on.
  struct Body {
    std::vector<std::pair<ir::Value*, ir::Type>> declared;
    std::unordered_map<const ir::Value*, ir::Type> agreed;  ///< empty before the first call
    bool active = false;
  };

  Body& body_of(const ir::Function& function) {
    const auto [entry, fresh] = bodies_.try_emplace(&function);
    Body& body = entry->second;
    if (fresh) {
      for_each_value(*function.body, [&](ir::Value& value) {
        const bool told = value.listed || (value.is_graph_input() && value.graph() != function.body.get());
        body.declared.emplace_back(&value, told ? value.type : ir::Type());
      });
    }
    return body;
  }

  void call(const ir::Function& function, ir::Node& node, const Scope& scope) {
    Body& body = body_of(function);
    const std::size_t cost = body.declared.size() + 1;
    if (body.active || cost > steps_left_) {
      for (auto& [value, type] : body.declared) body.agreed[value] = {};
      return;
    }
    steps_left_ -= cost;
    body.active = true;
    const CallFrame frame{&function, &node, scope.frame};
    for (auto& [value, type] : body.declared) value->type = type;
    const auto formals = function.body->inputs();
    for (std::size_t i = 0; i < formals.size(); ++i) bind(*formals[i], node.input(i));
    walk(*function.body, {&function.opset_imports, &frame});
    for (ir::Value* formal : formals) absent_.erase(formal);
    remember(body);
    body.active = false;
    const auto results = function.body->outputs();
    for (std::size_t i = 0; i < std::min(results.size(), node.output_count()); ++i) {
      if (ir::Value* output = node.output(i)) {
        assign(*output, results[i]->type, &node);
        evaluator_.bind(*output, results[i]);
      }
    }
  }

  void bind(ir::Value& formal, const ir::Value* actual) {
    if (actual == nullptr || absent_.contains(actual)) {
      absent_.insert(&formal);
      evaluator_.bind(formal, nullptr);
      return;
    }
    formal.type = actual->type;
    evaluator_.bind(formal, actual);
  }

  static void remember(Body& body) {
    const bool first = body.agreed.empty();
    for (const auto& [value, declared] : body.declared) {
      if (first) {
        body.agreed.emplace(value, value->type);
      } else {
        ir::Type& agreed = body.agreed[value];
        agreed = common(agreed, value->type);
      }
    }
  }

  /// All calls have been seen: values are evaluated anew, for all of them at once.
  void settle(const ir::Function& function) {
    for (auto& [value, type] : bodies_.at(&function).declared) value->type = bodies_.at(&function).agreed[value];
    for (const ir::Value* formal : function.body->inputs()) evaluator_.bind(*formal, nullptr);
    evaluate(*function.body, {&function.opset_imports, nullptr});
  }

  void evaluate(ir::Graph& graph, const Scope& scope) {
    for (ir::Node& node : graph.nodes()) {
      for (ir::Graph* subgraph : node.subgraphs()) evaluate(*subgraph, scope);
      for (const auto& output : node.outputs()) {
        if (output) evaluator_.bind(*output, nullptr);
      }
      if (const auto opset = opset_of(node, scope)) evaluator_.leave(node, *opset);
    }
  }

  ir::Model& model_;
  Evaluator& evaluator_;
  WalkReport report_;
  std::size_t steps_left_ = kStepsPerNode * 1000;
  bool has_unknown_operators_ = false;
  std::unordered_map<std::string, Operator> operators_;
  std::string operator_key_;
  std::unordered_map<const ir::Function*, Body> bodies_;
  std::unordered_set<const ir::Graph*> walked_;
  std::unordered_set<const ir::Value*> absent_;
};

/// A body that does not compute an optional output has it among its inputs, so that it reads as a function; nobody
/// passes anything there.
void add_missing_outputs(::onnx::FunctionProto& function) {
  std::unordered_set<std::string> known(function.input().begin(), function.input().end());
  for (const auto& node : function.node()) known.insert(node.output().begin(), node.output().end());
  for (const std::string& output : function.output()) {
    if (known.insert(output).second) function.add_input(output);
  }
}

/// A node that is looked at by itself.
class LoneNode final : public NodeSurroundings {
 public:
  bool is_absent(const ir::Value&) const override { return false; }
  std::unique_ptr<::onnx::GraphInferencer> inferencer_of(ir::Graph&) override {
    throw ::onnx::InferenceError("graphs are not inferred here");
  }
};

}  // namespace

WalkReport infer_in_order(ir::Model& model, Evaluator& evaluator) { return Walker(model, evaluator).run(); }

class NodeInference::Impl : public Walker {
 public:
  using Walker::Walker;
};

NodeInference::NodeInference(ir::Model& model, Evaluator& evaluator)
    : impl_(std::make_unique<Impl>(model, evaluator)) {}
NodeInference::~NodeInference() = default;

std::optional<std::string> NodeInference::infer(ir::Node& node, const std::vector<ir::OpsetImport>& imports) {
  WalkReport report = impl_->run_one(node, imports);
  if (report.refusals.empty()) return std::nullopt;
  return std::move(report.refusals.front().reason);
}

std::optional<ir::Function> function_body(const ir::Node& node, std::int64_t opset, Evaluator& evaluator) {
  const auto* schema = schema_registry().GetSchema(node.op_type, static_cast<int>(opset), node.domain);
  if (schema == nullptr) return std::nullopt;
  ::onnx::ModelProto model;
  model.set_ir_version(::onnx::Version::IR_VERSION);
  model.mutable_graph()->set_name(node.op_type);
  ::onnx::FunctionProto& function = *model.add_functions();
  if (schema->HasFunction()) {
    const auto* body = schema->GetFunction(static_cast<int>(opset));
    if (body == nullptr) return std::nullopt;
    function = *body;
  } else if (schema->HasContextDependentFunction()) {
    LoneNode surroundings;
    NodeContext context(node, nullptr, evaluator, surroundings);
    if (!schema->BuildContextDependentFunction(FunctionContext(context), function, static_cast<int>(opset))) {
      return std::nullopt;
    }
  } else {
    return std::nullopt;
  }
  *model.mutable_opset_import() = function.opset_import();
  add_missing_outputs(function);
  const std::string message = model.SerializeAsString();
  const auto bytes = std::as_bytes(std::span(message));
  return std::move(*read_model_bytes({bytes.begin(), bytes.end()}).functions.front());
}

}  // namespace olivine::onnx

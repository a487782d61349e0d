#include "passes/support/inline_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "ir/cloner.h"
#include "passes/support/inline_branch.h"

namespace olivine::passes {
namespace {

using ir::Attribute;
using ir::Node;
using ir::Value;

/// Far more than models have: functions that call others twice each make 2^n of them.
constexpr double kMostNodes = 1e7;
constexpr int kMostLevels = 500;

/// Counts the nodes that there will be.
class Expansion {
 public:
  explicit Expansion(const ir::Model& model) : model_(model) {}

  double of(ir::Graph& top, int level = 0) {
    double count = 0;
    for_each_graph(top, [&](const ir::Graph& graph) {
      for (const Node& node : graph.nodes()) {
        const ir::Function* function = model_.find_function(node.domain, node.op_type, node.overload);
        count += function == nullptr ? 1 : of(*function, level + 1);
      }
    });
    return count;
  }

 private:
  double of(const ir::Function& function, int level) {
    if (const auto known = sizes_.find(&function); known != sizes_.end()) return known->second;
    if (level > kMostLevels) {
      throw Error(ErrorCode::conversion,
                  fmt::format("function '{}' of domain '{}' calls itself, or calls are nested {} deep", function.name,
                              function.domain, kMostLevels))
          .remedy("ONNX allows no recursion: use control flow instead");
    }
    return sizes_[&function] = of(*function.body, level);
  }

  const ir::Model& model_;
  std::unordered_map<const ir::Function*, double> sizes_;
};

void check_size(const ir::Model& model) {
  const double nodes = Expansion(model).of(*model.graph);
  if (nodes <= kMostNodes) return;
  throw Error(ErrorCode::conversion, fmt::format("with its functions inlined the model has {:.3g} nodes", nodes))
      .remedy(fmt::format("up to {:g} are possible", kMostNodes));
}

const Attribute* argument_of(const Node& call, const ir::Function& function, const Attribute& reference) {
  if (const Attribute* given = call.find(reference.reference)) return given;
  const auto& defaults = function.default_attributes;
  const auto found = std::find_if(defaults.begin(), defaults.end(),
                                  [&](const Attribute& attribute) { return attribute.name == reference.reference; });
  return found == defaults.end() ? nullptr : &*found;
}

/// A copy of the body that takes what the call takes.
std::unique_ptr<ir::Graph> body_for(const Node& call, const ir::Function& function) {
  ir::Cloner cloner;
  cloner.resolve = [&](const Attribute& reference) { return argument_of(call, function, reference); };
  std::unique_ptr<ir::Graph> body = cloner.graph(*function.body);
  while (!body->inputs().empty()) {
    const std::size_t last = body->inputs().size() - 1;
    Value& parameter = *body->inputs()[last];
    const std::vector<ir::Use> uses(parameter.uses().begin(), parameter.uses().end());
    for (const ir::Use& use : uses) {
      if (use.node != nullptr) {
        use.node->set_input(use.index, call.input(last));
      } else {
        use.graph->set_output(use.index, *call.input(last));
      }
    }
    body->remove_input(parameter);
  }
  return body;
}

/// f(x) -> If(body of f), which an inliner of branches knows how to put in place.
Node& as_branch(Node& call, const ir::Function& function) {
  ir::Graph& graph = call.graph();
  Node& branch = graph.insert_before(&call, "If", {});
  std::unique_ptr<ir::Graph> body = body_for(call, function);
  for_each_graph(*body, [&](ir::Graph& nested) {
    for (Node& node : nested.nodes()) {
      if (!node.name.empty()) node.name = graph.unique_node_name(node.name);
    }
  });
  branch.add({"then_branch", std::move(body), {}, {}, {}});
  for (std::size_t i = 0; i < call.output_count(); ++i) {
    Value* output = call.output(i);
    Value* fresh = branch.add_output(output ? output->name() : "", output ? output->type : ir::Type());
    if (output == nullptr) continue;
    output->set_name(graph.unique_name(output->name()));
    ir::Graph::replace_all_uses(*output, *fresh);
  }
  graph.erase(call);
  return branch;
}

void inline_in(ir::Graph& graph, const ir::Model& model, BranchInliner& inliner) {
  for (Node* node = graph.first(); node != nullptr;) {
    if (const ir::Function* function = model.find_function(node->domain, node->op_type, node->overload)) {
      Node& branch = as_branch(*node, *function);
      inliner.adopt(*branch.subgraphs().front());
      node = inliner.inline_branch(branch, true);
      continue;
    }
    for (ir::Graph* body : node->subgraphs()) inline_in(*body, model, inliner);
    node = node->next();
  }
}

}  // namespace

void inline_calls(ir::Model& model) {
  if (model.functions.empty()) return;
  check_size(model);
  for (const auto& function : model.functions) {
    for (const ir::OpsetImport& import : function->opset_imports) {
      if (!model.opset(import.domain)) model.set_opset(import.domain, import.version);
    }
  }
  BranchInliner inliner;
  inline_in(*model.graph, model, inliner);
  model.functions.clear();
}

}  // namespace olivine::passes

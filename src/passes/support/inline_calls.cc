#include "passes/support/inline_calls.h"

#include <algorithm>

#include "ir/cloner.h"
#include "passes/support/inline_branch.h"

namespace olivine::passes {
namespace {

using ir::Attribute;
using ir::Node;
using ir::Value;

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
  branch.add({"then_branch", body_for(call, function), {}, {}, {}});
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
      node = inliner.inline_branch(as_branch(*node, *function), true);
      continue;
    }
    for (ir::Graph* body : node->subgraphs()) inline_in(*body, model, inliner);
    node = node->next();
  }
}

}  // namespace

void inline_calls(ir::Model& model) {
  if (model.functions.empty()) return;
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

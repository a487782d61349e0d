#include "passes/support/default_opset.h"

#include <algorithm>

#include "opset/convert.h"

namespace olivine::passes {
namespace {

bool imports_default(const std::vector<ir::OpsetImport>& imports) {
  return std::any_of(imports.begin(), imports.end(),
                     [](const ir::OpsetImport& import) { return import.domain.empty(); });
}

}  // namespace

void import_default_opset(ir::Model& model, const ir::Graph& graph) {
  const std::int64_t version = model.opset().value_or(opset::newest_opset_of_ir(model.ir_version));
  const ir::Graph* root = &graph;
  while (root->parent_graph() != nullptr) root = root->parent_graph();
  if (!imports_default(model.opset_imports)) model.set_opset("", version);
  for (const auto& function : model.functions) {
    if (function->body.get() == root && !imports_default(function->opset_imports))
      function->opset_imports.push_back({"", version});
  }
}

}  // namespace olivine::passes

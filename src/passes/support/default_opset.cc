#include "passes/support/default_opset.h"

#include <algorithm>
#include <array>

namespace olivine::passes {
namespace {

/// The newest opset of ai.onnx that a model of each IR version may import, by the table in ONNX's Versioning.md; the
/// first entry is IR version 3.
constexpr std::array<std::int64_t, 11> kNewestOpset = {8, 9, 10, 11, 14, 18, 20, 22, 23, 25, 26};

std::int64_t opset_of_ir(std::int64_t ir_version) {
  const std::int64_t index = std::clamp<std::int64_t>(ir_version - 3, 0, kNewestOpset.size() - 1);
  return kNewestOpset[static_cast<std::size_t>(index)];
}

bool imports_default(const std::vector<ir::OpsetImport>& imports) {
  return std::any_of(imports.begin(), imports.end(),
                     [](const ir::OpsetImport& import) { return import.domain.empty(); });
}

}  // namespace

void import_default_opset(ir::Model& model, const ir::Graph& graph) {
  const std::int64_t version = model.opset().value_or(opset_of_ir(model.ir_version));
  const ir::Graph* root = &graph;
  while (root->parent_graph() != nullptr) root = root->parent_graph();
  if (!imports_default(model.opset_imports)) model.set_opset("", version);
  for (const auto& function : model.functions) {
    if (function->body.get() == root && !imports_default(function->opset_imports))
      function->opset_imports.push_back({"", version});
  }
}

}  // namespace olivine::passes

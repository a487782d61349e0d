#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"

/// Brings a model from one opset to another.
namespace olivine::opset {

/// Opsets to bring domains to: "" is ai.onnx. Domains that are not named stay as they are.
using Targets = std::map<std::string, std::int64_t>;

/// What a conversion did, an entry for each kind of change.
struct PlanEntry {
  std::string op_type;
  std::string domain;
  std::int64_t from = 0;  ///< versions of the operator
  std::int64_t to = 0;    ///< 0: replaced by other operators
  std::string how;
  std::size_t nodes = 0;
};

struct Result {
  bool changed = false;
  std::vector<PlanEntry> plan;  ///< by operator and version
  std::vector<std::string> notices;
};

/// Nodes of the main graph, subgraphs and functions (each from the opsets that it imports itself). Names of graph
/// inputs, outputs and of values that keep their meaning stay; payloads are not read.
///
/// Throws Error[conversion] with every node that has no equal in the target; the model is of no use any more then.
Result convert(ir::Model& model, const Targets& targets);

/// The newest opset of ai.onnx that a model of an IR version may import, by the table in ONNX's Versioning.md.
std::int64_t newest_opset_of_ir(std::int64_t ir_version);
/// The oldest IR version whose models may import it.
std::int64_t oldest_ir_of_opset(std::int64_t opset);

}  // namespace olivine::opset

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <variant>
#include <vector>

#include "passes/pass.h"
#include "passes/support/precision.h"

/// What passes that change the precision share: which nodes, inputs and outputs stay, and what is told of the result.
namespace olivine::passes {

using Names = std::vector<std::string>;

/// Options that choose nodes.
struct NodeLists {
  std::optional<Names> op_block_list;
  std::optional<Names> op_include_list;
  std::optional<Names> node_block_list;
  std::optional<Names> node_include_list;
};

/// All inputs and outputs of the model keep their types (true), none, or those named.
using KeepIo = std::variant<bool, Names>;

/// The nodes that lists choose; names that match nothing become notices. The lists must outlive it.
class NodeSelection {
 public:
  NodeSelection(const ir::Model& model, const NodeLists& lists, Context& context);

  bool keeps(const ir::Node& node) const;

 private:
  const NodeLists& lists_;
};

/// For PrecisionRequest::keep_io. `keep` must outlive it.
std::function<bool(const ir::Value&)> io_filter(const ir::Model& model, const KeepIo& keep, Context& context);

/// Into run.json: counts, nodes that could not move (under `kept_key`), and after writing what was out of range.
void report_conversion(const PrecisionResult& result, std::string_view kept_key, Context& context);

}  // namespace olivine::passes

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/error.h"
#include "base/suggest.h"
#include "onnx/onnx.h"
#include "passes/pass.h"
#include "passes/support/precision.h"

namespace olivine::passes {
namespace {

using config::Json;
using Names = std::vector<std::string>;

struct Options {
  std::optional<double> min_positive_val;
  std::optional<double> max_finite_val;
  std::variant<bool, Names> keep_io_types = false;
  bool use_symbolic_shape_infer = true;
  std::optional<Names> op_block_list;
  std::optional<Names> op_include_list;
  std::optional<Names> node_block_list;
  std::optional<Names> node_include_list;
  DataType source_dtype = DataType::float32;
  DataType target_dtype = DataType::float16;
};

const config::OptionsSchema& schema() {
  static const config::OptionsSchema declared =
      config::Declare<Options>()
          .field(
              "min_positive_val", &Options::min_positive_val,
              "Smallest magnitude of a nonzero constant: smaller ones are raised to it. 1e-7 for float16, else none.")
          .at_least(0)
          .field("max_finite_val", &Options::max_finite_val,
                 "Largest magnitude of a finite constant: larger ones are lowered to it. 1e4 for float16, else none.")
          .at_least(0)
          .field("keep_io_types", &Options::keep_io_types,
                 "Leave the types of the model's inputs and outputs as they are: all of them (true), or those named.")
          .field("use_symbolic_shape_infer", &Options::use_symbolic_shape_infer,
                 "Accepted for compatibility: types are always inferred.")
          .field("op_block_list", &Options::op_block_list, "Operator types that stay as they are.")
          .field("op_include_list", &Options::op_include_list,
                 "Operator types to convert; all others stay as they are.")
          .field("node_block_list", &Options::node_block_list, "Names of nodes that stay as they are.")
          .field("node_include_list", &Options::node_include_list,
                 "Names of nodes to convert; all others stay as they are.")
          .field("source_dtype", &Options::source_dtype, "The floating-point type to convert from.")
          .field("target_dtype", &Options::target_dtype,
                 "The floating-point type to convert to: float16, bfloat16 or any other.")
          .exclusive({"op_block_list", "op_include_list"})
          .exclusive({"node_block_list", "node_include_list"})
          .done();
  return declared;
}

/// Tells the user of names that match nothing: most likely they are misspelt.
void note_strangers(const std::optional<Names>& wanted, const Names& present, std::string_view option,
                    Context& context) {
  if (!wanted) return;
  for (const std::string& name : *wanted) {
    if (std::find(present.begin(), present.end(), name) != present.end()) continue;
    const std::string hint = did_you_mean(name, present);
    context.notices.push_back(
        fmt::format("{}: the model has no '{}'{}{}", option, name, hint.empty() ? "" : "; ", hint));
  }
}

class Selection {
 public:
  Selection(const ir::Model& model, const Options& options, Context& context) : options_(options) {
    const bool lists_nodes = options.node_block_list || options.node_include_list;
    const bool lists_ops = options.op_block_list || options.op_include_list;
    if (!lists_nodes && !lists_ops) return;
    std::unordered_set<std::string> nodes;
    std::unordered_set<std::string> op_types;
    for_each_graph(model, [&](const ir::Graph& graph) {
      for (const ir::Node& node : graph.nodes()) {
        if (lists_nodes) nodes.insert(node.name);
        op_types.insert(node.op_type);
      }
    });
    const Names node_names = sorted(nodes);
    const Names op_names = sorted(op_types);
    note_strangers(options.op_block_list, op_names, "op_block_list", context);
    note_strangers(options.op_include_list, op_names, "op_include_list", context);
    note_strangers(options.node_block_list, node_names, "node_block_list", context);
    note_strangers(options.node_include_list, node_names, "node_include_list", context);
  }

  bool keeps(const ir::Node& node) const {
    if (contains(options_.op_block_list, node.op_type) || contains(options_.node_block_list, node.name)) return true;
    // A node with a body must be entered to reach the included nodes in it.
    if (!node.subgraphs().empty()) return false;
    if (options_.op_include_list && !contains(options_.op_include_list, node.op_type)) return true;
    return options_.node_include_list && !contains(options_.node_include_list, node.name);
  }

 private:
  static Names sorted(const std::unordered_set<std::string>& names) {
    Names result(names.begin(), names.end());
    std::sort(result.begin(), result.end());
    return result;
  }
  static bool contains(const std::optional<Names>& names, const std::string& name) {
    return names && std::find(names->begin(), names->end(), name) != names->end();
  }

  const Options& options_;
};

Names names_of(std::span<ir::Value* const> values) {
  Names names;
  for (const ir::Value* value : values) names.push_back(value->name());
  return names;
}

std::function<bool(const ir::Value&)> io_filter(const ir::Model& model, const Options& options, Context& context) {
  if (const bool* all = std::get_if<bool>(&options.keep_io_types)) {
    return [keep = *all](const ir::Value&) { return keep; };
  }
  const Names& kept = std::get<Names>(options.keep_io_types);
  Names present = names_of(model.graph->inputs());
  const Names outputs = names_of(model.graph->outputs());
  present.insert(present.end(), outputs.begin(), outputs.end());
  note_strangers(kept, present, "keep_io_types", context);
  return [&kept](const ir::Value& value) { return std::find(kept.begin(), kept.end(), value.name()) != kept.end(); };
}

/// Clamped and flushed values are known once the writer has read the weights.
void report_tensors(Context& context, const std::vector<ConvertedTensor>& tensors) {
  constexpr std::size_t kShown = 3;
  Json list = Json::array();
  std::uint64_t clamped = 0;
  std::uint64_t flushed = 0;
  for (const ConvertedTensor& tensor : tensors) {
    const std::uint64_t over = tensor.counters->clamped;
    const std::uint64_t under = tensor.counters->flushed;
    if (over + under == 0) continue;
    clamped += over;
    flushed += under;
    list.push_back({{"name", tensor.name}, {"elements", tensor.elements}, {"clamped", over}, {"flushed", under}});
  }
  if (list.empty()) return;
  std::string shown;
  for (std::size_t i = 0; i < std::min(kShown, list.size()); ++i)
    shown += fmt::format("{}'{}'", i ? ", " : "", list[i]["name"].get<std::string>());
  if (list.size() > kShown) shown += " …";
  context.notices.push_back(fmt::format("{} values of {} tensors were too large and {} too small for the new type ({})",
                                        clamped, list.size(), flushed, shown));
  context.report["tensors_out_of_range"] = std::move(list);
}

void check_types(const Options& options) {
  for (const DataType dtype : {options.source_dtype, options.target_dtype}) {
    if (!is_float(dtype)) {
      throw Error(ErrorCode::config, fmt::format("{} is not a floating-point type", name_of(dtype)))
          .remedy("source_dtype and target_dtype take one");
    }
  }
}

Change run(ir::Model& model, const std::any& any_options, Context& context) {
  const auto& options = std::any_cast<const Options&>(any_options);
  check_types(options);
  if (options.source_dtype == options.target_dtype) return Change::unchanged;
  onnx::infer_element_types(model);
  const Selection selection(model, options, context);
  const bool half = options.target_dtype == DataType::float16;
  PrecisionRequest request;
  request.from = options.source_dtype;
  request.to = options.target_dtype;
  request.keep_node = [&](const ir::Node& node) { return selection.keeps(node); };
  request.keep_io = io_filter(model, options, context);
  request.max_finite = options.max_finite_val.value_or(half ? 1e4 : 0);
  request.min_positive = options.min_positive_val.value_or(half ? 1e-7 : 0);
  PrecisionResult result = convert_precision(model, request);

  context.report["converted_nodes"] = result.converted_nodes;
  context.report["inserted_casts"] = result.inserted_casts;
  context.report["removed_casts"] = result.removed_casts;
  Json kept = Json::array();
  for (const KeptNode& node : result.kept) kept.push_back({{"node", node.node}, {"reason", node.reason}});
  if (!kept.empty()) context.report["kept_nodes"] = std::move(kept);
  context.before_write.push_back([tensors = result.tensors] {
    for (const ConvertedTensor& tensor : tensors) tensor.counters->clamped = tensor.counters->flushed = 0;
  });
  context.after_write.push_back(
      [tensors = std::move(result.tensors)](Context& later) { report_tensors(later, tensors); });
  return result.changed ? Change::changed : Change::unchanged;
}

}  // namespace

extern const Pass kOnnxFloatToFloat16;
const Pass kOnnxFloatToFloat16 = {
    "OnnxFloatToFloat16",
    "Converts weights and computation from float32 to float16, bfloat16 or any other floating-point type.",
    &schema,
    &run,
};

}  // namespace olivine::passes

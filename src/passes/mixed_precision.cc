#include <fmt/format.h>

#include "base/error.h"
#include "onnx/onnx.h"
#include "passes/pass.h"
#include "passes/support/mixed/mixed.h"
#include "passes/support/precision_options.h"

namespace olivine::passes {
namespace {

/// Where the search starts unless the user names operators that stay.
const Names kUsualSuspects = {"SimplifiedLayerNormalization", "SkipSimplifiedLayerNormalization", "Relu", "Add"};

struct Options : mixed::AccuracyOptions {
  std::optional<Names> op_block_list;
  std::optional<Names> node_block_list;
  KeepIo keep_io_types = true;
  DataType target_dtype = DataType::float16;
};

const config::OptionsSchema& schema() {
  static const config::OptionsSchema declared = [] {
    config::Declare<Options> declare;
    declare.field(
        "op_block_list", &Options::op_block_list,
        "Operator types that stay in float32 in any case; the search only adds to them. Without it the search "
        "starts at SimplifiedLayerNormalization, SkipSimplifiedLayerNormalization, Relu and Add, and keeps of "
        "them what must be kept.");
    declare.field("node_block_list", &Options::node_block_list, "Names of nodes that stay in float32 in any case.");
    declare.field("keep_io_types", &Options::keep_io_types,
                  "Leave the types of the model's inputs and outputs as they are: all of them (true), or those named.");
    declare.field("target_dtype", &Options::target_dtype, "The type of the rest: float16 or bfloat16.");
    mixed::declare_accuracy(declare);
    return declare.done();
  }();
  return declared;
}

Change run(ir::Model& model, const std::any& given, Context& context) {
  const auto& options = std::any_cast<const Options&>(given);
  if (options.target_dtype != DataType::float16 && options.target_dtype != DataType::bfloat16) {
    throw Error(ErrorCode::config, fmt::format("/target_dtype: {} is not searched for", name_of(options.target_dtype)))
        .remedy("float16 and bfloat16 are");
  }
  onnx::infer_element_types(model);
  const NodeLists lists{options.op_block_list, std::nullopt, options.node_block_list, std::nullopt};
  const NodeSelection selection(model, lists, context);
  const bool half = options.target_dtype == DataType::float16;
  PrecisionRequest request;
  request.to = options.target_dtype;
  request.keep_node = [&](const ir::Node& node) { return selection.keeps(node); };
  request.keep_io = io_filter(model, options.keep_io_types, context);
  // Constants that are beyond the type stand for "as much as there is"; whether that holds is seen by running it.
  request.max_finite = half ? 65504 : 0;
  request.min_positive = half ? 1e-7 : 0;

  mixed::MixedRequest search{request, options, options.op_block_list ? Names() : kUsualSuspects};
  const auto kept = mixed::find_nodes_to_keep(model, search, context, context.report);
  request.keep_node = [&](const ir::Node& node) { return kept.contains(&node) || selection.keeps(node); };
  const PrecisionResult result = convert_precision(model, request);
  report_conversion(result, "unmoved_nodes", context);
  return result.changed ? Change::changed : Change::unchanged;
}

}  // namespace

extern const Pass kOrtMixedPrecision{"OrtMixedPrecision",
                                     "Converts the model to float16 but for the smallest set of operators that must "
                                     "stay in float32 to keep an accuracy.",
                                     &schema, &run};

}  // namespace olivine::passes

#include <fmt/format.h>

#include "base/error.h"
#include "onnx/onnx.h"
#include "passes/pass.h"
#include "passes/support/mixed/mixed.h"
#include "passes/support/precision.h"
#include "passes/support/precision_options.h"

namespace olivine::passes {
namespace {

struct Options : NodeLists {
  std::optional<double> min_positive_val;
  std::optional<double> max_finite_val;
  KeepIo keep_io_types = false;
  bool use_symbolic_shape_infer = true;
  std::optional<mixed::AccuracyOptions> accuracy;
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
          .field(
              "accuracy", &Options::accuracy,
              "An accuracy to keep, from float32: the smallest set of nodes that must stay for it is found by running "
              "the model. The options are those of OrtMixedPrecision.")
          .exclusive({"op_block_list", "op_include_list"})
          .exclusive({"node_block_list", "node_include_list"})
          .done();
  return declared;
}

void check_types(const Options& options) {
  for (const DataType dtype : {options.source_dtype, options.target_dtype}) {
    if (!is_float(dtype)) {
      throw Error(ErrorCode::config, fmt::format("{} is not a floating-point type", name_of(dtype)))
          .remedy("source_dtype and target_dtype take one");
    }
  }
  if (options.accuracy && options.source_dtype != DataType::float32) {
    throw Error(ErrorCode::config,
                fmt::format("accuracy is kept from float32 only, not from {}", name_of(options.source_dtype)));
  }
}

void keep_for_accuracy(const ir::Model& model, const mixed::AccuracyOptions& accuracy, PrecisionRequest& request,
                       Context& context) {
  const mixed::MixedRequest search{request, accuracy, {}};
  request.keep_node = [keep = request.keep_node,
                       found = mixed::find_nodes_to_keep(model, search, context, context.report["accuracy"])](
                          const ir::Node& node) { return found.contains(&node) || keep(node); };
}

Change run(ir::Model& model, const std::any& any_options, Context& context) {
  const auto& options = std::any_cast<const Options&>(any_options);
  check_types(options);
  if (options.source_dtype == options.target_dtype) return Change::unchanged;
  onnx::infer_element_types(model);
  const NodeSelection selection(model, options, context);
  const bool half = options.target_dtype == DataType::float16;
  PrecisionRequest request;
  request.from = options.source_dtype;
  request.to = options.target_dtype;
  request.keep_node = [&](const ir::Node& node) { return selection.keeps(node); };
  request.keep_io = io_filter(model, options.keep_io_types, context);
  request.max_finite = options.max_finite_val.value_or(half ? 1e4 : 0);
  request.min_positive = options.min_positive_val.value_or(half ? 1e-7 : 0);
  if (options.accuracy) keep_for_accuracy(model, *options.accuracy, request, context);
  const PrecisionResult result = convert_precision(model, request);
  report_conversion(result, "kept_nodes", context);
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

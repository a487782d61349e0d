#include <fmt/format.h>

#include "base/error.h"
#include "onnx/onnx.h"
#include "opset/convert.h"
#include "passes/pass.h"

namespace olivine::passes {
namespace {

struct Options {
  std::optional<std::int64_t> target_opset;
  std::optional<std::int64_t> ml_target_opset;
};

const config::OptionsSchema& schema() {
  static const config::OptionsSchema declared =
      config::Declare<Options>()
          .field("target_opset", &Options::target_opset,
                 "The opset of ai.onnx to convert to; the newest one that is known by default.")
          .at_least(1)
          .field("ml_target_opset", &Options::ml_target_opset,
                 "The opset of ai.onnx.ml to convert to; it stays as it is by default.")
          .at_least(1)
          .done();
  return declared;
}

std::int64_t checked(std::int64_t wanted, std::string_view domain, std::string_view option) {
  const std::int64_t newest = onnx::newest_opset(domain);
  if (wanted <= newest) return wanted;
  throw Error(ErrorCode::config, fmt::format("{} has no opset {}; the newest one known here is {}",
                                             domain.empty() ? "ai.onnx" : domain, wanted, newest))
      .prepend(fmt::format("/{}", option));
}

config::Json to_json(const opset::PlanEntry& entry) {
  config::Json row = {{"op_type", entry.op_type}, {"from", entry.from}};
  if (!entry.domain.empty()) row["domain"] = entry.domain;
  if (entry.to != 0) row["to"] = entry.to;
  row["how"] = entry.how;
  row["nodes"] = entry.nodes;
  return row;
}

std::string to_text(const opset::PlanEntry& entry) {
  const std::string name = entry.domain.empty() ? entry.op_type : entry.domain + "." + entry.op_type;
  const std::string to = entry.to != 0 ? fmt::format(" to {}", entry.to) : std::string();
  return fmt::format("  {} {}{}: {}; {} node{}\n", name, entry.from, to, entry.how, entry.nodes,
                     entry.nodes == 1 ? "" : "s");
}

Change run(ir::Model& model, const std::any& given, Context& context) {
  const Options& options = std::any_cast<const Options&>(given);
  opset::Targets targets;
  targets[""] = checked(options.target_opset.value_or(onnx::newest_opset()), "", "target_opset");
  if (options.ml_target_opset) {
    targets["ai.onnx.ml"] = checked(*options.ml_target_opset, "ai.onnx.ml", "ml_target_opset");
  }
  if (const auto before = model.opset()) context.report["from"] = *before;
  const opset::Result result = opset::convert(model, targets);
  context.report["to"] = targets[""];
  context.report["plan"] = config::Json::array();
  for (const opset::PlanEntry& entry : result.plan) {
    context.report["plan"].push_back(to_json(entry));
    context.plan += to_text(entry);
  }
  return result.changed ? Change::changed : Change::unchanged;
}

}  // namespace

extern const Pass kOnnxOpVersionConversion{
    "OnnxOpVersionConversion", "Converts the model to another version of the ONNX operators.", &schema, &run};

}  // namespace olivine::passes

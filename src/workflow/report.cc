#include "workflow/report.h"

namespace olivine::workflow {

using config::Json;

Json to_json(const StepRecord& record) {
  Json json = {{"name", record.step->name},
               {"type", std::string(record.step->pass->name)},
               {"options", record.step->effective},
               {"changed", record.change == passes::Change::changed},
               {"seconds", record.seconds},
               {"nodes", {{"before", record.before.nodes}, {"after", record.after.nodes}}},
               {"weight_bytes", {{"before", record.before.weight_bytes}, {"after", record.after.weight_bytes}}},
               {"notices", record.context.notices}};
  if (!record.context.report.empty()) json["report"] = record.context.report;
  return json;
}

std::string model_config_json(const Workflow& workflow, const std::filesystem::path& model_path, bool external_data) {
  const auto handed_on = [&](const char* key, Json fallback) {
    const auto entry = workflow.input.handed_on.find(key);
    return entry == workflow.input.handed_on.end() ? std::move(fallback) : *entry;
  };
  const std::filesystem::path absolute = std::filesystem::absolute(model_path).lexically_normal();
  // With files beside it Olive names the folder, so that it takes them along.
  Json config;
  config["model_path"] = (external_data ? absolute.parent_path() : absolute).string();
  config["onnx_file_name"] = external_data ? Json(absolute.filename().string()) : Json();
  config["inference_settings"] = handed_on("inference_settings", Json());
  config["use_ort_extensions"] = handed_on("use_ort_extensions", Json(false));
  config["external_initializers_file_name"] = Json();
  config["constant_inputs_file_name"] = Json();
  config["model_attributes"] = handed_on("model_attributes", Json());
  return file_text({{"type", "ONNXModel"}, {"config", std::move(config)}});
}

std::string file_text(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace olivine::workflow

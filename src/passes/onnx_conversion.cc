#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "onnx/onnx.h"
#include "opset/convert.h"
#include "passes/pass.h"
#include "torch/capture.h"
#include "torch/lower.h"

namespace olivine::passes {
namespace {

struct Options {
  std::int64_t target_opset = 20;
  std::string exporter = "native";
  std::string python;
  std::optional<std::string> device;
  std::optional<std::string> torch_dtype;
  bool dynamic = true;
  bool optimize = true;
  std::string custom_ops;
  bool use_dynamo_exporter = false;
  std::string past_key_value_name = "past_key_values";
  bool merge_adapter_weights = false;
  bool save_metadata_for_token_generation = false;
  std::optional<std::int64_t> parallel_jobs;
  std::string user_script;
  std::string script_dir;
};

const config::OptionsSchema& schema() {
  static const config::OptionsSchema declared =
      config::Declare<Options>()
          .field("target_opset", &Options::target_opset, "The opset of ai.onnx to convert to.")
          .at_least(7)
          .field("exporter", &Options::exporter,
                 "native: the program that torch.export gives is converted here; torch.onnx: torch.onnx converts it; "
                 "auto: "
                 "torch.onnx does where an operator is not known here.")
          .one_of({"native", "torch.onnx", "auto"})
          .field("python", &Options::python,
                 "The Python that has torch, for a model that is Python code; by default OLIVINE_PYTHON, that of the "
                 "active virtual environment, or python3.")
          .alias("python_environment_path")
          .field("device", &Options::device, "The device that runs the model while it is captured: cpu, cuda.")
          .field(
              "torch_dtype", &Options::torch_dtype,
              "The type to cast the model to before it is captured, such as float32 or float16; by default it stays as "
              "it is.")
          .field("dynamic", &Options::dynamic, "Leave the axes open that io_config or the task names.")
          .field("optimize", &Options::optimize, "Fold constants, make equal nodes once and drop what is not needed.")
          .field("custom_ops", &Options::custom_ops,
                 "A file that says what operators of one's own become: {\"lib.op\": {\"op_type\": …, \"domain\": …}} "
                 "or {\"lib.op\": {\"model\": \"op.onnx\"}}.")
          .field("past_key_value_name", &Options::past_key_value_name,
                 "The argument of the model that takes past keys and values.")
          .field("use_dynamo_exporter", &Options::use_dynamo_exporter,
                 "Accepted without effect: models are always captured by torch.export.")
          .field("merge_adapter_weights", &Options::merge_adapter_weights,
                 "Accepted without effect: adapters are always merged into the weights.")
          .field("save_metadata_for_token_generation", &Options::save_metadata_for_token_generation,
                 "Accepted without effect: the tokenizer's files stay where the model is.")
          .field("parallel_jobs", &Options::parallel_jobs,
                 "Accepted without effect: it concerns models spread over devices, which are not converted.")
          .field("user_script", &Options::user_script,
                 "A script with the functions that input_model names, where it has no model_script itself.")
          .field("script_dir", &Options::script_dir, "A folder in which scripts find the modules that they import.")
          .done();
  return declared;
}

constexpr std::array<std::string_view, 2> kSources = {"PyTorchModel", "HfModel"};

/// A path as it stands, or from the workflow's folder where only that is there.
std::string beside(const Source& source, const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path elsewhere = source.folder / path;
  return !std::filesystem::exists(path, ignored) && std::filesystem::exists(elsewhere, ignored) ? elsewhere.string()
                                                                                                : path;
}

/// What the process that captures is told.
config::Json told(const Source& source, const Options& options, const std::string& exporter) {
  config::Json json = {{"dynamic", options.dynamic},
                       {"optimize", options.optimize},
                       {"target_opset", options.target_opset},
                       {"past_key_value_name", options.past_key_value_name},
                       {"exporter", exporter}};
  if (options.device) json["device"] = *options.device;
  if (options.torch_dtype) json["torch_dtype"] = *options.torch_dtype;
  if (!options.user_script.empty()) json["user_script"] = beside(source, options.user_script);
  if (!options.script_dir.empty()) json["script_dir"] = beside(source, options.script_dir);
  return json;
}

torch::Captured capture(const Source& source, const Options& options, const std::string& exporter, Context& context) {
  torch::CaptureRequest request;
  request.model = source.config;
  request.model["type"] = source.type;
  request.options = told(source, options, exporter);
  request.python = options.python;
  request.progress = context.progress;
  torch::Captured captured = torch::capture(request);
  for (const std::string& notice : captured.notices) context.notices.push_back(notice);
  context.report["capture"] = captured.record;
  return captured;
}

std::string describe(const std::map<std::string, std::int64_t>& sizes) {
  std::string text;
  for (const auto& [name, size] : sizes) text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", name, size);
  return text.empty() ? "the example inputs" : text;
}

void take_cases(const torch::Captured& captured, Made& made) {
  for (const torch::CapturedCase& given : captured.cases) {
    runtime::RecordedCase recorded{describe(given.sizes), {}, {}};
    for (std::size_t i = 0; i < given.inputs.size(); ++i)
      recorded.inputs.emplace_back(captured.input_names.at(i), given.inputs[i]);
    for (std::size_t i = 0; i < given.outputs.size(); ++i)
      recorded.outputs.emplace_back(captured.output_names.at(i), given.outputs[i]);
    made.recorded.push_back(std::move(recorded));
  }
  made.origin = fmt::format("PyTorch {}", captured.record.value("torch", ""));
  made.files = captured.folder;
}

ir::Model lower(const Source& source, const std::filesystem::path& path, torch::LowerOptions lowering,
                const Options& options, Context& context) {
  lowering.target_opset = options.target_opset;
  lowering.optimize = options.optimize;
  if (!options.custom_ops.empty()) {
    lowering.custom_ops =
        torch::read_custom_ops(beside(source, options.custom_ops), torch::lowering_opset(options.target_opset));
  }
  torch::Lowered lowered = torch::lower(torch::read_program(path), lowering);
  for (std::string& notice : lowered.notices) context.notices.push_back(std::move(notice));
  return std::move(lowered.model);
}

/// torch.onnx writes no opset below its own; the rest of the way is ours.
void bring_to(ir::Model& model, std::int64_t target, Context& context) {
  if (model.opset() == target) return;
  const opset::Result converted = opset::convert(model, {{"", target}});
  for (const std::string& notice : converted.notices) context.notices.push_back(notice);
}

Made by_torch_onnx(const Source& source, const Options& options, Context& context) {
  const torch::Captured captured = capture(source, options, "torch.onnx", context);
  Made made;
  made.model = onnx::read_model(captured.onnx);
  bring_to(made.model, options.target_opset, context);
  take_cases(captured, made);
  return made;
}

/// Where `instead` is given and something in the program has no equal here, `instead` makes the model.
Made by_own_conversion(const Source& source, const Options& options, Context& context,
                       Made (*instead)(const Source&, const Options&, Context&)) {
  const torch::Captured captured = capture(source, options, "native", context);
  if (context.progress) context.progress("converting");
  Made made;
  try {
    made.model = lower(
        source, captured.program,
        {.input_names = captured.input_names, .output_names = captured.output_names, .symbol_names = captured.symbols},
        options, context);
  } catch (const Error& error) {
    if (instead == nullptr || error.code() != ErrorCode::conversion) throw;
    context.notices.push_back(fmt::format("torch.onnx converts the model, since here {}", error.message()));
    return instead(source, options, context);
  }
  take_cases(captured, made);
  return made;
}

/// An exported program needs no Python.
bool is_program(const Source& source) {
  return source.type == "PyTorchModel" && source.config.contains("model_path") &&
         source.config["model_path"].is_string() && !source.config.contains("model_loader") &&
         source.config["model_path"].get<std::string>().ends_with(".pt2");
}

/// io_config's names, where it is given as an object.
std::vector<std::string> named(const Source& source, const char* key) {
  const config::Json& io = source.config.value("io_config", config::Json());
  if (!io.is_object() || !io.contains(key) || !io[key].is_array()) return {};
  std::vector<std::string> names;
  for (const config::Json& name : io[key]) names.push_back(name.is_string() ? name.get<std::string>() : name.dump());
  return names;
}

Made from_program(const Source& source, const Options& options, Context& context) {
  const std::string path = source.config["model_path"];
  if (options.exporter == "torch.onnx") {
    throw Error(ErrorCode::config, "a .pt2 is converted here, without Python")
        .prepend("/exporter")
        .remedy("drop the option");
  }
  Made made;
  made.model =
      lower(source, path, {.input_names = named(source, "input_names"), .output_names = named(source, "output_names")},
            options, context);
  return made;
}

void note_options(const Options& options, Context& context) {
  const auto note = [&](bool given, std::string_view what) {
    if (given) context.notices.push_back(std::string(what));
  };
  note(options.save_metadata_for_token_generation,
       "save_metadata_for_token_generation is without effect: the tokenizer's files stay where the model is");
  note(options.parallel_jobs.has_value(),
       "parallel_jobs is without effect: it concerns models spread over devices, which are not converted");
}

Made make(const Source& source, const std::any& given, Context& context) {
  const Options& options = std::any_cast<const Options&>(given);
  note_options(options, context);
  if (is_program(source)) return from_program(source, options, context);
  if (options.exporter == "torch.onnx") return by_torch_onnx(source, options, context);
  return by_own_conversion(source, options, context, options.exporter == "auto" ? &by_torch_onnx : nullptr);
}

/// As Olive does: what is ONNX already stays as it is.
Change run(ir::Model& /*model*/, const std::any& /*options*/, Context& context) {
  context.notices.emplace_back("the input is an ONNX model already, which OnnxConversion leaves as it is");
  return Change::unchanged;
}

}  // namespace

extern const Pass kOnnxConversion{
    "OnnxConversion",
    "Converts a PyTorch model, one of transformers or an exported program (.pt2), to ONNX.",
    &schema,
    &run,
    &make,
    kSources};

}  // namespace olivine::passes

#include "workflow/keys.h"

#include <algorithm>
#include <initializer_list>

namespace olivine::workflow {
namespace {

using config::Declare;
using config::OptionsSchema;

constexpr std::string_view kThisMachine =
    "everything runs on this machine; verify's provider chooses where the proof runs";
constexpr std::string_view kNoMetrics = "no accuracy or latency is measured; verify compares the outputs";
constexpr std::string_view kNoSearch = "the passes run once, in their order";
constexpr std::string_view kNoCache = "nothing is cached: running a pass costs less than reading a stored result";
constexpr std::string_view kNoPackaging = "the output is a folder";
constexpr std::string_view kNoLogFile = "messages go to the standard error; the flag --log-level chooses which";
constexpr std::string_view kNoNetwork = "nothing is fetched or sent";
constexpr std::string_view kFileName = "the model's file is model.onnx; an output_dir that ends in .onnx names another";

constexpr KeyWithoutEffect kTopWithoutEffect[] = {
    {"systems", kThisMachine},
    {"host", kThisMachine},
    {"target", kThisMachine},
    {"targets", kThisMachine},
    {"workflow_host", kThisMachine},
    {"data_configs", kNoMetrics},
    {"evaluators", kNoMetrics},
    {"evaluator", kNoMetrics},
    {"evaluate_input_model", kNoMetrics},
    {"plot_pareto_frontier", kNoMetrics},
    {"search_strategy", kNoSearch},
    {"cache_dir", kNoCache},
    {"clean_cache", kNoCache},
    {"cache_config", kNoCache},
    {"clean_evaluation_cache", kNoCache},
    {"enable_shared_cache", kNoCache},
    {"packaging_config", kNoPackaging},
    {"output_name", kFileName},
    {"log_to_file", kNoLogFile},
    {"ort_log_severity_level", kNoLogFile},
    {"ort_py_log_severity_level", kNoLogFile},
    {"azureml_client", kNoNetwork},
    {"telemetry", kNoNetwork},
    {"disable_telemetry", kNoNetwork},
};

constexpr KeyWithoutEffect kPassWithoutEffect[] = {
    {"host", kThisMachine},        {"evaluator", kNoMetrics},  {"disable_search", kNoSearch},
    {"clean_run_cache", kNoCache}, {"output_name", kFileName},
};

constexpr RefusedKey kRefused[] = {
    {"builds", "one workflow makes one model here", "write a workflow for each build"},
    {"max_concurrent_builds", "one workflow makes one model here", "write a workflow for each build"},
    {"pass_flows", "the passes run in the order of their keys", "put them into that order under passes"},
    {"auto_optimizer_config", "no pass is chosen automatically", "list the passes under passes"},
};

constexpr std::string_view kOnlyAtTop[] = {"$schema", "input_model",  "passes",     "engine",     "verify",
                                           "systems", "data_configs", "evaluators", "workflow_id"};

constexpr std::string_view kOtherModelTypes[] = {"DistributedHfModel", "DistributedOnnxModel", "CompositeModel",
                                                 "DiffusersModel",     "OpenVINOModel",        "QNNModel",
                                                 "QairtModel",         "QairtPreparedModel",   "TensorFlowModel"};

template <typename S>
void declare_without_effect(Declare<S>& declare, std::span<const KeyWithoutEffect> keys) {
  for (const KeyWithoutEffect& key : keys) {
    declare.field(std::string(key.name), &S::without_effect,
                  "Accepted without effect: " + std::string(key.reason) + ".");
  }
}

Json either(std::initializer_list<const char*> types) {
  Json choices = Json::array();
  for (const char* type : types) choices.push_back({{"type", type}});
  return {{"anyOf", std::move(choices)}};
}

OptionsSchema declare_top() {
  Declare<TopKeys> declare;
  declare.field("$schema", &TopKeys::schema, "Where an editor finds the JSON Schema of this file.")
      .field("input_model", &TopKeys::input_model, "The model to convert: a path, or an object with its type and path.")
      .schema(either({"string", "object"}))
      .required()
      .field("passes", &TopKeys::passes,
             "The passes by name, in the order in which they run; of a list of alternatives the first one runs.")
      .schema({{"type", "object"}})
      .field(
          "output_dir", &TopKeys::output_dir,
          "The folder that receives model.onnx, model_config.json and run.json, or a path that ends in .onnx for just "
          "that file and its data.")
      .field("verify", &TopKeys::verify,
             "Runs the original and the result with ONNX Runtime and compares their outputs; true for the defaults.")
      .schema(either({"boolean", "object"}))
      .field("no_artifacts", &TopKeys::no_artifacts, "Leave run.json out.")
      .field(
          "log_severity_level", &TopKeys::log_severity_level,
          "Which messages are shown: 0 all, 1 information, 2 warnings, 3 errors, 4 the same; the flag --log-level is "
          "stronger.")
      .range(0, 4)
      .field("workflow_id", &TopKeys::workflow_id, "A name for the run, noted in run.json.")
      .field("engine", &TopKeys::engine, "An older place for the run's keys: its members count as top keys.")
      .schema({{"type", "object"}});
  declare_without_effect(declare, kTopWithoutEffect);
  return declare.done();
}

OptionsSchema declare_onnx_model() {
  return Declare<OnnxModelKeys>()
      .field("model_path", &OnnxModelKeys::model_path,
             "The .onnx or .onnxtxt file, or a folder; relative to the current directory or else to the workflow file.")
      .schema(either({"string", "object"}))
      .required()
      .field("onnx_file_name", &OnnxModelKeys::onnx_file_name,
             "The file in the folder that model_path names; needed when it holds several .onnx files.")
      .field("inference_settings", &OnnxModelKeys::handed_on, "Handed on in model_config.json.")
      .field("use_ort_extensions", &OnnxModelKeys::handed_on, "Handed on in model_config.json.")
      .field("model_attributes", &OnnxModelKeys::handed_on, "Handed on in model_config.json.")
      .done();
}

OptionsSchema declare_pytorch_model() {
  const Json path_schema = either({"string", "object"});
  return Declare<PyTorchModelKeys>()
      .field("model_path", &PyTorchModelKeys::model_path,
             "A .pt2 as torch.export.save writes it, for which no Python is needed, or what model_loader is given; a "
             "TorchScript file or a pickled module does without a loader.")
      .schema(path_schema)
      .field("model_loader", &PyTorchModelKeys::model_loader,
             "The function of model_script that is given model_path and returns the torch.nn.Module.")
      .schema({{"type", "string"}})
      .field("model_script", &PyTorchModelKeys::model_script, "The Python file with the functions that are named here.")
      .schema(path_schema)
      .field("script_dir", &PyTorchModelKeys::script_dir, "A folder in which the script finds modules that it imports.")
      .schema(path_schema)
      .field("io_config", &PyTorchModelKeys::io_config,
             "input_names, input_shapes, input_types, output_names, dynamic_axes or dynamic_shapes, "
             "string_to_int_dim_params, kv_cache; or the function of model_script that returns them.")
      .schema(either({"object", "string"}))
      .field("dummy_inputs_func", &PyTorchModelKeys::dummy_inputs_func,
             "The function of model_script that returns example inputs: a tensor, a tuple or a dict.")
      .schema({{"type", "string"}})
      .field("model_file_format", &PyTorchModelKeys::model_file_format,
             "Accepted without effect: what kind of file it is shows by its content.")
      .field("model_attributes", &PyTorchModelKeys::model_attributes,
             "Facts of the model, such as num_hidden_layers; handed on in model_config.json.")
      .field("weights_only", &PyTorchModelKeys::weights_only,
             "false lets a pickled module be loaded, which runs whatever code the file brings along.")
      .done();
}

OptionsSchema declare_hf_model() {
  const Json path_schema = either({"string", "object"});
  return Declare<HfModelKeys>()
      .field("model_path", &HfModelKeys::model_path, "A local folder with config.json and weights.")
      .schema(path_schema)
      .required()
      .field("task", &HfModelKeys::task,
             "What the model is for, as transformers and Olive name it: text-classification, "
             "text-generation-with-past …; by default what its own class is for.")
      .field("load_kwargs", &HfModelKeys::load_kwargs, "Arguments of from_pretrained.")
      .schema({{"type", "object"}})
      .field("io_config", &HfModelKeys::io_config,
             "Names, shapes and axes instead of the task's, as for a PyTorchModel.")
      .schema({{"type", "object"}})
      .field("adapter_path", &HfModelKeys::adapter_path,
             "A folder with a LoRA adapter, which is merged into the weights.")
      .schema(path_schema)
      .field("model_attributes", &HfModelKeys::model_attributes, "Handed on in model_config.json.")
      .done();
}

constexpr SourceType kSourceTypes[] = {{"PyTorchModel", pytorch_model_keys}, {"HfModel", hf_model_keys}};

OptionsSchema declare_pass() {
  Declare<PassKeys> declare;
  declare.field("type", &PassKeys::type, "The pass, in any letter case.")
      .required()
      .field("config", &PassKeys::config, "A place for the options, instead of beside type.")
      .schema({{"type", "object"}});
  declare_without_effect(declare, kPassWithoutEffect);
  return declare.done();
}

OptionsSchema declare_external_data() {
  using Options = writer::ExternalDataOptions;
  return Declare<Options>()
      .field(
          "save_as_external_data", &Options::save_as_external_data,
          "Write the large tensors beside the model instead of into it. A model of more than 2 GB does so by itself.")
      .field("all_tensors_to_one_file", &Options::all_tensors_to_one_file,
             "One file for all tensors that leave the model, instead of one each.")
      .field("external_data_name", &Options::external_data_name,
             "The name of that file; by default the model's file name with .data after it.")
      .field("size_threshold", &Options::size_threshold, "Bytes from which on a tensor leaves the model.")
      .at_least(0)
      .field("convert_attribute", &Options::convert_attribute, "Tensors in attributes may leave the model too.")
      .done();
}

OptionsSchema declare_verify() {
  return Declare<VerifyKeys>()
      .field("inputs", &VerifyKeys::inputs,
             "Files with input values: .npz (by name), .npy and .pb (by position), or folders of them; random values "
             "without any.")
      .field("dims", &VerifyKeys::dims,
             "Sizes of symbolic dimensions, by symbol, or by INPUT:AXIS for one without a name.")
      .alias("dim")
      .field("seed", &VerifyKeys::seed, "Seed of the random inputs.")
      .at_least(0)
      .field("runs", &VerifyKeys::runs, "How many sets of random inputs are run.")
      .range(1, 1000)
      .field("atol", &VerifyKeys::atol,
             "Absolute tolerance; by default that of the narrowest float type in either model, scaled to the output's "
             "size.")
      .at_least(0)
      .field("rtol", &VerifyKeys::rtol, "Relative tolerance; by default as for atol.")
      .at_least(0)
      .field(
          "mismatch_fraction", &VerifyKeys::mismatch_fraction,
          "The part of the elements of an integer or bool output that may differ; by default 0.01 when it derives from "
          "floats (a class that was chosen), else 0.")
      .range(0, 1)
      .field("on_failure", &VerifyKeys::on_failure,
             "fail: nothing is written and the exit code is 4; report: it is written and told.")
      .one_of({"fail", "report"})
      .field("provider", &VerifyKeys::provider, "The execution provider that runs both models.")
      .field("provider_options", &VerifyKeys::provider_options, "Options of the execution provider.")
      .alias("provider_option")
      .field("provider_libraries", &VerifyKeys::provider_libraries,
             "Libraries of plug-in execution providers, by the name to register.")
      .alias("provider_library")
      .field("library", &VerifyKeys::library,
             "Path of ONNX Runtime's library; without it OLIVINE_ORT_LIBRARY, the system's or the Python package's.")
      .field("graph_optimization", &VerifyKeys::graph_optimization, "ONNX Runtime's level of graph optimization.")
      .one_of({"disable", "basic", "extended", "all"})
      .field("bisect", &VerifyKeys::bisect, "When the outputs differ, find the first node where the models part.")
      .done();
}

}  // namespace

const OptionsSchema& top_keys() {
  static const OptionsSchema schema = declare_top();
  return schema;
}
const OptionsSchema& onnx_model_keys() {
  static const OptionsSchema schema = declare_onnx_model();
  return schema;
}
const OptionsSchema& pytorch_model_keys() {
  static const OptionsSchema schema = declare_pytorch_model();
  return schema;
}
const OptionsSchema& hf_model_keys() {
  static const OptionsSchema schema = declare_hf_model();
  return schema;
}
std::span<const SourceType> source_types() { return kSourceTypes; }
const OptionsSchema& pass_keys() {
  static const OptionsSchema schema = declare_pass();
  return schema;
}
const OptionsSchema& external_data_keys() {
  static const OptionsSchema schema = declare_external_data();
  return schema;
}
const OptionsSchema& verify_keys() {
  static const OptionsSchema schema = declare_verify();
  return schema;
}

std::span<const KeyWithoutEffect> top_keys_without_effect() { return kTopWithoutEffect; }
std::span<const KeyWithoutEffect> pass_keys_without_effect() { return kPassWithoutEffect; }
std::span<const RefusedKey> refused_top_keys() { return kRefused; }
std::span<const std::string_view> other_model_types() { return kOtherModelTypes; }

bool only_at_top(std::string_view key) {
  return std::find(std::begin(kOnlyAtTop), std::end(kOnlyAtTop), key) != std::end(kOnlyAtTop);
}

runtime::CompareOptions compare_options(const VerifyKeys& keys) {
  runtime::CompareOptions options;
  options.session.library = keys.library;
  options.session.execution_provider = keys.provider;
  options.session.provider_options = keys.provider_options;
  options.session.provider_libraries = {keys.provider_libraries.begin(), keys.provider_libraries.end()};
  options.session.graph_optimization = keys.graph_optimization;
  if (keys.inputs) {
    if (const auto* one = std::get_if<std::string>(&*keys.inputs)) {
      options.inputs.files = {*one};
    } else {
      const auto& many = std::get<std::vector<std::string>>(*keys.inputs);
      options.inputs.files.assign(many.begin(), many.end());
    }
  }
  options.inputs.dims = keys.dims;
  options.inputs.seed = static_cast<std::uint64_t>(keys.seed);
  options.inputs.runs = static_cast<int>(keys.runs);
  options.tolerance = {keys.atol, keys.rtol, keys.mismatch_fraction};
  options.bisect = keys.bisect.value_or(false);
  return options;
}

runtime::CompareOptions verification(const VerifyKeys& keys) {
  runtime::CompareOptions options = compare_options(keys);
  options.bisect = keys.bisect.value_or(true);
  options.name_a = "the original";
  options.name_b = "the result";
  return options;
}

}  // namespace olivine::workflow

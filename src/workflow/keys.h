#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/options.h"
#include "runtime/runtime.h"
#include "writer/writer.h"

/// Every key of a workflow, declared once: the reader, the JSON Schema, the flags and the reference page follow from
/// it.
namespace olivine::workflow {

using config::Json;

/// The top keys. What has a structure of its own stays JSON here and is read by the declarations below.
struct TopKeys {
  std::string schema;
  Json input_model;
  Json passes;
  Json engine;
  std::string output_dir = ".";
  Json verify;
  std::string workflow_id = "default_workflow";
  bool no_artifacts = false;
  std::optional<std::int64_t> log_severity_level;
  Json without_effect;
};
const config::OptionsSchema& top_keys();

/// The keys of `input_model` for an ONNX model, beside `type` or under `config`.
struct OnnxModelKeys {
  Json model_path;
  std::string onnx_file_name;
  Json handed_on;
};
const config::OptionsSchema& onnx_model_keys();

/// The keys of `input_model` for a PyTorch model.
struct PyTorchModelKeys {
  Json model_path;
  Json model_loader;
  std::string model_file_format;
  Json model_script;
  Json script_dir;
  Json io_config;
  Json dummy_inputs_func;
  Json model_attributes;
  bool weights_only = true;
};
const config::OptionsSchema& pytorch_model_keys();

/// The keys of `input_model` for a model of transformers.
struct HfModelKeys {
  Json model_path;
  std::string task;
  Json load_kwargs;
  Json io_config;
  Json adapter_path;
  Json model_attributes;
};
const config::OptionsSchema& hf_model_keys();

/// The types of input models beside ONNXModel, and their keys.
struct SourceType {
  std::string_view name;
  const config::OptionsSchema& (*keys)();
};
std::span<const SourceType> source_types();

/// The keys of a pass that are not options.
struct PassKeys {
  std::string type;
  Json config;
  Json without_effect;
};
const config::OptionsSchema& pass_keys();

/// The options that every pass takes: how the file is written. The last pass's count.
const config::OptionsSchema& external_data_keys();

/// The keys of `verify`; without `on_failure` also the flags of `olivine compare`.
struct VerifyKeys {
  std::optional<std::variant<std::string, std::vector<std::string>>> inputs;
  std::map<std::string, std::int64_t> dims;
  std::int64_t seed = 0;
  std::int64_t runs = 1;
  std::optional<double> atol;
  std::optional<double> rtol;
  std::optional<double> mismatch_fraction;
  std::string on_failure = "fail";
  std::string provider = "CPUExecutionProvider";
  std::map<std::string, std::string> provider_options;
  std::map<std::string, std::string> provider_libraries;
  std::string library;
  std::string graph_optimization = "all";
  std::optional<bool> bisect;
};
const config::OptionsSchema& verify_keys();

/// The options of a comparison; paths as they were given.
runtime::CompareOptions compare_options(const VerifyKeys& keys);

/// The same for a verification: of the original, "the original", and "the result"; it looks for the first node that
/// differs unless told not to.
runtime::CompareOptions verification(const VerifyKeys& keys);

/// A key that Olive knows and that means nothing here.
struct KeyWithoutEffect {
  std::string_view name;
  std::string_view reason;
};
std::span<const KeyWithoutEffect> top_keys_without_effect();
std::span<const KeyWithoutEffect> pass_keys_without_effect();

/// A key that Olive knows and that would change the result: refused.
struct RefusedKey {
  std::string_view name;
  std::string_view message;
  std::string_view remedy;
};
std::span<const RefusedKey> refused_top_keys();

/// Keys that may not stand under `engine`.
bool only_at_top(std::string_view key);

/// The types of input models that only Olive knows.
std::span<const std::string_view> other_model_types();

}  // namespace olivine::workflow

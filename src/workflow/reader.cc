#include "workflow/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <system_error>

#include "base/file.h"
#include "base/suggest.h"
#include "workflow/input_model.h"
#include "workflow/keys.h"
#include "workflow/pass_options.h"

namespace olivine::workflow {
namespace {

namespace fs = std::filesystem;
using config::child_pointer;
using config::JsonDocument;
using config::Problem;

std::string lowercase(std::string_view text) {
  std::string result;
  for (const unsigned char c : text) result += static_cast<char>(std::tolower(c));
  return result;
}

/// The members of an object and of the object nested in it under one of its keys, with where each of them stands.
struct Members {
  Json object = Json::object();
  std::map<std::string, std::string> pointers;
};

class Reader {
 public:
  Reader(const JsonDocument& document, const fs::path& folder, const Overrides& overrides)
      : document_(document), folder_(folder), overrides_(overrides) {
    workflow_.folder = folder;
  }

  Workflow read() {
    Members top = gather(document_.root(), "", "engine");
    if (overrides_.model) top.object["input_model"] = overrides_.model->string();
    check_engine();
    refuse(top);
    const auto keys = std::any_cast<TopKeys>(read_object(top_keys(), without_refused(top), ""));
    check_references(top);
    note_without_effect(top, top_keys_without_effect(), "");
    workflow_.id = keys.workflow_id;
    workflow_.output = overrides_.output.value_or(fs::path(keys.output_dir));
    workflow_.write_run_json = !keys.no_artifacts;
    if (keys.log_severity_level) workflow_.log_level = log_level(*keys.log_severity_level);
    read_input(keys.input_model);
    read_passes(keys.passes, pointer_of(top, "passes"));
    read_verify(keys.verify, pointer_of(top, "verify"));
    if (const auto problem = errors_.empty() ? source_problem(workflow_) : std::nullopt) {
      add("/input_model", problem->message, problem->remedy);
    }
    errors_.throw_if_any();
    return std::move(workflow_);
  }

 private:
  void add(std::string_view pointer, std::string message, std::string_view remedy = {},
           ErrorCode code = ErrorCode::config) {
    errors_.add(document_.error(pointer, std::move(message), remedy, code));
  }

  void notice(std::string_view pointer, std::string_view text) {
    workflow_.notices.push_back(
        pointer.empty() ? fmt::format("{}: {}", document_.name(), text)
                        : fmt::format("{}:{} {}: {}", document_.name(), document_.locate(pointer).line, pointer, text));
  }

  /// Runs `body`; an Error that leaves it becomes one about the value at `pointer`.
  template <typename Body>
  void at(std::string_view pointer, Body&& body) {
    try {
      body();
    } catch (const Error& error) {
      add(pointer, error.message(), error.remedy(), error.code());
    }
  }

  static std::string pointer_of(const Members& members, const std::string& key) {
    const auto entry = members.pointers.find(key);
    return entry == members.pointers.end() ? child_pointer("", key) : entry->second;
  }

  /// As Olive does, what stands in the nested object is stronger.
  Members gather(const Json& object, const std::string& pointer, std::optional<std::string> nested = std::nullopt) {
    Members members;
    if (!object.is_object()) {
      add(pointer, config::type_error("an object", object));
      return members;
    }
    const auto take = [&](const Json& from, const std::string& place) {
      for (const auto& [key, value] : from.items()) {
        if (&from == &object && key == nested) continue;
        std::string where = child_pointer(place, key);
        if (members.object.contains(key)) notice(members.pointers[key], fmt::format("overruled by {}", where));
        members.object[key] = value;
        members.pointers[key] = std::move(where);
      }
    };
    take(object, pointer);
    const auto inner = nested ? object.find(*nested) : object.end();
    if (inner == object.end() || inner->is_null()) return members;
    const std::string inner_pointer = child_pointer(pointer, *nested);
    if (inner->is_object()) {
      take(*inner, inner_pointer);
    } else {
      add(inner_pointer, config::type_error("an object", *inner));
    }
    return members;
  }

  std::any read_object(const config::OptionsSchema& schema, const Members& members, const std::string& pointer) {
    std::vector<Problem> problems;
    std::any result = schema.read(members.object, problems);
    report(problems, members, pointer);
    return result;
  }

  void report(const std::vector<Problem>& problems, const Members& members, const std::string& pointer) {
    for (const Problem& problem : problems) {
      const auto entry =
          problem.pointer.empty() ? members.pointers.end() : members.pointers.find(problem.pointer.substr(1));
      add(entry == members.pointers.end() ? pointer : entry->second, problem.message, problem.remedy);
    }
  }

  void check_engine() {
    const auto engine = document_.root().find("engine");
    if (!document_.root().is_object() || engine == document_.root().end() || !engine->is_object()) return;
    for (const auto& [key, value] : engine->items()) {
      if (only_at_top(key)) add(child_pointer("/engine", key), "belongs to the top, not under engine");
    }
  }

  void refuse(const Members& top) {
    for (const RefusedKey& key : refused_top_keys()) {
      const auto entry = top.object.find(key.name);
      if (entry == top.object.end() || entry->is_null()) continue;
      add(top.pointers.at(std::string(key.name)), std::string(key.message), key.remedy);
    }
  }

  static Members without_refused(Members top) {
    for (const RefusedKey& key : refused_top_keys()) top.object.erase(std::string(key.name));
    return top;
  }

  /// A system or an evaluator that is meant by its name must be there, though nothing here uses it.
  void check_references(const Members& members) {
    constexpr std::pair<const char*, const char*> kReferences[] = {
        {"host", "systems"}, {"target", "systems"}, {"evaluator", "evaluators"}};
    for (const auto& [key, where] : kReferences) {
      const auto entry = members.object.find(key);
      if (entry == members.object.end() || !entry->is_string()) continue;
      const Json& defined = document_.root().value(where, Json::object());
      const std::string name = entry->get<std::string>();
      if (defined.is_object() && defined.contains(name)) continue;
      std::vector<std::string> names;
      for (const auto& item : defined.items()) names.push_back(item.key());
      add(members.pointers.at(key), fmt::format("there is no '{}' in {}", name, where), did_you_mean(name, names));
    }
  }

  /// One notice for all keys of one reason; what is off anyway needs none.
  void note_without_effect(const Members& members, std::span<const KeyWithoutEffect> keys, const std::string& pointer) {
    std::vector<std::string_view> reasons;
    std::map<std::string_view, std::string> given;
    for (const KeyWithoutEffect& key : keys) {
      const auto entry = members.object.find(key.name);
      if (entry == members.object.end() || entry->is_null() || entry->empty() || *entry == Json(false)) continue;
      std::string& names = given[key.reason];
      if (names.empty()) reasons.push_back(key.reason);
      names += (names.empty() ? "" : ", ") + std::string(key.name);
    }
    for (const std::string_view reason : reasons) {
      notice(pointer, fmt::format("without effect: {} ({})", given[reason], reason));
    }
  }

  static LogLevel log_level(std::int64_t severity) {
    constexpr LogLevel kLevels[] = {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error,
                                    LogLevel::error};
    return kLevels[std::clamp<std::int64_t>(severity, 0, 4)];
  }

  void read_input(const Json& model) {
    if (overrides_.model) {
      workflow_.input = input_model(*overrides_.model);
      return;
    }
    if (model.is_null()) return;  // that it is missing has been said
    const std::string pointer = "/input_model";
    if (model.is_string()) {
      at(pointer, [&] { workflow_.input = input_model(find_path(model.get<std::string>(), folder_)); });
      return;
    }
    Members members = gather(model, pointer, "config");
    const std::optional<std::string> type = model.is_object() ? input_type(members, pointer) : std::nullopt;
    if (!type) return;
    members.object.erase("type");
    for (const SourceType& source : source_types()) {
      if (source.name == *type) return read_source(source, members, pointer);
    }
    const auto keys = std::any_cast<OnnxModelKeys>(read_object(onnx_model_keys(), members, pointer));
    for (const char* key : {"inference_settings", "use_ort_extensions", "model_attributes"}) {
      if (members.object.contains(key)) workflow_.input.handed_on[key] = members.object[key];
    }
    if (keys.model_path.is_null()) return;
    const std::string path_pointer = members.pointers["model_path"];
    at(path_pointer, [&] {
      workflow_.input.path = find_model_file(find_path(resource_path(keys.model_path), folder_), keys.onnx_file_name);
    });
  }

  /// The model's type in our spelling.
  std::optional<std::string> input_type(const Members& members, const std::string& pointer) {
    const auto type = members.object.find("type");
    if (type == members.object.end())
      return add(pointer, "the option type is missing", "an ONNX model is \"ONNXModel\""), std::nullopt;
    const std::string type_pointer = members.pointers.at("type");
    if (!type->is_string()) return add(type_pointer, config::type_error("a string", *type)), std::nullopt;
    const std::string name = type->get<std::string>();
    std::vector<std::string> known = {"ONNXModel"};
    for (const SourceType& source : source_types()) known.emplace_back(source.name);
    for (const std::string& ours : known) {
      if (lowercase(name) == lowercase(ours)) return ours;
    }
    for (const std::string_view other : other_model_types()) {
      if (lowercase(name) != lowercase(other)) continue;
      add(type_pointer, fmt::format("{} is not supported yet", other),
          "convert it to ONNX first, then give it as ONNXModel");
      return std::nullopt;
    }
    const std::string remedy = did_you_mean(name, known);
    add(type_pointer, fmt::format("there is no type of model '{}'", name),
        remedy.empty() ? fmt::format("the types are {}", fmt::join(known, ", ")) : remedy);
    return std::nullopt;
  }

  /// A model that the first pass makes ONNX of: its keys are checked, its paths found, and the rest is that pass's.
  void read_source(const SourceType& type, Members& members, const std::string& pointer) {
    read_object(type.keys(), members, pointer);
    passes::Source source{std::string(type.name), Json::object(), folder_};
    const auto given = [&](const char* key) {
      const auto entry = members.object.find(key);
      return entry != members.object.end() && !entry->is_null();
    };
    if (type.name == "PyTorchModel" && !given("model_path") && !given("model_loader")) {
      add(pointer, "neither model_path nor model_loader is given",
          "name the function of model_script that makes the module");
    }
    for (const auto& [key, value] : members.object.items()) {
      if (value.is_null()) continue;
      source.config[key] = value;
      const bool is_path = key == "model_path" || key == "model_script" || key == "script_dir" || key == "adapter_path";
      if (!is_path) continue;
      at(members.pointers[key], [&, &key = key] {
        const std::string path = resource_path(source.config[key]);
        // A loader may know what a name means that is no path.
        const bool may_be_absent = key == "model_path" && given("model_loader");
        source.config[key] = may_be_absent ? found_or_same(path) : local_path(path, type.name == "HfModel");
      });
    }
    if (given("model_attributes")) workflow_.input.handed_on["model_attributes"] = source.config["model_attributes"];
    for (const char* key : {"model_path", "model_script"}) {
      if (workflow_.input.path.empty() && source.config.contains(key) && source.config[key].is_string()) {
        workflow_.input.path = source.config[key].get<std::string>();
      }
    }
    workflow_.input.source = std::move(source);
  }

  std::string local_path(const std::string& path, bool may_be_of_a_hub) const {
    try {
      return find_path(path, folder_).string();
    } catch (Error& error) {
      if (may_be_of_a_hub) error.remedy("give the path of a local folder: nothing is fetched from a model hub");
      throw;
    }
  }

  std::string found_or_same(const std::string& path) const {
    try {
      return find_path(path, folder_).string();
    } catch (const Error&) {
      return path;
    }
  }

  /// A path, or Olive's object with the resource's type.
  static std::string resource_path(const Json& resource) {
    if (resource.is_string()) return resource.get<std::string>();
    if (!resource.is_object()) throw Error(ErrorCode::config, config::type_error("a path", resource));
    const Json& config = resource.contains("config") && resource["config"].is_object() ? resource["config"] : resource;
    const std::string type = resource.contains("type") && resource["type"].is_string() ? resource["type"] : "";
    if (type.empty() || type.ends_with("file") || type.ends_with("folder")) {
      if (config.contains("path") && config["path"].is_string()) return config["path"];
      throw Error(ErrorCode::config, "its path is missing");
    }
    throw Error(ErrorCode::config, fmt::format("a resource of type '{}' is not on this machine", type))
        .remedy("fetch the model and give its path");
  }

  void read_passes(const Json& passes, const std::string& pointer) {
    if (passes.is_null()) return;
    if (!passes.is_object()) return add(pointer, config::type_error("an object", passes));
    for (const auto& [name, value] : passes.items()) {
      const std::string place = child_pointer(pointer, name);
      if (!value.is_array()) {
        read_pass(name, value, place);
        continue;
      }
      if (value.empty()) add(place, "the list of passes is empty", "drop it, or give a pass");
      const std::size_t first = workflow_.steps.size();
      for (std::size_t i = 0; i < value.size(); ++i) read_pass(name, value[i], child_pointer(place, std::to_string(i)));
      if (workflow_.steps.size() > first + 1) {
        workflow_.steps.resize(first + 1);
        external_data_given_.resize(first + 1);
        notice(place, "the first pass of the list runs, the others are alternatives for a search");
      }
    }
    settle_external_data();
  }

  void read_pass(const std::string& name, const Json& value, const std::string& pointer) {
    Members members = gather(value, pointer, "config");
    if (!value.is_object()) return;
    check_references(members);
    note_without_effect(members, pass_keys_without_effect(), pointer);
    Members outer;
    Json options = Json::object();
    for (const auto& [key, option] : members.object.items()) {
      (pass_keys().find(key) != nullptr ? outer.object : options)[key] = option;
    }
    outer.pointers = members.pointers;
    const std::size_t problems_before = errors_.size();
    const auto keys = std::any_cast<PassKeys>(read_object(pass_keys(), outer, pointer));
    if (errors_.size() != problems_before) return;
    Problem unknown;
    const passes::Pass* pass = find_pass(keys.type, unknown);
    if (pass == nullptr) return add(members.pointers["type"], unknown.message, unknown.remedy);
    PassOptions read = read_pass_options(*pass, options);
    report(read.problems, members, pointer);
    workflow_.steps.push_back({name, pass, std::move(read.options), std::move(read.effective), read.external_data});
    external_data_given_.emplace_back();
    for (const std::string& key : read.external_data_given) {
      external_data_given_.back().push_back(members.pointers[key]);
    }
  }

  /// The last pass says how the file is written; what others say of it is told to be in vain.
  void settle_external_data() {
    for (std::size_t i = 0; i < workflow_.steps.size(); ++i) {
      workflow_.external_data = workflow_.steps[i].external_data;
      if (i + 1 == workflow_.steps.size()) continue;
      for (const std::string& pointer : external_data_given_[i]) {
        notice(pointer, fmt::format("without effect: the last pass, {}, says how the file is written",
                                    workflow_.steps.back().name));
      }
    }
  }

  void read_verify(const Json& verify, const std::string& pointer) {
    if (verify.is_null() || verify == Json(false)) return;
    Members members;
    if (verify != Json(true)) members = gather(verify, pointer);
    const auto keys = std::any_cast<VerifyKeys>(read_object(verify_keys(), members, pointer));
    Verify result;
    result.compare = verification(keys);
    result.on_failure = keys.on_failure == "report" ? Verify::OnFailure::report : Verify::OnFailure::fail;
    for (fs::path& file : result.compare.inputs.files) {
      at(members.pointers["inputs"], [&] { file = find_path(file.string(), folder_); });
    }
    for (auto& [name, path] : result.compare.session.provider_libraries) {
      at(members.pointers["provider_libraries"], [&, &path = path] { path = find_path(path.string(), folder_); });
    }
    if (!keys.library.empty()) {
      at(members.pointers["library"], [&] { result.compare.session.library = find_path(keys.library, folder_); });
    }
    workflow_.verify = std::move(result);
  }

  const JsonDocument& document_;
  const fs::path& folder_;
  const Overrides& overrides_;
  ErrorList errors_;
  Workflow workflow_;
  std::vector<std::vector<std::string>> external_data_given_;  ///< per step: where those options stand
};

}  // namespace

Workflow read_workflow(const JsonDocument& document, const fs::path& folder, const Overrides& overrides) {
  return Reader(document, folder, overrides).read();
}

InputModel input_model(const fs::path& path) {
  const fs::path found = find_path(path.string(), {});
  InputModel result;
  std::error_code ignored;
  const auto is_source = [&](const char* type) {
    result.path = found;
    result.source = passes::Source{type, {{"model_path", found.string()}}, {}};
    return result;
  };
  if (found.extension() == ".pt2") return is_source("PyTorchModel");
  if (fs::exists(found / "config.json", ignored) && !has_onnx_file(found)) return is_source("HfModel");
  result.path = find_model_file(found);
  return result;
}

}  // namespace olivine::workflow

#include "workflow/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>

#include "passes/pass.h"
#include "workflow/keys.h"

namespace olivine::workflow {
namespace {

Json reference(const std::string& name) { return {{"$ref", "#/definitions/" + name}}; }

/// A pattern for a name in any letter case: JSON Schema has no flag for it.
std::string any_case(std::string_view name) {
  std::string pattern = "^";
  for (const unsigned char c : name) {
    if (std::isalpha(c) != 0) {
      pattern += fmt::format("[{}{}]", static_cast<char>(std::toupper(c)), static_cast<char>(std::tolower(c)));
    } else {
      pattern += static_cast<char>(c);
    }
  }
  return pattern + "$";
}

void merge_properties(Json& into, const config::OptionsSchema& schema) {
  const Json object = schema.json_schema();
  for (const auto& [name, property] : object["properties"].items()) into[name] = property;
}

/// Options may stand beside `type` or under `config`.
Json pass_definition(const passes::Pass& pass) {
  const Json own = pass.options().json_schema();
  Json options = own["properties"];
  merge_properties(options, external_data_keys());
  Json properties = Json::object();
  merge_properties(properties, pass_keys());
  properties["type"] = {{"type", "string"}, {"pattern", any_case(pass.name)}};
  properties["config"] = {{"type", "object"},
                          {"description", pass_keys().find("config")->help},
                          {"properties", options},
                          {"additionalProperties", false}};
  for (const auto& [name, property] : options.items()) properties[name] = property;
  Json definition = {
      {"type", "object"}, {"description", std::string(pass.summary)}, {"properties", std::move(properties)}};
  definition["required"] = {"type"};
  if (own.contains("required")) {
    definition["anyOf"] = {{{"required", own["required"]}},
                           {{"required", {"config"}}, {"properties", {{"config", {{"required", own["required"]}}}}}}};
  }
  definition["additionalProperties"] = false;
  return definition;
}

/// One of the passes, told apart by `type`; the plain list of names is what an editor offers.
Json any_pass() {
  Json names = Json::array();
  Json choices = Json::array();
  for (const passes::Pass* pass : passes::all_passes()) {
    const std::string name(pass->name);
    names.push_back(name);
    choices.push_back({{"if", {{"properties", {{"type", {{"pattern", any_case(name)}}}}}}}, {"then", reference(name)}});
  }
  Json patterns = Json::array({{{"enum", names}}});
  for (const passes::Pass* pass : passes::all_passes()) patterns.push_back({{"pattern", any_case(pass->name)}});
  return {{"type", "object"},
          {"required", {"type"}},
          {"properties",
           {{"type",
             {{"type", "string"}, {"description", pass_keys().find("type")->help}, {"anyOf", std::move(patterns)}}}}},
          {"allOf", std::move(choices)}};
}

/// Paths may be Olive's objects with the resource's type.
Json path_schema(const Json& described) {
  return {{"description", described.value("description", "")},
          {"anyOf",
           {{{"type", "string"}},
            {{"type", "object"}, {"required", {"path"}}, {"properties", {{"path", {{"type", "string"}}}}}}}}};
}

/// The keys of one type of input model, beside `type` or under `config`.
Json model_definition(std::string_view type, Json keys) {
  if (keys.contains("model_path")) keys["model_path"] = path_schema(keys["model_path"]);
  Json properties = {
      {"type", {{"type", "string"}, {"anyOf", {{{"enum", {std::string(type)}}}, {{"pattern", any_case(type)}}}}}}};
  properties["config"] = {{"type", "object"}, {"properties", keys}, {"additionalProperties", false}};
  for (const auto& [name, property] : keys.items()) properties[name] = property;
  return {{"type", "object"},
          {"required", {"type"}},
          {"properties", std::move(properties)},
          {"additionalProperties", false}};
}

/// One of them, told apart by `type`.
Json any_model(Json& definitions) {
  Json names = Json::array();
  Json patterns = Json::array();
  Json choices = Json::array();
  const auto add = [&](std::string_view type, const config::OptionsSchema& keys) {
    const std::string name(type);
    definitions[name] = model_definition(type, keys.json_schema()["properties"]);
    names.push_back(name);
    patterns.push_back({{"pattern", any_case(type)}});
    choices.push_back({{"if", {{"properties", {{"type", {{"pattern", any_case(type)}}}}}}}, {"then", reference(name)}});
  };
  add("ONNXModel", onnx_model_keys());
  for (const SourceType& source : source_types()) add(source.name, source.keys());
  patterns.insert(patterns.begin(), {{"enum", names}});
  return {{"type", "object"},
          {"required", {"type"}},
          {"properties", {{"type", {{"type", "string"}, {"anyOf", std::move(patterns)}}}}},
          {"allOf", std::move(choices)}};
}

Json verify_definition() {
  Json schema = verify_keys().json_schema();
  schema["additionalProperties"] = false;
  return schema;
}

/// `schema` in place of what the declaration of a key with a structure of its own says, which is nothing.
void refine(Json& properties, const std::string& key, Json schema) {
  schema["description"] = properties[key]["description"];
  properties[key] = std::move(schema);
}

struct Word {
  std::string_view type;
  std::string_view one;
  std::string_view many;
};
constexpr Word kWords[] = {{"boolean", "true or false", "booleans"},
                           {"string", "text", "texts"},
                           {"integer", "integer", "integers"},
                           {"number", "number", "numbers"}};

std::string describe_items(const Json& schema) {
  const std::string type = schema.contains("enum") ? "" : schema.value("type", "");
  const auto word =
      std::find_if(std::begin(kWords), std::end(kWords), [&](const auto& row) { return row.type == type; });
  return word == std::end(kWords) ? describe_type(schema) : std::string(word->many);
}

}  // namespace

Json workflow_schema() {
  Json definitions = Json::object();
  definitions["input_model"] = any_model(definitions);
  definitions["verify"] = verify_definition();
  definitions["pass"] = any_pass();
  for (const passes::Pass* pass : passes::all_passes()) definitions[std::string(pass->name)] = pass_definition(*pass);

  Json properties = Json::object();
  merge_properties(properties, top_keys());
  Json engine = Json::object();
  for (const auto& [name, property] : properties.items()) {
    if (!only_at_top(name)) engine[name] = property;
  }
  refine(properties, "input_model", {{"anyOf", {{{"type", "string"}}, reference("input_model")}}});
  refine(properties, "verify", {{"anyOf", {{{"type", "boolean"}}, reference("verify")}}});
  refine(properties, "engine",
         {{"type", "object"}, {"properties", std::move(engine)}, {"additionalProperties", false}});
  const Json one_or_more = {
      {"anyOf", {reference("pass"), {{"type", "array"}, {"minItems", 1}, {"items", reference("pass")}}}}};
  refine(properties, "passes", {{"type", "object"}, {"additionalProperties", one_or_more}});

  return {{"$schema", "http://json-schema.org/draft-07/schema#"},
          {"title", "Olivine workflow"},
          {"type", "object"},
          {"required", {"input_model"}},
          {"properties", std::move(properties)},
          {"additionalProperties", false},
          {"definitions", std::move(definitions)}};
}

std::string describe_type(const Json& schema) {
  static const Json kDataType = config::Codec<DataType>::schema();
  if (schema == kDataType) return "element type, by name or number";
  if (schema.contains("anyOf")) {
    std::string text;
    for (const Json& choice : schema["anyOf"]) text += (text.empty() ? "" : ", or ") + describe_type(choice);
    return text;
  }
  if (schema.contains("enum")) {
    std::vector<std::string> values;
    for (const Json& value : schema["enum"])
      values.push_back(value.is_string() ? value.get<std::string>() : value.dump());
    return fmt::format("one of {}", fmt::join(values, ", "));
  }
  const std::string type = schema.value("type", "");
  if (type == "array") return "list of " + describe_items(schema.value("items", Json::object()));
  if (type == "object") {
    return schema.contains("additionalProperties") ? "object of " + describe_items(schema["additionalProperties"])
                                                   : "object";
  }
  const auto word =
      std::find_if(std::begin(kWords), std::end(kWords), [&](const auto& row) { return row.type == type; });
  return word == std::end(kWords) ? "any" : std::string(word->one);
}

std::string describe_range(const Json& schema) {
  const bool low = schema.contains("minimum");
  const bool high = schema.contains("maximum");
  if (low && high) return fmt::format("{} to {}", schema["minimum"].dump(), schema["maximum"].dump());
  if (low) return fmt::format("at least {}", schema["minimum"].dump());
  return high ? fmt::format("at most {}", schema["maximum"].dump()) : std::string();
}

std::string describe_default(const Json& value) {
  if (value.is_null() || (value.is_structured() && value.empty()) || value == "") return {};
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace olivine::workflow

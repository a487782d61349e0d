#include "config/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/suggest.h"

namespace olivine::config {
namespace {

std::string quoted_list(const std::vector<std::string>& names, std::string_view conjunction) {
  std::string result;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) result += i + 1 == names.size() ? fmt::format(" {} ", conjunction) : ", ";
    result += names[i];
  }
  return result;
}

/// Bounds and enumerations live in the JSON Schema of the value, so that they are declared once.
std::optional<std::string> violation(const Json& schema, const Json& value) {
  if (value.is_array()) {
    if (!schema.contains("items")) return std::nullopt;
    for (const Json& item : value) {
      if (auto wrong = violation(schema["items"], item)) return wrong;
    }
    return std::nullopt;
  }
  if (schema.contains("enum") &&
      std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end()) {
    std::vector<std::string> allowed;
    for (const Json& item : schema["enum"]) allowed.push_back(item.dump());
    return fmt::format("{} is not one of {}", value.dump(), quoted_list(allowed, "and"));
  }
  if (!value.is_number()) return std::nullopt;
  if (schema.contains("minimum") && value < schema["minimum"]) {
    return fmt::format("{} is below {}", value.dump(), schema["minimum"].dump());
  }
  if (schema.contains("maximum") && value > schema["maximum"]) {
    return fmt::format("{} is above {}", value.dump(), schema["maximum"].dump());
  }
  return std::nullopt;
}

}  // namespace

const Field* OptionsSchema::find(std::string_view name) const {
  const auto field = std::find_if(fields_.begin(), fields_.end(), [&](const Field& candidate) {
    return candidate.name == name ||
           std::find(candidate.aliases.begin(), candidate.aliases.end(), name) != candidate.aliases.end();
  });
  return field == fields_.end() ? nullptr : &*field;
}

std::any OptionsSchema::read(const Json& object, std::vector<Problem>& problems) const {
  std::any options = make_();
  if (!object.is_object()) {
    problems.push_back({"", type_error("an object", object), {}});
    return options;
  }
  std::vector<std::string> known;
  for (const Field& field : fields_) {
    known.push_back(field.name);
    known.insert(known.end(), field.aliases.begin(), field.aliases.end());
  }
  std::vector<const Field*> seen;
  for (const auto& [key, value] : object.items()) {
    const std::string pointer = "/" + key;
    const Field* field = find(key);
    if (field == nullptr) {
      std::string remedy = did_you_mean(key, known);
      if (remedy.empty() && !known.empty()) remedy = "the options are " + quoted_list(known, "and");
      problems.push_back({pointer, "unknown option", std::move(remedy)});
      continue;
    }
    if (std::find(seen.begin(), seen.end(), field) != seen.end()) {
      problems.push_back({pointer, fmt::format("gives {} twice, under two names", field->name), "drop one"});
      continue;
    }
    seen.push_back(field);
    if (value.is_null()) continue;
    const std::size_t before = problems.size();
    field->assign(options, value, pointer, problems);
    if (problems.size() != before) continue;
    if (auto wrong = violation(field->value_schema, value)) problems.push_back({pointer, *wrong, {}});
  }
  check_rules(object, problems);
  return options;
}

const Json* OptionsSchema::given(const Json& object, std::string_view name) const {
  const Field* field = find(name);
  if (field == nullptr) return nullptr;
  const auto lookup = [&](const std::string& key) -> const Json* {
    const auto entry = object.find(key);
    return entry == object.end() || entry->is_null() ? nullptr : &*entry;
  };
  if (const Json* value = lookup(field->name)) return value;
  for (const std::string& alias : field->aliases) {
    if (const Json* value = lookup(alias)) return value;
  }
  return nullptr;
}

void OptionsSchema::check_rules(const Json& object, std::vector<Problem>& problems) const {
  for (const Field& field : fields_) {
    if (field.required && given(object, field.name) == nullptr) {
      problems.push_back({"", fmt::format("the option {} is missing", field.name), {}});
    }
  }
  for (const Rule& rule : rules_) {
    std::vector<std::string> present;
    std::vector<std::size_t> lengths;
    for (const std::string& name : rule.fields) {
      const Json* value = given(object, name);
      if (value == nullptr) continue;
      present.push_back(name);
      lengths.push_back(value->size());
    }
    switch (rule.kind) {
      case Rule::Kind::exclusive:
        if (present.size() > 1) {
          problems.push_back({"", quoted_list(present, "and") + " exclude each other", "give one of them"});
        }
        break;
      case Rule::Kind::together:
        if (!present.empty() && present.size() != rule.fields.size()) {
          problems.push_back(
              {"",
               quoted_list(rule.fields, "and") + " go together, only " + quoted_list(present, "and") + " is given",
               {}});
        }
        break;
      case Rule::Kind::same_length:
        if (lengths.size() > 1 &&
            std::adjacent_find(lengths.begin(), lengths.end(), std::not_equal_to<>()) != lengths.end()) {
          problems.push_back({"",
                              fmt::format("{} have {} items; they must be as many", quoted_list(present, "and"),
                                          fmt::join(lengths, " and ")),
                              {}});
        }
        break;
    }
  }
}

Json OptionsSchema::json_schema() const {
  Json properties = Json::object();
  Json required = Json::array();
  for (const Field& field : fields_) {
    Json property = field.value_schema;
    property["description"] = field.help;
    if (!field.default_value.is_null()) property["default"] = field.default_value;
    properties[field.name] = property;
    for (const std::string& alias : field.aliases) {
      property["description"] = "The same as " + field.name + ".";
      properties[alias] = property;
    }
    if (field.required) required.push_back(field.name);
  }
  Json schema = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

}  // namespace olivine::config

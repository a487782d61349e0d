#include "cli/flags.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "workflow/schema.h"

namespace olivine::cli {
namespace {

using config::Json;

bool is_type(const Json& schema, std::string_view type) { return schema.value("type", "") == type; }

bool allows(const Json& schema, std::string_view type) {
  if (is_type(schema, type)) return true;
  if (!schema.contains("anyOf")) return false;
  return std::any_of(schema["anyOf"].begin(), schema["anyOf"].end(),
                     [&](const Json& choice) { return allows(choice, type); });
}

/// The first choice of that type, else the schema itself.
const Json& choice_of(const Json& schema, std::string_view type) {
  if (schema.contains("anyOf")) {
    for (const Json& choice : schema["anyOf"]) {
      if (is_type(choice, type)) return choice;
    }
  }
  return schema;
}

Json parsed(const std::string& text) { return Json::parse(text, nullptr, false); }

/// "1,3,224,224" as an item of a list of lists.
Json split(const Json& items, const std::string& text);

Json one_value(const Json& schema, const std::string& text) {
  const Json json = parsed(text);
  if ((allows(schema, "boolean") && json.is_boolean()) || (allows(schema, "integer") && json.is_number_integer()) ||
      (allows(schema, "number") && json.is_number())) {
    return json;
  }
  if (allows(schema, "array")) {
    if (json.is_array()) return json;
    if (is_type(schema, "array")) return split(schema["items"], text);
  }
  if (allows(schema, "object") && json.is_object()) return json;
  return text;
}

Json split(const Json& items, const std::string& text) {
  Json list = Json::array();
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    list.push_back(one_value(items, text.substr(start, end - start)));
    start = end + 1;
  }
  return list;
}

/// Each text is an item, or a JSON list of items.
Json list_value(const Json& schema, const std::vector<std::string>& texts) {
  const Json& items = schema["items"];
  Json list = Json::array();
  for (const std::string& text : texts) {
    const Json json = text.starts_with('[') ? parsed(text) : Json(Json::value_t::discarded);
    const bool is_item = json.is_array() && is_type(items, "array") && !json.empty() && !json.front().is_array();
    if (json.is_array() && !is_item) {
      list.insert(list.end(), json.begin(), json.end());
    } else {
      list.push_back(json.is_array() ? json : one_value(items, text));
    }
  }
  return list;
}

/// Each text is NAME=VALUE, or a JSON object.
Json object_value(const Json& schema, const std::vector<std::string>& texts) {
  Json object = Json::object();
  for (const std::string& text : texts) {
    if (const Json json = parsed(text); json.is_object()) {
      object.update(json);
      continue;
    }
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) return text;
    object[text.substr(0, equals)] =
        one_value(schema.value("additionalProperties", Json::object()), text.substr(equals + 1));
  }
  return object;
}

/// What stands for the value in the help: "N", "a|b|c".
std::string placeholder(const Json& schema) {
  if (schema.contains("anyOf")) {
    std::vector<std::string> parts;
    for (const Json& choice : schema["anyOf"]) {
      const std::string part = placeholder(choice);
      if (std::find(parts.begin(), parts.end(), part) == parts.end()) parts.push_back(part);
    }
    return fmt::format("{}", fmt::join(parts, "|"));
  }
  if (schema.contains("enum")) {
    constexpr std::size_t kFew = 6;
    std::vector<std::string> values;
    for (const Json& value : schema["enum"])
      values.push_back(value.is_string() ? value.get<std::string>() : value.dump());
    return values.size() <= kFew ? fmt::format("{}", fmt::join(values, "|")) : "NAME";
  }
  if (is_type(schema, "boolean")) return "true|false";
  if (is_type(schema, "integer")) return "N";
  if (is_type(schema, "number")) return "X";
  if (is_type(schema, "array")) {
    const Json& items = schema["items"];
    return is_type(items, "array") ? fmt::format("{0},{0},...", placeholder(items["items"])) : placeholder(items);
  }
  if (is_type(schema, "object")) return "NAME=VALUE";
  return "TEXT";
}

/// JSON's texts are UTF-8; an argument may be anything.
void check_texts(const config::Field& field, const std::vector<std::string>& texts) {
  try {
    Json(texts).dump();
  } catch (const Json::type_error&) {
    throw Error(ErrorCode::config, "the value is not UTF-8").prepend(flag_name(field.name));
  }
}

std::string description(const config::Field& field) {
  std::string text = field.help;
  std::vector<std::string> facts;
  if (const std::string range = workflow::describe_range(field.value_schema); !range.empty()) facts.push_back(range);
  if (const std::string value = workflow::describe_default(field.default_value); !value.empty() && value != "false") {
    facts.push_back(fmt::format("default {}", value));
  }
  if (allows(field.value_schema, "array")) facts.emplace_back("repeat it, or give a JSON list");
  return facts.empty() ? text : fmt::format("{} ({})", text, fmt::join(facts, "; "));
}

}  // namespace

std::string flag_name(std::string_view option) {
  std::string name = fmt::format("--{}", option);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

Json value_of(const Json& schema, const std::vector<std::string>& texts) {
  if (texts.size() == 1 && !is_type(schema, "array") && !is_type(schema, "object")) {
    Json value = one_value(schema, texts.front());
    // A name where a list of names is one of the choices.
    if (value.is_string() && allows(schema, "array") && !allows(schema, "string")) return Json::array({value});
    return value;
  }
  if (allows(schema, "array")) return list_value(choice_of(schema, "array"), texts);
  if (allows(schema, "object")) return object_value(choice_of(schema, "object"), texts);
  return one_value(schema, texts.back());
}

OptionFlags::OptionFlags(CLI::App& app, const config::OptionsSchema& schema, const std::string& group,
                         std::initializer_list<std::string_view> without) {
  for (const config::Field& field : schema.fields()) {
    if (std::find(without.begin(), without.end(), field.name) != without.end()) continue;
    flags_.push_back(std::make_unique<Flag>(Flag{&field, nullptr, {}}));
    declare(app, *flags_.back(), group);
  }
}

void OptionFlags::declare(CLI::App& app, Flag& flag, const std::string& group) {
  const config::Field& field = *flag.field;
  std::string names = flag_name(field.name);
  for (const std::string& alias : field.aliases) names += fmt::format(",{}", flag_name(alias));
  if (field.flag) {
    // What is on by default is turned off with --no-…, beside =false.
    if (field.default_value == Json(true)) names += fmt::format(",!--no-{}", flag_name(field.name).substr(2));
    flag.option = app.add_flag(names, flag.on, description(field));
  } else {
    flag.option = app.add_option(names, flag.texts, description(field));
    flag.option->allow_extra_args(false)->type_name(placeholder(field.value_schema));
    if (allows(field.value_schema, "boolean")) flag.option->expected(0, 1)->default_str("");
  }
  flag.option->group(group);
}

Json OptionFlags::given() const {
  Json object = Json::object();
  for (const auto& flag : flags_) {
    check_texts(*flag->field, flag->texts);
    if (flag->option->count() == 0 && !*flag->option) continue;
    const config::Field& field = *flag->field;
    if (field.flag) {
      object[field.name] = flag->on;
    } else if (flag->texts.empty() ||
               (flag->texts.size() == 1 && flag->texts.front().empty() && allows(field.value_schema, "boolean"))) {
      object[field.name] = true;
    } else {
      object[field.name] = value_of(field.value_schema, flag->texts);
    }
  }
  return object;
}

}  // namespace olivine::cli

#include "config/codec.h"

#include <fmt/format.h>

#include <limits>

namespace olivine::config {

std::string type_error(std::string_view expected, const Json& found) {
  const auto kind = [&]() -> std::string {
    if (found.is_null()) return "null";
    if (found.is_object()) return "an object";
    if (found.is_array()) return "a list";
    std::string text = found.dump();
    if (text.size() > 40) text = text.substr(0, 37) + "...";
    return text;
  };
  return fmt::format("expected {}, found {}", expected, kind());
}

std::optional<std::string> Codec<bool>::read(const Json& json, bool& out) {
  if (!json.is_boolean()) return type_error("true or false", json);
  out = json.get<bool>();
  return std::nullopt;
}

std::optional<std::string> Codec<std::int64_t>::read(const Json& json, std::int64_t& out) {
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
    return type_error("an integer of 64 bits", json);
  }
  if (json.is_number_integer()) {
    out = json.get<std::int64_t>();
    return std::nullopt;
  }
  return type_error("an integer", json);
}

std::optional<std::string> Codec<double>::read(const Json& json, double& out) {
  if (!json.is_number()) return type_error("a number", json);
  out = json.get<double>();
  return std::nullopt;
}

std::optional<std::string> Codec<std::string>::read(const Json& json, std::string& out) {
  if (!json.is_string()) return type_error("a string", json);
  out = json.get<std::string>();
  return std::nullopt;
}

Json Codec<DataType>::schema() {
  Json names = Json::array();
  for (std::int32_t number = 1; const DataTypeInfo* info = find_data_type(number); ++number)
    names.push_back(std::string(info->name));
  const auto last = static_cast<std::int64_t>(names.size());
  return {{"anyOf", Json::array({{{"type", "string"}, {"enum", std::move(names)}},
                                 {{"type", "integer"}, {"minimum", 1}, {"maximum", last}}})}};
}

std::optional<std::string> Codec<DataType>::read(const Json& json, DataType& out) {
  if (json.is_number_integer()) {
    const auto number = json.get<std::int64_t>();
    const DataTypeInfo* info =
        number > 0 && number < 1000 ? find_data_type(static_cast<std::int32_t>(number)) : nullptr;
    if (info == nullptr) return fmt::format("{} is not a number of an ONNX element type", number);
    out = info->dtype;
    return std::nullopt;
  }
  if (json.is_string()) {
    const auto parsed = parse_data_type(json.get<std::string>());
    if (!parsed) return fmt::format("\"{}\" is not an ONNX element type", json.get<std::string>());
    out = *parsed;
    return std::nullopt;
  }
  return type_error("an element type's name or number", json);
}

}  // namespace olivine::config

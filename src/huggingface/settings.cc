#include "huggingface/settings.h"

#include <fmt/format.h>

#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "base/suggest.h"
#include "huggingface/json.h"

namespace olivine::huggingface {

using config::Json;

Settings Settings::parse(std::string text, std::string name) {
  auto document = std::make_shared<const config::JsonDocument>(parse_document(std::move(text), std::move(name)));
  const Json& root = document->root();
  return Settings(std::move(document), nullptr, "").within(root, "");
}

Settings Settings::read(const std::filesystem::path& path) { return parse(read_text_file(path), path.string()); }

std::optional<Settings> Settings::read_if_there(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  return read(path);
}

const Json* Settings::member(std::string_view key) const {
  const auto found = object_->find(key);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

Settings Settings::within(const Json& value, std::string pointer) const {
  Settings inner(document_, &value, std::move(pointer));
  if (!value.is_object()) throw inner.error("", config::type_error("an object", value));
  return inner;
}

std::optional<Settings> Settings::find_section(std::string_view key) const {
  const Json* const value = member(key);
  if (value == nullptr) return std::nullopt;
  return within(*value, config::child_pointer(pointer_, key));
}

Settings Settings::section(std::string_view key) const {
  if (auto found = find_section(key)) return *std::move(found);
  throw missing(key);
}

std::vector<Settings> Settings::sections(std::string_view key) const {
  std::vector<Settings> result;
  const Json* const value = member(key);
  if (value == nullptr) return result;
  if (!value->is_array()) throw error(key, config::type_error("a list", *value));
  const std::string list = config::child_pointer(pointer_, key);
  for (const Json& item : *value) result.push_back(within(item, fmt::format("{}/{}", list, result.size())));
  return result;
}

Error Settings::error(std::string_view key, std::string message, std::string_view remedy) const {
  const std::string place = key.empty() ? pointer_ : config::child_pointer(pointer_, key);
  return document_->error(place, std::move(message), remedy, ErrorCode::conversion);
}

Error Settings::missing(std::string_view key) const {
  std::vector<std::string> keys;
  for (const auto& [name, value] : object_->items()) keys.push_back(name);
  return error(key, object_->contains(key) ? "is null, but a value is needed" : "is missing", did_you_mean(key, keys));
}

std::optional<std::string> Settings::read_value(const Json& value, double& out) {
  // transformers writes {"__float__": "Infinity"} for what JSON has no number for.
  const Json* word = &value;
  if (value.is_object() && value.contains("__float__")) word = &value.at("__float__");
  if (*word == "Infinity") return out = std::numeric_limits<double>::infinity(), std::nullopt;
  if (*word == "-Infinity") return out = -std::numeric_limits<double>::infinity(), std::nullopt;
  if (*word == "NaN") return out = std::numeric_limits<double>::quiet_NaN(), std::nullopt;
  return config::Codec<double>::read(value, out);
}

}  // namespace olivine::huggingface

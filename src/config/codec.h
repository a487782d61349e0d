#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/dtype.h"

namespace olivine::config {

using Json = nlohmann::ordered_json;

/// How a C++ type stands in JSON: `schema()` is its JSON Schema, `read` returns what is wrong (or nothing), `write` the
/// JSON of a value (null for an absent optional).
template <typename T>
struct Codec;

/// "expected a list of strings, found a number": the wording of every type error.
std::string type_error(std::string_view expected, const Json& found);

template <>
struct Codec<bool> {
  static Json schema() { return {{"type", "boolean"}}; }
  static std::optional<std::string> read(const Json& json, bool& out);
  static Json write(bool value) { return value; }
};
template <>
struct Codec<std::int64_t> {
  static Json schema() { return {{"type", "integer"}}; }
  static std::optional<std::string> read(const Json& json, std::int64_t& out);
  static Json write(std::int64_t value) { return value; }
};
template <>
struct Codec<double> {
  static Json schema() { return {{"type", "number"}}; }
  static std::optional<std::string> read(const Json& json, double& out);
  static Json write(double value) { return value; }
};
template <>
struct Codec<std::string> {
  static Json schema() { return {{"type", "string"}}; }
  static std::optional<std::string> read(const Json& json, std::string& out);
  static Json write(const std::string& value) { return value; }
};
/// A name ("float16") or ONNX's number (10).
template <>
struct Codec<DataType> {
  static Json schema();
  static std::optional<std::string> read(const Json& json, DataType& out);
  static Json write(DataType value) { return std::string(name_of(value)); }
};
/// Anything: checked by who declared it.
template <>
struct Codec<Json> {
  static Json schema() { return Json::object(); }
  static std::optional<std::string> read(const Json& json, Json& out) { return out = json, std::nullopt; }
  static Json write(const Json& value) { return value; }
};

template <typename T>
struct Codec<std::optional<T>> {
  static Json schema() { return Codec<T>::schema(); }
  static std::optional<std::string> read(const Json& json, std::optional<T>& out) {
    return Codec<T>::read(json, out.emplace());
  }
  static Json write(const std::optional<T>& value) { return value ? Codec<T>::write(*value) : Json(); }
};

template <typename T>
struct Codec<std::vector<T>> {
  static Json schema() { return {{"type", "array"}, {"items", Codec<T>::schema()}}; }
  static std::optional<std::string> read(const Json& json, std::vector<T>& out) {
    if (!json.is_array()) return type_error("a list", json);
    for (const Json& item : json) {
      T value{};
      if (auto wrong = Codec<T>::read(item, value)) return "item " + std::to_string(out.size()) + ": " + *wrong;
      out.push_back(std::move(value));
    }
    return std::nullopt;
  }
  static Json write(const std::vector<T>& value) {
    Json list = Json::array();
    for (const T& item : value) list.push_back(Codec<T>::write(item));
    return list;
  }
};

template <typename T>
struct Codec<std::map<std::string, T>> {
  static Json schema() { return {{"type", "object"}, {"additionalProperties", Codec<T>::schema()}}; }
  static std::optional<std::string> read(const Json& json, std::map<std::string, T>& out) {
    if (!json.is_object()) return type_error("an object", json);
    for (const auto& [key, item] : json.items()) {
      if (auto wrong = Codec<T>::read(item, out[key])) return "'" + key + "': " + *wrong;
    }
    return std::nullopt;
  }
  static Json write(const std::map<std::string, T>& value) {
    Json object = Json::object();
    for (const auto& [key, item] : value) object[key] = Codec<T>::write(item);
    return object;
  }
};

/// The first alternative that the JSON fits.
template <typename... Ts>
struct Codec<std::variant<Ts...>> {
  static Json schema() { return {{"anyOf", Json::array({Codec<Ts>::schema()...})}}; }
  static std::optional<std::string> read(const Json& json, std::variant<Ts...>& out) {
    std::string wrong;
    const auto attempt = [&]<typename T>(std::type_identity<T>) {
      T value{};
      const auto problem = Codec<T>::read(json, value);
      if (!problem) {
        out = std::move(value);
        return true;
      }
      wrong += (wrong.empty() ? "" : ", or ") + *problem;
      return false;
    };
    if ((attempt(std::type_identity<Ts>()) || ...)) return std::nullopt;
    return wrong;
  }
  static Json write(const std::variant<Ts...>& value) {
    return std::visit([]<typename T>(const T& held) { return Codec<T>::write(held); }, value);
  }
};

}  // namespace olivine::config

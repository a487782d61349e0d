#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/codec.h"
#include "config/json_document.h"

namespace olivine::huggingface {

/// An object of one of a model's JSON files, read key by key: each error tells file, line, the key's path, what was
/// expected and what was found ("config.json:7 /text_config/hidden_size: expected an integer, found null"). A key
/// whose value is null counts as absent. Errors are Error[conversion]. Copying shares the document.
class Settings {
 public:
  /// Error[io] when the file cannot be read, Error[conversion] when it is no JSON object.
  static Settings read(const std::filesystem::path& path);
  /// Nothing when there is no such file.
  static std::optional<Settings> read_if_there(const std::filesystem::path& path);
  /// `name` is how errors call the text.
  static Settings parse(std::string text, std::string name);

  bool has(std::string_view key) const { return member(key) != nullptr; }
  const config::Json& json() const { return *object_; }

  /// Any type that config/codec.h reads; a double may also be Infinity or NaN, as Python writes them.
  template <typename T>
  std::optional<T> find(std::string_view key) const {
    const config::Json* const value = member(key);
    if (value == nullptr) return std::nullopt;
    T result{};
    if (const auto problem = read_value(*value, result)) throw error(key, *problem);
    return result;
  }
  /// The key must be there.
  template <typename T>
  T get(std::string_view key) const {
    if (auto value = find<T>(key)) return *std::move(value);
    throw missing(key);
  }
  template <typename T>
  T get(std::string_view key, T fallback) const {
    auto value = find<T>(key);
    return value ? *std::move(value) : std::move(fallback);
  }

  /// An object within this one.
  std::optional<Settings> find_section(std::string_view key) const;
  Settings section(std::string_view key) const;
  /// The objects of a list; empty when the key is absent.
  std::vector<Settings> sections(std::string_view key) const;

  /// An error about a key, or about the whole object when the key is empty.
  Error error(std::string_view key, std::string message, std::string_view remedy = {}) const;

 private:
  Settings(std::shared_ptr<const config::JsonDocument> document, const config::Json* object, std::string pointer)
      : document_(std::move(document)), object_(object), pointer_(std::move(pointer)) {}

  const config::Json* member(std::string_view key) const;
  Error missing(std::string_view key) const;
  Settings within(const config::Json& value, std::string pointer) const;

  template <typename T>
  static std::optional<std::string> read_value(const config::Json& value, T& out) {
    return config::Codec<T>::read(value, out);
  }
  static std::optional<std::string> read_value(const config::Json& value, double& out);

  std::shared_ptr<const config::JsonDocument> document_;
  const config::Json* object_;
  std::string pointer_;
};

}  // namespace olivine::huggingface

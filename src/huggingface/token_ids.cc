#include "huggingface/token_ids.h"

#include <charconv>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "huggingface/json.h"
#include "huggingface/model_folder.h"

namespace olivine::huggingface {
namespace {

using Large = nlohmann::json;

/// A token is a string, or an object whose "content" is one.
template <typename Json>
std::optional<std::string> content(const Json& value) {
  if (value.is_string()) return value.template get<std::string>();
  if (value.is_object() && value.contains("content")) return content(value.at("content"));
  return std::nullopt;
}

const Large* object_member(const Large& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? &*found : nullptr;
}

}  // namespace

std::optional<std::int64_t> TokenIds::of_role(std::string_view role) {
  const auto name = token(role);
  if (!name) return std::nullopt;
  if (const auto id = in_tokenizer_config(*name)) return id;
  if (const auto id = in_added_tokens(*name)) return id;
  return in_tokenizer(*name);
}

std::optional<std::string> TokenIds::token(std::string_view role) const {
  for (const auto* settings : {&folder_.tokenizer(), &folder_.special_map()}) {
    if (!*settings || !(*settings)->has(role)) continue;
    if (auto name = content((*settings)->json().at(role))) return name;
  }
  return std::nullopt;
}

std::optional<std::int64_t> TokenIds::in_tokenizer_config(const std::string& token) const {
  if (!folder_.tokenizer()) return std::nullopt;
  const auto decoder = folder_.tokenizer()->find_section("added_tokens_decoder");
  if (!decoder) return std::nullopt;
  for (const auto& [key, value] : decoder->json().items()) {
    std::int64_t id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    const bool is_number = error == std::errc() && end == key.data() + key.size();
    if (is_number && content(value) == token) return id;
  }
  return std::nullopt;
}

std::optional<std::int64_t> TokenIds::in_added_tokens(const std::string& token) const {
  const auto added = Settings::read_if_there(folder_.path() / "added_tokens.json");
  return added ? added->find<std::int64_t>(token) : std::nullopt;
}

std::optional<std::int64_t> TokenIds::in_tokenizer(const std::string& token) {
  if (!was_read_) read_tokenizer();
  const auto found = vocabulary_.find(token);
  return found == vocabulary_.end() ? std::nullopt : std::optional(found->second);
}

void TokenIds::read_tokenizer() {
  was_read_ = true;
  const std::filesystem::path path = folder_.path() / "tokenizer.json";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return;
  const Large tokenizer = parse_large(read_text_file(path), path.string());
  const auto note = [&](const std::string& token, const Large& id) {
    if (id.is_number_integer()) vocabulary_.insert_or_assign(token, id.get<std::int64_t>());
  };
  const Large* const model = object_member(tokenizer, "model");
  const Large* const vocabulary = model == nullptr ? nullptr : object_member(*model, "vocab");
  if (vocabulary != nullptr && vocabulary->is_object()) {
    for (const auto& [token, id] : vocabulary->items()) note(token, id);
  } else if (vocabulary != nullptr && vocabulary->is_array()) {
    // A unigram model lists [piece, score]; its ids are the places.
    for (std::size_t id = 0; id < vocabulary->size(); ++id) {
      const Large& entry = (*vocabulary)[id];
      if (entry.is_array() && !entry.empty() && entry[0].is_string()) {
        vocabulary_.insert_or_assign(entry[0].get<std::string>(), static_cast<std::int64_t>(id));
      }
    }
  }
  const Large* const added = object_member(tokenizer, "added_tokens");
  if (added == nullptr || !added->is_array()) return;
  for (const Large& token : *added) {
    const Large* const id = object_member(token, "id");
    const auto name = content(token);
    if (id != nullptr && name) note(*name, *id);
  }
}

}  // namespace olivine::huggingface

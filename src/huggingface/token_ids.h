#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

/// Only for this room.
namespace olivine::huggingface {

class ModelFolder;

/// The ids of a tokenizer's special tokens. tokenizer.json is large: it is read only for a token that the smaller files
/// don't know.
class TokenIds {
 public:
  explicit TokenIds(const ModelFolder& folder) : folder_(folder) {}

  /// Of the token that has a role: "eos_token". Nothing when the tokenizer has none, or nobody knows its id.
  std::optional<std::int64_t> of_role(std::string_view role);

 private:
  std::optional<std::string> token(std::string_view role) const;
  std::optional<std::int64_t> in_tokenizer_config(const std::string& token) const;
  std::optional<std::int64_t> in_added_tokens(const std::string& token) const;
  std::optional<std::int64_t> in_tokenizer(const std::string& token);
  void read_tokenizer();

  const ModelFolder& folder_;
  bool was_read_ = false;
  std::map<std::string, std::int64_t, std::less<>> vocabulary_;
};

}  // namespace olivine::huggingface

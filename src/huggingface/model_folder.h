#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "huggingface/settings.h"

namespace olivine::huggingface {

/// Token ids that a generation needs to know.
struct SpecialTokens {
  std::vector<std::int64_t> eos;  ///< each once; the generation config's first
  std::optional<std::int64_t> bos;
  std::optional<std::int64_t> pad;
};

/// What a model's folder says beside its tensors. Files that are read: config.json, which must be there, and those of
/// the members below, which need not.
class ModelFolder {
 public:
  /// Error[io] when there is no config.json, Error[conversion] when a file is no JSON object.
  static ModelFolder open(const std::filesystem::path& folder);

  const std::filesystem::path& path() const { return path_; }
  const Settings& config() const { return config_; }
  const std::optional<Settings>& generation() const { return generation_; }      ///< generation_config.json
  const std::optional<Settings>& tokenizer() const { return tokenizer_; }        ///< tokenizer_config.json
  const std::optional<Settings>& special_map() const { return special_map_; }    ///< special_tokens_map.json
  const std::optional<Settings>& processor() const { return processor_; }        ///< processor_config.json
  const std::optional<Settings>& preprocessor() const { return preprocessor_; }  ///< preprocessor_config.json

  /// The language model's part of config.json: `text_config` (or `llm_config`, `language_config`) of a model with other
  /// parts, else the whole.
  Settings text_config() const;

  /// `torch_dtype` or `dtype` of the text part or of the whole; Error[conversion] for a word that is no type.
  std::optional<DataType> dtype() const;

  /// chat_template.jinja, else that of tokenizer_config.json (the one called "default" of several), else that of
  /// chat_template.json.
  std::optional<std::string> chat_template() const;

  /// Merged from the generation config, config.json (its text part too) and the tokenizer's `eos_token`, `bos_token`
  /// and `pad_token`, whose ids are looked up in tokenizer_config.json, added_tokens.json and tokenizer.json. Negative
  /// ids stand for none.
  SpecialTokens special_tokens() const;

  /// Files of the tokenizer and the processors that an output folder needs too: relative to the folder, sorted.
  std::vector<std::string> files_to_copy() const;

 private:
  ModelFolder(std::filesystem::path path, Settings config) : path_(std::move(path)), config_(std::move(config)) {}

  std::filesystem::path path_;
  Settings config_;
  std::optional<Settings> generation_;
  std::optional<Settings> tokenizer_;
  std::optional<Settings> special_map_;
  std::optional<Settings> processor_;
  std::optional<Settings> preprocessor_;
};

}  // namespace olivine::huggingface

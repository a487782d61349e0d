#include "huggingface/model_folder.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"
#include "base/file.h"
#include "huggingface/json.h"
#include "huggingface/token_ids.h"

namespace olivine::huggingface {
namespace {

namespace fs = std::filesystem;
using config::Json;

constexpr std::array<std::string_view, 3> kTextSections = {"text_config", "llm_config", "language_config"};

constexpr std::array<std::string_view, 20> kTokenizerFiles = {
    "added_tokens.json",
    "bpe.codes",
    "chat_template.jinja",
    "chat_template.json",
    "image_processor_config.json",
    "merges.txt",
    "normalizer.json",
    "preprocessor_config.json",
    "processor_config.json",
    "sentencepiece.bpe.model",
    "source.spm",
    "special_tokens_map.json",
    "spiece.model",
    "target.spm",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "video_preprocessor_config.json",
    "vocab.json",
    "vocab.txt",
};
constexpr std::string_view kTemplates = "additional_chat_templates";

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

/// Names of the files of a folder that end so; none when there is no such folder.
std::vector<std::string> files_that_end(const fs::path& folder, std::string_view suffix) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(suffix) && is_file(entry.path())) names.push_back(name);
  }
  return names;
}

/// An id, a list of them, or nothing.
std::vector<std::int64_t> ids(const Settings& settings, std::string_view key) {
  const auto found = settings.json().find(key);
  if (found == settings.json().end() || found->is_null()) return {};
  std::vector<std::int64_t> result =
      found->is_array() ? settings.get<std::vector<std::int64_t>>(key) : std::vector{settings.get<std::int64_t>(key)};
  std::erase_if(result, [](std::int64_t id) { return id < 0; });
  return result;
}

}  // namespace

ModelFolder ModelFolder::open(const fs::path& folder) {
  if (!is_file(folder / "config.json")) {
    throw Error(ErrorCode::io, "there is no config.json in the folder")
        .prepend(folder.string())
        .remedy("name the folder of a model as transformers' save_pretrained writes it");
  }
  ModelFolder model(folder, Settings::read(folder / "config.json"));
  model.generation_ = Settings::read_if_there(folder / "generation_config.json");
  model.tokenizer_ = Settings::read_if_there(folder / "tokenizer_config.json");
  model.special_map_ = Settings::read_if_there(folder / "special_tokens_map.json");
  model.processor_ = Settings::read_if_there(folder / "processor_config.json");
  model.preprocessor_ = Settings::read_if_there(folder / "preprocessor_config.json");
  return model;
}

Settings ModelFolder::text_config() const {
  for (const std::string_view key : kTextSections) {
    if (auto section = config_.find_section(key)) return *section;
  }
  return config_;
}

std::optional<DataType> ModelFolder::dtype() const {
  for (const Settings& settings : {text_config(), config_}) {
    for (const std::string_view key : {"dtype", "torch_dtype"}) {
      auto name = settings.find<std::string>(key);
      if (!name) continue;
      if (name->starts_with("torch.")) name->erase(0, 6);
      if (const auto dtype = parse_data_type(*name)) return dtype;
      throw settings.error(key, "'" + *name + "' is no element type", "use float32, float16 or bfloat16");
    }
  }
  return std::nullopt;
}

std::optional<std::string> ModelFolder::chat_template() const {
  if (is_file(path_ / "chat_template.jinja")) return read_text_file(path_ / "chat_template.jinja");
  constexpr std::string_view kKey = "chat_template";
  if (tokenizer_ && tokenizer_->has(kKey)) {
    if (!tokenizer_->json().at(kKey).is_array()) return tokenizer_->get<std::string>(kKey);
    for (const Settings& choice : tokenizer_->sections(kKey)) {
      if (choice.get<std::string>("name") == "default") return choice.get<std::string>("template");
    }
  }
  const auto file = Settings::read_if_there(path_ / "chat_template.json");
  return file ? file->find<std::string>(kKey) : std::nullopt;
}

SpecialTokens ModelFolder::special_tokens() const {
  std::vector<Settings> sources;
  if (generation_) sources.push_back(*generation_);
  sources.push_back(config_);
  sources.push_back(text_config());
  TokenIds token_ids(*this);
  const auto all = [&](const std::string& role) {
    std::vector<std::int64_t> found;
    for (const Settings& source : sources) {
      for (const std::int64_t id : ids(source, role + "_token_id")) found.push_back(id);
    }
    if (const auto id = token_ids.of_role(role + "_token")) found.push_back(*id);
    return found;
  };
  SpecialTokens tokens;
  for (const std::int64_t id : all("eos")) {
    if (std::ranges::find(tokens.eos, id) == tokens.eos.end()) tokens.eos.push_back(id);
  }
  if (const auto bos = all("bos"); !bos.empty()) tokens.bos = bos.front();
  if (const auto pad = all("pad"); !pad.empty()) tokens.pad = pad.front();
  return tokens;
}

std::vector<std::string> ModelFolder::files_to_copy() const {
  std::vector<std::string> names;
  for (const std::string_view name : kTokenizerFiles) {
    if (is_file(path_ / name)) names.emplace_back(name);
  }
  for (std::string& name : files_that_end(path_, ".tiktoken")) names.push_back(std::move(name));
  for (const std::string& name : files_that_end(path_ / kTemplates, ".jinja")) {
    names.push_back(std::string(kTemplates) + "/" + name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace olivine::huggingface

#include "huggingface/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/suggest.h"
#include "huggingface/json.h"
#include "huggingface/safetensors.h"
#include "huggingface/torch_checkpoint.h"

namespace olivine::huggingface {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndexSuffix = ".index.json";
constexpr std::array<std::string_view, 4> kNames = {"model.safetensors", "model.safetensors.index.json",
                                                    "pytorch_model.bin", "pytorch_model.bin.index.json"};

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::map<std::string, tensor::Tensor, std::less<>> read_file(const fs::path& path) {
  return path.extension() == ".safetensors" ? read_safetensors(path).tensors : read_torch_checkpoint(path);
}

/// A name in an index is a file beside it or below: whoever wrote the index must not choose among all files.
fs::path shard_path(const fs::path& folder, const std::string& name) {
  const fs::path relative(name);
  const bool leaves = relative.is_absolute() || std::ranges::find(relative, fs::path("..")) != relative.end();
  if (name.empty() || leaves) {
    throw Error(ErrorCode::conversion, fmt::format("names the file '{}', which is not in its folder", name));
  }
  const fs::path path = folder / relative;
  if (!is_file(path)) {
    throw Error(ErrorCode::io, fmt::format("names the file '{}', which is missing", name))
        .remedy("download the checkpoint again, whole");
  }
  return path;
}

using WeightMap = std::map<std::string, std::string, std::less<>>;  ///< files by names of tensors

WeightMap read_weight_map(const fs::path& index) {
  const nlohmann::json json = parse_large(read_text_file(index), "index");
  const auto map = json.is_object() ? json.find("weight_map") : json.end();
  if (!json.is_object() || map == json.end() || !map->is_object()) {
    throw Error(ErrorCode::conversion, "has no object 'weight_map'").remedy("is it the index of a checkpoint?");
  }
  WeightMap files;
  for (const auto& [name, file] : map->items()) {
    if (!file.is_string()) throw Error(ErrorCode::conversion, fmt::format("tensor '{}' has no file", name));
    files.emplace(name, file.get<std::string>());
  }
  return files;
}

/// A shard's tensors, those that the index doesn't list too. One that it finds in another shard is that one.
void add_shard(const fs::path& path, const std::string& file, const WeightMap& files, Checkpoint& checkpoint) {
  for (auto& [name, tensor] : read_file(path)) {
    const auto listed = files.find(name);
    if (listed != files.end() && listed->second != file) continue;
    if (const Weight* const other = checkpoint.find(name)) {
      throw Error(ErrorCode::conversion, fmt::format("tensor '{}' is in '{}' and in '{}'", name, other->file, file));
    }
    checkpoint.set(name, {tensor, file, nullptr});
  }
}

Checkpoint open_index(const fs::path& index) {
  const WeightMap files = read_weight_map(index);
  std::set<std::string> shards;
  for (const auto& [name, file] : files) shards.insert(file);
  Checkpoint checkpoint(index.parent_path().string());
  for (const std::string& file : shards) {
    add_shard(shard_path(index.parent_path(), file), file, files, checkpoint);
  }
  for (const auto& [name, file] : files) {
    if (checkpoint.contains(name)) continue;
    throw Error(ErrorCode::conversion, fmt::format("says that '{}' holds the tensor '{}', but it doesn't", file, name))
        .remedy("download the checkpoint again, whole");
  }
  return checkpoint;
}

Checkpoint open_file(const fs::path& path) {
  Checkpoint checkpoint(path.string());
  const std::string file = path.filename().string();
  for (auto& [name, tensor] : read_file(path)) checkpoint.set(name, {std::move(tensor), file, nullptr});
  return checkpoint;
}

std::vector<fs::path> other_safetensors(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json")) found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

fs::path find_in_folder(const fs::path& folder) {
  for (const std::string_view name : kNames) {
    if (is_file(folder / name)) return folder / name;
  }
  const std::vector<fs::path> others = other_safetensors(folder);
  const auto index = std::ranges::find_if(others, [](const fs::path& path) { return path.extension() == ".json"; });
  if (index != others.end()) return *index;
  if (others.size() == 1) return others.front();
  throw Error(ErrorCode::io, others.empty()
                                 ? std::string("no checkpoint in the folder")
                                 : fmt::format("{} .safetensors files, but no index in the folder", others.size()))
      .prepend(folder.string())
      .remedy(fmt::format("it needs one of {}", fmt::join(kNames, ", ")));
}

std::vector<std::string> names_of(const Checkpoint::Weights& weights) {
  std::vector<std::string> names;
  for (const auto& [name, weight] : weights) names.push_back(name);
  return names;
}

}  // namespace

Checkpoint Checkpoint::open(const fs::path& path) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  const fs::path file = is_folder ? find_in_folder(path) : path;
  if (file.string().ends_with(kIndexSuffix)) {
    return with_place(file.string(), [&] { return open_index(file); });
  }
  Checkpoint checkpoint = open_file(file);
  if (is_folder) checkpoint.place_ = path.string();
  return checkpoint;
}

const Weight* Checkpoint::find(std::string_view name) const {
  const auto found = weights_.find(name);
  return found == weights_.end() ? nullptr : &found->second;
}

const Weight& Checkpoint::at(std::string_view name) const {
  if (const Weight* const weight = find(name)) return *weight;
  throw Error(ErrorCode::conversion, fmt::format("there is no tensor '{}' among its {}", name, weights_.size()))
      .prepend(place_)
      .remedy(did_you_mean(name, names_of(weights_)));
}

const Weight& Checkpoint::at(std::string_view name, const tensor::Dims& expected) const {
  const Weight& weight = at(name);
  with_place(place_, [&] { expect_shape(name, weight, expected); });
  return weight;
}

void Checkpoint::set(std::string name, Weight weight) { weights_.insert_or_assign(std::move(name), std::move(weight)); }

void Checkpoint::erase(std::string_view name) {
  if (const auto found = weights_.find(name); found != weights_.end()) weights_.erase(found);
}

void expect_shape(std::string_view name, const Weight& weight, const tensor::Dims& expected) {
  if (weight.tensor.dims() == expected) return;
  throw Error(ErrorCode::conversion, fmt::format("tensor '{}' of {} has shape [{}], expected [{}]", name, weight.file,
                                                 fmt::join(weight.tensor.dims(), ","), fmt::join(expected, ",")))
      .remedy("do config.json and the checkpoint belong together?");
}

}  // namespace olivine::huggingface

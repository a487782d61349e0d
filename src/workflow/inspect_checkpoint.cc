#include "workflow/inspect_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/error.h"
#include "huggingface/gguf.h"
#include "huggingface/model_folder.h"
#include "huggingface/quantization.h"
#include "huggingface/safetensors.h"
#include "workflow/input_model.h"
#include "workflow/weights.h"

namespace olivine::workflow {
namespace {

namespace fs = std::filesystem;
using config::Json;

constexpr std::array<std::string_view, 6> kEndings = {".safetensors", ".gguf", ".bin", ".pt", ".pth", ".index.json"};
constexpr std::array<std::string_view, 3> kFolderFiles = {"config.json", "model.safetensors", "pytorch_model.bin"};

std::uint64_t count_parameters(const huggingface::Checkpoint& checkpoint) {
  std::uint64_t parameters = 0;
  for (const auto& [name, weight] : checkpoint.weights()) parameters += weight.tensor.element_count();
  return parameters;
}

/// Settings that are a single number, word or flag; long texts say nothing at a glance.
void add_facts(const Json& object, CheckpointSummary& summary) {
  constexpr std::size_t kLongest = 60;
  for (const auto& [key, value] : object.items()) {
    if (value.is_structured() || value.is_null()) continue;
    std::string text =
        value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() <= kLongest && text.find('\n') == std::string::npos)
      summary.facts.emplace_back(key, std::move(text));
  }
}

void add_stored(const huggingface::Checkpoint& checkpoint, std::size_t largest, CheckpointSummary& summary) {
  WeightTally tally(largest);
  std::set<std::string> files;
  for (const auto& [name, weight] : checkpoint.weights()) {
    tally.add({name, std::string(name_of(weight.tensor.dtype())), weight.tensor.dims(), weight.tensor.byte_size()},
              weight.tensor.element_count());
    files.insert(weight.file);
  }
  static_cast<WeightSummary&>(summary) = tally.summary();
  summary.tensors = checkpoint.weights().size();
  summary.files.assign(files.begin(), files.end());
}

/// What the weights are once they are read; a format that isn't is no reason to show nothing.
void add_meaning(huggingface::Checkpoint checkpoint, const huggingface::ModelFolder& folder,
                 CheckpointSummary& summary) {
  try {
    huggingface::unpack_quantized(checkpoint, folder.config());
    summary.parameters = count_parameters(checkpoint);
  } catch (const Error& error) {
    summary.problem = error.what();
  }
}

CheckpointSummary inspect_folder(const fs::path& path, std::size_t largest) {
  CheckpointSummary summary;
  summary.format = "Hugging Face folder";
  const auto folder = huggingface::ModelFolder::open(path);
  const auto checkpoint = huggingface::Checkpoint::open(path);
  add_stored(checkpoint, largest, summary);
  add_meaning(checkpoint, folder, summary);
  const auto names = folder.config().get<std::vector<std::string>>("architectures", {});
  summary.architecture = names.empty() ? folder.config().get<std::string>("model_type", "") : names.front();
  if (const auto quantization = folder.config().find_section("quantization_config")) {
    summary.quantization = quantization->get<std::string>("quant_method", "");
  }
  add_facts(folder.text_config().json(), summary);
  return summary;
}

CheckpointSummary inspect_gguf(const fs::path& path, std::size_t largest) {
  const huggingface::GgufFile file = huggingface::read_gguf(path);
  CheckpointSummary summary;
  summary.format = "GGUF";
  summary.files = {path.filename().string()};
  summary.tensors = file.tensors.size();
  WeightTally tally(largest);
  std::set<std::string> unread;
  std::map<std::string, std::uint64_t> quantized;  // bytes by type
  for (const huggingface::GgufTensor& tensor : file.tensors) {
    const std::string type = huggingface::gguf_type_name(tensor.type);
    const std::uint64_t elements = tensor::Tensor(DataType::uint8, tensor.dims, nullptr).element_count();
    tally.add({tensor.name, type, tensor.dims, tensor.bytes.byte_size()}, elements);
    summary.parameters += elements;
    try {
      const huggingface::Weight weight = huggingface::gguf_weight(tensor);
      if (weight.quantized != nullptr) quantized[type] += tensor.bytes.byte_size();
    } catch (const Error&) {
      unread.insert(type);
    }
  }
  static_cast<WeightSummary&>(summary) = tally.summary();
  const auto most = std::ranges::max_element(quantized, {}, [](const auto& entry) { return entry.second; });
  if (most != quantized.end()) summary.quantization = most->first;
  if (!unread.empty()) summary.problem = fmt::format("tensors of {} are not read", fmt::join(unread, ", "));
  const auto architecture = file.metadata.find("general.architecture");
  if (architecture != file.metadata.end() && architecture->is_string()) {
    summary.architecture = architecture->get<std::string>();
  }
  add_facts(file.metadata, summary);
  return summary;
}

CheckpointSummary inspect_file(const fs::path& path, std::size_t largest) {
  CheckpointSummary summary;
  const auto checkpoint = huggingface::Checkpoint::open(path);
  add_stored(checkpoint, largest, summary);
  const bool is_torch = !summary.files.empty() && !summary.files.front().ends_with(".safetensors");
  summary.format = is_torch ? "PyTorch" : "safetensors";
  summary.parameters = count_parameters(checkpoint);
  if (path.extension() == ".safetensors") {
    for (const auto& [key, value] : huggingface::read_safetensors(path).metadata)
      summary.facts.emplace_back(key, value);
  }
  return summary;
}

}  // namespace

bool is_checkpoint(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    const bool has_file =
        std::ranges::any_of(kFolderFiles, [&](std::string_view name) { return fs::exists(path / name, ignored); });
    return has_file && !has_onnx_file(path);
  }
  const std::string name = path.filename().string();
  return std::ranges::any_of(kEndings, [&](std::string_view ending) { return name.ends_with(ending); });
}

CheckpointSummary inspect_checkpoint(const fs::path& path, std::size_t largest) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    return fs::exists(path / "config.json", ignored) ? inspect_folder(path, largest) : inspect_file(path, largest);
  }
  return path.extension() == ".gguf" ? inspect_gguf(path, largest) : inspect_file(path, largest);
}

Json to_json(const CheckpointSummary& summary) {
  Json json = {{"format", summary.format},
               {"architecture", summary.architecture},
               {"quantization", summary.quantization},
               {"parameters", summary.parameters},
               {"tensors", summary.tensors},
               {"files", summary.files}};
  add_to_json(summary, json);
  json["facts"] = Json::object();
  for (const auto& [key, value] : summary.facts) json["facts"][key] = value;
  json["problem"] = summary.problem;
  return json;
}

std::string to_text(const CheckpointSummary& summary) {
  using Align = TextTable::Align;
  TextTable table({Align::left, Align::left});
  table.add({"format", summary.format});
  if (!summary.architecture.empty()) table.add({"architecture", summary.architecture});
  if (!summary.quantization.empty()) table.add({"quantization", summary.quantization});
  if (summary.problem.empty()) table.add({"parameters", std::to_string(summary.parameters)});
  table.add({"tensors", std::to_string(summary.tensors)});
  table.add({"weights", format_bytes(summary.weight_bytes)});
  table.add({"files", fmt::format("{}", fmt::join(summary.files, ", "))});
  if (!summary.problem.empty()) table.add({"not read", summary.problem});
  TextTable facts({Align::left, Align::left});
  for (const auto& [key, value] : summary.facts) facts.add({key, value});
  return table.text() + weights_text(summary) + section("settings", facts);
}

}  // namespace olivine::workflow

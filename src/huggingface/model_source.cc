#include "huggingface/model_source.h"

#include "huggingface/gguf.h"
#include "huggingface/lora.h"
#include "huggingface/quantization.h"

namespace olivine::huggingface {
namespace {

ModelSource open_gguf(const std::filesystem::path& path) {
  const GgufFile file = read_gguf(path);
  return {gguf_config(file), std::nullopt, gguf_checkpoint(file)};
}

ModelSource open_folder(const std::filesystem::path& path) {
  ModelFolder folder = ModelFolder::open(path);
  Settings config = folder.config();
  Checkpoint weights = Checkpoint::open(path);
  unpack_quantized(weights, config);
  return {std::move(config), std::move(folder), std::move(weights)};
}

}  // namespace

ModelSource open_model(const std::filesystem::path& path, const std::optional<std::filesystem::path>& adapter) {
  ModelSource source = path.extension() == ".gguf" ? open_gguf(path) : open_folder(path);
  if (adapter) merge_adapter(source.weights, *adapter);
  return source;
}

}  // namespace olivine::huggingface

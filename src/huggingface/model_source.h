#pragma once

#include <filesystem>
#include <optional>

#include "huggingface/checkpoint.h"
#include "huggingface/model_folder.h"
#include "huggingface/settings.h"

namespace olivine::huggingface {

/// A language model as it was found: what it is, and its weights under transformers' names, whatever format holds them.
struct ModelSource {
  Settings config;
  std::optional<ModelFolder> folder;  ///< nothing for a GGUF file: its tokenizer is within
  Checkpoint weights;
};

/// Opens a folder of transformers', or a `.gguf` file; quantized weights are unpacked (quantization.h), an adapter is
/// merged (lora.h). Errors are those of the readers.
ModelSource open_model(const std::filesystem::path& path, const std::optional<std::filesystem::path>& adapter = {});

}  // namespace olivine::huggingface

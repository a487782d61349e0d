#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/codec.h"
#include "workflow/inspect_weights.h"

/// What is in a checkpoint that is no model yet: `olivine inspect` of the files of Hugging Face and of llama.cpp.
namespace olivine::workflow {

struct CheckpointSummary : WeightSummary {
  std::string format;                                      ///< "safetensors", "PyTorch", "GGUF", "Hugging Face folder"
  std::string architecture;                                ///< "LlamaForCausalLM", if anything says so
  std::string quantization;                                ///< "gptq", "Q4_K"; empty when there is none
  std::size_t tensors = 0;                                 ///< as they are stored, and so are the weights of the base
  std::uint64_t parameters = 0;                            ///< values of the weights that they mean
  std::vector<std::string> files;                          ///< of the tensors
  std::vector<std::pair<std::string, std::string>> facts;  ///< settings or metadata that are single values
  std::string problem;                                     ///< why the weights can't be read, if they can't
};

/// Whether `path` is a checkpoint: a `.safetensors`, `.gguf`, `.bin`, `.pt` or `.pth` file, an index of these, or a
/// folder with one and no `.onnx` file.
bool is_checkpoint(const std::filesystem::path& path);

/// Reads no payload. Errors are those of the readers of huggingface/.
CheckpointSummary inspect_checkpoint(const std::filesystem::path& path, std::size_t largest = 10);

config::Json to_json(const CheckpointSummary& summary);
std::string to_text(const CheckpointSummary& summary);

}  // namespace olivine::workflow

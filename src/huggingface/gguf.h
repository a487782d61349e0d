#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/codec.h"
#include "huggingface/checkpoint.h"
#include "huggingface/settings.h"
#include "tensor/tensor.h"

namespace olivine::huggingface {

struct GgufTensor {
  std::string name;
  std::uint32_t type = 0;  ///< ggml's number
  tensor::Dims dims;       ///< row-major: the file's, reversed
  tensor::Tensor bytes;    ///< uint8 [..., bytes of a row]: a slice of the file
};

/// A GGUF file of version 2 or 3, little-endian. No payload is read.
struct GgufFile {
  std::string place;      ///< the file's path
  config::Json metadata;  ///< keys with dots, as they are; floats that JSON has no number for become null
  std::vector<GgufTensor> tensors;
};

/// Of a model in parts ("x-00001-of-00003.gguf") any one opens all.
///
/// Error[io] when a file cannot be read. Error[conversion] for another version, lengths and counts that leave the
/// file, types that GGUF doesn't have, keys or tensors given twice, rows that are no whole blocks, and tensors beyond
/// the end.
GgufFile read_gguf(const std::filesystem::path& path);

/// "Q4_K"; "type 99" for a number that nobody knows.
std::string gguf_type_name(std::uint32_t type);

/// The tensor's values: F32, F16, BF16, F64 and integers as they are, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K
/// in float32 with their codes in `quantized`: Q4_0 as 4 bits, block 32; Q8_0 as 8 bits, block 32; Q6_K as 8 bits,
/// block 16, all exact; Q4_1 and Q4_K (4 bits) and Q5_1 and Q5_K (8 bits) with offsets, block 32. Formulas are those of
/// ggml's reference code. Error[conversion] for other types.
Weight gguf_weight(const GgufTensor& tensor);

/// The tensors under the names that transformers gives them, rows of rotary projections in its order. What has no such
/// name there ("rope_freqs.weight") keeps its own. Architectures: llama (Mistral and Mixtral too), qwen2, qwen3,
/// qwen2moe, qwen3moe, phi3, gemma, gemma2, gemma3. Error[conversion] for others, and for a tensor that the
/// architecture doesn't have.
Checkpoint gguf_checkpoint(const GgufFile& file);

/// What config.json would say, from the metadata. Error[conversion] for other architectures.
Settings gguf_config(const GgufFile& file);

}  // namespace olivine::huggingface

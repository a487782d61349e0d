#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "tensor/tensor.h"

namespace olivine::huggingface {

/// A `.safetensors` file: 8 bytes with the length of a JSON header, the header, and the payloads one after the other.
/// Each tensor is a slice of the mapped file; nothing but the header is read.
struct SafetensorsFile {
  std::map<std::string, tensor::Tensor, std::less<>> tensors;
  std::map<std::string, std::string> metadata;
};

/// Element types: BOOL, U8…U64, I8…I64, F4, F6_E2M3, F6_E3M2, F8_E4M3, F8_E5M2 and their FNUZ forms, F8_E8M0, F16,
/// BF16, F32, F64, C64. Types under 8 bits are packed from the low bits up, as ONNX packs them.
///
/// Error[io] when the file cannot be read. Error[conversion] that names the file, and the tensor, when the header's
/// length or JSON is wrong, a key is given twice, a dtype is unknown, a payload has another size than its shape asks
/// for, or the payloads overlap, leave holes, or don't end with the file: the format's own rules.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

}  // namespace olivine::huggingface

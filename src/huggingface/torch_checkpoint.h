#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "tensor/tensor.h"

namespace olivine::huggingface {

/// The tensors of a file that torch.save wrote from a state dict: the zip archive of torch 1.6 and later, or the plain
/// file of before. Nothing in it is executed (see pickle.h); tensors are slices of the file, strides are respected.
///
/// Error[io] when the file cannot be read. Error[conversion] when it is no such file, when an entry is no tensor, when
/// a tensor leaves its storage, and for all that Pickle refuses.
std::map<std::string, tensor::Tensor, std::less<>> read_torch_checkpoint(const std::filesystem::path& path);

}  // namespace olivine::huggingface

#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace olivine::runtime {

/// An array in NumPy's format, versions 1 to 3: little-endian numbers, bool, complex and strings, in C or Fortran
/// order. Error[io] that says what is wrong with it: cut off, pickled objects, another byte order, a type that ONNX
/// lacks.
tensor::Tensor parse_npy(std::vector<std::byte> bytes);

/// The same from a `.npy` file.
tensor::Tensor read_npy(const std::filesystem::path& path);

/// The arrays of a `.npz` archive by name, in the archive's order.
std::vector<std::pair<std::string, tensor::Tensor>> read_npz(const std::filesystem::path& path);

}  // namespace olivine::runtime

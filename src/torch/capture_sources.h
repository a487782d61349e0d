#pragma once

#include <span>
#include <string_view>

namespace olivine::torch {

/// A file of the Python package that captures models, as it stands in src/torch/capture.
struct SourceFile {
  std::string_view path;  ///< relative: "olivine_capture/leaves.py"
  std::string_view text;
};

/// All of them; the build makes this from the files.
std::span<const SourceFile> capture_sources();

}  // namespace olivine::torch

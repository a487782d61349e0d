#pragma once

#include <filesystem>
#include <string>

#include "workflow/workflow.h"

namespace olivine::workflow {

/// An existing path: as given (relative to the current directory, as in Olive), else relative to the workflow file's
/// `folder`. Error[io] when neither exists.
std::filesystem::path find_path(const std::string& given, const std::filesystem::path& folder);

/// The model's file: `path` itself, or in a folder the file called `file_name`, or the only `.onnx` file there.
/// Error[io] when there is none, Error[config] when there are several.
std::filesystem::path find_model_file(const std::filesystem::path& path, const std::string& file_name = {});

}  // namespace olivine::workflow

#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "workflow/workflow.h"

namespace olivine::workflow {

/// The model's file: `path` itself, or in a folder the file called `file_name`, or the only `.onnx` file there.
/// Error[io] when there is none, Error[config] when there are several.
std::filesystem::path find_model_file(const std::filesystem::path& path, const std::string& file_name = {});

bool has_onnx_file(const std::filesystem::path& folder);

/// Why the workflow cannot begin with its input model, and what to do; nothing when it can: a source needs a first pass
/// that makes a model of it.
std::optional<config::Problem> source_problem(const Workflow& workflow);

}  // namespace olivine::workflow

#pragma once

#include <filesystem>
#include <optional>

#include "config/json_document.h"
#include "workflow/workflow.h"

namespace olivine::workflow {

/// What the command line says instead of the file.
struct Overrides {
  std::optional<std::filesystem::path> model;
  std::optional<std::filesystem::path> output;
};

/// A workflow from Olive's JSON. Every key is known or an error; all problems are listed at once, each with its line
/// and path: Error[config], or Error[io] where a file is missing. `folder` is that of the workflow file.
Workflow read_workflow(const config::JsonDocument& document, const std::filesystem::path& folder,
                       const Overrides& overrides = {});

/// A model given outside of a workflow: an .onnx file, a folder with one in it, a .pt2, or a folder of transformers'.
InputModel input_model(const std::filesystem::path& path);

}  // namespace olivine::workflow

#pragma once

#include <CLI/App.hpp>
#include <string>

#include "workflow/reader.h"

namespace olivine::cli {

/// The path of a workflow: an argument, or Olive's `--config` and `--run-config`.
struct WorkflowFile {
  std::string path;

  void declare(CLI::App& app) {
    app.add_option("workflow,--config,--run-config", path, "The workflow file; the flag's name may be left out.")
        ->type_name("FILE");
  }

  workflow::Workflow read(const workflow::Overrides& overrides = {}) const;
};

}  // namespace olivine::cli

#pragma once

#include <CLI/App.hpp>
#include <string>

namespace olivine::cli {

/// Olive's `-m` and `-o`, under Olive's names and shorter ones.
struct ModelFlags {
  std::string model;
  std::string output;

  void declare(CLI::App& app, const std::string& model_help, const std::string& output_help) {
    app.add_option("-m,--model,--model-name-or-path", model, model_help)->type_name("PATH");
    app.add_option("-o,--output,--output-path", output, output_help)->type_name("PATH");
  }
};

}  // namespace olivine::cli

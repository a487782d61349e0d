#include "workflow/input_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "base/error.h"
#include "base/file.h"

namespace olivine::workflow {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> onnx_files(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".onnx") names.push_back(entry.path().filename().string());
  }
  if (error)
    throw Error(ErrorCode::io, fmt::format("cannot list the folder '{}': {}", folder.string(), error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

fs::path find_model_file(const fs::path& path, const std::string& file_name) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  if (!file_name.empty()) {
    if (!is_there(path / file_name)) {
      throw Error(ErrorCode::io, fmt::format("there is no '{}' in the folder '{}'", file_name, path.string()));
    }
    return path / file_name;
  }
  const std::vector<std::string> names = onnx_files(path);
  if (names.empty()) throw Error(ErrorCode::io, fmt::format("the folder '{}' has no .onnx file", path.string()));
  if (names.size() > 1) {
    throw Error(ErrorCode::config, fmt::format("the folder '{}' has {} .onnx files: {}", path.string(), names.size(),
                                               fmt::join(names, ", ")))
        .remedy("name one with onnx_file_name, or give its path");
  }
  return path / names.front();
}

bool has_onnx_file(const fs::path& folder) { return !onnx_files(folder).empty(); }

std::optional<config::Problem> source_problem(const Workflow& workflow) {
  if (!workflow.input.source) return std::nullopt;
  const std::string& type = workflow.input.source->type;
  const auto takes = [&](const passes::Pass& pass) {
    return pass.make != nullptr && std::find(pass.sources.begin(), pass.sources.end(), type) != pass.sources.end();
  };
  if (!workflow.steps.empty() && takes(*workflow.steps.front().pass)) return std::nullopt;
  std::vector<std::string_view> names;
  for (const passes::Pass* pass : passes::all_passes()) {
    if (takes(*pass)) names.push_back(pass->name);
  }
  return config::Problem{"", fmt::format("a {} is no ONNX model yet, and no pass makes one of it at first", type),
                         fmt::format("begin the passes with {}", fmt::join(names, " or "))};
}

}  // namespace olivine::workflow

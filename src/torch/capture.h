#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/codec.h"

/// PyTorch, only where a model is Python code: a process in the user's environment that exports it (capture/).
namespace olivine::torch {

/// A folder that goes when the last who holds it does.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct CaptureRequest {
  config::Json model;    ///< as a workflow's `input_model`: type and keys; paths as the process is to find them
  config::Json options;  ///< torch_dtype, device, dynamic, exporter …
  /// The interpreter: a path or a name in PATH. Empty: OLIVINE_PYTHON, the active virtual environment's, or python3.
  std::string python;
  std::function<void(std::string_view)> progress;
};

/// Values of the inputs and PyTorch's own results for them, as NumPy files in the order of the names.
struct CapturedCase {
  std::vector<std::filesystem::path> inputs;
  std::vector<std::filesystem::path> outputs;
  std::map<std::string, std::int64_t> sizes;  ///< of the open axes
};

struct Captured {
  std::filesystem::path program;  ///< the `.pt2`; empty when torch.onnx was asked for
  std::filesystem::path onnx;     ///< what torch.onnx wrote, otherwise empty
  std::vector<std::string> input_names;
  std::vector<std::string> output_names;
  std::map<std::string, std::string> symbols;  ///< torch's symbol → the user's name
  std::vector<CapturedCase> cases;
  std::vector<std::string> notices;
  config::Json record;  ///< capture.json, which has versions and types as well
  /// All these files are in it.
  std::shared_ptr<const TemporaryFolder> folder;
};

/// Error[conversion] with the script's traceback when the user's code raises or torch.export fails, Error[config] for
/// what is wrong with the request, Error[io] when there is no Python or no torch, with the command that installs it. A
/// cancel ends the process.
Captured capture(const CaptureRequest& request);

/// The interpreter that a request means: a program, or a folder that has one.
std::string interpreter(const std::string& given);

}  // namespace olivine::torch

#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace olivine::runtime {

/// The library inside a folder: the folder itself, `lib/`, `capi/` or `onnxruntime/capi/`; nothing when there is none.
std::optional<std::filesystem::path> library_in(const std::filesystem::path& folder);

/// One place that may hold the library.
struct Candidate {
  std::string name;  ///< how an error calls the place
  /// The path, or a bare file name that the dynamic loader looks up; nothing when the place has none. Places are asked
  /// in order and lazily: the last one starts a Python interpreter.
  std::function<std::optional<std::filesystem::path>()> find;
  bool binding = false;  ///< the user named it, so that failing to load it is an error and the search ends
};

/// Where to look, in order: `requested`, OLIVINE_ORT_LIBRARY, the system, the `onnxruntime` package of the active
/// virtual environment, of the environment that holds this program, of the interpreter in PATH, and of what it imports.
std::vector<Candidate> library_candidates(const std::filesystem::path& requested);

}  // namespace olivine::runtime

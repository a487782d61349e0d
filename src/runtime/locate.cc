#include "runtime/locate.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/process.h"

namespace olivine::runtime {
namespace {

namespace fs = std::filesystem;

/// `libonnxruntime.so`, or the first `libonnxruntime.so.*` by name. The providers' libraries have other names.
std::optional<fs::path> library_directly_in(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name == "libonnxruntime.so" || name.starts_with("libonnxruntime.so.")) found.push_back(entry->path());
  }
  if (found.empty()) return std::nullopt;
  return *std::min_element(found.begin(), found.end());
}

/// `prefix/lib/python3.*/site-packages/onnxruntime`, for the newest Python that has it.
std::optional<fs::path> package_under(const fs::path& prefix) {
  std::error_code error;
  std::vector<fs::path> versions;
  for (fs::directory_iterator entry(prefix / "lib", error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().filename().string().starts_with("python3")) versions.push_back(entry->path());
  }
  std::sort(versions.rbegin(), versions.rend());
  for (const fs::path& version : versions) {
    for (const char* const packages : {"site-packages", "dist-packages"}) {
      if (auto library = library_in(version / packages)) return library;
    }
  }
  return std::nullopt;
}

std::optional<fs::path> own_environment() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return std::nullopt;
  return package_under(program.parent_path().parent_path());
}

std::string interpreter() {
  const std::string chosen = environment_variable("OLIVINE_PYTHON");
  return chosen.empty() ? "python3" : chosen;
}

std::optional<fs::path> in_search_path(const std::string& program) {
  if (program.find('/') != std::string::npos) return fs::path(program);
  const std::string path = environment_variable("PATH");
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const fs::path candidate = fs::path(path.substr(begin, end - begin)) / program;
    if (end > begin && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  return std::nullopt;
}

/// Without starting it: a virtual environment's `bin/python3` is a link, so the place of the link comes first.
std::optional<fs::path> beside_interpreter() {
  const auto program = in_search_path(interpreter());
  if (!program) return std::nullopt;
  if (auto library = package_under(program->parent_path().parent_path())) return library;
  std::error_code error;
  const fs::path target = fs::canonical(*program, error);
  return error ? std::nullopt : package_under(target.parent_path().parent_path());
}

/// Standard output of a program, or nothing when it cannot be started; its errors are thrown away.
std::optional<std::string> output_of(std::vector<std::string> arguments) {
  std::string text;
  ProcessOptions options;
  options.arguments = std::move(arguments);
  options.patience = std::chrono::seconds(20);
  options.on_output = [&](std::string_view more) {
    if (text.size() < (std::size_t{1} << 16)) text += more;
  };
  try {
    run_process(options);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) throw;
    return std::nullopt;
  }
  return text;
}

/// Asks the interpreter where the package lies, without importing it: that would cost a second. The current folder is
/// taken off its search path, so that a folder called `onnxruntime` beside a model isn't mistaken for the package.
std::optional<fs::path> known_to_interpreter() {
  constexpr std::string_view kScript =
      "import sys\n"
      "sys.path = [p for p in sys.path if p]\n"
      "from importlib.util import find_spec\n"
      "found = find_spec('onnxruntime')\n"
      "print('\\n'.join(found.submodule_search_locations or []) if found else '')\n";
  const auto text = output_of({interpreter(), "-c", std::string(kScript)});
  if (!text) return std::nullopt;
  for (std::size_t begin = 0; begin < text->size();) {
    const std::size_t end = std::min(text->find('\n', begin), text->size());
    if (end > begin) {
      if (auto library = library_in(text->substr(begin, end - begin))) return library;
    }
    begin = end + 1;
  }
  return std::nullopt;
}

fs::path file_or_inside(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return path;
  return library_in(path).value_or(path / "libonnxruntime.so");
}

}  // namespace

std::optional<fs::path> library_in(const fs::path& folder) {
  for (const char* const inner : {"", "lib", "capi", "onnxruntime/capi"}) {
    if (auto library = library_directly_in(folder / inner)) return library;
  }
  return std::nullopt;
}

std::vector<Candidate> library_candidates(const fs::path& requested) {
  std::vector<Candidate> places;
  const auto add = [&](std::string name, auto find, bool binding = false) {
    places.push_back({std::move(name), std::move(find), binding});
  };
  if (!requested.empty()) {
    add(
        "the path given", [requested] { return std::optional(file_or_inside(requested)); }, true);
    return places;
  }
  if (const std::string named = environment_variable("OLIVINE_ORT_LIBRARY"); !named.empty()) {
    add(
        "OLIVINE_ORT_LIBRARY", [named] { return std::optional(file_or_inside(named)); }, true);
    return places;
  }
  for (const char* const name : {"libonnxruntime.so.1", "libonnxruntime.so"}) {
    add(fmt::format("the system's {}", name), [name] { return std::optional(fs::path(name)); });
  }
  if (environment_variable("OLIVINE_PYTHON").empty()) {
    if (const std::string active = environment_variable("VIRTUAL_ENV"); !active.empty()) {
      add(fmt::format("the virtual environment {}", active), [active] { return package_under(active); });
    }
    add("the environment of this program", own_environment);
  }
  add(fmt::format("the packages beside {}", interpreter()), beside_interpreter);
  add(fmt::format("the packages that {} imports", interpreter()), known_to_interpreter);
  return places;
}

}  // namespace olivine::runtime

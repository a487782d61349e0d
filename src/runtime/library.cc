#include "runtime/library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/locate.h"

namespace olivine::runtime {
namespace {

/// The oldest that was tried; its wheel is about the first to bring a library that a program other than Python can
/// load.
constexpr int kOldestMinor = 19;

using GetApiBase = const OrtApiBase*(ORT_API_CALL*)();

int minor_of(std::string_view version) {
  const std::size_t dot = version.find('.');
  int minor = 0;
  if (dot != std::string_view::npos) std::from_chars(version.data() + dot + 1, version.data() + version.size(), minor);
  return minor;
}

/// The loader's reason without the path that it repeats.
std::string loader_problem(const std::filesystem::path& path) {
  const char* const text = ::dlerror();
  std::string problem = text == nullptr ? "cannot be loaded" : text;
  if (const std::string prefix = path.string() + ": "; problem.starts_with(prefix)) problem.erase(0, prefix.size());
  return problem;
}

bool same_file(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code error;
  return a == b || std::filesystem::equivalent(a, b, error);
}

/// ORT warns about matters of its own optimizer, and its errors come back as exceptions anyhow.
LogLevel level_of(OrtLoggingLevel level) { return level >= ORT_LOGGING_LEVEL_ERROR ? LogLevel::info : LogLevel::debug; }

}  // namespace

std::string ort_message(const Ort::Exception& error) {
  std::string_view text = error.what();
  while (text.ends_with('\n') || text.ends_with(' ')) text.remove_suffix(1);
  return std::string(text);
}

Library::Library(void* handle, std::filesystem::path path) : path_(std::move(path)) {
  const auto get_base = reinterpret_cast<GetApiBase>(::dlsym(handle, "OrtGetApiBase"));
  if (get_base == nullptr) throw Error(ErrorCode::io, "has no OrtGetApiBase: it is not ONNX Runtime");
  base_ = get_base();
  version_ = base_->GetVersionString();
  minor_ = minor_of(version_);
  // Asking for a version beyond the library's would make it print to the terminal.
  const OrtApi* const api =
      minor_ < kOldestMinor ? nullptr : base_->GetApi(static_cast<std::uint32_t>(std::min(minor_, ORT_API_VERSION)));
  if (api == nullptr) {
    throw Error(ErrorCode::io, fmt::format("is ONNX Runtime {}, which is too old", version_))
        .remedy(fmt::format("version 1.{} is the oldest that serves", kOldestMinor));
  }
  Ort::InitApi(api);
  env_.emplace(ORT_LOGGING_LEVEL_WARNING, "olivine", &Library::receive, this);
  env_->DisableTelemetryEvents();
}

void Library::route_log(const Log& log) {
  const std::lock_guard lock(log_mutex_);
  log_ = log;
}

void Library::receive(void* self, OrtLoggingLevel level, const char*, const char*, const char*, const char* message) {
  auto& library = *static_cast<Library*>(self);
  const std::lock_guard lock(library.log_mutex_);
  library.log_.write(level_of(level), "ONNX Runtime: {}", message);
}

Library* Library::open(const std::filesystem::path& path, std::string& problem) {
  // Since 1.32 ORT on Linux reports to its maker from the moment of loading, and leaves an identifier and a database in
  // the user's cache folder. Whoever wants that can set the variable to 0.
  ::setenv("ORT_DISABLE_TELEMETRY", "1", 0);
  void* const handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    problem = loader_problem(path);
    return nullptr;
  }
  try {
    // Never deleted: see the class.
    return new Library(handle, path);
  } catch (const Error& error) {
    problem = error.remedy().empty() ? error.message() : error.message() + "; " + error.remedy();
  } catch (const Ort::Exception& error) {
    problem = "cannot be started: " + ort_message(error);
  }
  return nullptr;
}

Library& Library::get(const std::filesystem::path& requested, const Log& log) {
  static std::mutex mutex;
  static Library* loaded = nullptr;
  const std::lock_guard lock(mutex);
  if (loaded != nullptr) {
    if (!requested.empty() && !same_file(*library_candidates(requested).front().find(), loaded->path())) {
      throw Error(ErrorCode::config, fmt::format("ONNX Runtime was already loaded from {}, not from {}",
                                                 loaded->path().string(), requested.string()))
          .remedy("one process can use one library: run the two steps separately");
    }
    return *loaded;
  }
  std::vector<std::string> searched;
  for (const Candidate& place : library_candidates(requested)) {
    const auto path = place.find();
    if (!path) {
      searched.push_back(fmt::format("{}: not there", place.name));
      continue;
    }
    std::string problem;
    loaded = open(*path, problem);
    if (loaded != nullptr) {
      log.write(LogLevel::debug, "ONNX Runtime {} from {} ({})", loaded->version(), path->string(), place.name);
      return *loaded;
    }
    if (place.binding) {
      throw Error(ErrorCode::io, fmt::format("ONNX Runtime ({}): {}", place.name, problem)).prepend(path->string());
    }
    searched.push_back(fmt::format("{}: {}", place.name, problem));
  }
  throw Error(ErrorCode::io, fmt::format("ONNX Runtime was not found; searched\n  {}", fmt::join(searched, "\n  ")))
      .remedy(
          "`pip install --upgrade onnxruntime`, or name libonnxruntime.so in the environment variable "
          "OLIVINE_ORT_LIBRARY");
}

}  // namespace olivine::runtime

#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "runtime/ort.h"

namespace olivine::runtime {

/// ONNX Runtime in this process. It is loaded once and stays until the process ends: its threads, its allocators and
/// its static objects don't survive being unloaded, nor an environment that is destroyed by static destructors.
class Library {
 public:
  /// The one that is loaded, or loads it: from `requested`, or when that is empty from where `library_candidates` says.
  /// Error[io] that lists what was searched when there is none; Error[config] when another one is loaded already.
  static Library& get(const std::filesystem::path& requested, const Log& log);

  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::string& version() const { return version_; }  ///< "1.32.0"
  int minor_version() const { return minor_; }
  const OrtApiBase& base() const { return *base_; }
  Ort::Env& env() { return *env_; }

  /// Where ORT's own messages go from now on.
  void route_log(const Log& log);

 private:
  Library(void* handle, std::filesystem::path path);
  static Library* open(const std::filesystem::path& path, std::string& problem);
  static void ORT_API_CALL receive(void* self, OrtLoggingLevel level, const char* category, const char* id,
                                   const char* location, const char* message);

  std::filesystem::path path_;
  const OrtApiBase* base_ = nullptr;
  std::string version_;
  int minor_ = 0;
  std::mutex log_mutex_;
  Log log_;
  std::optional<Ort::Env> env_;  ///< not before ORT's table of functions is known: even an empty one would ask it
};

}  // namespace olivine::runtime

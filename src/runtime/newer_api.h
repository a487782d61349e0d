#pragma once

#include <cstddef>
#include <optional>

#include "runtime/library.h"

struct OrtEpDevice;
struct OrtHardwareDevice;

namespace olivine::runtime {

/// The part of ORT's C interface that came with version 1.22, one later than the headers that we compile against:
/// plug-in execution providers, and loading that can be stopped. ORT only ever appends to its table of functions, so
/// the newer ones lie behind those that the headers declare, at places that a release can't change.
class NewerApi {
 public:
  /// Nothing when the loaded library is older than 1.22.
  static std::optional<NewerApi> of(const Library& library);

  OrtStatus* (*register_library)(OrtEnv*, const char* name, const char* path);
  OrtStatus* (*devices)(const OrtEnv*, const OrtEpDevice* const** devices, std::size_t* count);
  OrtStatus* (*append_provider)(OrtSessionOptions*, OrtEnv*, const OrtEpDevice* const* devices,
                                std::size_t device_count, const char* const* keys, const char* const* values,
                                std::size_t option_count);
  int (*device_type)(const OrtHardwareDevice*);  ///< 0 CPU, 1 GPU, 2 NPU
  const char* (*provider_name)(const OrtEpDevice*);
  const OrtHardwareDevice* (*hardware)(const OrtEpDevice*);
  OrtStatus* (*stop_loading)(OrtSessionOptions*, bool stop);
};

}  // namespace olivine::runtime

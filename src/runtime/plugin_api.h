#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "runtime/library.h"

struct OrtEpDevice;
struct OrtKeyValuePairs;
struct OrtHardwareDevice;

namespace olivine::runtime {

/// The part of ORT's C interface that registers plug-in execution providers. It came with version 1.22, one later than
/// the headers that we compile against. ORT only ever appends to its table of functions, so the newer functions lie
/// behind the ones that the headers declare, at places that a release can't change.
class PluginApi {
 public:
  /// Error[config] when the loaded library is older than 1.22.
  explicit PluginApi(const Library& library);

  OrtStatus* (*register_library)(OrtEnv*, const char* name, const char* path);
  OrtStatus* (*devices)(const OrtEnv*, const OrtEpDevice* const** devices, std::size_t* count);
  OrtStatus* (*append_provider)(OrtSessionOptions*, OrtEnv*, const OrtEpDevice* const* devices,
                                std::size_t device_count, const char* const* keys, const char* const* values,
                                std::size_t option_count);
  int (*device_type)(const OrtHardwareDevice*);  ///< 0 CPU, 1 GPU, 2 NPU
  const char* (*provider_name)(const OrtEpDevice*);
  const OrtHardwareDevice* (*hardware)(const OrtEpDevice*);
};

}  // namespace olivine::runtime

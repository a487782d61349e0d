#include "runtime/plugin_api.h"

#include <fmt/format.h>

#include <cstring>

namespace olivine::runtime {
namespace {

constexpr int kFirstMinor = 22;

/// Functions by their distance from the end of the 1.21 table.
enum Slot : std::size_t {
  kRegisterExecutionProviderLibrary = 16,
  kGetEpDevices = 18,
  kAppendExecutionProviderV2 = 19,
  kHardwareDeviceType = 22,
  kEpDeviceEpName = 27,
  kEpDeviceDevice = 31,
};

static_assert(sizeof(OrtApi) == 285 * sizeof(void*), "the slots count from the end of version 1.21's table");

template <typename Function>
void bind(Function& function, const OrtApi* api, Slot slot) {
  const auto* const tail = reinterpret_cast<const std::byte*>(api + 1);
  std::memcpy(&function, tail + slot * sizeof(void*), sizeof function);
}

}  // namespace

PluginApi::PluginApi(const Library& library) {
  const OrtApi* const api = library.minor_version() < kFirstMinor ? nullptr : library.base().GetApi(kFirstMinor);
  if (api == nullptr) {
    throw Error(ErrorCode::config, fmt::format("ONNX Runtime {} ({}) cannot load plug-in execution providers",
                                               library.version(), library.path().string()))
        .remedy("version 1.22 or newer can");
  }
  bind(register_library, api, kRegisterExecutionProviderLibrary);
  bind(devices, api, kGetEpDevices);
  bind(append_provider, api, kAppendExecutionProviderV2);
  bind(device_type, api, kHardwareDeviceType);
  bind(provider_name, api, kEpDeviceEpName);
  bind(hardware, api, kEpDeviceDevice);
}

}  // namespace olivine::runtime

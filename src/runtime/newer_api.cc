#include "runtime/newer_api.h"

#include <cstring>

namespace olivine::runtime {
namespace {

constexpr int kFirstMinor = 22;

/// Functions by their distance from the end of the 1.21 table.
enum Slot : std::size_t {
  kSetLoadCancellationFlag = 8,
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

std::optional<NewerApi> NewerApi::of(const Library& library) {
  const OrtApi* const table = library.minor_version() < kFirstMinor ? nullptr : library.base().GetApi(kFirstMinor);
  if (table == nullptr) return std::nullopt;
  NewerApi api;
  bind(api.register_library, table, kRegisterExecutionProviderLibrary);
  bind(api.devices, table, kGetEpDevices);
  bind(api.append_provider, table, kAppendExecutionProviderV2);
  bind(api.device_type, table, kHardwareDeviceType);
  bind(api.provider_name, table, kEpDeviceEpName);
  bind(api.hardware, table, kEpDeviceDevice);
  bind(api.stop_loading, table, kSetLoadCancellationFlag);
  return api;
}

}  // namespace olivine::runtime

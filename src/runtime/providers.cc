#include "runtime/providers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/suggest.h"
#include "runtime/newer_api.h"

namespace olivine::runtime {
namespace {

constexpr std::string_view kSuffix = "ExecutionProvider";
constexpr const char* kDeviceOption = "ep_device";

/// "CUDAExecutionProvider", "cuda" -> "cuda"
std::string key_of(std::string_view name) {
  std::string key(name);
  std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return std::tolower(c); });
  if (constexpr std::string_view suffix = "executionprovider"; key.ends_with(suffix)) {
    key.resize(key.size() - suffix.size());
  }
  return key;
}

/// Provider options as the C interface wants them; points into the map.
struct Pairs {
  explicit Pairs(const std::map<std::string, std::string>& options) {
    for (const auto& [key, value] : options) {
      if (key == kDeviceOption) continue;
      keys.push_back(key.c_str());
      values.push_back(value.c_str());
    }
  }
  std::vector<const char*> keys;
  std::vector<const char*> values;
};

/// By the name alone, with string options.
struct NamedProvider {
  std::string name;
  void operator()(Ort::SessionOptions& session, const Pairs& pairs) const {
    Ort::ThrowOnError(Ort::GetApi().SessionOptionsAppendExecutionProvider(session, name.c_str(), pairs.keys.data(),
                                                                          pairs.values.data(), pairs.keys.size()));
  }
};

using Append = std::function<void(Ort::SessionOptions&, const Pairs&)>;

/// A provider with an options struct of its own: made, filled from strings, given to the session, released. The
/// functions are members of OrtApi.
template <typename Options, typename Create, typename Update, typename Give, typename Release>
Append struct_provider(Create create, Update update, Give give, Release release) {
  return [=](Ort::SessionOptions& session, const Pairs& pairs) {
    const OrtApi& api = Ort::GetApi();
    Options* made = nullptr;
    Ort::ThrowOnError((api.*create)(&made));
    const auto destroy = [&](Options* options) { (api.*release)(options); };
    const std::unique_ptr<Options, decltype(destroy)> options(made, destroy);
    if (!pairs.keys.empty()) {
      Ort::ThrowOnError((api.*update)(made, pairs.keys.data(), pairs.values.data(), pairs.keys.size()));
    }
    Ort::ThrowOnError((api.*give)(session, made));
  };
}

const std::map<std::string, Append>& struct_providers() {
  static const std::map<std::string, Append> table = {
      {"cuda", struct_provider<OrtCUDAProviderOptionsV2>(
                   &OrtApi::CreateCUDAProviderOptions, &OrtApi::UpdateCUDAProviderOptions,
                   &OrtApi::SessionOptionsAppendExecutionProvider_CUDA_V2, &OrtApi::ReleaseCUDAProviderOptions)},
      {"tensorrt",
       struct_provider<OrtTensorRTProviderOptionsV2>(
           &OrtApi::CreateTensorRTProviderOptions, &OrtApi::UpdateTensorRTProviderOptions,
           &OrtApi::SessionOptionsAppendExecutionProvider_TensorRT_V2, &OrtApi::ReleaseTensorRTProviderOptions)},
      {"rocm", struct_provider<OrtROCMProviderOptions>(
                   &OrtApi::CreateROCMProviderOptions, &OrtApi::UpdateROCMProviderOptions,
                   &OrtApi::SessionOptionsAppendExecutionProvider_ROCM, &OrtApi::ReleaseROCMProviderOptions)},
      {"cann", struct_provider<OrtCANNProviderOptions>(
                   &OrtApi::CreateCANNProviderOptions, &OrtApi::UpdateCANNProviderOptions,
                   &OrtApi::SessionOptionsAppendExecutionProvider_CANN, &OrtApi::ReleaseCANNProviderOptions)},
      {"dnnl", struct_provider<OrtDnnlProviderOptions>(
                   &OrtApi::CreateDnnlProviderOptions, &OrtApi::UpdateDnnlProviderOptions,
                   &OrtApi::SessionOptionsAppendExecutionProvider_Dnnl, &OrtApi::ReleaseDnnlProviderOptions)},
  };
  return table;
}

/// The names that ORT's general function takes differ in letter case from those that it lists.
Append append_by_name(const std::string& key, const std::string& listed) {
  static const std::map<std::string, std::string> spelling = {
      {"azure", "AZURE"}, {"xnnpack", "XNNPACK"}, {"snpe", "SNPE"}, {"js", "JS"}, {"webnn", "WEBNN"}};
  if (const auto found = spelling.find(key); found != spelling.end()) return NamedProvider{found->second};
  return NamedProvider{listed.substr(0, listed.size() - (listed.ends_with(kSuffix) ? kSuffix.size() : 0))};
}

NewerApi require_plugins(const Library& library) {
  if (auto api = NewerApi::of(library)) return *api;
  throw Error(ErrorCode::config, fmt::format("ONNX Runtime {} ({}) cannot load plug-in execution providers",
                                             library.version(), library.path().string()))
      .remedy("version 1.22 or newer can");
}

void register_library(const NewerApi& api, Library& library, const std::string& name,
                      const std::filesystem::path& path) {
  static std::mutex mutex;
  static std::map<std::string, std::filesystem::path> registered;
  const std::lock_guard lock(mutex);
  if (const auto found = registered.find(name); found != registered.end()) {
    if (found->second == path) return;
    throw Error(ErrorCode::config,
                fmt::format("the provider library '{}' was already loaded from {}", name, found->second.string()))
        .prepend(path.string());
  }
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    throw Error(ErrorCode::io, "there is no such file")
        .prepend(path.string())
        .prepend("provider library '" + name + "'");
  }
  // ORT looks a relative path up beside its own library.
  const std::filesystem::path absolute = std::filesystem::absolute(path);
  ort_call(ErrorCode::io, fmt::format("provider library '{}' ({}) cannot be loaded", name, path.string()),
           [&] { Ort::ThrowOnError(api.register_library(library.env(), name.c_str(), absolute.c_str())); });
  registered.emplace(name, path);
}

std::span<const OrtEpDevice* const> all_devices(const NewerApi& api, Library& library) {
  const OrtEpDevice* const* devices = nullptr;
  std::size_t count = 0;
  Ort::ThrowOnError(api.devices(library.env(), &devices, &count));
  return {devices, count};
}

constexpr std::array<std::string_view, 3> kDeviceKinds = {"cpu", "gpu", "npu"};

std::string device_kind(const NewerApi& api, const OrtEpDevice* device) {
  const auto kind = static_cast<std::size_t>(api.device_type(api.hardware(device)));
  return kind < kDeviceKinds.size() ? std::string(kDeviceKinds[kind]) : "other";
}

const OrtEpDevice* choose_device(const NewerApi& api, const std::vector<const OrtEpDevice*>& devices,
                                 const std::string& wanted) {
  if (wanted.empty()) return devices.front();
  std::vector<std::string> kinds;
  std::size_t number = 0;
  const bool is_number =
      std::from_chars(wanted.data(), wanted.data() + wanted.size(), number).ptr == wanted.data() + wanted.size();
  for (std::size_t i = 0; i < devices.size(); ++i) {
    kinds.push_back(fmt::format("{} ({})", i, device_kind(api, devices[i])));
    if (is_number ? number == i : device_kind(api, devices[i]) == key_of(wanted)) return devices[i];
  }
  throw Error(ErrorCode::config, fmt::format("the provider has no device '{}'", wanted))
      .prepend(kDeviceOption)
      .remedy(fmt::format("it has {}", fmt::join(kinds, ", ")));
}

/// The provider from a registered library; the names of all such providers go to `names`.
bool append_plugin(Ort::SessionOptions& session, const SessionOptions& options, Library& library,
                   std::vector<std::string>& names) {
  const NewerApi api = require_plugins(library);
  for (const auto& [name, path] : options.provider_libraries) register_library(api, library, name, path);
  std::vector<const OrtEpDevice*> devices;
  for (const OrtEpDevice* const device : all_devices(api, library)) {
    const std::string name = api.provider_name(device);
    if (key_of(name) == key_of(options.execution_provider)) devices.push_back(device);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  if (devices.empty()) return false;
  const auto wanted = options.provider_options.find(kDeviceOption);
  const OrtEpDevice* const device =
      choose_device(api, devices, wanted == options.provider_options.end() ? "" : wanted->second);
  const Pairs pairs(options.provider_options);
  Ort::ThrowOnError(api.append_provider(session, library.env(), &device, 1, pairs.keys.data(), pairs.values.data(),
                                        pairs.keys.size()));
  return true;
}

[[noreturn]] void refuse_unknown(const SessionOptions& options, const Library& library,
                                 const std::vector<std::string>& names) {
  const std::string guess = did_you_mean(options.execution_provider, names);
  const std::string_view libraries =
      options.provider_libraries.empty()
          ? "; another build of ONNX Runtime is chosen with its path, a plug-in provider with the path of its library"
          : "; the provider libraries given have no such provider, or none for this machine's devices";
  throw Error(ErrorCode::config, fmt::format("ONNX Runtime {} ({}) has no execution provider '{}'", library.version(),
                                             library.path().string(), options.execution_provider))
      .remedy(fmt::format("{}{}it has {}{}", guess, guess.empty() ? "" : " ", fmt::join(names, ", "), libraries));
}

}  // namespace

void append_provider(Ort::SessionOptions& session, const SessionOptions& options, Library& library) {
  const std::string key = key_of(options.execution_provider);
  std::vector<std::string> names = Ort::GetAvailableProviders();
  const std::string place = fmt::format("execution provider {}", options.execution_provider);
  if (!options.provider_libraries.empty()) {
    const bool done =
        ort_call(ErrorCode::config, place, [&] { return append_plugin(session, options, library, names); });
    if (done) return;
  }
  if (key == "cpu") {
    // It is always there, and nothing about it can be set.
    if (!options.provider_options.empty()) throw Error(ErrorCode::config, "takes no options").prepend(place);
    return;
  }
  const auto listed =
      std::find_if(names.begin(), names.end(), [&](const std::string& name) { return key_of(name) == key; });
  if (listed == names.end()) refuse_unknown(options, library, names);
  const auto table = struct_providers().find(key);
  const Append append = table != struct_providers().end() ? table->second : append_by_name(key, *listed);
  ort_call(ErrorCode::config, place, [&] { append(session, Pairs(options.provider_options)); });
}

}  // namespace olivine::runtime

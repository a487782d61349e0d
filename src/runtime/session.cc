#include "runtime/session.h"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/suggest.h"
#include "base/threads.h"
#include "runtime/library.h"
#include "runtime/newer_api.h"
#include "runtime/ort_value.h"
#include "runtime/providers.h"
#include "runtime/tap_op.h"
#include "runtime/weights.h"

namespace olivine::runtime {

struct WeightCache::Impl {
  std::mutex mutex;
  /// The payload's tensor keeps the source, hence its address, alive.
  std::unordered_map<const tensor::Source*, std::pair<tensor::Tensor, Payload>> payloads;

  Payload get(const tensor::Tensor& tensor) {
    const std::lock_guard lock(mutex);
    auto [entry, added] = payloads.try_emplace(tensor.source().get());
    if (added) entry->second = {tensor, payload_of(tensor)};
    return entry->second.second;
  }
};

WeightCache::WeightCache() : impl_(std::make_unique<Impl>()) {}
WeightCache::~WeightCache() = default;

namespace {

GraphOptimizationLevel optimization_level(const std::string& name) {
  static const std::map<std::string, GraphOptimizationLevel> levels = {{"disable", ORT_DISABLE_ALL},
                                                                       {"basic", ORT_ENABLE_BASIC},
                                                                       {"extended", ORT_ENABLE_EXTENDED},
                                                                       {"all", ORT_ENABLE_ALL}};
  const auto found = levels.find(name);
  if (found != levels.end()) return found->second;
  throw Error(ErrorCode::config, fmt::format("graph_optimization is '{}'", name))
      .remedy("choose disable, basic, extended or all");
}

bool cancel_requested() {
  try {
    throw_if_cancelled();
    return false;
  } catch (const Error&) {
    return true;
  }
}

/// Calls `stop` once the user asks to stop. ORT looks at its flags between nodes and between steps of loading.
class CancelWatch {
 public:
  explicit CancelWatch(std::function<void()> stop)
      : thread_([stop = std::move(stop)](const std::stop_token& done) {
          std::mutex mutex;
          std::condition_variable_any wake;
          std::unique_lock lock(mutex);
          while (!done.stop_requested()) {
            if (cancel_requested()) return stop();
            wake.wait_for(lock, done, std::chrono::milliseconds(50), [] { return false; });
          }
        }) {}

 private:
  std::jthread thread_;
};

/// Runs `body`; a failure of ORT's is the user's wish if he asked to stop, else an Error[verification].
template <typename Body>
void cancellable(std::string_view action, std::function<void()> stop, Body&& body) {
  throw_if_cancelled();
  try {
    const CancelWatch watch(std::move(stop));
    body();
  } catch (const Ort::Exception& error) {
    throw_if_cancelled();
    throw Error(ErrorCode::verification, fmt::format("{}: {}", action, ort_message(error)));
  }
}

std::vector<std::string> names_of(const std::vector<Port>& ports) {
  std::vector<std::string> names;
  for (const Port& port : ports) names.push_back(port.name);
  return names;
}

void require_port(const std::vector<Port>& ports, const std::string& name, std::string_view kind) {
  for (const Port& port : ports) {
    if (port.name == name) return;
  }
  const std::vector<std::string> names = names_of(ports);
  throw Error(ErrorCode::config, fmt::format("the model has no {} '{}'", kind, name))
      .remedy(fmt::format("{} it has {}", did_you_mean(name, names), fmt::join(names, ", ")));
}

}  // namespace

struct Session::Impl {
  Library* library = nullptr;
  Log log;
  std::shared_ptr<WeightCache> cache;
  std::vector<Payload> payloads;
  std::vector<Ort::Value> weights;  ///< ORT reads from these as long as the session lives
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  std::unique_ptr<TapOps> taps;
  Ort::Session session{nullptr};  ///< the last member, so that it goes first

  void supply_weights(const Disembodied& model, Ort::SessionOptions& options) {
    for (const tensor::Tensor& tensor : model.tensors) {
      throw_if_cancelled();
      payloads.push_back(cache ? cache->impl_->get(tensor) : payload_of(tensor));
      weights.push_back(wrap(tensor, payloads.back()));
    }
    if (!weights.empty()) options.AddExternalInitializers(model.names, weights);
  }

  void read_ports() {
    Ort::AllocatorWithDefaultOptions allocator;
    for (std::size_t i = 0; i < session.GetInputCount(); ++i) {
      inputs.push_back({session.GetInputNameAllocated(i, allocator).get(), type_from_ort(session.GetInputTypeInfo(i))});
    }
    for (std::size_t i = 0; i < session.GetOutputCount(); ++i) {
      outputs.push_back(
          {session.GetOutputNameAllocated(i, allocator).get(), type_from_ort(session.GetOutputTypeInfo(i))});
    }
  }
};

Session::Session(const ir::Model& model, const SessionOptions& options, const Log& log,
                 std::shared_ptr<WeightCache> cache, TapWatcher* watcher) {
  // Before anything of ORT's is made: its wrappers call its functions even when they are empty.
  Library& library = Library::get(options.library, log);
  impl_ = std::make_unique<Impl>();
  impl_->library = &library;
  impl_->log = log;
  impl_->cache = std::move(cache);
  impl_->library->route_log(log);
  Ort::SessionOptions settings;
  settings.SetGraphOptimizationLevel(optimization_level(options.graph_optimization));
  settings.SetIntraOpNumThreads(static_cast<int>(thread_count()));
  append_provider(settings, options, *impl_->library);
  if (watcher != nullptr) {
    impl_->taps = std::make_unique<TapOps>(*watcher);
    settings.Add(impl_->taps->domain());
  }
  const std::string action = fmt::format("ONNX Runtime {} cannot load it", impl_->library->version());
  const Disembodied bodiless = disembody(model);
  const auto newer = NewerApi::of(library);
  const auto stop = [&] {
    if (newer) Ort::Status ignored(newer->stop_loading(settings, true));
  };
  cancellable(action, stop, [&] {
    impl_->supply_weights(bodiless, settings);
    impl_->session = Ort::Session(library.env(), bodiless.bytes.data(), bodiless.bytes.size(), settings);
    impl_->read_ports();
  });
}

Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

const std::vector<Port>& Session::inputs() const { return impl_->inputs; }
const std::vector<Port>& Session::outputs() const { return impl_->outputs; }

std::vector<tensor::AnyValue> Session::run(const std::map<std::string, tensor::AnyValue>& inputs,
                                           std::span<const std::string> wanted) const {
  impl_->library->route_log(impl_->log);
  const std::vector<std::string> all = names_of(impl_->outputs);
  if (wanted.empty()) wanted = all;
  for (const std::string& name : wanted) require_port(impl_->outputs, name, "output");
  RunValues values;
  std::vector<const char*> input_names;
  std::vector<Ort::Value> feeds;
  for (const auto& [name, value] : inputs) {
    require_port(impl_->inputs, name, "input");
    input_names.push_back(name.c_str());
    feeds.push_back(with_place("input " + name, [&] {
      return ort_call(ErrorCode::config, "ONNX Runtime does not take the value", [&] { return values.make(value); });
    }));
  }
  std::vector<const char*> output_names;
  for (const std::string& name : wanted) output_names.push_back(name.c_str());
  std::vector<tensor::AnyValue> results;
  Ort::RunOptions options;
  cancellable(
      fmt::format("ONNX Runtime {} cannot run it", impl_->library->version()), [&] { options.SetTerminate(); },
      [&] {
        const std::vector<Ort::Value> outputs = impl_->session.Run(
            options, input_names.data(), feeds.data(), feeds.size(), output_names.data(), output_names.size());
        for (const Ort::Value& output : outputs) results.push_back(from_ort(output));
      });
  return results;
}

std::optional<std::string> runtime_version(const SessionOptions& options) {
  try {
    return Library::get(options.library, {}).version();
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace olivine::runtime

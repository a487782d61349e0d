#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "ir/graph.h"
#include "runtime/taps.h"
#include "tensor/any_value.h"

namespace olivine::runtime {

/// Which ONNX Runtime, and how a session is to be made.
struct SessionOptions {
  /// Path of libonnxruntime or of a folder that holds it; empty: the environment variable OLIVINE_ORT_LIBRARY, then the
  /// system's, then the `onnxruntime` package of the active virtual environment or of the Python that `python3` (or
  /// OLIVINE_PYTHON) starts. A process uses one library.
  std::filesystem::path library;
  /// "CUDAExecutionProvider", or short and in any letter case: "cuda".
  std::string execution_provider = "CPUExecutionProvider";
  /// As ONNX Runtime documents them for the provider. For plug-in providers `ep_device` chooses among several devices:
  /// "cpu", "gpu", "npu" or a number that counts from 0; by default the first.
  std::map<std::string, std::string> provider_options;
  /// Plug-in provider libraries: registration name → path. They need ONNX Runtime 1.22 or newer.
  std::map<std::string, std::filesystem::path> provider_libraries;
  /// "disable", "basic", "extended" or "all".
  std::string graph_optimization = "all";
};

/// An input or output as ONNX Runtime reports it; it doesn't tell an unknown rank from a scalar.
struct Port {
  std::string name;
  ir::Type type;
};

/// Weights in memory, shared by sessions of models that share them: clones, or one model before and after a change.
/// Evaluated tensors (a cast to fp16, say) are held as long as the cache.
class WeightCache {
 public:
  WeightCache();
  ~WeightCache();
  WeightCache(const WeightCache&) = delete;
  WeightCache& operator=(const WeightCache&) = delete;

 private:
  friend class Session;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A model loaded into ONNX Runtime, without a file: large tensors are handed over in memory, those of mapped files as
/// they are mapped.
class Session {
 public:
  /// Error[io] when ONNX Runtime isn't found, Error[config] for a provider that it doesn't have, Error[verification]
  /// when it refuses the model. Ctrl-C ends it with ONNX Runtime 1.22 or newer. A model with taps needs a watcher,
  /// which must outlive the session.
  Session(const ir::Model& model, const SessionOptions& options, const Log& log = {},
          std::shared_ptr<WeightCache> cache = nullptr, TapWatcher* watcher = nullptr);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  /// Without initializers that are listed as inputs.
  const std::vector<Port>& inputs() const;
  const std::vector<Port>& outputs() const;

  /// Values of the outputs wanted, in their order; of all of them when `wanted` is empty. Inputs that the model doesn't
  /// have are an Error[config]; a failure of ORT's is an Error[verification]. Ctrl-C ends it.
  std::vector<tensor::AnyValue> run(const std::map<std::string, tensor::AnyValue>& inputs,
                                    std::span<const std::string> wanted = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// "1.32.0", or nothing when no library is found.
std::optional<std::string> runtime_version(const SessionOptions& options = {});

}  // namespace olivine::runtime

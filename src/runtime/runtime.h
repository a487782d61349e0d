#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "ir/graph.h"

/// ONNX Runtime, loaded when it is first needed, and what is proven with it.
namespace olivine::runtime {

/// Which ONNX Runtime, and how a session is to be made.
struct SessionOptions {
  /// Path of libonnxruntime; empty: the environment variable OLIVINE_ORT_LIBRARY, then the system's, then the
  /// `onnxruntime` package of the Python that `python3` (or OLIVINE_PYTHON) starts.
  std::filesystem::path library;
  std::string execution_provider = "CPUExecutionProvider";
  std::map<std::string, std::string> provider_options;
  /// Plug-in provider libraries: registration name → path.
  std::map<std::string, std::filesystem::path> provider_libraries;
  /// "disable", "basic", "extended" or "all".
  std::string graph_optimization = "all";
};

/// Where input values come from, and the sizes of symbolic dimensions.
struct InputOptions {
  /// `.npz` (by input name), `.npy` and `.pb` (TensorProto, by position), or folders of them (input_0.pb …). Empty:
  /// random.
  std::vector<std::filesystem::path> files;
  std::map<std::string, std::int64_t> dims;  ///< symbol → size
  std::uint64_t seed = 0;
  int runs = 1;  ///< random sets, with seeds seed, seed + 1 …
};

/// Allowed |a - b| <= absolute + relative * |a|; by default from the narrowest float type that computed either side.
struct Tolerance {
  std::optional<double> absolute;
  std::optional<double> relative;
};

struct OutputComparison {
  std::string name;
  std::string dtype_a;
  std::string dtype_b;
  std::string shape;              ///< of A's, in the run with the largest error
  double max_absolute_error = 0;  ///< over all runs
  double mean_absolute_error = 0;
  double max_relative_error = 0;  ///< |a - b| / max(|a|, tiny)
  double cosine = 1;              ///< of the flattened outputs, the worst run
  std::uint64_t mismatches = 0;   ///< elements beyond the tolerance, NaN against number included
  std::uint64_t elements = 0;
  std::string problem;  ///< why it can't be compared: shapes differ, missing …; empty otherwise
  bool passed = true;
};

/// The first node, in A's order, whose result parts from B's by more than the tolerance.
struct Divergence {
  std::string value;
  std::string node;  ///< Node::describe()
  double max_absolute_error = 0;
};

struct Comparison {
  std::vector<OutputComparison> outputs;
  int runs = 0;
  double absolute_tolerance = 0;
  double relative_tolerance = 0;
  std::optional<Divergence> divergence;  ///< only when asked for
  bool passed = true;
};

struct CompareOptions {
  SessionOptions session;
  InputOptions inputs;
  Tolerance tolerance;
  bool bisect = false;
};

/// Runs both models on the same inputs (matched by name, else by position; cast where the dtypes differ) and compares
/// their outputs (matched likewise). Errors: Error[config] for inputs that cannot be bound (a symbol without a size is
/// given 2..4 with a notice), Error[io] when ONNX Runtime isn't found, Error[verification] when a session fails to load
/// or run.
Comparison compare(const ir::Model& a, const ir::Model& b, const CompareOptions& options, const Log& log = {});

/// "1.32.0", or nothing when no library is found.
std::optional<std::string> runtime_version(const SessionOptions& options = {});

}  // namespace olivine::runtime

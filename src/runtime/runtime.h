#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "ir/graph.h"
#include "runtime/session.h"

/// ONNX Runtime, loaded when it is first needed, and what is proven with it.
namespace olivine::runtime {

/// Where input values come from, and the sizes of symbolic dimensions.
struct InputOptions {
  /// `.npz` files (by input name, each one a run), `.npy` and `.pb` files (by input name if they bear one, else by
  /// position, together one run), and folders: of `input_0.pb` …, of such folders (`test_data_set_0` …: each one a
  /// run), or of NumPy files. Empty: random values.
  std::vector<std::filesystem::path> files;
  /// Symbol → size; "INPUT:AXIS" → size for a dimension without a name. Symbols that are left get a size that fits the
  /// other model where that one has a number, else 2, 3 or 4 by their axis, and 64 for the height and width of
  /// pictures.
  std::map<std::string, std::int64_t> dims;
  /// Open axes behind the first are 16 long where no better guess is at hand: sums as long as in real use.
  bool long_axes = false;
  std::uint64_t seed = 0;
  int runs = 1;  ///< random sets, with seeds seed, seed + 1 …
};

/// Allowed is |a - b| <= absolute + relative * |a|. What isn't given comes from the narrowest float type in either
/// model:
///
///     float64  1e-8  1e-6     float16   1e-2  1e-2     float8 e4m3  0.25  0.25     float4  1  0.5
///     float32  1e-4  1e-3     bfloat16  8e-2  8e-2     float8 e5m2  0.5   0.5
///
/// A default absolute tolerance is meant for values whose size is about one: it is multiplied by the output's root mean
/// square where that is above one, and by its largest magnitude (0.01 at least) where that is below one.
struct Tolerance {
  std::optional<double> absolute;
  std::optional<double> relative;
  /// The part of an output's elements that may differ by more. By default 0.01 of an integer, bool or string output
  /// that derives from floats (a class that was chosen among logits); 0.001 of a float output as long as `absolute` is
  /// the default and no element is beyond ten times the tolerance; else 0.
  std::optional<double> mismatch_fraction;
};

struct OutputComparison {
  std::string name;
  std::string dtype_a;
  std::string dtype_b;
  std::string shape;              ///< of A's, in the run with the largest error
  double max_absolute_error = 0;  ///< over all runs
  double mean_absolute_error = 0;
  double max_relative_error = 0;     ///< |a - b| / max(|a|, absolute_tolerance)
  double cosine = 1;                 ///< of the flattened outputs, the worst run
  std::uint64_t mismatches = 0;      ///< elements beyond the tolerance, NaN against number included
  std::uint64_t far_mismatches = 0;  ///< those beyond ten times the tolerance
  std::uint64_t elements = 0;        ///< of all runs
  double absolute_tolerance = 0;     ///< the one that was used for this output; the largest of all runs
  std::string problem;               ///< why it can't be compared: shapes differ, missing …; empty otherwise
  bool passed = true;
};

/// The first node, in A's order, whose result parts from B's by more than the tolerance.
struct Divergence {
  std::string value;
  std::string node;  ///< Node::describe()
  double max_absolute_error = 0;
  std::string problem;  ///< as in OutputComparison
};

struct Comparison {
  std::vector<OutputComparison> outputs;
  int runs = 0;
  double absolute_tolerance = 0;  ///< before an output's size is taken into account
  double relative_tolerance = 0;
  std::optional<Divergence> divergence;  ///< only when asked for, and when the outputs differ
  bool passed = true;
};

struct CompareOptions {
  SessionOptions session;
  InputOptions inputs;
  Tolerance tolerance;
  bool bisect = false;
  /// How messages call the two models.
  std::string name_a = "A";
  std::string name_b = "B";
};

/// Runs both models on the same inputs and compares their outputs. Inputs and outputs are matched by name, what is left
/// by position. Where input types differ, the values are those that both types can hold, so that rounding an input does
/// not count as an error. Values are compared as float64; NaN equals NaN and an infinity itself.
///
/// Errors: Error[config] for inputs that cannot be bound, Error[io] when ONNX Runtime isn't found or a file cannot be
/// read, Error[verification] when a session fails to load or run. A difference is no error: it is in the result.
Comparison compare(const ir::Model& a, const ir::Model& b, const CompareOptions& options, const Log& log = {});

}  // namespace olivine::runtime

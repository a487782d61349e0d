#pragma once

#include "ir/graph.h"
#include "runtime/runtime.h"

namespace olivine::runtime {

/// The part of a float output's elements that may be beyond a default tolerance, unless one is far beyond it.
inline constexpr double kOutliers = 0.001;

/// The tolerance with its defaults filled in.
struct Limits {
  double absolute = 0;
  double relative = 0;
  bool scaled = false;  ///< `absolute` is a default: it follows the size of the values
  std::optional<double> mismatch_fraction;

  /// The absolute tolerance for values with this root mean square and largest magnitude.
  double absolute_for(double root_mean_square, double peak) const;
};

/// The float type with the fewest significant bits among the inputs, outputs, typed inner values, weights and casts of
/// a model; `undefined` when it has none.
DataType narrowest_float(const ir::Model& model);

Limits limits_for(const ir::Model& a, const ir::Model& b, const Tolerance& tolerance);

/// Whether a value of model A is right although some elements differ; see Tolerance::mismatch_fraction.
bool mismatches_allowed(const OutputComparison& compared, const ir::Value& value, const Limits& limits);

/// Whether an output depends on float values otherwise than through their shapes.
bool derives_from_floats(const ir::Value& output);

}  // namespace olivine::runtime

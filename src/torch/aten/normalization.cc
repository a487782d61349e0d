#include <array>
#include <numeric>

#include "torch/aten/families.h"
#include "torch/aten/spatial.h"

/// Normalization of channels by what is stored or by the batch itself: batch and instance norm.
namespace olivine::torch {
namespace {

struct Statistics {
  ir::Value* mean;
  ir::Value* variance;  ///< of all elements, not of a sample
  ir::Value* count;     ///< of elements, int64[1]
};

struct BatchNorm {
  ir::Value* x;  ///< float32 or float64
  ir::Value* weight;
  ir::Value* bias;
  double epsilon;
  double momentum;
};

ir::Value* channels_of(Call& c, ir::Value* x) { return c.size(x, 1); }

/// A parameter of the channels, or what it is where there is none.
ir::Value* parameter(Call& c, std::string_view name, ir::Value* x, double fallback) {
  if (ir::Value* given = c.find_tensor(name)) return c.cast(given, c.dtype(x));
  return c.filled(channels_of(c, x), Number(fallback), c.dtype(x));
}

Ints all_but_channels(const Call& c, const ir::Value* x) {
  Ints axes = {0};
  for (std::int64_t axis = 2; axis < c.rank(x); ++axis) axes.push_back(axis);
  return axes;
}

ir::Value* element_count(Call& c, ir::Value* x, const Ints& axes) {
  ir::Value* count = nullptr;
  for (const std::int64_t axis : axes) {
    count = count == nullptr ? c.size(x, axis) : c.emit("Mul", {count, c.size(x, axis)});
  }
  return count;
}

/// Mean and variance over these axes, which stay with size 1.
Statistics statistics(Call& c, ir::Value* x, const Ints& axes) {
  ir::Value* mean = c.reduce("ReduceMean", x, axes);
  ir::Value* apart = c.emit("Sub", {x, mean});
  return {mean, c.reduce("ReduceMean", c.emit("Mul", {apart, apart}), axes), element_count(c, x, axes)};
}

ir::Value* deviation(Call& c, ir::Value* variance, double epsilon) {
  return c.emit("Sqrt", {c.emit("Add", {variance, c.number_like(epsilon, variance)})});
}

ir::Value* reciprocal_deviation(Call& c, ir::Value* variance, double epsilon) {
  return c.emit("Reciprocal", {deviation(c, variance, epsilon)});
}

/// (1 - momentum) · stored + momentum · seen
ir::Value* blended(Call& c, ir::Value* stored, ir::Value* seen, double momentum) {
  const DataType dtype = c.dtype(stored);
  ir::Value* wide = c.cast(stored, c.dtype(seen));
  ir::Value* kept = c.emit("Mul", {wide, c.number_like(1 - momentum, wide)});
  return c.cast(c.emit("Add", {kept, c.emit("Mul", {seen, c.number_like(momentum, seen)})}), dtype);
}

/// What is stored of a batch is the variance of a sample: n / (n - 1) as large.
ir::Value* of_sample(Call& c, const Statistics& seen) {
  const DataType dtype = c.dtype(seen.variance);
  ir::Value* count = c.cast(seen.count, dtype);
  ir::Value* ratio = c.emit("Div", {count, c.emit("Sub", {count, c.number(1, dtype)})});
  return c.emit("Mul", {seen.variance, ratio});
}

struct Stored {
  ir::Value* mean = nullptr;
  ir::Value* variance = nullptr;
};

/// The stored statistics after the batch has been seen, written into the arguments that hold them.
Stored store(Call& c, const Statistics& seen, double momentum, bool writes) {
  Stored stored;
  ir::Value* mean = c.find_tensor("running_mean");
  ir::Value* variance = c.find_tensor("running_var");
  if (mean != nullptr) {
    stored.mean = blended(c, mean, c.reshape(seen.mean, {-1}), momentum);
    if (writes) c.write("running_mean", stored.mean);
  }
  if (variance != nullptr) {
    stored.variance = blended(c, variance, c.reshape(of_sample(c, seen), {-1}), momentum);
    if (writes) c.write("running_var", stored.variance);
  }
  return stored;
}

// ---- Batch norm

struct Normalized {
  ir::Value* result;
  Statistics seen = {};
  Stored stored = {};
};

BatchNorm batch_norm_of(Call& c) {
  ir::Value* given = c.tensor("input");
  ir::Value* x = c.cast(given, computing_type(c.dtype(given)));
  const double momentum = c.real(c.has("exponential_average_factor") ? "exponential_average_factor" : "momentum", 0.1);
  const double epsilon = c.real(c.has("epsilon") ? "epsilon" : "eps", 1e-5);
  return {x, c.find_tensor("weight"), c.find_tensor("bias"), epsilon, momentum};
}

/// By the statistics of the batch.
Normalized by_batch(Call& c, bool writes) {
  const BatchNorm norm = batch_norm_of(c);
  Normalized normalized;
  normalized.seen = statistics(c, norm.x, all_but_channels(c, norm.x));
  ir::Value* apart = c.emit("Sub", {norm.x, normalized.seen.mean});
  ir::Value* result = c.emit("Div", {apart, deviation(c, normalized.seen.variance, norm.epsilon)});
  const DataType dtype = c.dtype(norm.x);
  if (norm.weight != nullptr) {
    result = c.emit("Mul", {result, along_channels(c, c.cast(norm.weight, dtype), norm.x)});
  }
  if (norm.bias != nullptr) result = c.emit("Add", {result, along_channels(c, c.cast(norm.bias, dtype), norm.x)});
  normalized.result = c.cast(result, c.dtype(c.tensor("input")));
  normalized.stored = store(c, normalized.seen, norm.momentum, writes);
  return normalized;
}

/// By what is stored. Half precision stays as it is where all is of it: runtimes compute it in single precision.
ir::Value* by_stored(Call& c) {
  ir::Value* given = c.tensor("input");
  const DataType dtype = c.dtype(given);
  ir::Value* x = carried(c, given);
  for (const std::string_view name : {"weight", "bias", "running_mean", "running_var"}) {
    const ir::Value* other = c.find_tensor(name);
    if (other != nullptr && c.dtype(other) != dtype) x = c.cast(given, computing_type(dtype));
  }
  const Values inputs = {x, parameter(c, "weight", x, 1), parameter(c, "bias", x, 0),
                         parameter(c, "running_mean", x, 0), parameter(c, "running_var", x, 1)};
  const auto epsilon = static_cast<float>(c.real(c.has("epsilon") ? "epsilon" : "eps", 1e-5));
  return c.cast(c.emit("BatchNormalization", inputs, {{"epsilon", epsilon}}), dtype);
}

ir::Value* saved(Call& c, ir::Value* statistic, std::size_t index) {
  return c.cast(c.reshape(statistic, {-1}), c.result_dtype(index));
}

ir::Value* nothing(Call& c, std::size_t index) {
  return c.filled(c.ints({0}), Number(std::int64_t{0}), c.result_dtype(index));
}

/// Result, mean and reciprocal deviation of the batch (nothing where they aren't of the batch), and what else the
/// overload has: a reserve that means nothing, then what is stored from now on.
Values with_statistics(Call& c, bool is_training, bool has_reserve, bool is_functional) {
  const bool trains = is_training || !c.has("running_mean");
  Normalized normalized;
  Values results;
  if (trains) {
    normalized = by_batch(c, !is_functional);
    ir::Value* deviation = reciprocal_deviation(c, normalized.seen.variance, batch_norm_of(c).epsilon);
    results = {normalized.result, saved(c, normalized.seen.mean, 1), saved(c, deviation, 2)};
  } else {
    results = {by_stored(c), nothing(c, 1), nothing(c, 2)};
    normalized.stored = {c.find_tensor("running_mean"), c.find_tensor("running_var")};
  }
  if (has_reserve) results.push_back(nothing(c, 3));
  if (is_functional) {
    results.push_back(normalized.stored.mean);
    results.push_back(normalized.stored.variance);
  }
  return results;
}

ir::Value* batch_norm(Call& c) {
  if (c.flag("training", false) || !c.has("running_mean")) return by_batch(c, true).result;
  return by_stored(c);
}

Values native_batch_norm(Call& c) { return with_statistics(c, c.flag("training", false), false, false); }
Values cudnn_batch_norm(Call& c) { return with_statistics(c, c.flag("training", false), true, false); }
Values evaluated_batch_norm(Call& c) { return with_statistics(c, false, false, false); }
Values functional_batch_norm(Call& c) { return with_statistics(c, c.flag("training", false), false, true); }
Values updating_batch_norm(Call& c) { return with_statistics(c, true, true, false); }
Values functional_updating_batch_norm(Call& c) { return with_statistics(c, true, true, true); }
Values unchanging_batch_norm(Call& c) { return with_statistics(c, false, true, false); }

// ---- Instance norm

/// What is stored is the mean over the batch of each instance's statistics.
void store_instances(Call& c, ir::Value* given) {
  if (!c.has("running_mean")) return;
  ir::Value* x = c.cast(given, computing_type(c.dtype(given)));
  Ints axes(static_cast<std::size_t>(c.rank(x) - 2));
  std::iota(axes.begin(), axes.end(), 2);
  Statistics seen = statistics(c, x, axes);
  seen.variance = of_sample(c, seen);
  for (ir::Value* const* part : {&seen.mean, &seen.variance}) {
    const bool is_mean = part == &seen.mean;
    const std::string_view name = is_mean ? "running_mean" : "running_var";
    ir::Value* over_batch = c.reshape(c.reduce("ReduceMean", *part, {0}), {-1});
    c.write(name, blended(c, c.tensor(name), over_batch, c.real("momentum", 0.1)));
  }
}

ir::Value* instance_norm(Call& c) {
  if (!c.flag("use_input_stats", true)) return by_stored(c);
  ir::Value* given = c.tensor("input");
  ir::Value* x = carried(c, given);
  ir::Value* weight = parameter(c, "weight", x, 1);
  ir::Value* bias = parameter(c, "bias", x, 0);
  const auto epsilon = static_cast<float>(c.real("eps", 1e-5));
  ir::Value* result = c.emit("InstanceNormalization", {x, weight, bias}, {{"epsilon", epsilon}});
  store_instances(c, given);
  return c.cast(result, c.dtype(given));
}

constexpr std::array kOps = {
    op("aten.batch_norm.default", batch_norm),
    op("aten.native_batch_norm.default", native_batch_norm),
    op("aten._native_batch_norm_legit.default", native_batch_norm),
    op("aten._native_batch_norm_legit.no_stats", native_batch_norm),
    op("aten._native_batch_norm_legit_no_training.default", evaluated_batch_norm),
    op("aten._native_batch_norm_legit_functional.default", functional_batch_norm),
    op("aten.cudnn_batch_norm.default", cudnn_batch_norm),
    op("aten.miopen_batch_norm.default", native_batch_norm),
    op("aten._batch_norm_with_update.default", updating_batch_norm),
    op("aten._batch_norm_with_update_functional.default", functional_updating_batch_norm),
    op("aten._batch_norm_no_update.default", unchanging_batch_norm),
    op("aten.instance_norm.default", instance_norm),
};

}  // namespace

Ops normalization_ops() { return kOps; }

}  // namespace olivine::torch

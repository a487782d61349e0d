#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "opset/adapters/families.h"
#include "opset/blocks.h"

/// Normalizations by statistics of the elements.
namespace olivine::opset {
namespace {

/// As runtimes look for it where they make one LayerNormalization of its formula; of float16 there is no Pow
/// everywhere.
ir::Value* squared(Step& s, ir::Value* x) {
  const DataType dtype = s.dtype(x);
  const bool has_pow = dtype == DataType::float32 || dtype == DataType::float64;
  return has_pow ? s.emit("Pow", {x, s.number(2, dtype)}) : s.emit("Mul", {x, x});
}

// ---- What they share

/// Statistics are taken in the type that the node asks for; bfloat16 is computed as float32, of which it is the first
/// half, and double is never computed in less.
DataType statistics_type(Step& s, const ir::Value* x) {
  if (s.dtype(x) == DataType::float64) return DataType::float64;
  const auto wanted = static_cast<DataType>(s.integer("stash_type"));
  return wanted == DataType::bfloat16 ? DataType::float32 : wanted;
}

struct Normalized {
  ir::Value* y;
  ir::Value* mean;
  ir::Value* deviation;
};

// (x - mean) / sqrt(mean((x - mean)^2) + epsilon)
Normalized normalize(Step& s, ir::Value* x, const Ints& axes, bool centered) {
  ir::Value* mean = centered ? s.reduce("ReduceMean", x, axes) : nullptr;
  ir::Value* offset = centered ? s.emit("Sub", {x, mean}) : x;
  ir::Value* variance = s.reduce("ReduceMean", squared(s, offset), axes);
  ir::Value* deviation = s.emit("Sqrt", {s.emit("Add", {variance, s.number_like(s.floating("epsilon"), x)})});
  return {s.emit("Div", {offset, deviation}), mean, deviation};
}

/// From `axis` to the last one; counted from the end where the rank isn't known.
std::optional<Ints> find_trailing_axes(Step& s, std::int64_t axis) {
  const auto rank = s.find_rank(s.input(0));
  if (!rank && axis >= 0) return std::nullopt;
  const std::int64_t first = rank ? s.positive_axis(axis, *rank) : axis;
  Ints axes(static_cast<std::size_t>((rank ? *rank : 0) - first));
  std::iota(axes.begin(), axes.end(), first);
  return axes;
}

ir::Value* scaled(Step& s, ir::Value* x, ir::Value* scale, ir::Value* bias) {
  ir::Value* y = s.emit("Mul", {x, scale});
  return bias != nullptr ? s.emit("Add", {y, bias}) : y;
}

// ---- LayerNormalization, RMSNormalization

void layer_by_formula(Step& s) {
  const auto axes = find_trailing_axes(s, s.integer("axis"));
  if (!axes) return s.replace_by_function();
  ir::Value* x = s.input(0);
  const Normalized stage = normalize(s, s.cast(x, statistics_type(s, x)), *axes, true);
  Values results = {scaled(s, s.cast(stage.y, s.dtype(x)), s.input(1), s.input(2)), nullptr, nullptr};
  if (const ir::Value* mean = s.used_output(1)) results[1] = s.cast(stage.mean, s.dtype(mean));
  if (const ir::Value* inverse = s.used_output(2)) {
    results[2] = s.cast(s.emit("Reciprocal", {stage.deviation}), s.dtype(inverse));
  }
  s.replace(results);
}

void rms_by_formula(Step& s) {
  const auto axes = find_trailing_axes(s, s.integer("axis"));
  if (!axes) return s.replace_by_function();
  ir::Value* x = s.input(0);
  const Normalized stage = normalize(s, s.cast(x, statistics_type(s, x)), *axes, false);
  s.replace({scaled(s, s.cast(stage.y, s.dtype(x)), s.input(1), nullptr)});
}

// ---- GroupNormalization

/// The channels of a group in one row, [batch, groups, elements], as InstanceNormalization takes them.
ir::Value* by_groups(Step& s) { return s.reshape(s.input(0), {0, s.integer("num_groups"), -1}); }

ir::Value* as_input(Step& s, ir::Value* value) { return s.emit("Reshape", {value, s.shape(s.input(0))}); }

/// [channels] that broadcasts to the input.
ir::Value* per_channel(Step& s, ir::Value* value) {
  Ints axes(static_cast<std::size_t>(std::max<std::int64_t>(s.rank(s.input(0)) - 2, 0)));
  std::iota(axes.begin(), axes.end(), 1);
  return axes.empty() ? value : s.unsqueeze(value, axes);
}

/// (rows - mean) / deviation for every group. InstanceNormalization does that, which runtimes have for floats only.
ir::Value* normalized_groups(Step& s, DataType precise) {
  ir::Value* rows = s.cast(by_groups(s), precise);
  if (precise != DataType::float32) return normalize(s, rows, {2}, true).y;
  const std::int64_t groups = s.integer("num_groups");
  const auto all = [&](double value) {
    return s.reals(std::vector<double>(static_cast<std::size_t>(groups), value), {groups}, precise);
  };
  return s.emit("InstanceNormalization", {rows, all(1), all(0)}, {{"epsilon", s.floating("epsilon")}});
}

// The version before is deprecated: it goes straight to what older opsets have.
void group_by_instances(Step& s) {
  ir::Value* x = s.input(0);
  ir::Value* y = as_input(s, s.cast(normalized_groups(s, statistics_type(s, x)), s.dtype(x)));
  s.replace({scaled(s, y, per_channel(s, s.input(1)), per_channel(s, s.input(2)))});
}

// Scale and bias are of groups, as those of InstanceNormalization are of channels.
void old_group_by_instances(Step& s) {
  const DataType dtype = s.dtype(s.input(0));
  ir::Value* y = nullptr;
  if (dtype == DataType::float64) {
    ir::Value* rows = normalized_groups(s, dtype);
    y = scaled(s, rows, s.unsqueeze(s.input(1), {1}), s.unsqueeze(s.input(2), {1}));
  } else {
    y = s.emit("InstanceNormalization", {by_groups(s), s.input(1), s.input(2)}, {{"epsilon", s.floating("epsilon")}});
  }
  s.replace({as_input(s, y)});
}

// Scale and bias of a group become those of each of its channels.
void group_parameters_up(Step& s) {
  const std::int64_t groups = s.integer("num_groups");
  ir::Value* x = s.input(0);
  const auto channels = s.find_dim(x, 1);
  ir::Value* dims = channels ? s.ints({groups, *channels / groups})
                             : s.concat({s.ints({groups}), s.emit("Div", {s.size(x, 1), s.ints({groups})})}, 0);
  for (const std::size_t parameter : {1U, 2U}) {
    ir::Value* column = s.reshape(s.input(parameter), {-1, 1});
    s.node().set_input(parameter, s.reshape(s.emit("Expand", {column, dims}), {-1}));
  }
}

// ---- BatchNormalization

/// The narrowest type that holds all of both.
DataType wider(DataType a, DataType b) {
  if (a == b) return a;
  return a == DataType::float64 || b == DataType::float64 ? DataType::float64 : DataType::float32;
}

// The older version wants the types of X and of some parameters to be one: the widest takes part.
void one_type(Step& s, std::initializer_list<std::size_t> parameters) {
  const DataType given = s.dtype(s.input(0));
  DataType common = given;
  for (const std::size_t index : parameters) common = wider(common, s.dtype(s.input(index)));
  for (const std::size_t index : parameters) s.node().set_input(index, s.cast(s.input(index), common));
  if (common == given) return;
  Values inputs(s.node().inputs().begin(), s.node().inputs().end());
  inputs[0] = s.cast(inputs[0], common);
  s.replace({s.cast(s.emit_same(inputs).front(), given)});
}

bool is_training(Step& s) { return s.integer("training_mode") != 0; }

struct Running {
  ir::Value* old;
  ir::Value* current;
};

// old * momentum + current * (1 - momentum)
ir::Value* running(Step& s, const Running& value, const ir::Value* result) {
  const double momentum = s.floating("momentum");
  const DataType dtype = s.dtype(value.current);
  ir::Value* kept = s.emit("Mul", {s.cast(value.old, dtype), s.number(momentum, dtype)});
  ir::Value* added = s.emit("Mul", {value.current, s.number(1 - momentum, dtype)});
  return s.cast(s.emit("Add", {kept, added}), s.dtype(result));
}

// Training is inference with the statistics of the batch itself, which are taken in float32 at least.
void with_batch_statistics(Step& s) {
  ir::Value* x = s.input(0);
  const std::int64_t rank = s.rank(x);
  Ints axes = {0};
  for (std::int64_t axis = 2; axis < rank; ++axis) axes.push_back(axis);
  const DataType given = s.dtype(x);
  ir::Value* wide = s.cast(x, wider(given, DataType::float32));
  ir::Value* kept = s.reduce("ReduceMean", wide, axes);
  ir::Value* offset = s.emit("Sub", {wide, kept});
  ir::Value* mean = s.reshape(kept, {-1});
  ir::Value* variance = s.reduce("ReduceMean", s.emit("Mul", {offset, offset}), axes, false);
  if (rank < 2) variance = s.reshape(variance, {1});
  const auto as_wide = [&](std::size_t index) { return s.cast(s.input(index), s.dtype(wide)); };
  ir::Value* y = s.emit("BatchNormalization", {wide, as_wide(1), as_wide(2), mean, variance},
                        {{"epsilon", s.floating("epsilon")}});
  Values results = {s.cast(y, given), nullptr, nullptr};
  if (const ir::Value* result = s.used_output(1)) results[1] = running(s, {s.input(3), mean}, result);
  if (const ir::Value* result = s.used_output(2)) results[2] = running(s, {s.input(4), variance}, result);
  s.replace(results);
}

void own_types_down(Step& s) {
  // In training the statistics are those of the batch, whatever the types.
  if (is_training(s)) {
    const DataType x = s.dtype(s.input(0));
    if (s.dtype(s.input(1)) != x || s.dtype(s.input(2)) != x) with_batch_statistics(s);
    return;
  }
  one_type(s, {1, 2});
}

void training_down(Step& s) {
  if (is_training(s)) return with_batch_statistics(s);
  s.node().remove("training_mode");
  one_type(s, {1, 2, 3, 4});
}

// Up to opset 13 more than one output meant training. ONNX Runtime never trained there: outputs that nobody uses mean
// nothing.
void training_up(Step& s) {
  if (s.used_output(3) != nullptr || s.used_output(4) != nullptr) {
    s.refuse(fmt::format("from opset {} on it has no outputs for the saved statistics", s.opset()));
  }
  if (s.used_output(1) != nullptr || s.used_output(2) != nullptr) {
    s.node().set("training_mode", std::int64_t{1});
    while (s.node().output_count() > 3) s.node().remove_output(s.node().output_count() - 1);
    return;
  }
  while (s.node().output_count() > 1) s.node().remove_output(s.node().output_count() - 1);
}

// Parameters for every element of a sample: each element is a channel.
void non_spatial_up(Step& s) {
  const bool spatial = s.integer("spatial") != 0;
  s.node().remove("spatial");
  if (spatial) return;
  for (std::size_t i = 1; i < 5; ++i) {
    if (s.used_output(i) != nullptr) s.refuse("statistics of every element are no output in newer opsets");
  }
  Values inputs = {s.emit("Flatten", {s.input(0)}, {{"axis", 1}})};
  for (std::size_t i = 1; i < 5; ++i) inputs.push_back(s.reshape(s.input(i), {-1}));
  s.replace({as_input(s, s.emit("BatchNormalization", inputs, {{"epsilon", s.floating("epsilon")}}))});
}

void is_test_up(Step& s) {
  if (s.integer("is_test") == 0 && s.used_output(1) == nullptr) {
    if (s.integer("spatial") == 0) s.refuse("statistics of the batch for every element (is_test=0, spatial=0)");
    return with_batch_statistics(s);
  }
  s.node().remove("is_test");
}

constexpr std::string_view kConsumed = "consumed_inputs said nothing about the result";

constexpr Adapter kAdapters[] = {
    down("LayerNormalization", 17, &layer_by_formula, "its formula: means, a root and a quotient"),
    down("RMSNormalization", 23, &rms_by_formula, "its formula: a mean, a root and a quotient"),
    up("GroupNormalization", 21, &group_parameters_up, "scale and bias of a group become those of its channels"),
    down("GroupNormalization", 21, &group_by_instances,
         "InstanceNormalization of the groups; the version before is deprecated"),
    down("GroupNormalization", 18, &old_group_by_instances, "InstanceNormalization of the groups"),
    up("InstanceNormalization", 6, &drop_consumed_inputs, kConsumed),
    up("BatchNormalization", 6, &drop_consumed_inputs, kConsumed),
    up("BatchNormalization", 7, &is_test_up, "is_test says whether the statistics of the batch are taken"),
    up("BatchNormalization", 9, &non_spatial_up, "where it is not spatial, the elements become channels"),
    up("BatchNormalization", 14, &training_up, "more than one output meant training"),
    down("BatchNormalization", 14, &training_down, "training is inference with the statistics of the batch"),
    same_up("BatchNormalization", 15, "scale and statistics may have types of their own"),
    down("BatchNormalization", 15, &own_types_down, "scale and bias have the type of X"),
};

}  // namespace

std::span<const Adapter> normalization_adapters() { return kAdapters; }

}  // namespace olivine::opset

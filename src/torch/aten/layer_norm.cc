#include <array>
#include <limits>

#include "torch/aten/families.h"
#include "torch/aten/spatial.h"

/// Normalization of each sample: layer, group and root-mean-square norm.
namespace olivine::torch {
namespace {

/// Input and parameters in one type: their own where it is one, else that which PyTorch computes in.
struct Normed {
  ir::Value* x;
  ir::Value* weight;  ///< may be null
  ir::Value* bias;
};

Normed normed(Call& c, bool keeps_half) {
  Normed parts = {c.tensor("input"), c.find_tensor("weight"), c.find_tensor("bias")};
  const DataType own = c.dtype(parts.x);
  bool is_uniform = keeps_half || own == DataType::float32 || own == DataType::float64;
  for (const ir::Value* other : {parts.weight, parts.bias}) {
    is_uniform = is_uniform && (other == nullptr || c.dtype(other) == own);
  }
  if (is_uniform) return parts;
  for (ir::Value** part : {&parts.x, &parts.weight, &parts.bias}) {
    if (*part != nullptr) *part = c.cast(*part, computing_type(own));
  }
  return parts;
}

// ---- Layer norm

std::int64_t normalized_rank(const Call& c) {
  const Argument* shape = c.find("normalized_shape");
  const List* list = shape != nullptr ? shape->as<List>() : nullptr;
  return list != nullptr ? static_cast<std::int64_t>(list->size()) : 1;
}

Values layer_norm(Call& c) {
  const std::int64_t axes = normalized_rank(c);
  ir::Value* given = c.tensor("input");
  Normed parts = normed(c, true);
  if (parts.weight == nullptr) {
    parts.weight = c.filled(c.sizes_argument("normalized_shape"), Number(1.0), c.dtype(parts.x));
  }
  Values inputs = {parts.x, parts.weight};
  if (parts.bias != nullptr) inputs.push_back(parts.bias);
  const bool has_statistics = c.is_used(1) || c.is_used(2);
  Values results = c.emit_many("LayerNormalization", inputs, has_statistics ? 3 : 1,
                               {{"axis", -axes}, {"epsilon", static_cast<float>(c.real("eps", 1e-5))}});
  results[0] = c.cast(results[0], c.dtype(given));
  for (std::size_t i = 1; i < results.size(); ++i) results[i] = c.cast(results[i], c.result_dtype(i));
  return results;
}

// ---- Group norm

/// [N, groups, all that is in one].
ir::Value* grouped(Call& c, ir::Value* x, std::int64_t groups) {
  Ints dims = {0, groups, -1};
  if (const auto known = c.find_dims(x)) {
    dims[2] = (*known)[1] / groups;
    for (std::size_t axis = 2; axis < known->size(); ++axis) dims[2] *= (*known)[axis];
  }
  return c.reshape(x, dims);
}

/// Groups as the channels of an instance norm.
ir::Value* group_norm_of(Call& c, const Normed& parts, std::int64_t groups, double epsilon) {
  const DataType dtype = c.dtype(parts.x);
  const auto exact = static_cast<float>(epsilon);
  if (c.opset() >= 21 && c.rank(parts.x) > 2) {
    ir::Value* channels = c.size(parts.x, 1);
    ir::Value* weight = parts.weight != nullptr ? parts.weight : c.filled(channels, Number(1.0), dtype);
    ir::Value* bias = parts.bias != nullptr ? parts.bias : c.filled(channels, Number(0.0), dtype);
    const DataType stash = computing_type(dtype);
    return c.emit("GroupNormalization", {parts.x, weight, bias},
                  {{"num_groups", groups}, {"epsilon", exact}, {"stash_type", stash}});
  }
  ir::Value* ones = c.filled(c.ints({groups}), Number(1.0), dtype);
  ir::Value* zeros = c.filled(c.ints({groups}), Number(0.0), dtype);
  ir::Value* normalized =
      c.emit("InstanceNormalization", {grouped(c, parts.x, groups), ones, zeros}, {{"epsilon", exact}});
  ir::Value* result = reshape_like(c, normalized, parts.x);
  if (parts.weight != nullptr) result = c.emit("Mul", {result, along_channels(c, parts.weight, parts.x)});
  if (parts.bias != nullptr) result = c.emit("Add", {result, along_channels(c, parts.bias, parts.x)});
  return result;
}

/// The operator itself computes half precision in single precision.
bool keeps_half(Call& c, std::int64_t since) {
  return c.opset() >= since && c.dtype(c.tensor("input")) == DataType::float16;
}

ir::Value* group_norm(Call& c) {
  ir::Value* result = group_norm_of(c, normed(c, keeps_half(c, 21)), c.integer("num_groups"), c.real("eps", 1e-5));
  return c.cast(result, c.dtype(c.tensor("input")));
}

/// With each group's mean and reciprocal deviation, as [N, groups].
Values native_group_norm(Call& c) {
  const std::int64_t groups = c.integer("group");
  const double epsilon = c.real("eps", 1e-5);
  const Normed parts = normed(c, false);
  Values results = {c.cast(group_norm_of(c, parts, groups, epsilon), c.dtype(c.tensor("input")))};
  if (!c.is_used(1) && !c.is_used(2)) return results;
  ir::Value* x = grouped(c, parts.x, groups);
  ir::Value* mean = c.reduce("ReduceMean", x, {-1});
  ir::Value* apart = c.emit("Sub", {x, mean});
  ir::Value* variance = c.reduce("ReduceMean", c.emit("Mul", {apart, apart}), {-1}, false);
  ir::Value* deviation = c.emit("Sqrt", {c.emit("Add", {variance, c.number_like(epsilon, variance)})});
  results.push_back(c.cast(c.squeeze(mean, {-1}), c.result_dtype(1)));
  results.push_back(c.cast(c.emit("Reciprocal", {deviation}), c.result_dtype(2)));
  return results;
}

// ---- Root-mean-square norm

double default_epsilon(DataType computing) {
  return computing == DataType::float64 ? std::numeric_limits<double>::epsilon()
                                        : std::numeric_limits<float>::epsilon();
}

/// x / √(mean(x²) + ε) · weight, and the reciprocal of the root.
Values rms_norm(Call& c) {
  const std::int64_t axes = normalized_rank(c);
  ir::Value* given = c.tensor("input");
  const DataType dtype = c.dtype(given);
  const bool is_one = c.opset() >= 23 && !c.is_used(1);
  const Normed parts = normed(c, is_one && keeps_half(c, 23));
  const double epsilon = c.real("eps", default_epsilon(computing_type(dtype)));
  if (is_one) {
    ir::Value* weight = parts.weight;
    if (weight == nullptr) weight = c.filled(c.sizes_argument("normalized_shape"), Number(1.0), c.dtype(parts.x));
    const DataType stash = computing_type(dtype);
    ir::Value* result = c.emit("RMSNormalization", {parts.x, weight},
                               {{"axis", -axes}, {"epsilon", static_cast<float>(epsilon)}, {"stash_type", stash}});
    return {c.cast(result, dtype)};
  }
  Ints reduced;
  for (std::int64_t axis = -axes; axis < 0; ++axis) reduced.push_back(axis);
  ir::Value* squares = c.reduce("ReduceMean", c.emit("Mul", {parts.x, parts.x}), reduced);
  ir::Value* root = c.emit("Sqrt", {c.emit("Add", {squares, c.number_like(epsilon, squares)})});
  ir::Value* result = c.emit("Div", {parts.x, root});
  if (parts.weight != nullptr) result = c.emit("Mul", {result, parts.weight});
  Values results = {c.cast(result, dtype)};
  if (c.is_used(1)) results.push_back(c.cast(c.emit("Reciprocal", {root}), c.result_dtype(1)));
  return results;
}

constexpr std::array kOps = {
    op("aten.layer_norm.default", layer_norm), op("aten.native_layer_norm.default", layer_norm),
    op("aten.group_norm.default", group_norm), op("aten.native_group_norm.default", native_group_norm),
    op("aten.rms_norm.default", rms_norm),     op("aten._fused_rms_norm.default", rms_norm),
};

}  // namespace

Ops layer_norm_ops() { return kOps; }

}  // namespace olivine::torch

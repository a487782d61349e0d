#include <array>

#include "torch/aten/families.h"
#include "torch/aten/spatial.h"

/// Fully connected layers.
namespace olivine::torch {
namespace {

/// Integers that runtimes don't multiply as matrices are carried as wider ones: products and sums wrap the same way.
DataType carrier_of(DataType dtype) {
  if (dtype == DataType::bfloat16) return DataType::float32;
  if (is_float(dtype) || dtype == DataType::int64) return dtype;
  return DataType::int32;
}

/// x · weightᵀ + bias; a weight that is used once is stored transposed.
ir::Value* linear(Call& c) {
  ir::Value* given = c.tensor(c.has("input") ? "input" : "self");
  const DataType dtype = c.dtype(given);
  const DataType carrier = carrier_of(dtype);
  ir::Value* x = c.cast(given, carrier);
  ir::Value* weight = c.cast(c.tensor("weight"), carrier);
  ir::Value* bias = c.find_tensor("bias");
  if (bias != nullptr) bias = c.cast(bias, carrier);
  const bool is_matrix = c.rank(weight) == 2;
  if (is_matrix && c.rank(x) == 2 && is_float(carrier)) {
    Values inputs = {x, weight};
    if (bias != nullptr) inputs.push_back(bias);
    return c.cast(c.emit("Gemm", std::move(inputs), {{"transB", 1}}), dtype);
  }
  ir::Value* product = c.emit("MatMul", {x, is_matrix ? c.transpose(weight, {1, 0}) : weight});
  return c.cast(bias != nullptr ? c.emit("Add", {product, bias}) : product, dtype);
}

/// v · (g / ‖v‖), the norm over all dimensions but one; with the norm.
Values weight_norm(Call& c) {
  ir::Value* given = c.tensor("v");
  const DataType dtype = c.dtype(given);
  const DataType real = computing_type(dtype);
  ir::Value* v = c.cast(given, real);
  const std::int64_t kept = c.integer("dim", 0);
  Ints axes;
  for (std::int64_t axis = 0; axis < c.rank(v); ++axis) {
    if (kept == -1 || axis != c.positive_axis(kept, c.rank(v))) axes.push_back(axis);
  }
  ir::Value* norm = c.reduce("ReduceL2", v, axes, kept != -1);
  ir::Value* ratio = c.emit("Div", {c.cast(c.tensor("g"), real), norm});
  Values results = {c.cast(c.emit("Mul", {v, ratio}), dtype)};
  if (c.result_count() == 2) results.push_back(c.cast(norm, c.result_dtype(1)));
  return results;
}

constexpr std::array kOps = {
    op("aten.linear.default", linear),
    op("aten.mkldnn_linear.default", linear),
    op("aten._weight_norm.default", weight_norm),
    op("aten._weight_norm_interface.default", weight_norm),
};

}  // namespace

Ops linear_layer_ops() { return kOps; }

}  // namespace olivine::torch

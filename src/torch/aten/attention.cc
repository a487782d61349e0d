#include "torch/aten/attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <ranges>

#include "torch/aten/families.h"

/// Scaled dot-product attention: ONNX's Attention from opset 23 on, else two products with a Softmax between them.
namespace olivine::torch {
namespace {

/// Half precision as it is; bfloat16, which runtimes have no kernels for, as float32.
DataType carrier_of(DataType dtype) { return dtype == DataType::bfloat16 ? DataType::float32 : dtype; }

/// √scale for query and key each, as PyTorch does, would be a node more.
ir::Value* scaled(Call& c, ir::Value* query, std::optional<double> scale) {
  if (!scale) {
    const auto width = c.find_dim(query, -1);
    if (width) scale = 1 / std::sqrt(static_cast<double>(*width));
  }
  if (scale) return *scale == 1 ? query : c.emit("Mul", {query, c.number_like(*scale, query)});
  ir::Value* width = c.as_scalar(c.cast(c.size(query, -1), c.dtype(query)));
  return c.emit("Div", {query, c.emit("Sqrt", {width})});
}

/// Every position looks at itself and what is before it, counted from the start of both.
ir::Value* causal_mask(Call& c, ir::Value* query, ir::Value* key) {
  ir::Value* rows = c.unsqueeze(c.range(c.size(query, -2)), {1});
  return c.emit("GreaterOrEqual", {rows, c.range(c.size(key, -2))});
}

/// Heads of key or value repeated for the query's: each, one after the other.
ir::Value* repeated_heads(Call& c, ir::Value* value, ir::Value* query) {
  const std::int64_t axis = c.rank(value) - 3;
  const auto own = c.find_dim(value, axis);
  const auto wanted = c.find_dim(query, axis);
  if (own && wanted && *own == *wanted) return value;
  ir::Value* times = c.emit("Div", {c.size(query, axis), c.size(value, axis)});
  Values apart;
  Values together;
  for (std::int64_t i = 0; i < c.rank(value); ++i) {
    apart.push_back(c.size(value, i));
    if (i == axis) apart.push_back(times);
    together.push_back(i == axis ? c.size(query, axis) : c.size(value, i));
  }
  return c.reshape_to(c.emit("Expand", {c.unsqueeze(value, {axis + 1}), c.concat(apart, 0)}), c.concat(together, 0));
}

ir::Value* swap_last(Call& c, ir::Value* value) {
  Ints order;
  for (std::int64_t i = 0; i < c.rank(value); ++i) order.push_back(i);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return c.transpose(value, order);
}

/// Whether a mask that is added surely has no -∞: what chooses between finite numbers has none.
bool is_surely_finite(const Call& c, const ir::Value* mask) {
  static constexpr std::array kPassing = {"Expand", "Unsqueeze", "Squeeze", "Reshape",
                                          "Slice",  "Transpose", "Gather",  "Identity"};
  for (int depth = 0; depth < 16; ++depth) {
    if (const auto numbers = c.find_reals(mask)) {
      return std::ranges::all_of(*numbers, [](double number) { return std::isfinite(number); });
    }
    const ir::Node* node = mask->producer();
    if (node == nullptr) return false;
    if (node->is("Where")) return is_surely_finite(c, node->input(1)) && is_surely_finite(c, node->input(2));
    const bool passes = std::ranges::any_of(kPassing, [&](const char* type) { return node->is(type); });
    if (!passes) return false;
    mask = node->input(0);
  }
  return false;
}

/// Which rows of a mask look at something at all, or null where all surely do.
ir::Value* looking_rows(Call& c, ir::Value* mask) {
  if (c.dtype(mask) == DataType::boolean) {
    return c.reduce("ReduceMax", mask, {-1});
  }
  if (is_surely_finite(c, mask)) return nullptr;
  ir::Value* highest = c.cast(c.reduce("ReduceMax", mask, {-1}), DataType::float32);
  return c.emit("Not", {c.emit("IsInf", {highest}, {{"detect_positive", 0}})});
}

ir::Value* scores_of(Call& c, const AttentionParts& parts) {
  ir::Value* key = parts.groups_heads ? repeated_heads(c, parts.key, parts.query) : parts.key;
  ir::Value* scores = c.emit("MatMul", {scaled(c, parts.query, parts.scale), swap_last(c, key)});
  ir::Value* mask = parts.is_causal ? causal_mask(c, parts.query, parts.key) : parts.mask;
  if (mask == nullptr) return scores;
  if (c.dtype(mask) == DataType::boolean) {
    return c.where(mask, scores, c.number_like(-std::numeric_limits<double>::infinity(), scores));
  }
  return c.emit("Add", {scores, c.cast(mask, c.dtype(scores))});
}

ir::Value* softmax_of_scores(Call& c, const AttentionParts& parts) {
  return c.emit("Softmax", {scores_of(c, parts)}, {{"axis", -1}});
}

/// Zeros for rows that look at nothing: the Softmax of such is NaN.
ir::Value* without_blind_rows(Call& c, ir::Value* result, ir::Value* mask) {
  ir::Value* looking = mask != nullptr ? looking_rows(c, mask) : nullptr;
  return looking != nullptr ? c.where(looking, result, c.number_like(0, result)) : result;
}

bool is_same_size(const ir::Value* a, const ir::Value* b, std::size_t from_end_of_a, std::size_t from_end_of_b) {
  const auto at = [](const ir::Value* value, std::size_t from_end) {
    const ir::TensorType* type = value->type.tensor();
    if (type == nullptr || !type->shape || type->shape->size() < from_end) return ir::Dim();
    return (*type->shape)[type->shape->size() - from_end];
  };
  const ir::Dim size = at(a, from_end_of_a);
  return !size.is_unknown() && size == at(b, from_end_of_b);
}

/// Attention of ONNX takes four dimensions, and a mask as large as the scores in the last two. Masks that are added it
/// treats otherwise where a row of them is as low as can be.
ir::Value* as_one_operator(Call& c, const AttentionParts& parts) {
  const std::int64_t rank = c.rank(parts.query);
  const bool fits = c.opset() >= 23 && (rank == 3 || rank == 4) && c.rank(parts.key) == rank &&
                    c.rank(parts.value) == rank && c.dtype(parts.query) != DataType::float64 &&
                    (parts.mask == nullptr || (c.dtype(parts.mask) == DataType::boolean && c.rank(parts.mask) <= rank));
  if (!fits) return nullptr;
  const auto four = [&](ir::Value* value) { return rank == 3 ? c.unsqueeze(value, {0}) : value; };
  Values inputs = {four(parts.query), four(parts.key), four(parts.value)};
  if (parts.mask != nullptr) {
    ir::Value* mask = c.rank(parts.mask) == 3 ? c.unsqueeze(parts.mask, {0}) : parts.mask;
    ir::Value* sizes = c.concat({c.size(parts.query, -2), c.size(parts.key, -2)}, 0);
    const bool is_whole = is_same_size(mask, parts.query, 2, 2) && is_same_size(mask, parts.key, 1, 2);
    inputs.push_back(is_whole ? mask : c.emit("Expand", {mask, sizes}));
  }
  Attrs attributes;
  if (parts.is_causal) attributes.emplace_back("is_causal", 1);
  if (parts.scale) attributes.emplace_back("scale", static_cast<float>(*parts.scale));
  ir::Value* result = c.emit("Attention", std::move(inputs), std::move(attributes));
  return rank == 3 ? c.squeeze(result, {0}) : result;
}

AttentionParts parts_of(Call& c) {
  if (c.real("dropout_p", 0) > 0) c.refuse("its dropout is random");
  AttentionParts parts = {c.tensor("query"), c.tensor("key"), c.tensor("value")};
  parts.mask = c.find_tensor(c.has("attn_bias") ? "attn_bias" : "attn_mask");
  parts.is_causal = c.flag("is_causal", false);
  parts.groups_heads = c.flag("enable_gqa", false);
  if (c.has("scale")) parts.scale = c.real("scale", 0);
  const DataType carrier = carrier_of(c.dtype(parts.query));
  for (ir::Value** part : {&parts.query, &parts.key, &parts.value}) *part = c.cast(*part, carrier);
  const bool is_added = parts.mask != nullptr && c.dtype(parts.mask) != DataType::boolean;
  if (is_added) parts.mask = c.cast(parts.mask, carrier);
  return parts;
}

ir::Value* scaled_dot_product_attention(Call& c) {
  return c.cast(attention(c, parts_of(c)), c.dtype(c.tensor("query")));
}

/// The logarithm of the sum of the scores' exponentials isn't made.
Values of_device(Call& c) {
  Values results(c.result_count(), nullptr);
  results[0] = scaled_dot_product_attention(c);
  return results;
}

/// With the probabilities.
Values with_probabilities(Call& c) {
  const AttentionParts parts = parts_of(c);
  const DataType dtype = c.dtype(c.tensor("query"));
  if (c.has("dropout_mask")) c.refuse("its dropout is random");
  ir::Value* probabilities = attention_probabilities(c, parts);
  return {c.cast(attention(c, parts), dtype), c.cast(probabilities, dtype)};
}

constexpr std::array kOps = {
    op("aten.scaled_dot_product_attention.default", scaled_dot_product_attention),
    op("aten._scaled_dot_product_flash_attention_for_cpu.default", of_device),
    op("aten._scaled_dot_product_flash_attention.default", of_device),
    op("aten._scaled_dot_product_efficient_attention.default", of_device),
    op("aten._scaled_dot_product_cudnn_attention.default", of_device),
    op("aten._scaled_dot_product_fused_attention_overrideable.default", of_device),
    op("aten._scaled_dot_product_attention_math.default", with_probabilities),
    op("aten._scaled_dot_product_attention_math_for_mps.default", with_probabilities),
};

}  // namespace

ir::Value* attention_probabilities(Call& c, const AttentionParts& parts) {
  return without_blind_rows(c, softmax_of_scores(c, parts), parts.mask);
}

ir::Value* attention(Call& c, const AttentionParts& parts) {
  if (ir::Value* result = as_one_operator(c, parts)) return result;
  ir::Value* value = parts.groups_heads ? repeated_heads(c, parts.value, parts.query) : parts.value;
  ir::Value* result = c.emit("MatMul", {softmax_of_scores(c, parts), value});
  return without_blind_rows(c, result, parts.mask);
}

Ops attention_ops() { return kOps; }

}  // namespace olivine::torch

#include <array>

#include "torch/aten/attention.h"
#include "torch/aten/families.h"

/// Whole layers of transformers that PyTorch has as one operator each.
namespace olivine::torch {
namespace {

constexpr std::int64_t kMaskOfPairs = 0;  ///< [length, length]
constexpr std::int64_t kMaskOfKeys = 1;   ///< [batch, length]

ir::Value* linear(Call& c, ir::Value* x, ir::Value* weight, ir::Value* bias) {
  return c.emit("Add", {c.emit("MatMul", {x, c.transpose(weight, {1, 0})}), bias});
}

/// What is looked at: the operators' masks say what isn't.
ir::Value* mask_of(Call& c) {
  ir::Value* mask = c.find_tensor("mask");
  if (mask == nullptr) return nullptr;
  if (c.dtype(mask) != DataType::boolean) c.refuse("its mask is not of bools");
  mask = c.emit("Not", {mask});
  const std::int64_t type = c.integer("mask_type", 2);
  if (type == kMaskOfPairs) return mask;
  return type == kMaskOfKeys ? c.unsqueeze(mask, {1, 2}) : mask;
}

struct Heads {
  std::int64_t width;
  std::int64_t count;
};

/// [batch, length, width] as [batch, heads, length, width of a head].
ir::Value* apart(Call& c, ir::Value* x, const Heads& heads) {
  return c.transpose(c.emit("Reshape", {x, c.ints({0, 0, heads.count, heads.width / heads.count})}), {0, 2, 1, 3});
}

struct Attended {
  ir::Value* result;
  AttentionParts parts;
};

Attended attend(Call& c, const Values& inputs, const Heads& heads) {
  Values projected;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto part = static_cast<std::int64_t>(i);
    const std::int64_t start = part * heads.width;
    ir::Value* weight = c.slice(c.tensor("qkv_weight"), 0, start, start + heads.width);
    ir::Value* bias = c.slice(c.tensor("qkv_bias"), 0, start, start + heads.width);
    projected.push_back(apart(c, linear(c, inputs[i], weight, bias), heads));
  }
  const AttentionParts parts = {projected[0], projected[1], projected[2], mask_of(c)};
  ir::Value* together =
      c.emit("Reshape", {c.transpose(attention(c, parts), {0, 2, 1, 3}), c.ints({0, 0, heads.width})});
  return {linear(c, together, c.tensor("proj_weight"), c.tensor("proj_bias")), parts};
}

Values multi_head_attention(Call& c) {
  const Heads heads = {c.integer("embed_dim"), c.integer("num_head")};
  const Attended attended = attend(c, {c.tensor("query"), c.tensor("key"), c.tensor("value")}, heads);
  if (!c.flag("need_weights", true)) return {attended.result, nullptr};
  ir::Value* weights = attention_probabilities(c, attended.parts);
  if (c.flag("average_attn_weights", true)) weights = c.reduce("ReduceMean", weights, {1}, false);
  return {attended.result, weights};
}

ir::Value* layer_norm(Call& c, ir::Value* x, std::string_view weight, std::string_view bias) {
  const auto epsilon = static_cast<float>(c.real("eps", 1e-5));
  return c.emit("LayerNormalization", {x, c.tensor(weight), c.tensor(bias)}, {{"axis", -1}, {"epsilon", epsilon}});
}

ir::Value* feed_forward(Call& c, ir::Value* x) {
  x = linear(c, x, c.tensor("ffn_weight_1"), c.tensor("ffn_bias_1"));
  x = c.emit(c.flag("use_gelu", false) ? "Gelu" : "Relu", {x});
  return linear(c, x, c.tensor("ffn_weight_2"), c.tensor("ffn_bias_2"));
}

ir::Value* encoder_layer(Call& c) {
  const Heads heads = {c.integer("embed_dim"), c.integer("num_heads")};
  const bool norm_first = c.flag("norm_first", false);
  ir::Value* x = c.tensor("src");
  const auto norm = [&](ir::Value* value, bool is_first) {
    return is_first ? layer_norm(c, value, "norm_weight_1", "norm_bias_1")
                    : layer_norm(c, value, "norm_weight_2", "norm_bias_2");
  };
  ir::Value* seen = norm_first ? norm(x, true) : x;
  x = c.emit("Add", {x, attend(c, {seen, seen, seen}, heads).result});
  if (!norm_first) x = norm(x, true);
  x = c.emit("Add", {x, feed_forward(c, norm_first ? norm(x, false) : x)});
  return norm_first ? x : norm(x, false);
}

constexpr std::array kOps = {
    op("aten._native_multi_head_attention.default", multi_head_attention),
    op("aten._transformer_encoder_layer_fwd.default", encoder_layer),
};

}  // namespace

Ops transformer_ops() { return kOps; }

}  // namespace olivine::torch

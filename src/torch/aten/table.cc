#include <array>
#include <unordered_map>
#include <vector>

#include "torch/aten/families.h"

namespace olivine::torch {
namespace {

constexpr std::array kFamilies = {
    arithmetic_ops,      minmax_ops,        unary_ops,         activation_ops,
    comparison_ops,      bitwise_ops,       conversion_ops,    creation_ops,
    random_ops,          view_ops,          symbol_ops,        control_flow_ops,
    slice_ops,           joining_ops,       indexing_ops,      mask_ops,
    padding_ops,         product_ops,       added_product_ops, contraction_ops,
    linear_layer_ops,    convolution_ops,   pooling_ops,       adaptive_pooling_ops,
    upsample_ops,        normalization_ops, layer_norm_ops,    attention_ops,
    grouped_product_ops, transformer_ops,   recurrent_ops,     sampling_ops,
    unpooling_ops,       embedding_bag_ops, gradient_ops,      quantization_ops,
    vision_ops,          reduction_ops,     norm_ops,          statistics_ops,
    cumulative_ops,      sorting_ops,
};

}  // namespace

std::vector<const Op*> all_ops() {
  std::vector<const Op*> ops;
  for (const auto family : kFamilies) {
    for (const Op& op : family()) ops.push_back(&op);
  }
  return ops;
}

const Op* find_op(std::string_view target) {
  static const auto table = [] {
    std::unordered_map<std::string_view, const Op*> rows;
    for (const Op* op : all_ops()) rows.emplace(op->target, op);
    return rows;
  }();
  const auto found = table.find(target);
  return found != table.end() ? found->second : nullptr;
}

}  // namespace olivine::torch

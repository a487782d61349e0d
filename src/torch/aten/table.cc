#include <array>
#include <unordered_map>
#include <vector>

#include "torch/aten/families.h"

namespace olivine::torch {
namespace {

constexpr std::array kFamilies = {
    arithmetic_ops,
    minmax_ops,
    unary_ops,
    activation_ops,
    comparison_ops,
    bitwise_ops,
    conversion_ops,
    creation_ops,
    random_ops,
    view_ops,
    symbol_ops,
    control_flow_ops,
    slice_ops,
    joining_ops,
    indexing_ops,
    mask_ops,
    padding_ops,
    product_ops,
    added_product_ops,
    contraction_ops,
    linear_layer_ops,
    convolution_ops,
    pooling_ops,
    adaptive_pooling_ops,
    reduction_ops,
    norm_ops,
    statistics_ops,
    cumulative_ops,
    sorting_ops,
    fft_ops,
    spectrogram_ops,
    upsample_ops,
    normalization_ops,
    layer_norm_ops,
    attention_ops,
    transformer_ops,
    recurrent_ops,
    sampling_ops,
    unpooling_ops,
    embedding_bag_ops,
    gradient_ops,
    quantization_ops,
    vision_ops,
    scatter_ops,
    strided_ops,
    rearranging_ops,
    pair_ops,
    normal_distribution_ops,
    gamma_ops,
    bessel_ops,
    modified_bessel_ops,
    polynomial_ops,
    set_ops,
    histogram_ops,
    difference_ops,
    segment_ops,
    loss_ops,
    class_loss_ops,
    window_ops,
    solver_ops,
    spectrum_ops,
    matrix_function_ops,
    grouped_product_ops,
};
/// Rows for complex tensors, of targets that have others for reals.
constexpr std::array kComplexFamilies = {complex_arithmetic_ops, complex_function_ops};

using Table = std::unordered_map<std::string_view, const Op*>;

template <typename Families>
Table table_of(const Families& families) {
  Table rows;
  for (const auto family : families) {
    for (const Op& op : family()) rows.emplace(op.target, &op);
  }
  return rows;
}

const Op* look_up(const Table& table, std::string_view target) {
  const auto found = table.find(target);
  return found != table.end() ? found->second : nullptr;
}

}  // namespace

std::vector<const Op*> all_ops() {
  std::vector<const Op*> ops;
  for (const auto family : kFamilies) {
    for (const Op& op : family()) ops.push_back(&op);
  }
  return ops;
}

const Op* find_op(std::string_view target) {
  static const Table table = table_of(kFamilies);
  return look_up(table, target);
}

const Op* find_complex_op(std::string_view target) {
  static const Table table = table_of(kComplexFamilies);
  return look_up(table, target);
}

}  // namespace olivine::torch

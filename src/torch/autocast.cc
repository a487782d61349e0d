#include <set>

#include "torch/lowering.h"

/// Which operators a region of autocast casts.
namespace olivine::torch {

/// As torch's autocast on a CPU: products in the region's type, what needs precision in float32.
std::optional<DataType> Lowering::autocast_of(std::string_view target) const {
  if (frame_->autocast == DataType::undefined) return std::nullopt;
  static const std::set<std::string, std::less<>> narrow = {"conv1d",
                                                            "conv2d",
                                                            "conv3d",
                                                            "conv_transpose1d",
                                                            "conv_transpose2d",
                                                            "conv_transpose3d",
                                                            "_convolution",
                                                            "convolution",
                                                            "conv_tbc",
                                                            "bmm",
                                                            "mm",
                                                            "mv",
                                                            "baddbmm",
                                                            "addmm",
                                                            "addbmm",
                                                            "linear",
                                                            "matmul",
                                                            "linalg_vecdot",
                                                            "einsum",
                                                            "prelu",
                                                            "scaled_dot_product_attention",
                                                            "_native_multi_head_attention"};
  static const std::set<std::string, std::less<>> wide = {"avg_pool3d",
                                                          "binary_cross_entropy",
                                                          "grid_sampler",
                                                          "polar",
                                                          "prod",
                                                          "quantile",
                                                          "nanquantile",
                                                          "stft",
                                                          "cdist",
                                                          "trace",
                                                          "view_as_complex",
                                                          "cholesky",
                                                          "inverse",
                                                          "pinverse",
                                                          "mse_loss",
                                                          "cosine_embedding_loss",
                                                          "nll_loss",
                                                          "nll_loss2d",
                                                          "hinge_embedding_loss",
                                                          "poisson_nll_loss",
                                                          "smooth_l1_loss",
                                                          "cross_entropy_loss",
                                                          "l1_loss",
                                                          "huber_loss",
                                                          "margin_ranking_loss",
                                                          "soft_margin_loss",
                                                          "triplet_margin_loss",
                                                          "multi_margin_loss",
                                                          "ctc_loss",
                                                          "kl_div",
                                                          "multilabel_margin_loss",
                                                          "binary_cross_entropy_with_logits"};
  const std::size_t start = target.find('.') + 1;
  const std::string name(target.substr(start, target.find('.', start) - start));
  if (narrow.contains(name)) return frame_->autocast;
  return wide.contains(name) || name.starts_with("fft_") || name.starts_with("linalg_")
             ? std::optional(DataType::float32)
             : std::nullopt;
}

}  // namespace olivine::torch

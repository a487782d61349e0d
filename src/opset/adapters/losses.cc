#include "opset/adapters/families.h"

/// Losses. Before they existed they are the functions that onnx defines them by.
namespace olivine::opset {
namespace {

constexpr Adapter kAdapters[] = {
    same_up("NegativeLogLikelihoodLoss", 13, "what is ignored weighs nothing in either version"),
    same_down("NegativeLogLikelihoodLoss", 13, "what is ignored weighs nothing in either version"),
};

}  // namespace

std::span<const Adapter> loss_adapters() { return kAdapters; }

}  // namespace olivine::opset

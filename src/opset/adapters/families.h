#pragma once

#include <span>

#include "opset/adapter.h"
#include "opset/step.h"

/// The rows of the table, family by family. A family is a file of this folder.
namespace olivine::opset {

std::span<const Adapter> activation_adapters();
std::span<const Adapter> elementwise_adapters();
std::span<const Adapter> bit_adapters();
std::span<const Adapter> cast_adapters();
std::span<const Adapter> constant_adapters();
std::span<const Adapter> control_flow_adapters();
std::span<const Adapter> shape_adapters();
std::span<const Adapter> slicing_adapters();
std::span<const Adapter> padding_adapters();
std::span<const Adapter> arranging_adapters();
std::span<const Adapter> reduction_adapters();
std::span<const Adapter> ordering_adapters();
std::span<const Adapter> indexing_adapters();
std::span<const Adapter> resize_adapters();
std::span<const Adapter> sampling_adapters();
std::span<const Adapter> pooling_adapters();
std::span<const Adapter> convolution_adapters();
std::span<const Adapter> signal_adapters();
std::span<const Adapter> normalization_adapters();
std::span<const Adapter> function_adapters();
std::span<const Adapter> linear_adapters();
std::span<const Adapter> einsum_adapters();
std::span<const Adapter> attention_adapters();
std::span<const Adapter> recurrent_adapters();
std::span<const Adapter> quantization_adapters();
std::span<const Adapter> loss_adapters();
std::span<const Adapter> random_adapters();
std::span<const Adapter> string_adapters();
std::span<const Adapter> ml_adapters();
std::span<const Adapter> tree_adapters();

}  // namespace olivine::opset

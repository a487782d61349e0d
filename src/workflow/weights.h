#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "ir/graph.h"

namespace olivine::workflow {

/// Calls `visit` for the constant tensors of the whole model: initializers, dense and sparse, and those in attributes,
/// of subgraphs and functions too. An attribute's tensor without a name goes by its node's first output.
void for_each_tensor(const ir::Model& model,
                     const std::function<void(std::string_view name, const tensor::Tensor& tensor)>& visit);

/// What the runner tells about a model before and after a pass.
struct ModelSize {
  std::size_t nodes = 0;
  std::uint64_t weight_bytes = 0;
};
ModelSize measure(const ir::Model& model);

/// "3.2 MB": with decimal units, three digits at least.
std::string format_bytes(std::uint64_t bytes);

}  // namespace olivine::workflow

#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"
#include "tensor/tensor.h"

namespace olivine::runtime {

/// A model for ORT without its large tensors, and these by the names under which ORT takes them.
struct Disembodied {
  std::string bytes;
  std::vector<std::string> names;
  std::vector<tensor::Tensor> tensors;
};

/// Takes the large tensors out of a model. ORT accepts tensors from memory only for initializers of the main graph that
/// something uses (a `Constant` there counts as one, by its output's name), so large ones of subgraphs become
/// initializers of the main graph first. Only functions' bodies keep theirs: Error[verification] when these pass the
/// 2 GB that protobuf can hold.
Disembodied disembody(const ir::Model& model);

}  // namespace olivine::runtime

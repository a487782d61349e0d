#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "torch/custom_ops.h"
#include "torch/program.h"

namespace olivine::torch {

struct LowerOptions {
  std::int64_t target_opset = 20;
  /// Names for the model's inputs and outputs, in order; those beyond the end keep the program's.
  std::vector<std::string> input_names;
  std::vector<std::string> output_names;
  /// Names for the program's symbols: "s77" → "batch".
  std::map<std::string, std::string> symbol_names;
  /// Operators that the user says the meaning of; they go before ours.
  CustomOps custom_ops;
  /// Constants are folded, equal nodes are made once and dead ones dropped.
  bool optimize = true;
};

struct Lowered {
  ir::Model model;
  std::vector<std::string> notices;
};

/// The opset that a program is lowered at before it is brought to its target: that of custom operators' models.
std::int64_t lowering_opset(std::int64_t target_opset);

/// The program as a model of `target_opset`. Weights stay lazy, tied ones are one initializer.
/// Error[conversion] with every call that cannot be expressed, all at once, or with every operator that isn't known.
Lowered lower(const Program& program, const LowerOptions& options);

}  // namespace olivine::torch

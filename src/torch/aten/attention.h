#pragma once

#include "torch/call.h"

namespace olivine::torch {

/// What attention is computed of: [..., heads, length, width].
struct AttentionParts {
  ir::Value* query;
  ir::Value* key;
  ir::Value* value;
  ir::Value* mask = nullptr;  ///< bools (true: is looked at) or what is added to the scores
  bool is_causal = false;
  bool groups_heads = false;  ///< several heads of the query share one of key and value
  std::optional<double> scale = {};
};

/// The probabilities, [..., heads, length of query, length of key]; rows that look at nothing are zeros.
ir::Value* attention_probabilities(Call& c, const AttentionParts& parts);

/// softmax(query · keyᵀ · scale + mask) · value
ir::Value* attention(Call& c, const AttentionParts& parts);

}  // namespace olivine::torch

#include <cmath>
#include <limits>

#include "opset/adapters/families.h"

/// Attention and its rotary embedding. What newer versions of Attention can restrict by attributes and lengths, older
/// ones are told by a mask; before it existed it is its own formula.
namespace olivine::opset {
namespace {

constexpr std::size_t kQ = 0;
constexpr std::size_t kK = 1;
constexpr std::size_t kV = 2;
constexpr std::size_t kMask = 3;
constexpr std::size_t kPastKey = 4;
constexpr std::size_t kPastValue = 5;
constexpr std::size_t kLengths = 6;

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

// ---- Positions and masks

/// How many keys there are, as int64[1].
ir::Value* total_length(Step& s) {
  ir::Value* length = s.size(s.input(kK), -2);
  ir::Value* past = s.input(kPastKey);
  return past != nullptr ? s.emit("Add", {s.size(past, 2), length}) : length;
}

ir::Value* lengths_4d(Step& s) { return s.unsqueeze(s.input(kLengths), {1, 2, 3}); }

/// Where each query stands among the keys: [q, 1], or [batch, 1, q, 1] where the keys of each sample have a length.
/// Past keys, and those of a cache from outside that come before the queries, are counted.
ir::Value* query_positions(Step& s) {
  ir::Value* count = s.size(s.input(kQ), -2);
  ir::Value* rows = s.unsqueeze(s.range(count), {1});
  if (ir::Value* past = s.input(kPastKey)) return s.emit("Add", {rows, s.size(past, 2)});
  if (s.input(kLengths) != nullptr) return s.emit("Add", {rows, s.emit("Sub", {lengths_4d(s), count})});
  return rows;
}

ir::Value* shifted(Step& s, ir::Value* positions, std::int64_t by) {
  return by == 0 ? positions : s.emit("Add", {positions, s.integer_scalar(by)});
}

ir::Value* both(Step& s, ir::Value* a, ir::Value* b) { return a != nullptr ? s.emit("And", {a, b}) : b; }

/// A mask that ends before the keys do lets none of the rest take part.
ir::Value* full_mask(Step& s, ir::Value* mask) {
  const auto width = s.find_dim(mask, -1);
  const auto wanted = s.find_ints(total_length(s));
  if (width && wanted && *width == wanted->front()) return mask;
  ir::Value* missing = s.emit("Sub", {total_length(s), s.size(mask, -1)});
  ir::Value* pads = s.concat({s.ints({0}), missing}, 0);
  const bool is_bool = s.dtype(mask) == DataType::boolean;
  ir::Value* fill = is_bool ? s.cast(s.integer_scalar(0), DataType::boolean) : s.number_like(kMinusInfinity, mask);
  return s.emit("Pad", {mask, pads, fill, s.ints({-1})});
}

/// Masks of numbers are added to what has the type of the queries.
ir::Value* usable_mask(Step& s, ir::Value* mask) {
  return s.dtype(mask) == DataType::boolean ? mask : s.cast(mask, s.dtype(s.input(kQ)));
}

/// The node's mask, and nothing but what is `allowed`.
ir::Value* restricted_mask(Step& s, ir::Value* allowed) {
  ir::Value* mask = s.input(kMask);
  if (mask == nullptr) return allowed;
  mask = full_mask(s, usable_mask(s, mask));
  if (s.dtype(mask) == DataType::boolean) return s.emit("And", {mask, allowed});
  return s.emit("Where", {allowed, mask, s.number_like(kMinusInfinity, mask)});
}

// 25 -> 24: query p sees keys p - left … p + right: a mask.
void window_to_mask(Step& s) {
  const std::int64_t left = s.integer("left_window_size");
  const std::int64_t right = s.integer("right_window_size");
  if (left >= 0 || right >= 0) {
    ir::Value* positions = query_positions(s);
    ir::Value* keys = s.range(total_length(s));
    ir::Value* allowed = nullptr;
    if (left >= 0) allowed = s.emit("GreaterOrEqual", {keys, shifted(s, positions, -left)});
    if (right >= 0) allowed = both(s, allowed, s.emit("LessOrEqual", {keys, shifted(s, positions, right)}));
    s.node().set_input(kMask, restricted_mask(s, allowed));
  }
  s.node().remove("left_window_size");
  s.node().remove("right_window_size");
}

// 24 -> 23: the lengths of the samples are a mask; causality that is counted from them goes into it. Masks are as wide
// as the keys are many.
void lengths_to_mask(Step& s) {
  if (s.input(kLengths) == nullptr) {
    if (ir::Value* mask = s.input(kMask)) s.node().set_input(kMask, full_mask(s, mask));
    return;
  }
  ir::Value* keys = s.range(total_length(s));
  ir::Value* allowed = s.emit("Less", {keys, lengths_4d(s)});
  if (s.integer("is_causal") == 1) {
    allowed = both(s, allowed, s.emit("LessOrEqual", {keys, query_positions(s)}));
    s.node().remove("is_causal");
  } else if (s.input(kMask) == nullptr) {
    // A row for each query: ONNX Runtime does not broadcast that axis.
    allowed = s.emit("Expand", {allowed, s.concat({s.size(s.input(kQ), -2), s.ints({1})}, 0)});
  }
  s.node().set_input(kMask, restricted_mask(s, allowed));
  s.node().resize_inputs(kPastValue + 1);
}

// 23 -> 24: a mask of one column was for all keys; now it would be for the first one.
void one_column_up(Step& s) {
  ir::Value* mask = s.input(kMask);
  if (mask == nullptr || s.find_dim(mask, -1) != 1) return;
  ir::Value* keys = total_length(s);
  const auto known = s.find_ints(keys);
  if (known != Ints{1}) s.node().set_input(kMask, s.emit("Expand", {mask, keys}));
}

// ---- Attention by its formula

struct Heads {
  bool packed;  ///< [batch, sequence, heads * size]
  std::int64_t queries;
  std::int64_t keys;

  bool grouped() const { return queries != keys; }
};

std::optional<Heads> find_heads(Step& s) {
  if (s.rank(s.input(kQ)) == 3) return Heads{true, s.integer("q_num_heads"), s.integer("kv_num_heads")};
  const auto queries = s.find_dim(s.input(kQ), 1);
  const auto keys = s.find_dim(s.input(kK), 1);
  if (!queries || !keys) return std::nullopt;
  return Heads{false, *queries, *keys};
}

std::optional<double> find_scale(Step& s, const Heads& heads) {
  if (s.has("scale")) return s.floating("scale");
  auto size = s.find_dim(s.input(kQ), -1);
  if (size && heads.packed) *size /= heads.queries;
  return size && *size > 0 ? std::optional(1 / std::sqrt(static_cast<double>(*size))) : std::nullopt;
}

ir::Value* split_heads(Step& s, ir::Value* value, std::int64_t heads, const Ints& order) {
  return s.transpose(s.reshape(value, {0, 0, heads, -1}), order);
}

ir::Value* with_past(Step& s, ir::Value* past, ir::Value* value) {
  return past != nullptr ? s.concat({past, value}, 2) : value;
}

/// `dims` with the size of `value` at `axis` put in place `at`.
ir::Value* reshape_to(Step& s, ir::Value* value, Ints dims, std::size_t at, ir::Value* size) {
  if (const auto known = s.find_ints(size)) {
    dims[at] = known->front();
    return s.reshape(value, dims);
  }
  Values parts;
  const auto cut = dims.begin() + static_cast<std::ptrdiff_t>(at);
  if (cut != dims.begin()) parts.push_back(s.ints(Ints(dims.begin(), cut)));
  parts.push_back(size);
  if (cut + 1 != dims.end()) parts.push_back(s.ints(Ints(cut + 1, dims.end())));
  return s.emit("Reshape", {value, s.concat(parts, 0)});
}

struct Bias {
  ir::Value* value = nullptr;  ///< what is added to the scores
  bool may_empty = false;      ///< a query may have no key that takes part
};

Bias make_bias(Step& s) {
  Bias bias;
  const DataType dtype = s.dtype(s.input(kQ));
  ir::Value* minus_infinity = s.number(kMinusInfinity, dtype);
  if (ir::Value* mask = s.input(kMask)) {
    mask = usable_mask(s, mask);
    const bool is_bool = s.dtype(mask) == DataType::boolean;
    bias = {is_bool ? s.emit("Where", {mask, s.number(0, dtype), minus_infinity}) : mask, true};
  }
  if (s.integer("is_causal") == 1) {
    ir::Value* later = s.emit("Less", {query_positions(s), s.range(total_length(s))});
    bias.value = s.emit("Where", {later, minus_infinity, bias.value != nullptr ? bias.value : s.number(0, dtype)});
  }
  return bias;
}

ir::Value* softmax(Step& s, ir::Value* scores) {
  const DataType dtype = s.dtype(scores);
  const DataType precise = s.has("softmax_precision") ? static_cast<DataType>(s.integer("softmax_precision")) : dtype;
  return s.cast(s.emit("Softmax", {s.cast(scores, precise)}, {{"axis", -1}}), dtype);
}

/// A query without keys gets nothing, where the softmax of nothing but -infinity is not a number.
ir::Value* without_empty(Step& s, ir::Value* weights, const Bias& bias) {
  if (!bias.may_empty) return weights;
  const DataType dtype = s.dtype(weights);
  ir::Value* empty = s.emit("Equal", {s.reduce("ReduceMax", bias.value, {-1}), s.number(kMinusInfinity, dtype)});
  return s.emit("Where", {empty, s.number(0, dtype), weights});
}

// Y = softmax(softcap(scale * Q K') + bias) V for every head. Queries of the heads that share keys stand below each
// other in one matrix: nothing is repeated.
void attention_by_formula(Step& s) {
  const auto heads = find_heads(s);
  const auto scale = heads ? find_scale(s, *heads) : std::nullopt;
  if (!scale) return s.replace_by_function();
  const DataType dtype = s.dtype(s.input(kQ));
  const bool keeps_key = s.used_output(1) != nullptr;
  ir::Value* past_key = s.input(kPastKey);
  ir::Value* q = s.input(kQ);
  ir::Value* key = s.input(kK);
  ir::Value* value = s.input(kV);
  ir::Value* turned = nullptr;
  if (heads->packed) {
    q = split_heads(s, q, heads->queries, {0, 2, 1, 3});
    value = split_heads(s, value, heads->keys, {0, 2, 1, 3});
    if (past_key == nullptr && !keeps_key) {
      turned = split_heads(s, key, heads->keys, {0, 2, 3, 1});
    } else {
      key = split_heads(s, key, heads->keys, {0, 2, 1, 3});
    }
  }
  if (turned == nullptr) {
    key = with_past(s, past_key, key);
    turned = s.transpose(key, {0, 1, 3, 2});
  }
  value = with_past(s, s.input(kPastValue), value);

  q = *scale == 1 ? q : s.emit("Mul", {q, s.number(*scale, dtype)});
  const auto queries = s.size(s.input(kQ), -2);
  if (heads->grouped()) {
    const auto size = s.find_dim(q, -1);
    q = size ? s.reshape(q, {0, heads->keys, -1, *size}) : reshape_to(s, q, {0, heads->keys, -1, 0}, 3, s.size(q, 3));
  }
  const Bias bias = make_bias(s);
  ir::Value* raw = s.emit("MatMul", {q, turned});
  if (heads->grouped() && (bias.value != nullptr || s.used_output(3) != nullptr)) {
    const auto keys = s.find_ints(total_length(s));
    raw = keys ? s.reshape(raw, {0, heads->queries, -1, keys->front()})
               : reshape_to(s, raw, {0, heads->queries, 0, -1}, 2, queries);
  }
  const double cap = s.floating("softcap");
  ir::Value* capped = raw;
  if (cap != 0) {
    ir::Value* limit = s.number(cap, dtype);
    capped = s.emit("Mul", {s.emit("Tanh", {s.emit("Div", {raw, limit})}), limit});
  }
  ir::Value* biased = bias.value != nullptr ? s.emit("Add", {capped, bias.value}) : capped;
  ir::Value* weights = without_empty(s, softmax(s, biased), bias);
  const Values shown = {raw, capped, biased, weights};
  ir::Value* shown_scores = shown.at(static_cast<std::size_t>(s.integer("qk_matmul_output_mode")) % shown.size());

  if (heads->grouped()) weights = reshape_to(s, weights, {0, heads->keys, -1, 0}, 3, total_length(s));
  ir::Value* y = s.emit("MatMul", {weights, s.cast(value, dtype)});
  if (heads->grouped()) {
    const auto size = s.find_dim(y, -1);
    y = size ? s.reshape(y, {0, heads->queries, -1, *size}) : reshape_to(s, y, {0, heads->queries, 0, -1}, 2, queries);
  }
  if (heads->packed) y = s.reshape(s.transpose(y, {0, 2, 1, 3}), {0, 0, -1});
  s.replace({y, keeps_key ? key : nullptr, s.used_output(2) != nullptr ? value : nullptr,
             s.used_output(3) != nullptr ? shown_scores : nullptr});
}

// ---- Rotary embedding

// The halves (x1, x2) of what is rotated become (cos x1 - sin x2, sin x1 + cos x2); interleaved ones alternate.
void rotary_by_formula(Step& s) {
  ir::Value* x = s.input(0);
  const bool packed = s.rank(x) == 3;
  const auto width = s.find_dim(x, -1);
  const std::int64_t heads = packed ? s.integer("num_heads") : 1;
  if (!width || heads <= 0) return s.replace_by_function();
  const std::int64_t size = *width / heads;
  const std::int64_t rotated = s.integer("rotary_embedding_dim") > 0 ? s.integer("rotary_embedding_dim") : size;
  const std::int64_t half = rotated / 2;
  const bool interleaved = s.integer("interleaved") == 1;
  const auto cache = [&](std::size_t index) {
    ir::Value* angles = s.input(index);
    if (s.input(3) != nullptr) angles = s.emit("Gather", {angles, s.input(3)}, {{"axis", 0}});
    if (s.find_dim(angles, -1) != half) angles = s.slice(angles, 2, 0, half);
    return s.unsqueeze(angles, interleaved ? Ints{packed ? 2 : 1, 4} : Ints{packed ? 2 : 1});
  };
  ir::Value* cos = cache(1);
  ir::Value* sin = cache(2);

  if (packed) x = s.reshape(x, {0, 0, heads, size});
  Ints sizes = interleaved ? Ints{rotated} : Ints{half, half};
  if (size > rotated) sizes.push_back(size - rotated);
  Values parts = {x};
  if (sizes.size() > 1) parts = s.emit_many("Split", {x, s.ints(sizes)}, sizes.size(), {{"axis", 3}});
  ir::Value* rest = size > rotated ? parts.back() : nullptr;
  if (interleaved) {
    ir::Value* pairs = s.reshape(parts.front(), {0, 0, 0, half, 2});
    parts = s.emit_many("Split", {pairs, s.ints({1, 1})}, 2, {{"axis", 4}});
  }
  ir::Value* real = s.emit("Sub", {s.emit("Mul", {cos, parts[0]}), s.emit("Mul", {sin, parts[1]})});
  ir::Value* imaginary = s.emit("Add", {s.emit("Mul", {sin, parts[0]}), s.emit("Mul", {cos, parts[1]})});
  ir::Value* y = nullptr;
  if (interleaved) {
    y = s.reshape(s.concat({real, imaginary}, 4), {0, 0, 0, rotated});
    if (rest != nullptr) y = s.concat({y, rest}, 3);
  } else {
    y = s.concat(rest != nullptr ? Values{real, imaginary, rest} : Values{real, imaginary}, 3);
  }
  s.replace({packed ? s.reshape(y, {0, 0, *width}) : y});
}

constexpr Adapter kAdapters[] = {
    down("Attention", 25, &window_to_mask, "a window of keys becomes a mask"),
    up("Attention", 24, &one_column_up, "a mask of one column is expanded: it would end after the first key"),
    same_up("Attention", 25, "windows may be asked for"),
    down("Attention", 24, &lengths_to_mask, "lengths of the samples become a mask, and masks as wide as the keys"),
    down("Attention", 23, &attention_by_formula,
         "its formula: products, mask and softmax; grouped heads are not repeated"),
    down("RotaryEmbedding", 23, &rotary_by_formula, "its formula on the halves of the heads"),
};

}  // namespace

std::span<const Adapter> attention_adapters() { return kAdapters; }

}  // namespace olivine::opset

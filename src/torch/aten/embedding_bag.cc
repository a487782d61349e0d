#include <array>
#include <limits>

#include "torch/aten/families.h"
#include "torch/aten/spatial.h"

/// Embeddings summed, averaged or maximized over bags of indices.
namespace olivine::torch {
namespace {

constexpr std::int64_t kSum = 0;
constexpr std::int64_t kMean = 1;
constexpr std::int64_t kMax = 2;

struct Bags {
  ir::Value* of_index;  ///< int64[indices]: which bag each index is in
  ir::Value* count;     ///< of bags, int64[1]
};

/// A bag starts at its offset and ends where the next one starts. The last offset may be the end of the last bag.
Bags bags_of(Call& c, ir::Value* indices, bool has_last_offset) {
  ir::Value* offsets = c.cast(c.tensor("offsets"), DataType::int64);
  ir::Value* positions = c.range(c.size(indices, 0));
  if (has_last_offset) offsets = c.slice(offsets, 0, 0, -1);
  ir::Value* started = c.emit("GreaterOrEqual", {c.unsqueeze(positions, {1}), offsets});
  ir::Value* count = c.reduce("ReduceSum", c.cast(started, DataType::int64), {1}, false);
  return {c.emit("Sub", {count, c.ints({1})}), c.size(offsets, 0)};
}

/// Rows gathered by bag.
ir::Value* by_bag(Call& c, const Bags& bags, ir::Value* rows, double start, const char* reduction) {
  Values sizes = {bags.count};
  if (c.rank(rows) == 2) sizes.push_back(c.size(rows, 1));
  ir::Value* initial = c.filled(sizes.size() == 1 ? sizes.front() : c.concat(sizes, 0), Number(start), c.dtype(rows));
  return c.emit("ScatterND", {initial, c.unsqueeze(bags.of_index, {1}), rows}, {{"reduction", reduction}});
}

Values embedding_bag(Call& c) {
  const std::int64_t mode = c.integer("mode", kSum);
  const std::int64_t padding = c.integer("padding_idx", -1);
  ir::Value* given = c.tensor("weight");
  const DataType dtype = c.dtype(given);
  const DataType real = dtype == DataType::float64 ? dtype : DataType::float32;
  ir::Value* indices = c.cast(c.tensor("indices"), DataType::int64);
  const Bags bags = bags_of(c, indices, c.flag("include_last_offset", false));
  ir::Value* rows = c.cast(c.emit("Gather", {given, indices}, {{"axis", 0}}), real);
  // What is left out adds nothing, and is no maximum.
  ir::Value* counted = nullptr;
  if (c.has("padding_idx") && padding >= 0) {
    counted = c.unsqueeze(c.emit("Not", {c.emit("Equal", {indices, c.integer_scalar(padding)})}), {1});
  } else if (c.has("padding_idx") && c.target() == "aten.embedding_bag.padding_idx") {
    ir::Value* place = c.emit("Add", {c.size(given, 0), c.ints({padding})});
    counted = c.unsqueeze(c.emit("Not", {c.emit("Equal", {indices, place})}), {1});
  }
  const double nothing = mode == kMax ? -std::numeric_limits<double>::infinity() : 0;
  if (ir::Value* factors = c.find_tensor("per_sample_weights")) {
    rows = c.emit("Mul", {rows, c.unsqueeze(c.cast(factors, real), {1})});
  }
  if (counted != nullptr) rows = c.where(counted, rows, c.number_like(nothing, rows));
  ir::Value* result = by_bag(c, bags, rows, nothing, mode == kMax ? "max" : "add");
  if (mode != kSum) {
    ir::Value* ones =
        counted != nullptr ? c.cast(c.squeeze(counted, {1}), real) : c.filled(c.size(indices, 0), Number(1.0), real);
    ir::Value* sizes = c.unsqueeze(by_bag(c, bags, ones, 0, "add"), {1});
    if (mode == kMean) {
      result = c.emit("Div", {result, c.emit("Max", {sizes, c.number(1, real)})});
    } else {
      result = c.where(c.emit("Greater", {sizes, c.number(0, real)}), result, c.number(0, real));
    }
  }
  Values results(c.result_count(), nullptr);
  results[0] = c.cast(result, dtype);
  return results;
}

constexpr std::array kOps = {
    op("aten.embedding_bag.default", embedding_bag),
    op("aten.embedding_bag.padding_idx", embedding_bag),
    op("aten._embedding_bag.default", embedding_bag),
    op("aten._embedding_bag_forward_only.default", embedding_bag),
};

}  // namespace

Ops embedding_bag_ops() { return kOps; }

}  // namespace olivine::torch

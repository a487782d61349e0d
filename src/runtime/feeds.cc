#include "runtime/feeds.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "runtime/random_inputs.h"
#include "runtime/sizes.h"

namespace olivine::runtime {
namespace {

/// A tensor whose elements are in memory, so that several runs don't compute them again.
tensor::Tensor settled(const tensor::Tensor& tensor) {
  if (tensor.dtype() == DataType::string || tensor.source()->in_memory()) return tensor;
  return tensor::from_bytes(tensor.dtype(), tensor.dims(), tensor::evaluate(tensor));
}

tensor::Tensor as(const tensor::Tensor& tensor, DataType dtype) {
  return tensor.dtype() == dtype ? tensor : tensor::cast(tensor, dtype);
}

/// One value in two types: rounded to what both can hold, so that what each model gets is equal.
std::pair<tensor::AnyValue, tensor::AnyValue> in_both(const tensor::AnyValue& value, DataType a, DataType b) {
  if (a == b || a == DataType::undefined || b == DataType::undefined || value.empty()) return {value, value};
  if (const auto* const sequence = value.sequence()) {
    tensor::Sequence for_a;
    tensor::Sequence for_b;
    for (const auto& item : sequence->items) {
      auto [item_a, item_b] = in_both(item, a, b);
      for_a.items.push_back(std::move(item_a));
      for_b.items.push_back(std::move(item_b));
    }
    return {for_a, for_b};
  }
  const tensor::Tensor* const tensor = value.tensor();
  if (tensor == nullptr) return {value, value};
  const tensor::Tensor for_a = settled(as(as(as(*tensor, a), b), a));
  return {for_a, settled(as(for_a, b))};
}

Feed feed_of(const InputSet& set, const std::vector<Pair>& inputs) {
  Feed feed;
  for (const Pair& input : inputs) {
    const tensor::AnyValue& value = set.at(input.any().name());
    const DataType type_a = input.a == nullptr ? DataType::undefined : ir::element_type(input.a->type);
    const DataType type_b = input.b == nullptr ? DataType::undefined : ir::element_type(input.b->type);
    auto [for_a, for_b] = in_both(value, type_a, type_b);
    if (input.a != nullptr) feed.a.emplace(input.a->name(), std::move(for_a));
    if (input.b != nullptr) feed.b.emplace(input.b->name(), std::move(for_b));
  }
  return feed;
}

void report_unmatched(const std::vector<Pair>& inputs, const Log& log) {
  for (const Pair& input : inputs) {
    if (input.a != nullptr && input.b != nullptr) continue;
    log.write(LogLevel::notice, "only one of the models has the input '{}'", input.any().name());
  }
}

/// Integers that pick from nothing whose size is known: they may be axes, sizes or anything else.
bool has_free_integers(const Pair& input) {
  const ir::Value& value = input.any();
  return is_integer(ir::element_type(value.type)) && !index_bound(value);
}

}  // namespace

Feeds make_feeds(const ir::Model& a, const ir::Model& b, const InputOptions& options, const Log& log) {
  const std::vector<Pair> inputs = match_inputs(a, b);
  report_unmatched(inputs, log);
  Feeds feeds;
  if (!options.files.empty()) {
    if (!options.dims.empty()) {
      throw Error(ErrorCode::config, "sizes of dimensions and input files exclude each other")
          .remedy("the files' arrays have their own sizes");
    }
    for (const InputSet& set : read_input_sets(options.files, inputs)) feeds.runs.push_back(feed_of(set, inputs));
    return feeds;
  }
  const Sizes sizes(inputs, options.dims, options.long_axes);
  feeds.assumed = sizes.assumed();
  if (!feeds.assumed.empty()) {
    log.write(LogLevel::notice, "random inputs with assumed sizes: {}", fmt::join(feeds.assumed, ", "));
  }
  for (const Pair& input : inputs) {
    if (has_free_integers(input))
      feeds.assumed.push_back(fmt::format("integers below 10 for '{}'", input.any().name()));
  }
  for (int run = 0; run < std::max(options.runs, 1); ++run) {
    InputSet set;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(run);
      set.emplace(inputs[i].any().name(), random_value(inputs[i], sizes.of(i), sizes, seed));
    }
    feeds.runs.push_back(feed_of(set, inputs));
  }
  return feeds;
}

}  // namespace olivine::runtime

#include <array>
#include <map>
#include <tuple>
#include <vector>

#include "opset/adapters/families.h"

namespace olivine::opset {
namespace {

// A family a line.
// clang-format off
constexpr std::array kFamilies = {
    &activation_adapters,   &elementwise_adapters,  &bit_adapters,           &cast_adapters,
    &constant_adapters,     &control_flow_adapters, &shape_adapters,         &slicing_adapters,
    &padding_adapters,      &arranging_adapters,    &reduction_adapters,     &ordering_adapters,
    &indexing_adapters,     &resize_adapters,       &sampling_adapters,      &pooling_adapters,
    &convolution_adapters,  &signal_adapters,       &normalization_adapters, &function_adapters,
    &linear_adapters,       &einsum_adapters,       &attention_adapters,     &recurrent_adapters,
    &quantization_adapters, &loss_adapters,         &random_adapters,        &string_adapters,
    &ml_adapters,           &tree_adapters,
};
// clang-format on

using Key = std::tuple<std::string_view, std::string_view, int, Direction>;

Key key_of(const Adapter& adapter) { return {adapter.domain, adapter.op_type, adapter.version, adapter.direction}; }

}  // namespace

std::span<const Adapter> all_adapters() {
  static const std::vector<Adapter> all = [] {
    std::vector<Adapter> rows;
    for (const auto family : kFamilies) {
      const std::span<const Adapter> more = family();
      rows.insert(rows.end(), more.begin(), more.end());
    }
    return rows;
  }();
  return all;
}

const Adapter* find_adapter(std::string_view domain, std::string_view op_type, int version, Direction direction) {
  static const std::map<Key, const Adapter*> index = [] {
    std::map<Key, const Adapter*> made;
    for (const Adapter& adapter : all_adapters()) made.emplace(key_of(adapter), &adapter);
    return made;
  }();
  const auto entry = index.find({domain, op_type, version, direction});
  return entry != index.end() ? entry->second : nullptr;
}

}  // namespace olivine::opset

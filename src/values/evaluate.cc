#include "values/evaluate.h"

#include <unordered_map>

namespace olivine::values {

std::optional<std::vector<std::int64_t>> Operation::numbers(std::size_t index) const {
  const PartialTensor* partial = input(index);
  if (partial == nullptr || partial->is_real() || !partial->all_known()) return std::nullopt;
  std::vector<std::int64_t> result;
  for (const Cell& cell : partial->cells) result.push_back(cell.integer());
  return result;
}

std::optional<std::vector<std::int64_t>> Operation::numbers(std::size_t index, std::string_view attribute) const {
  if (const auto* list = node.integers(attribute)) return *list;
  return numbers(index);
}

const Operator* find_operator(std::string_view op_type) {
  static const auto table = [] {
    std::unordered_map<std::string_view, const Operator*> entries;
    for (const auto family : {shape_operators(), movement_operators(), arithmetic_operators()}) {
      for (const Operator& entry : family) entries.emplace(entry.op_type, &entry);
    }
    return entries;
  }();
  const auto entry = table.find(op_type);
  return entry == table.end() ? nullptr : entry->second;
}

std::optional<std::size_t> normalized_axis(std::int64_t axis, std::size_t rank) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) return std::nullopt;
  return static_cast<std::size_t>(axis < 0 ? axis + signed_rank : axis);
}

std::optional<tensor::Dims> broadcast_dims(std::span<const tensor::Dims* const> all) {
  tensor::Dims result;
  for (const tensor::Dims* dims : all) {
    if (dims->size() > result.size()) result.insert(result.begin(), dims->size() - result.size(), 1);
    const std::size_t offset = result.size() - dims->size();
    for (std::size_t i = 0; i < dims->size(); ++i) {
      std::int64_t& dim = result[offset + i];
      if ((*dims)[i] == dim || (*dims)[i] == 1) continue;
      if (dim != 1) return std::nullopt;
      dim = (*dims)[i];
    }
  }
  if (!small_count(result)) return std::nullopt;
  return result;
}

std::vector<std::size_t> broadcast_indices(const tensor::Dims& source, const tensor::Dims& dims) {
  std::vector<std::size_t> strides(dims.size(), 0);
  std::size_t stride = 1;
  for (std::size_t i = source.size(); i-- > 0;) {
    if (source[i] != 1) strides[dims.size() - source.size() + i] = stride;
    stride *= static_cast<std::size_t>(source[i]);
  }
  std::vector<std::size_t> result(small_count(dims).value_or(0));
  std::vector<std::int64_t> at(dims.size(), 0);
  std::size_t index = 0;
  for (std::size_t& entry : result) {
    entry = index;
    for (std::size_t i = dims.size(); i-- > 0;) {
      index += strides[i];
      if (++at[i] < dims[i]) break;
      index -= strides[i] * static_cast<std::size_t>(dims[i]);
      at[i] = 0;
    }
  }
  return result;
}

}  // namespace olivine::values

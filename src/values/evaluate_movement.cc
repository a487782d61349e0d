#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "values/evaluate.h"

namespace olivine::values {
namespace {

using tensor::Dims;

PartialTensor like(const PartialTensor& source, Dims dims, std::vector<Cell> cells = {}) {
  return {source.dtype, std::move(dims), std::move(cells), false};
}

/// The same elements under other dims.
Results with_dims(const PartialTensor& source, Dims dims) {
  if (small_count(dims) != source.cells.size()) return {};
  return {like(source, std::move(dims), source.cells)};
}

/// A tensor as outer × axis × inner.
struct Split3 {
  std::size_t outer = 1, extent = 1, inner = 1;
  Split3(const Dims& dims, std::size_t axis) {
    for (std::size_t i = 0; i < dims.size(); ++i) {
      (i < axis ? outer : i == axis ? extent : inner) *= static_cast<std::size_t>(dims[i]);
    }
  }
};

/// Takes the entries `picks` along an axis, in their order.
PartialTensor picked(const PartialTensor& source, std::size_t axis, std::span<const std::size_t> picks) {
  const Split3 parts(source.dims, axis);
  PartialTensor result = like(source, source.dims);
  result.dims[axis] = static_cast<std::int64_t>(picks.size());
  for (std::size_t o = 0; o < parts.outer; ++o) {
    for (const std::size_t pick : picks) {
      const auto first = source.cells.begin() + static_cast<std::ptrdiff_t>((o * parts.extent + pick) * parts.inner);
      result.cells.insert(result.cells.end(), first, first + static_cast<std::ptrdiff_t>(parts.inner));
    }
  }
  return result;
}

Results identity(const Operation& operation) {
  const PartialTensor* input = operation.input(0);
  return input ? Results{*input} : Results{};
}

Results gather(const Operation& operation) {
  const PartialTensor* data = operation.input(0);
  const auto indices = operation.numbers(1);
  if (data == nullptr || !indices) return {};
  const auto axis = normalized_axis(operation.node.integer("axis", 0), data->dims.size());
  if (!axis) return {};
  std::vector<std::size_t> picks;
  for (const std::int64_t index : *indices) {
    const auto pick = normalized_axis(index, static_cast<std::size_t>(data->dims[*axis]));
    if (!pick) return {};
    picks.push_back(*pick);
  }
  Dims dims(data->dims.begin(), data->dims.begin() + static_cast<std::ptrdiff_t>(*axis));
  dims.insert(dims.end(), operation.input(1)->dims.begin(), operation.input(1)->dims.end());
  dims.insert(dims.end(), data->dims.begin() + static_cast<std::ptrdiff_t>(*axis) + 1, data->dims.end());
  if (!small_count(dims)) return {};
  PartialTensor result = picked(*data, *axis, picks);
  result.dims = std::move(dims);
  return {std::move(result)};
}

/// Entries start, start + step … before end, with ONNX's clamping.
std::vector<std::size_t> sliced(std::int64_t extent, std::int64_t start, std::int64_t end, std::int64_t step) {
  const auto bounded = [&](std::int64_t at, std::int64_t low, std::int64_t high) {
    if (at < 0) at = at < -extent ? low : at + extent;
    return std::clamp(at, low, high);
  };
  std::vector<std::size_t> picks;
  if (extent == 0) return picks;
  if (step > 0) {
    start = bounded(start, 0, extent);
    end = bounded(end, 0, extent);
    for (std::int64_t i = start; i < end; i += std::min(step, extent)) picks.push_back(static_cast<std::size_t>(i));
  } else {
    start = bounded(start, 0, extent - 1);
    end = end < -extent ? -1 : bounded(end, -1, extent - 1);
    const std::int64_t stride = step < -extent ? -extent : step;
    for (std::int64_t i = start; i > end; i += stride) picks.push_back(static_cast<std::size_t>(i));
  }
  return picks;
}

Results slice(const Operation& operation) {
  const PartialTensor* data = operation.input(0);
  const auto starts = operation.numbers(1, "starts");
  const auto ends = operation.numbers(2, "ends");
  if (data == nullptr || !starts || !ends || starts->size() != ends->size()) return {};
  std::vector<std::int64_t> axes(starts->size());
  std::iota(axes.begin(), axes.end(), 0);
  std::vector<std::int64_t> steps(starts->size(), 1);
  if (operation.input(3) != nullptr || operation.node.find("axes") != nullptr) {
    const auto given = operation.numbers(3, "axes");
    if (!given || given->size() != axes.size()) return {};
    axes = *given;
  }
  if (operation.input(4) != nullptr) {
    const auto given = operation.numbers(4);
    if (!given || given->size() != steps.size()) return {};
    steps = *given;
  }
  PartialTensor result = *data;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = normalized_axis(axes[i], result.dims.size());
    if (!axis || steps[i] == 0) return {};
    result = picked(result, *axis, sliced(result.dims[*axis], (*starts)[i], (*ends)[i], steps[i]));
  }
  return {std::move(result)};
}

Results concat(const Operation& operation) {
  const PartialTensor* first = operation.input(0);
  if (first == nullptr) return {};
  // Without a default since opset 4.
  const auto axis = normalized_axis(operation.node.integer("axis", 1), first->dims.size());
  if (!axis) return {};
  PartialTensor result = like(*first, first->dims);
  result.dims[*axis] = 0;
  for (const PartialTensor* input : operation.inputs) {
    if (input == nullptr || input->dims.size() != first->dims.size() || input->dtype != first->dtype) return {};
    result.dims[*axis] += input->dims[*axis];
    for (std::size_t i = 0; i < first->dims.size(); ++i) {
      if (i != *axis && input->dims[i] != first->dims[i]) return {};
    }
  }
  if (!small_count(result.dims)) return {};
  const std::size_t outer = Split3(first->dims, *axis).outer;
  for (std::size_t o = 0; o < outer; ++o) {
    for (const PartialTensor* input : operation.inputs) {
      const auto run = static_cast<std::ptrdiff_t>(input->cells.size() / outer);
      const auto begin = input->cells.begin() + static_cast<std::ptrdiff_t>(o) * run;
      result.cells.insert(result.cells.end(), begin, begin + run);
    }
  }
  return {std::move(result)};
}

Results split(const Operation& operation) {
  const PartialTensor* data = operation.input(0);
  if (data == nullptr) return {};
  const auto axis = normalized_axis(operation.node.integer("axis", 0), data->dims.size());
  const std::size_t count = operation.node.output_count();
  if (!axis || count == 0) return {};
  const std::int64_t extent = data->dims[*axis];
  std::vector<std::int64_t> lengths;
  if (operation.input(1) != nullptr || operation.node.find("split") != nullptr) {
    const auto given = operation.numbers(1, "split");
    if (!given) return {};
    lengths = *given;
  } else {
    // Equal parts; since opset 18 the last may be smaller.
    const std::int64_t parts = operation.node.integer("num_outputs", static_cast<std::int64_t>(count));
    if (parts != static_cast<std::int64_t>(count)) return {};
    const std::int64_t length = (extent + parts - 1) / parts;
    lengths.assign(count, length);
    lengths.back() = extent - length * (parts - 1);
    if (lengths.back() < 0 || (operation.opset < 18 && lengths.back() != length)) return {};
  }
  if (lengths.size() != count || std::any_of(lengths.begin(), lengths.end(), [](auto l) { return l < 0; })) return {};
  if (std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0}) != extent) return {};
  Results results;
  std::size_t start = 0;
  for (const std::int64_t length : lengths) {
    std::vector<std::size_t> picks(static_cast<std::size_t>(length));
    std::iota(picks.begin(), picks.end(), start);
    start += picks.size();
    results.push_back(picked(*data, *axis, picks));
  }
  return results;
}

Results unsqueeze(const Operation& operation) {
  const PartialTensor* data = operation.input(0);
  const auto axes = operation.numbers(1, "axes");
  if (data == nullptr || !axes) return {};
  const std::size_t rank = data->dims.size() + axes->size();
  std::vector<bool> inserted(rank, false);
  for (const std::int64_t entry : *axes) {
    const auto axis = normalized_axis(entry, rank);
    if (!axis || inserted[*axis]) return {};
    inserted[*axis] = true;
  }
  Dims dims;
  auto next = data->dims.begin();
  for (std::size_t i = 0; i < rank; ++i) dims.push_back(inserted[i] ? 1 : *next++);
  return with_dims(*data, std::move(dims));
}

Results squeeze(const Operation& operation) {
  const PartialTensor* data = operation.input(0);
  if (data == nullptr) return {};
  const bool given = operation.input(1) != nullptr || operation.node.find("axes") != nullptr;
  const auto axes = operation.numbers(1, "axes");
  if (given && !axes) return {};
  std::vector<bool> dropped(data->dims.size(), false);
  for (std::size_t i = 0; !given && i < dropped.size(); ++i) dropped[i] = data->dims[i] == 1;
  for (std::size_t i = 0; given && i < axes->size(); ++i) {
    const auto axis = normalized_axis((*axes)[i], data->dims.size());
    if (!axis || data->dims[*axis] != 1) return {};
    dropped[*axis] = true;
  }
  Dims dims;
  for (std::size_t i = 0; i < dropped.size(); ++i) {
    if (!dropped[i]) dims.push_back(data->dims[i]);
  }
  return with_dims(*data, std::move(dims));
}

Results reshape(const Operation& operation) {
  const PartialTensor* data = operation.input(0);
  const auto target = operation.numbers(1, "shape");
  if (data == nullptr || !target) return {};
  Dims dims = *target;
  std::size_t open = dims.size();
  std::int64_t product = 1;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && operation.node.integer("allowzero", 0) == 0) {
      if (i >= data->dims.size()) return {};
      dims[i] = data->dims[i];
    }
    if (dims[i] == -1) {
      if (open != dims.size()) return {};
      open = i;
    } else if (dims[i] < 0 || __builtin_mul_overflow(product, dims[i], &product)) {
      return {};
    }
  }
  if (open != dims.size()) {
    if (product == 0) return {};
    dims[open] = static_cast<std::int64_t>(data->cells.size()) / product;
  }
  return with_dims(*data, std::move(dims));
}

Results flatten(const Operation& operation) {
  const PartialTensor* data = operation.input(0);
  if (data == nullptr) return {};
  const std::int64_t axis = operation.node.integer("axis", 1);
  const auto rank = static_cast<std::int64_t>(data->dims.size());
  if (axis < -rank || axis > rank) return {};
  const auto border = data->dims.begin() + (axis < 0 ? axis + rank : axis);
  const auto product = [](auto first, auto last) {
    return std::accumulate(first, last, std::int64_t{1}, std::multiplies<>());
  };
  return with_dims(*data, {product(data->dims.begin(), border), product(border, data->dims.end())});
}

Results transpose(const Operation& operation) {
  const PartialTensor* data = operation.input(0);
  if (data == nullptr) return {};
  const std::size_t rank = data->dims.size();
  std::vector<std::int64_t> order(rank);
  for (std::size_t i = 0; i < rank; ++i) order[i] = static_cast<std::int64_t>(rank - 1 - i);
  if (const auto* given = operation.node.integers("perm")) order = *given;
  if (order.size() != rank) return {};
  std::vector<std::size_t> strides(rank, 1);
  for (std::size_t i = rank; i-- > 1;) strides[i - 1] = strides[i] * static_cast<std::size_t>(data->dims[i]);
  PartialTensor result = like(*data, {});
  std::vector<std::size_t> steps;
  for (const std::int64_t entry : order) {
    const auto axis = normalized_axis(entry, rank);
    if (!axis) return {};
    result.dims.push_back(data->dims[*axis]);
    steps.push_back(strides[*axis]);
  }
  std::vector<std::size_t> at(rank, 0);
  std::size_t index = 0;
  for (std::size_t n = 0; n < data->cells.size(); ++n) {
    result.cells.push_back(data->cells[index]);
    for (std::size_t i = rank; i-- > 0;) {
      index += steps[i];
      if (++at[i] < static_cast<std::size_t>(result.dims[i])) break;
      index -= steps[i] * at[i];
      at[i] = 0;
    }
  }
  return {std::move(result)};
}

PartialTensor broadcast(const PartialTensor& source, const Dims& dims) {
  PartialTensor result = like(source, dims);
  for (const std::size_t index : broadcast_indices(source.dims, dims)) result.cells.push_back(source.cells[index]);
  return result;
}

Results expand(const Operation& operation) {
  const PartialTensor* data = operation.input(0);
  const auto target = operation.numbers(1);
  if (data == nullptr || !target) return {};
  const Dims wanted = *target;
  const auto dims = broadcast_dims(std::array{&data->dims, &wanted});
  if (!dims) return {};
  return {broadcast(*data, *dims)};
}

Results tile(const Operation& operation) {
  const PartialTensor* data = operation.input(0);
  const auto repeats = operation.numbers(1);
  if (data == nullptr || !repeats || repeats->size() != data->dims.size()) return {};
  PartialTensor result = *data;
  for (std::size_t axis = 0; axis < repeats->size(); ++axis) {
    const std::int64_t times = (*repeats)[axis];
    Dims dims = result.dims;
    if (times < 0 || __builtin_mul_overflow(dims[axis], times, &dims[axis]) || !small_count(dims)) return {};
    std::vector<std::size_t> picks;
    for (std::int64_t i = 0; i < dims[axis]; ++i) picks.push_back(static_cast<std::size_t>(i % result.dims[axis]));
    result = picked(result, axis, picks);
  }
  return {std::move(result)};
}

/// Element by element; where the condition isn't known, neither is the result, unless both sides are the same number.
Results where(const Operation& operation) {
  const PartialTensor* condition = operation.input(0);
  const PartialTensor* yes = operation.input(1);
  const PartialTensor* no = operation.input(2);
  if (condition == nullptr || yes == nullptr || no == nullptr || yes->dtype != no->dtype) return {};
  const auto dims = broadcast_dims(std::array{&condition->dims, &yes->dims, &no->dims});
  if (!dims) return {};
  const PartialTensor choices = broadcast(*condition, *dims);
  PartialTensor result = broadcast(*no, *dims);
  const PartialTensor others = broadcast(*yes, *dims);
  for (std::size_t i = 0; i < result.cells.size(); ++i) {
    if (!choices.cells[i].known()) {
      result.cells[i] = Cell();
    } else if (choices.cells[i].integer() != 0) {
      result.cells[i] = others.cells[i];
    }
  }
  return {std::move(result)};
}

/// data with data[indices[i]] = updates[i]. How exporters write `shape[k] = n`.
Results scatter_nd(const Operation& operation) {
  const PartialTensor* data = operation.input(0);
  const auto indices = operation.numbers(1);
  const PartialTensor* updates = operation.input(2);
  if (data == nullptr || !indices || updates == nullptr || updates->dtype != data->dtype) return {};
  if (operation.node.string("reduction", "none") != "none") return {};
  const Dims& index_dims = operation.input(1)->dims;
  if (index_dims.empty() || index_dims.back() < 1) return {};
  const auto depth = static_cast<std::size_t>(index_dims.back());
  if (depth > data->dims.size()) return {};
  std::size_t block = 1;
  for (std::size_t i = depth; i < data->dims.size(); ++i) block *= static_cast<std::size_t>(data->dims[i]);
  const std::size_t count = indices->size() / depth;
  if (updates->cells.size() != count * block) return {};
  PartialTensor result = *data;
  for (std::size_t n = 0; n < count; ++n) {
    std::size_t offset = 0;
    for (std::size_t i = 0; i < depth; ++i) {
      const auto extent = static_cast<std::size_t>(data->dims[i]);
      const auto at = normalized_axis((*indices)[n * depth + i], extent);
      if (!at) return {};
      offset = offset * extent + *at;
    }
    const auto first = updates->cells.begin() + static_cast<std::ptrdiff_t>(n * block);
    std::copy(first, first + static_cast<std::ptrdiff_t>(block),
              result.cells.begin() + static_cast<std::ptrdiff_t>(offset * block));
  }
  return {std::move(result)};
}

constexpr Operator kOperators[] = {
    {"Identity", identity},
    {"Gather", gather},
    {"Slice", slice},
    {"Concat", concat, false, true},
    {"Split", split},
    {"Unsqueeze", unsqueeze},
    {"Squeeze", squeeze},
    {"Reshape", reshape},
    {"Flatten", flatten},
    {"Transpose", transpose},
    {"Expand", expand},
    {"Tile", tile},
    {"Where", where, false, true},
    {"ScatterND", scatter_nd, false, true},
};

}  // namespace

std::span<const Operator> movement_operators() { return kOperators; }

}  // namespace olivine::values

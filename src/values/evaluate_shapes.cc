#include <algorithm>
#include <cmath>

#include "values/evaluate.h"

namespace olivine::values {
namespace {

PartialTensor of(DataType dtype, tensor::Dims dims, std::vector<Cell> cells) {
  return {dtype, std::move(dims), std::move(cells), false};
}

const ir::Shape* shape_of_input(const Operation& operation) {
  const ir::Value* value = operation.node.input(0);
  const ir::TensorType* type = value ? value->type.tensor() : nullptr;
  return type && type->shape ? &*type->shape : nullptr;
}

Cell cell_of(const ir::Dim& dim, SymbolNames& symbols) {
  if (dim.is_value()) return dim.value() < 0 ? Cell::dimension(0) : Cell::integer(dim.value());
  return Cell::dimension(dim.is_symbol() ? symbols.number(dim.symbol()) : 0);
}

/// The dimensions from `start` up to `end`, both clamped to the rank (opset 15).
Results shape(const Operation& operation) {
  const ir::Shape* shape = shape_of_input(operation);
  if (shape == nullptr) return {};
  const auto rank = static_cast<std::int64_t>(shape->size());
  const auto clamped = [rank](std::int64_t at) { return std::clamp(at < 0 ? at + rank : at, std::int64_t{0}, rank); };
  const std::int64_t start = clamped(operation.node.integer("start", 0));
  const std::int64_t end = clamped(operation.node.integer("end", rank));
  std::vector<Cell> cells;
  for (std::int64_t i = start; i < end; ++i) {
    cells.push_back(cell_of((*shape)[static_cast<std::size_t>(i)], operation.symbols));
  }
  const auto count = static_cast<std::int64_t>(cells.size());
  return {of(DataType::int64, {count}, std::move(cells))};
}

Results size(const Operation& operation) {
  const ir::Shape* shape = shape_of_input(operation);
  if (shape == nullptr) return {};
  std::int64_t product = 1;
  for (const ir::Dim& dim : *shape) {
    if (!dim.is_value() || dim.value() < 0 || __builtin_mul_overflow(product, dim.value(), &product)) return {};
  }
  return {of(DataType::int64, {}, {Cell::integer(product)})};
}

Results constant_of_shape(const Operation& operation) {
  const auto dims = operation.numbers(0);
  const auto count = dims ? small_count(*dims) : std::nullopt;
  if (!count) return {};
  const tensor::Tensor* value = operation.node.tensor("value");
  PartialTensor fill = of(DataType::float32, {1}, {Cell::real(0)});
  if (value != nullptr) {
    auto given = read_partial(*value);
    if (!given || given->cells.size() != 1) return {};
    fill = std::move(*given);
  }
  return {of(fill.dtype, *dims, std::vector<Cell>(*count, fill.cells[0]))};
}

/// ceil((limit - start) / delta) numbers. Floats only where every step is a whole number that is exact in any type.
Results range(const Operation& operation) {
  const auto scalar = [&](std::size_t index) -> std::optional<std::int64_t> {
    const PartialTensor* input = operation.input(index);
    if (input == nullptr || input->cells.size() != 1 || !input->cells[0].known()) return std::nullopt;
    if (!input->is_real()) return input->cells[0].integer();
    const double value = input->cells[0].real();
    constexpr double kExactInHalf = 2048;
    if (value != std::trunc(value) || std::abs(value) > kExactInHalf) return std::nullopt;
    return static_cast<std::int64_t>(value);
  };
  const auto start = scalar(0);
  const auto limit = scalar(1);
  const auto delta = scalar(2);
  if (!start || !limit || !delta || *delta == 0) return {};
  const DataType dtype = operation.input(0)->dtype;
  // In bfloat16 not all whole numbers up to the limit above are exact.
  if (dtype == DataType::bfloat16) return {};
  std::vector<Cell> cells;
  for (std::int64_t value = *start; *delta > 0 ? value < *limit : value > *limit;) {
    if (cells.size() == kFoldedElements || (!is_float(dtype) && !holds(dtype, value))) return {};
    cells.push_back(is_float(dtype) ? Cell::real(static_cast<double>(value)) : Cell::integer(value));
    if (__builtin_add_overflow(value, *delta, &value)) break;
  }
  const auto count = static_cast<std::int64_t>(cells.size());
  return {of(dtype, {count}, std::move(cells))};
}

bool is_zero(const PartialTensor& tensor, std::size_t index) {
  return tensor.is_real() ? tensor.cells[index].real() == 0 : tensor.cells[index].integer() == 0;
}

/// Coordinates of the elements that aren't zero: a column each.
Results nonzero(const Operation& operation) {
  const PartialTensor* input = operation.input(0);
  if (input == nullptr || !input->all_known() || input->dims.empty()) return {};
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < input->cells.size(); ++i) {
    if (!is_zero(*input, i)) found.push_back(i);
  }
  const tensor::Dims dims = {static_cast<std::int64_t>(input->dims.size()), static_cast<std::int64_t>(found.size())};
  if (!small_count(dims)) return {};
  std::vector<Cell> cells;
  std::size_t below = input->cells.size();
  for (const std::int64_t dim : input->dims) {
    if (found.empty()) break;
    const auto extent = static_cast<std::size_t>(dim);
    below /= extent;
    for (const std::size_t index : found) {
      cells.push_back(Cell::integer(static_cast<std::int64_t>(index / below % extent)));
    }
  }
  return {of(DataType::int64, dims, std::move(cells))};
}

constexpr Operator kOperators[] = {
    {"Shape", shape, true}, {"Size", size, true}, {"ConstantOfShape", constant_of_shape},
    {"Range", range},       {"NonZero", nonzero},
};

}  // namespace

std::span<const Operator> shape_operators() { return kOperators; }

}  // namespace olivine::values

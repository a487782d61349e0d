#include "values/partial_tensor.h"

#include <algorithm>

#include "kernels/convert.h"

namespace olivine::values {

bool PartialTensor::all_known() const {
  return std::all_of(cells.begin(), cells.end(), [](const Cell& cell) { return cell.known(); });
}

bool PartialTensor::any_known() const {
  return cells.empty() ||
         std::any_of(cells.begin(), cells.end(), [](const Cell& cell) { return cell.kind() != Cell::Kind::unknown; });
}

bool can_be_partial(DataType dtype) {
  if (dtype == DataType::boolean) return true;
  return (is_integer(dtype) && bit_width(dtype) >= 8) || (is_float(dtype) && bit_width(dtype) >= 16);
}

std::optional<std::size_t> small_count(const tensor::Dims& dims) {
  std::uint64_t count = 1;
  for (const std::int64_t dim : dims) {
    if (dim < 0) return std::nullopt;
    if (dim == 0) return 0;
  }
  for (const std::int64_t dim : dims) {
    if (static_cast<std::uint64_t>(dim) > kFoldedElements) return std::nullopt;
    count *= static_cast<std::uint64_t>(dim);
    if (count > kFoldedElements) return std::nullopt;
  }
  return count;
}

std::optional<PartialTensor> read_partial(const tensor::Tensor& tensor) {
  if (!can_be_partial(tensor.dtype()) || tensor.element_count() > kFoldedElements) return std::nullopt;
  PartialTensor result{tensor.dtype(), tensor.dims(), {}, false};
  if (result.is_real()) {
    const auto values = tensor::as_doubles(tensor, kFoldedElements);
    if (!values) return std::nullopt;
    for (const double value : *values) result.cells.push_back(Cell::real(value));
    return result;
  }
  const auto values = tensor::as_int64s(tensor, kFoldedElements);
  if (!values) return std::nullopt;
  for (const std::int64_t value : *values) {
    // Beyond the range of int64 nothing is evaluated.
    if (tensor.dtype() == DataType::uint64 && value < 0) return std::nullopt;
    result.cells.push_back(Cell::integer(value));
  }
  return result;
}

namespace {

template <typename Number>
tensor::Tensor converted(const PartialTensor& partial, DataType from, const std::vector<Number>& numbers) {
  std::vector<std::byte> bytes(packed_bytes(partial.dtype, numbers.size()).value_or(0));
  kernels::convert(from, partial.dtype, reinterpret_cast<const std::byte*>(numbers.data()), bytes.data(),
                   numbers.size());
  return tensor::from_bytes(partial.dtype, partial.dims, std::move(bytes));
}

}  // namespace

tensor::Tensor make_tensor(const PartialTensor& partial) {
  if (partial.is_real()) {
    std::vector<double> numbers;
    for (const Cell& cell : partial.cells) numbers.push_back(cell.real());
    return converted(partial, DataType::float64, numbers);
  }
  std::vector<std::int64_t> numbers;
  for (const Cell& cell : partial.cells) numbers.push_back(cell.integer());
  return converted(partial, DataType::int64, numbers);
}

double rounded(double value, DataType dtype) {
  if (dtype == DataType::float64) return value;
  if (dtype == DataType::float32) return static_cast<float>(value);
  std::byte narrow[8] = {};
  double result = 0;
  kernels::convert(DataType::float64, dtype, reinterpret_cast<const std::byte*>(&value), narrow, 1);
  kernels::convert(dtype, DataType::float64, narrow, reinterpret_cast<std::byte*>(&result), 1);
  return result;
}

bool holds(DataType dtype, std::int64_t value) {
  if (dtype == DataType::boolean) return value == 0 || value == 1;
  const bool is_unsigned = name_of(dtype).front() == 'u';
  if (is_unsigned && value < 0) return false;
  const int bits = bit_width(dtype) - (is_unsigned ? 0 : 1);
  if (bits >= 63) return true;
  const std::int64_t limit = std::int64_t{1} << bits;
  return value < limit && value >= (is_unsigned ? 0 : -limit);
}

}  // namespace olivine::values

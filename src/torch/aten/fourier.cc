#include "torch/aten/fourier.h"

#include <array>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>

#include "torch/aten/complex.h"
#include "torch/aten/products.h"
#include "torch/aten/shapes.h"

namespace olivine::torch {
namespace {

/// The largest constant matrix that replaces a transform.
constexpr std::int64_t kMatrixElements = std::int64_t{1} << 22;

struct Turn {
  double cosine;
  double sine;
};

/// Of j · k n-th parts of a turn: exact for large products.
Turn turn_of(std::int64_t j, std::int64_t k, std::int64_t n, bool inverse) {
  const std::int64_t part = j * k % n;
  const double angle = 2 * std::numbers::pi * static_cast<double>(part) / static_cast<double>(n);
  // The quarters of a turn are exact.
  if (4 * part % n == 0) {
    constexpr std::array<double, 4> kCosines = {1, 0, -1, 0};
    constexpr std::array<double, 4> kSines = {0, 1, 0, -1};
    const auto quarter = static_cast<std::size_t>(4 * part / n);
    return {kCosines[quarter], inverse ? kSines[quarter] : -kSines[quarter]};
  }
  return {std::cos(angle), inverse ? std::sin(angle) : -std::sin(angle)};
}

}  // namespace

double fourier_factor(FourierScale scale, std::int64_t n) {
  if (scale == FourierScale::none) return 1;
  return scale == FourierScale::by_root ? 1 / std::sqrt(static_cast<double>(n)) : 1 / static_cast<double>(n);
}

bool is_fast_length(std::int64_t n) { return n > 0 && std::has_single_bit(static_cast<std::uint64_t>(n)); }

std::vector<double> analysis_matrix(std::int64_t n, std::int64_t bins, bool inverse, double scale) {
  std::vector<double> matrix;
  matrix.reserve(static_cast<std::size_t>(2 * n * bins));
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t k = 0; k < bins; ++k) {
      const Turn turn = turn_of(j, k, n, inverse);
      matrix.push_back(scale * turn.cosine);
      matrix.push_back(scale * turn.sine);
    }
  }
  return matrix;
}

std::vector<double> synthesis_matrix(std::int64_t n, std::int64_t bins, bool inverse, double scale) {
  std::vector<double> matrix(static_cast<std::size_t>(2 * n * bins));
  const bool is_half = bins < n;
  for (std::int64_t k = 0; k < bins; ++k) {
    // What the spectrum's other half mirrors counts twice.
    const bool is_mirrored = is_half && k != 0 && 2 * k != n;
    const double weight = is_mirrored ? 2 * scale : scale;
    for (std::int64_t t = 0; t < n; ++t) {
      const Turn turn = turn_of(k, t, n, inverse);
      matrix[static_cast<std::size_t>(2 * k * n + t)] = weight * turn.cosine;
      matrix[static_cast<std::size_t>((2 * k + 1) * n + t)] = -weight * turn.sine;
    }
  }
  return matrix;
}

namespace {

/// Pairs of n to pairs of n: each row of the analysis matrix, and the same a quarter of a turn further.
std::vector<double> complex_matrix(std::int64_t n, bool inverse, double scale) {
  std::vector<double> matrix;
  matrix.reserve(static_cast<std::size_t>(4 * n * n));
  for (std::int64_t j = 0; j < n; ++j) {
    for (const bool is_imaginary : {false, true}) {
      for (std::int64_t k = 0; k < n; ++k) {
        const Turn turn = turn_of(j, k, n, inverse);
        matrix.push_back(scale * (is_imaginary ? -turn.sine : turn.cosine));
        matrix.push_back(scale * (is_imaginary ? turn.cosine : turn.sine));
      }
    }
  }
  return matrix;
}

/// The axes with one of them last; a pair's axis stays behind it.
Ints order_with_last(std::int64_t rank, std::int64_t axis, bool has_pair) {
  Ints order(static_cast<std::size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  order.erase(order.begin() + axis);
  order.push_back(axis);
  if (has_pair) order.push_back(rank);
  return order;
}

Ints inverse_of(const Ints& order) {
  Ints inverse(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    inverse[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  }
  return inverse;
}

/// Sizes that stay (0) but for what the last of them become.
Ints kept_sizes(std::int64_t count, std::initializer_list<std::int64_t> last) {
  Ints sizes(static_cast<std::size_t>(count), 0);
  sizes.insert(sizes.end(), last);
  return sizes;
}

/// A product with a constant matrix along an axis: takes `in` numbers (twice as many of pairs) to `out`.
ir::Value* by_matrix(Call& c, ir::Value* value, bool takes_pairs, bool makes_pairs, std::int64_t axis,
                     const std::vector<double>& matrix, std::int64_t columns) {
  const std::int64_t rank = c.rank(value) - (takes_pairs ? 1 : 0);
  const auto rows = static_cast<std::int64_t>(matrix.size()) / columns;
  ir::Value* last = reordered(c, value, order_with_last(rank, axis, takes_pairs));
  if (takes_pairs) last = c.reshape(last, kept_sizes(rank - 1, {rows}));
  ir::Value* product = c.emit("MatMul", {last, c.reals(matrix, {rows, columns}, c.dtype(value))});
  if (makes_pairs) product = c.reshape(product, kept_sizes(rank - 1, {columns / 2, 2}));
  return reordered(c, product, inverse_of(order_with_last(rank, axis, makes_pairs)));
}

/// What ONNX's DFT makes, times what the scale wants: its inverse divides by the length.
ir::Value* rescaled(Call& c, ir::Value* spectrum, ir::Value* length, const Fourier& transform) {
  const auto wanted = static_cast<int>(transform.scale);
  const auto given = transform.inverse ? static_cast<int>(FourierScale::by_length) : 0;
  if (wanted == given) return spectrum;
  const DataType dtype = c.dtype(spectrum);
  ir::Value* factor = c.as_scalar(c.cast(length, dtype));
  if (std::abs(wanted - given) == 1) factor = c.emit("Sqrt", {factor});
  return c.emit(wanted > given ? "Div" : "Mul", {spectrum, factor});
}

ir::Value* by_operator(Call& c, ir::Value* value, ir::Value* length, const Fourier& transform) {
  ir::Value* axis = c.integer_scalar(transform.axis);
  ir::Value* spectrum = c.emit("DFT", {value, nullptr, axis},
                               {{"inverse", transform.inverse ? 1 : 0}, {"onesided", transform.onesided ? 1 : 0}});
  return rescaled(c, spectrum, length, transform);
}

/// Runtimes lose digits in transforms of other lengths than powers of two: a constant matrix keeps them.
bool prefers_matrix(std::optional<std::int64_t> length, std::int64_t elements) {
  return length && *length > 0 && !is_fast_length(*length) && elements <= kMatrixElements;
}

}  // namespace

ir::Value* fourier(Call& c, ir::Value* value, bool is_complex, const Fourier& transform) {
  const auto known = c.find_dim(value, transform.axis);
  const std::int64_t n = known.value_or(0);
  const std::int64_t bins = transform.onesided ? n / 2 + 1 : n;
  if (prefers_matrix(known, (is_complex ? 4 : 2) * n * bins)) {
    const double scale = fourier_factor(transform.scale, n);
    const std::vector<double> matrix =
        is_complex ? complex_matrix(n, transform.inverse, scale) : analysis_matrix(n, bins, transform.inverse, scale);
    return by_matrix(c, value, is_complex, true, transform.axis, matrix, 2 * bins);
  }
  ir::Value* operand = is_complex ? value : c.unsqueeze(value, {-1});
  ir::Value* length = c.size(value, transform.axis);
  if (!transform.onesided || !transform.inverse) return by_operator(c, operand, length, transform);
  // DFT has no inverse with one side: of reals it is the conjugate of the other direction.
  Fourier forward = transform;
  forward.inverse = false;
  return conjugate(c, by_operator(c, operand, length, forward));
}

ir::Value* real_fourier(Call& c, ir::Value* half, ir::Value* length, const Fourier& transform) {
  const auto known = c.find_ints(length);
  const std::int64_t n = known ? known->front() : 0;
  const std::int64_t bins = n / 2 + 1;
  if (prefers_matrix(known ? std::optional(n) : std::nullopt, 2 * n * bins)) {
    const std::vector<double> matrix = synthesis_matrix(n, bins, transform.inverse, fourier_factor(transform.scale, n));
    return by_matrix(c, half, true, false, transform.axis, matrix, n);
  }
  // The other half is the conjugate of this one backwards, without what stands for itself.
  ir::Value* start = c.emit("Sub", {length, c.size(half, transform.axis)});
  ir::Value* mirrored = c.emit("Slice", {half, start, c.ints({0}), c.ints({transform.axis}), c.ints({-1})});
  ir::Value* whole = c.concat({half, conjugate(c, mirrored)}, transform.axis);
  Fourier both = transform;
  both.onesided = false;
  ir::Value* signal = by_operator(c, whole, length, both);
  return c.emit("Gather", {signal, c.integer_scalar(0)}, {{"axis", c.rank(signal) - 1}});
}

}  // namespace olivine::torch

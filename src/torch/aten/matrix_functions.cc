#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

#include "torch/aten/families.h"
#include "torch/aten/matrices.h"
#include "torch/aten/products.h"
#include "torch/aten/shapes.h"

/// Functions of matrices: powers, the exponential, inverses of tensors.
namespace olivine::torch {
namespace {

Term self_of(Call& c) { return {c, c.tensor("self")}; }

// ---- Powers

ir::Value* matrix_power(Call& c) {
  Term base = self_of(c);
  std::int64_t exponent = c.integer("n");
  ir::Value* size = row_count(base);
  if (exponent == 0) return identity_like(base, size, size);
  if (exponent < 0) base = inverse(base);
  exponent = std::abs(exponent);
  std::optional<Term> result;
  for (;;) {
    if (exponent % 2 == 1) result = result ? matrix_product(*result, base) : base;
    exponent /= 2;
    if (exponent == 0) return *result;
    base = matrix_product(base, base);
  }
}

/// Taylor's series of the matrix, halved until it is small, then squared as often. Matrices of a batch are halved as
/// often as each needs.
ir::Value* matrix_exp(Call& c) {
  const Term matrix = self_of(c);
  if (is_half(matrix.dtype())) c.refuse("PyTorch overflows in half precision on the way, ONNX doesn't tell where");
  const auto dims = c.find_dims(matrix);
  if (dims && std::ranges::find(*dims, 0) != dims->end()) return matrix;
  const std::int64_t rank = c.rank(matrix);
  const Term sums = matrix.made(c.reduce("ReduceL1", matrix, {rank - 2}, true));
  const Term norm = matrix.made(c.reduce("ReduceMax", sums, {rank - 1}, true));
  const Term halvings = max(ceil(log(2 * norm) / std::numbers::ln2), 0);
  const Term small = matrix * pow(2, -halvings);
  ir::Value* size = row_count(matrix);
  const Term identity = identity_like(matrix, size, size);
  // (1/2)ⁿ / n! is below the precision then.
  const int terms = matrix.dtype() == DataType::float64 ? 14 : 9;
  Term series = identity;
  for (int n = terms; n > 0; --n) series = identity + matrix_product(small, series) / n;
  const Term most = matrix.made(c.reduce("ReduceMax", halvings, {}, false)).cast(DataType::int64);
  const Values result = repeat(c, most, {series}, [&](Term step, const std::vector<Term>& states) -> Values {
    ir::Value* go_on = c.cast(c.integer_scalar(1), DataType::boolean);
    return {go_on, where(step.cast(matrix.dtype()) < halvings, matrix_product(states[0], states[0]), states[0])};
  });
  return result[0];
}

// ---- Tensors as matrices

Ints axes_between(std::int64_t begin, std::int64_t end) {
  Ints axes(static_cast<std::size_t>(std::max<std::int64_t>(end - begin, 0)));
  std::iota(axes.begin(), axes.end(), begin);
  return axes;
}

ir::Value* count_of(Call& c, ir::Value* value, const Ints& axes) {
  return axes.empty() ? c.ints({1}) : c.reduce("ReduceProd", sizes_of(c, value, axes), {0}, true);
}

/// The axes up to `ind` are the rows of a matrix, the others its columns.
ir::Value* tensorinv(Call& c) {
  ir::Value* self = c.tensor("self");
  const Ints first = axes_between(0, c.integer("ind", 2));
  const Ints rest = axes_between(c.integer("ind", 2), c.rank(self));
  ir::Value* matrix = c.reshape_to(self, c.concat({count_of(c, self, first), count_of(c, self, rest)}, 0));
  ir::Value* sizes = c.concat({sizes_of(c, self, rest), sizes_of(c, self, first)}, 0);
  return c.reshape_to(inverse(Term(c, matrix)), sizes);
}

/// X of sum A[i, j] X[j] = B[i] with several axes each; `dims` of A come last.
ir::Value* tensorsolve(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* other = c.tensor("other");
  const std::int64_t rank = c.rank(self);
  Ints last = c.integers("dims").value_or(Ints());
  for (std::int64_t& axis : last) axis = c.positive_axis(axis, rank);
  Ints order = axes_between(0, rank);
  std::erase_if(order, [&](std::int64_t axis) { return std::ranges::find(last, axis) != last.end(); });
  order.insert(order.end(), last.begin(), last.end());
  ir::Value* arranged = reordered(c, self, order);
  const Ints unknown = axes_between(c.rank(other), rank);
  ir::Value* count = count_of(c, arranged, unknown);
  ir::Value* matrix = c.reshape_to(arranged, c.concat({count, count}, 0));
  ir::Value* column = c.reshape_to(other, c.concat({count, c.ints({1})}, 0));
  return c.reshape_to(solved(Term(c, matrix), Term(c, column)), sizes_of(c, arranged, unknown));
}

/// Powers 0, 1 … of each element, one after another.
ir::Value* vander(Call& c) {
  Term x = Term(c, c.tensor("x")).cast(c.result_dtype());
  if (c.rank(x) == 0) x = x.made(c.unsqueeze(x, {0}));
  ir::Value* count = c.has("N") ? c.size_argument("N") : c.size(x, -1);
  const auto known = c.find_ints(count);
  if (!known) {
    const Term exponents = x.made(c.range(count)).cast(x.dtype());
    return pow(as_column(x), exponents);
  }
  const Term column = as_column(x);
  Values powers = {column.made(c.filled(c.sizes(column), Number(true), x.dtype()))};
  for (std::int64_t n = 1; n < known->front(); ++n) {
    powers.push_back(n == 1 ? column : column.made(powers.back()) * column);
  }
  return powers.size() == 1 ? powers.front() : c.concat(powers, -1);
}

constexpr std::array kOps = {
    op("aten.linalg_matrix_power.default", matrix_power),
    op("aten.matrix_power.default", matrix_power),
    op("aten.matrix_exp.default", matrix_exp),
    op("aten.linalg_matrix_exp.default", matrix_exp),
    op("aten.linalg_tensorinv.default", tensorinv),
    op("aten.linalg_tensorsolve.default", tensorsolve),
    op("aten.linalg_vander.default", vander),
};

}  // namespace

Ops matrix_function_ops() { return kOps; }

}  // namespace olivine::torch

#include <array>

#include "torch/aten/families.h"
#include "torch/aten/matrices.h"
#include "torch/aten/products.h"
#include "torch/aten/shapes.h"

/// Systems of equations, determinants and the decompositions behind them.
namespace olivine::torch {
namespace {

Term term(Call& c, std::string_view name) { return {c, c.tensor(name)}; }

Term matrix_of(Call& c) { return term(c, c.has("A") ? "A" : "self"); }

Term without_last(Term value) { return value.made(value.call().squeeze(value, {-1})); }

/// PyTorch counts rows from 1, in int32.
ir::Value* shown_pivots(Term pivots) { return (pivots + 1).cast(DataType::int32); }
Term hidden_pivots(Call& c, std::string_view name) { return term(c, name).cast(DataType::int64) - 1; }

/// 0, or the first pivot that is zero, counted from 1: of [..., n] it is [...] in int32.
ir::Value* failure_of(Term packed) {
  Call& c = packed.call();
  const Term pivots = diagonal(packed);
  const Term numbers = packed.made(c.range(c.size(pivots, c.rank(pivots) - 1))) + 1;
  const Term none = packed.made(c.emit("Add", {c.size(pivots, c.rank(pivots) - 1), c.ints({1})}));
  // Of no pivots the least is not defined: one more stands for none.
  const Term candidates = where(equals(pivots, 0), numbers, none);
  ir::Value* sizes = c.rank(packed) == 2 ? c.ints({1}) : c.concat({batch_sizes(packed), c.ints({1})}, 0);
  const Term all = candidates.made(c.concat({candidates, c.expand_to(none, sizes)}, -1));
  const Term first = reduced_last("ReduceMin", all);
  return where(equals(first, packed.made(c.as_scalar(none))), 0, first).cast(DataType::int32);
}

// ---- Determinants

struct Determinant {
  Term diagonal;
  Term parity;
};

Determinant factored(Term matrix) {
  const LuFactors factors = lu_factors(matrix);
  return {diagonal(factors.packed), without_last(parity(factors.pivots, matrix.dtype()))};
}

ir::Value* determinant(Call& c, Term matrix) {
  // Runtimes have Det of float32 only, and none of nothing.
  const auto dims = c.find_dims(matrix);
  const bool is_empty = dims && std::ranges::find(*dims, 0) != dims->end();
  if (matrix.dtype() != DataType::float64 && !is_empty) return matrix.emit("Det");
  const Determinant factors = factored(matrix);
  return reduced_last("ReduceProd", factors.diagonal) * factors.parity;
}

ir::Value* det(Call& c) { return determinant(c, matrix_of(c)); }
Values det_with_factors(Call& c) { return {determinant(c, matrix_of(c)), nullptr, nullptr}; }

Values slogdet(Call& c) {
  const Determinant factors = factored(matrix_of(c));
  const Term sign = reduced_last("ReduceProd", factors.diagonal.emit("Sign")) * factors.parity;
  return {sign, reduced_last("ReduceSum", log(abs(factors.diagonal))), nullptr, nullptr};
}

ir::Value* logdet(Call& c) {
  const Values both = slogdet(c);
  const Term sign(c, both[0]);
  return where(sign < 0, std::numeric_limits<double>::quiet_NaN(), Term(c, both[1]));
}

// ---- LU

Values lu_factor(Call& c) {
  if (!c.flag("pivot", true)) c.refuse("PyTorch has it without pivots on other devices only");
  const LuFactors factors = lu_factors(matrix_of(c));
  return {factors.packed, shown_pivots(factors.pivots), failure_of(factors.packed)};
}

Term unit_lower(Term packed) {
  Call& c = packed.call();
  ir::Value* count = rank_bound(packed);
  const Term left = packed.made(c.emit("Slice", {packed, c.ints({0}), count, c.ints({c.rank(packed) - 1})}));
  return lower_triangle(left, -1) + identity_like(packed, row_count(packed), count);
}

Term upper(Term packed) {
  Call& c = packed.call();
  ir::Value* top = c.emit("Slice", {packed, c.ints({0}), rank_bound(packed), c.ints({c.rank(packed) - 2})});
  return upper_triangle(packed.made(top));
}

/// P of A = P L U: where row i comes from, a column has its 1.
Term permutation(Term order, ir::Value* rows, DataType dtype) {
  const Term numbers = order.made(order.call().range(rows));
  return equals(as_column(numbers), as_row(order)).cast(dtype);
}

Values lu(Call& c) {
  if (!c.flag("pivot", true)) c.refuse("PyTorch has it without pivots on other devices only");
  const LuFactors factors = lu_factors(matrix_of(c));
  return {permutation(factors.order, row_count(factors.packed), factors.packed.dtype()), unit_lower(factors.packed),
          upper(factors.packed)};
}

Values lu_unpack(Call& c) {
  const Term packed = term(c, "LU_data");
  Values results = {nullptr, nullptr, nullptr};
  if (c.flag("unpack_pivots", true)) {
    const Term order = order_of_pivots(hidden_pivots(c, "LU_pivots"), row_count(packed));
    results[0] = permutation(order, row_count(packed), packed.dtype());
  }
  if (c.flag("unpack_data", true)) {
    results[1] = unit_lower(packed);
    results[2] = upper(packed);
  }
  return results;
}

/// X of A X = B, or of Aᵀ X = B, for factors that are given.
Term solved_with_factors(Term packed, Term pivots, Term b, bool is_transposed) {
  Call& c = b.call();
  const Term order = order_of_pivots(pivots, row_count(packed));
  if (!is_transposed) return solved({packed, pivots, order}, b);
  const Term turned = transposed(packed);
  const Term y = solved_triangular(turned, b, {false, false});
  const Term z = solved_triangular(turned, y, {true, true});
  // The rows go back to where they came from.
  ir::Value* sizes = c.concat({batch_sizes(z), row_count(z)}, 0);
  const Term places = order.made(c.expand_to(order, sizes));
  const Term numbers = order.made(c.expand_to(c.range(row_count(z)), sizes));
  const Term back = places.made(c.emit("ScatterElements", {places, places, numbers}, {{"axis", c.rank(places) - 1}}));
  return rows_in_order(z, back);
}

/// X A = B is Aᵀ Xᵀ = Bᵀ.
ir::Value* lu_solve(Call& c, Term packed, Term pivots, Term b) {
  const bool is_adjoint = c.flag("adjoint", false);
  if (c.flag("left", true)) return solved_with_factors(packed, pivots, b, is_adjoint);
  return transposed(solved_with_factors(packed, pivots, transposed(b), !is_adjoint));
}

ir::Value* linalg_lu_solve(Call& c) { return lu_solve(c, term(c, "LU"), hidden_pivots(c, "pivots"), term(c, "B")); }

ir::Value* old_lu_solve(Call& c) {
  return lu_solve(c, term(c, "LU_data"), hidden_pivots(c, "LU_pivots"), term(c, "self"));
}

// ---- Systems of equations

/// The right side may be a vector, or a batch of vectors for a batch of matrices.
bool is_vector(const TensorMeta& a, const TensorMeta& b) {
  if (b.sizes.size() == 1) return true;
  return b.sizes.size() + 1 == a.sizes.size() && std::ranges::equal(b.sizes, std::span(a.sizes).first(b.sizes.size()));
}

struct Solution {
  Term x;
  LuFactors factors;
};

Solution solution_of(Call& c) {
  const bool is_left = c.flag("left", true);
  const Term a = is_left ? term(c, "A") : transposed(term(c, "A"));
  Term b = term(c, "B");
  const bool vector = is_vector(c.meta("A"), c.meta("B"));
  if (vector) b = as_column(b);
  if (!is_left && !vector) b = transposed(b);
  const LuFactors factors = lu_factors(a);
  Term x = solved(factors, b);
  if (!is_left && !vector) x = transposed(x);
  if (vector) x = without_last(x);
  return {x, factors};
}

ir::Value* solve(Call& c) { return solution_of(c).x; }

Values solve_checked(Call& c) {
  const Solution solution = solution_of(c);
  return {solution.x, failure_of(solution.factors.packed)};
}

Values solve_with_factors(Call& c) {
  const Solution solution = solution_of(c);
  return {solution.x, nullptr, nullptr, failure_of(solution.factors.packed)};
}

ir::Value* invert(Call& c) { return inverse(matrix_of(c)); }

Values invert_checked(Call& c) {
  const Term matrix = matrix_of(c);
  ir::Value* size = row_count(matrix);
  const LuFactors factors = lu_factors(matrix);
  return {solved(factors, identity_like(matrix, size, size)), failure_of(factors.packed)};
}

ir::Value* solve_triangular(Call& c) {
  const Triangle triangle = {c.flag("upper", false), c.flag("unitriangular", false)};
  const Term a = term(c, "self");
  const Term b = term(c, "B");
  if (c.flag("left", true)) return solved_triangular(a, b, triangle);
  return transposed(solved_triangular(transposed(a), transposed(b), {!triangle.is_upper, triangle.has_unit_diagonal}));
}

Values old_triangular_solve(Call& c) {
  const bool is_transposed = c.flag("transpose", false);
  const bool is_upper = c.flag("upper", true);
  Term a = term(c, "A");
  Term b = term(c, "self");
  same_batches(a, b);
  const Triangle triangle = {is_upper != is_transposed, c.flag("unitriangular", false)};
  return {solved_triangular(is_transposed ? transposed(a) : a, b, triangle), a};
}

// ---- Cholesky

struct Factor {
  Term matrix;
  Term failure;
};

Factor cholesky_factor(Call& c) {
  const bool is_upper = c.flag("upper", false);
  const Term matrix = term(c, "self");
  const Cholesky result = cholesky(is_upper ? transposed(matrix) : matrix);
  return {is_upper ? transposed(result.lower) : result.lower, result.failure};
}

ir::Value* cholesky_row(Call& c) { return cholesky_factor(c).matrix; }

Values cholesky_checked(Call& c) {
  const Factor factor = cholesky_factor(c);
  return {factor.matrix, factor.failure.cast(DataType::int32)};
}

/// X of L Lᵀ X = B, or of Uᵀ U X = B.
Term solved_cholesky(Term factor, Term b, bool is_upper) {
  const Term lower = is_upper ? transposed(factor) : factor;
  return solved_triangular(transposed(lower), solved_triangular(lower, b, {false, false}), {true, false});
}

ir::Value* cholesky_solve(Call& c) {
  return solved_cholesky(term(c, "input2"), term(c, "self"), c.flag("upper", false));
}

ir::Value* cholesky_inverse(Call& c) {
  const Term factor = term(c, "self");
  ir::Value* size = row_count(factor);
  return solved_cholesky(factor, identity_like(factor, size, size), c.flag("upper", false));
}

// ---- QR

Values geqrf(Call& c) {
  const Reflections result = reflections_of(term(c, "self"));
  return {result.packed, result.factors};
}

ir::Value* householder_product(Call& c) {
  const Term packed = term(c, c.has("input") ? "input" : "self");
  const Term factors = term(c, c.has("tau") ? "tau" : "input2");
  return reflected({packed, factors}, identity_like(packed, row_count(packed), column_count(packed)), false);
}

ir::Value* ormqr(Call& c) {
  const Reflections reflections = {term(c, "self"), term(c, "input2")};
  const bool is_transposed = c.flag("transpose", false);
  const Term other = term(c, "input3");
  if (c.flag("left", true)) return reflected(reflections, other, is_transposed);
  return transposed(reflected(reflections, transposed(other), !is_transposed));
}

Values qr_of(Call& c, Term matrix, const std::string& mode) {
  const Reflections reflections = reflections_of(matrix);
  const bool is_complete = mode == "complete";
  ir::Value* rows = row_count(matrix);
  ir::Value* kept = is_complete ? rows : rank_bound(matrix);
  const std::int64_t rank = c.rank(matrix);
  ir::Value* top = is_complete ? static_cast<ir::Value*>(reflections.packed)
                               : c.emit("Slice", {reflections.packed, c.ints({0}), kept, c.ints({rank - 2})});
  const Term r = upper_triangle(matrix.made(top));
  if (mode == "r") return {c.filled(c.ints({0}), Number(0.0), matrix.dtype()), r};
  return {reflected(reflections, identity_like(matrix, rows, kept), false), r};
}

Values linalg_qr(Call& c) { return qr_of(c, term(c, "A"), c.string("mode", "reduced")); }
Values old_qr(Call& c) { return qr_of(c, term(c, "self"), c.flag("some", true) ? "reduced" : "complete"); }

constexpr std::array kOps = {
    op("aten.linalg_det.default", det),
    op("aten.det.default", det),
    op("aten._linalg_det.default", det_with_factors),
    op("aten.linalg_slogdet.default", slogdet),
    op("aten.slogdet.default", slogdet),
    op("aten._linalg_slogdet.default", slogdet),
    op("aten.logdet.default", logdet),
    op("aten.linalg_lu_factor.default", lu_factor),
    op("aten.linalg_lu_factor_ex.default", lu_factor),
    op("aten._lu_with_info.default", lu_factor),
    op("aten.linalg_lu.default", lu),
    op("aten.lu_unpack.default", lu_unpack),
    op("aten.linalg_lu_solve.default", linalg_lu_solve),
    op("aten.lu_solve.default", old_lu_solve),
    op("aten.linalg_solve.default", solve),
    op("aten.linalg_solve_ex.default", solve_checked),
    op("aten._linalg_solve_ex.default", solve_with_factors),
    op("aten.linalg_inv.default", invert),
    op("aten.inverse.default", invert),
    op("aten.linalg_inv_ex.default", invert_checked),
    op("aten.linalg_solve_triangular.default", solve_triangular),
    op("aten.triangular_solve.default", old_triangular_solve),
    op("aten.linalg_cholesky.default", cholesky_row),
    op("aten.cholesky.default", cholesky_row),
    op("aten.linalg_cholesky_ex.default", cholesky_checked),
    op("aten.cholesky_solve.default", cholesky_solve),
    op("aten.cholesky_inverse.default", cholesky_inverse),
    op("aten.geqrf.default", geqrf),
    op("aten.linalg_householder_product.default", householder_product),
    op("aten.orgqr.default", householder_product),
    op("aten.ormqr.default", ormqr),
    op("aten.linalg_qr.default", linalg_qr),
    op("aten.qr.default", old_qr),
};

}  // namespace

Ops solver_ops() { return kOps; }

}  // namespace olivine::torch

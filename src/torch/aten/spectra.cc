#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "torch/aten/families.h"
#include "torch/aten/matrices.h"
#include "torch/aten/products.h"

/// What is made of singular values and eigenvalues. The vectors that belong to them are not: their signs are chance,
/// and another library's aren't PyTorch's.
namespace olivine::torch {
namespace {

Term matrix_of(Call& c) {
  for (const std::string_view name : {"self", "A", "input"}) {
    if (c.is_tensor(name)) return {c, c.tensor(name)};
  }
  c.refuse("its matrix is missing");
}

ir::Value* svdvals(Call& c) { return spectrum(matrix_of(c)); }

Values svd(Call& c) { return {nullptr, spectrum(matrix_of(c)), nullptr}; }

// ---- Symmetric matrices

/// Of one of the two halves.
Term symmetric(Term matrix, bool is_upper) {
  const Term half = is_upper ? upper_triangle(matrix) : lower_triangle(matrix);
  const Term other = is_upper ? upper_triangle(matrix, 1) : lower_triangle(matrix, -1);
  return half + transposed(other);
}

/// From the least on. Moved by the matrix's norm none is negative, and they are the singular values.
Term eigenvalues(Term matrix) {
  Call& c = matrix.call();
  if (is_empty(matrix)) return spectrum(matrix);
  ir::Value* size = row_count(matrix);
  const std::int64_t rank = c.rank(matrix);
  const Term norm = matrix.made(c.reduce("ReduceL2", matrix, {rank - 2, rank - 1}, true));
  const Term values = singular_values(matrix + norm * identity_like(matrix, size, size)).values;
  ir::Value* upwards = c.slice(values, rank - 2, -1, std::numeric_limits<std::int64_t>::min(), -1);
  return matrix.made(upwards) - matrix.made(c.squeeze(norm, {-1}));
}

ir::Value* eigvalsh(Call& c) { return eigenvalues(symmetric(matrix_of(c), c.string("UPLO", "L") == "U")); }

Values eigh(Call& c) { return {eigvalsh(c), nullptr}; }

// ---- What small singular values are taken for

struct Tolerance {
  Term absolute;
  Term relative;
};

Term as_tolerance(Call& c, std::string_view name, Term like, double fallback) {
  if (!c.is_tensor(name)) return like.made(c.number(c.real(name, fallback), like.dtype()));
  const Term given = Term(c, c.tensor(name)).cast(like.dtype());
  return c.rank(given) == 0 ? given : as_column(given);
}

/// Machine precision times the longer side, unless something else is given.
Term usual_relative(Term matrix) {
  Call& c = matrix.call();
  const double epsilon = matrix.dtype() == DataType::float64 ? std::numeric_limits<double>::epsilon()
                                                             : std::numeric_limits<float>::epsilon();
  ir::Value* side = c.emit("Max", {row_count(matrix), column_count(matrix)});
  return matrix.made(c.as_scalar(side)).cast(matrix.dtype()) * epsilon;
}

Tolerance tolerance_of(Call& c, Term matrix) {
  const auto zero = [&] { return matrix.made(c.number(0, matrix.dtype())); };
  if (c.has("tol")) return {as_tolerance(c, "tol", matrix, 0), zero()};
  const bool old = c.target() == "aten.pinverse.default";
  if (c.has("rcond") || old) return {zero(), as_tolerance(c, "rcond", matrix, 1e-15)};
  const Term absolute = as_tolerance(c, "atol", matrix, 0);
  if (c.has("rtol")) return {absolute, as_tolerance(c, "rtol", matrix, 0)};
  return {absolute, where(absolute > 0, 0, usual_relative(matrix))};
}

Term threshold(const Tolerance& tolerance, Term values) {
  return max(tolerance.absolute, tolerance.relative * reduced_last("ReduceMax", values, true));
}

bool is_symmetric(Call& c) { return c.flag("hermitian", false); }

ir::Value* matrix_rank(Call& c) {
  const Term matrix = matrix_of(c);
  if (is_empty(matrix)) return c.filled(batch_sizes(matrix), Number(std::int64_t{0}), DataType::int64);
  const Term values = spectrum(is_symmetric(c) ? symmetric(matrix, false) : matrix);
  return reduced_last("ReduceSum", (values > threshold(tolerance_of(c, matrix), values)).cast(DataType::int64));
}

/// V S⁻¹ Uᵀ without what is taken for zero.
Term pseudo_inverse(Term matrix, const Tolerance& tolerance) {
  Call& c = matrix.call();
  const Term thin = slim(matrix);
  const SingularValues parts = singular_values(thin, true);
  const Term counts = parts.values > threshold(tolerance, parts.values);
  const Term inverse = where(counts, 1 / where(counts, parts.values, 1), 0);
  const Term left = where(as_row(counts), parts.left * as_row(inverse), 0);
  const Term result = matrix.made(matmul(c, parts.right * as_row(inverse), transposed(left)));
  return thin == matrix ? result : transposed(result);
}

ir::Value* pinv(Call& c) {
  const Term matrix = matrix_of(c);
  if (is_empty(matrix)) return c.filled(c.sizes(transposed(matrix)), Number(0.0), matrix.dtype());
  return pseudo_inverse(is_symmetric(c) ? symmetric(matrix, false) : matrix, tolerance_of(c, matrix));
}

// ---- Condition

ir::Value* entry_norm(Call& c, Term matrix, double order) {
  const std::int64_t rank = c.rank(matrix);
  const bool by_columns = std::abs(order) == 1;
  const Term sums = matrix.made(c.reduce("ReduceL1", matrix, {by_columns ? rank - 2 : rank - 1}, false));
  return reduced_last(order > 0 ? "ReduceMax" : "ReduceMin", sums);
}

Term condition_norm(Call& c, Term matrix) {
  const std::int64_t rank = c.rank(matrix);
  const Argument* order = c.find("p");
  if (order->as<std::string>() == nullptr) return matrix.made(entry_norm(c, matrix, c.real("p", 2)));
  if (c.string("p", "") == "nuc") return reduced_last("ReduceSum", spectrum(matrix));
  return matrix.made(c.reduce("ReduceL2", matrix, {rank - 2, rank - 1}, false));
}

ir::Value* condition(Call& c) {
  const Term matrix = matrix_of(c);
  if (is_empty(matrix)) return c.filled(batch_sizes(matrix), Number(0.0), matrix.dtype());
  const Argument* order = c.find("p");
  const bool by_values = order == nullptr || (order->as<std::string>() == nullptr && std::abs(c.real("p", 2)) == 2);
  if (!by_values) return condition_norm(c, matrix) * condition_norm(c, inverse(matrix));
  const Term values = spectrum(matrix);
  const Term greatest = reduced_last("ReduceMax", values);
  const Term least = reduced_last("ReduceMin", values);
  return c.real("p", 2) > 0 ? greatest / least : least / greatest;
}

constexpr std::array kOps = {
    op("aten.linalg_svdvals.default", svdvals),
    op("aten.linalg_svd.default", svd),
    op("aten._linalg_svd.default", svd),
    op("aten.svd.default", svd),
    op("aten.linalg_eigvalsh.default", eigvalsh),
    op("aten.linalg_eigh.default", eigh),
    op("aten._linalg_eigh.default", eigh),
    op("aten.linalg_matrix_rank.default", matrix_rank),
    op("aten.linalg_matrix_rank.tol_tensor", matrix_rank),
    op("aten.linalg_matrix_rank.atol_rtol_tensor", matrix_rank),
    op("aten.linalg_matrix_rank.atol_rtol_float", matrix_rank),
    op("aten.linalg_pinv.default", pinv),
    op("aten.linalg_pinv.rcond_tensor", pinv),
    op("aten.linalg_pinv.atol_rtol_tensor", pinv),
    op("aten.linalg_pinv.atol_rtol_float", pinv),
    op("aten.pinverse.default", pinv),
    op("aten.linalg_cond.default", condition),
    op("aten.linalg_cond.p_str", condition),
};

}  // namespace

Ops spectrum_ops() { return kOps; }

}  // namespace olivine::torch

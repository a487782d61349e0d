#pragma once

#include <functional>

#include "torch/aten/term.h"

/// Work on (batches of) real matrices, which are the last two axes of a value: what decompositions are made of.
namespace olivine::torch {

/// Repeats a step `count` (int64[1]) times; the step gets its number, counted from 0, as a scalar, and the states, and
/// gives new ones of the same types and shapes. Few steps are made one after another, many by a Loop.
using MatrixStep = std::function<Values(Term step, const std::vector<Term>& states)>;
Values stepwise(Call& c, ir::Value* count, const Values& states, const MatrixStep& step);

/// @name Parts of a matrix
/// @{
Term row_at(Term matrix, Term index);     ///< [..., columns]
Term column_at(Term matrix, Term index);  ///< [..., rows]
Term as_row(Term vector);
Term as_column(Term vector);
/// The last element counted by `index`: of [..., n] it is [..., 1].
Term element_at(Term vector, Term index);
Term row_numbers(Term matrix);     ///< 0, 1 … as int64[rows]
Term column_numbers(Term matrix);  ///< 0, 1 … as int64[columns]
Term diagonal(Term matrix);
Term transposed(Term matrix);
Term lower_triangle(Term matrix, std::int64_t diagonal = 0);
Term upper_triangle(Term matrix, std::int64_t diagonal = 0);
/// @}

ir::Value* row_count(Term matrix);
ir::Value* column_count(Term matrix);
/// The lesser of both, as int64[1].
ir::Value* rank_bound(Term matrix);
/// Sizes of all axes but the last `count`, as int64[n].
ir::Value* batch_sizes(Term value, std::int64_t count = 2);
Term matrix_product(Term a, Term b);
/// ReduceMax … over the last axis.
Term reduced_last(const char* op_type, Term value, bool keepdim = false);
/// The identity of `rows` by `columns` (int64[1] each), once for each matrix of the batch of `like`.
Term identity_like(Term like, ir::Value* rows, ir::Value* columns);
/// Both with the batch that their batches broadcast to.
void same_batches(Term& a, Term& b);
/// The rows of a matrix in the order that int64[..., rows] tells.
Term rows_in_order(Term matrix, Term order);

/// @name Elimination
/// @{
/// L and U in one matrix; `pivots` [..., min(rows, columns)] tells with which row each was exchanged, `order` [...,
/// rows] which row of the matrix each is now. Both count from 0.
struct LuFactors {
  Term packed;
  Term pivots;
  Term order;
};
LuFactors lu_factors(Term matrix);
/// 1, or -1 for an odd number of exchanges: [..., 1] of `dtype`.
Term parity(Term pivots, DataType dtype);
/// Where exchanges, made one after another, bring the rows.
Term order_of_pivots(Term pivots, ir::Value* rows);

struct Triangle {
  bool is_upper = false;
  bool has_unit_diagonal = false;
};
/// X of A X = B for a triangular A, whose other half isn't looked at.
Term solved_triangular(Term a, Term b, Triangle triangle);
Term solved(const LuFactors& factors, Term b);
/// X of A X = B.
Term solved(Term a, Term b);
Term inverse(Term matrix);

/// The lower triangle L of A = L Lᵀ, of which the lower half is looked at; `failure` [...] (int64) is 0, or the order
/// of the first leading minor that isn't positive.
struct Cholesky {
  Term lower;
  Term failure;
};
Cholesky cholesky(Term matrix);
/// @}

/// @name Reflections
/// @{
/// R above the diagonal, what makes the reflections below it, and their factors [..., min(rows, columns)].
struct Reflections {
  Term packed;
  Term factors;
};
Reflections reflections_of(Term matrix);
/// Q B, or Qᵀ B, for the Q that reflections make.
Term reflected(const Reflections& reflections, Term matrix, bool is_transposed);
/// @}

/// @name Rotations
/// @{
/// Of A = U S Vᵀ the values, from the greatest on, and with `vectors` also U S and V (their signs are chance).
struct SingularValues {
  Term values;  ///< [..., min(rows, columns)]
  Term left;
  Term right;
};
SingularValues singular_values(Term matrix, bool vectors = false);
/// The values alone, of empty matrices too.
Term spectrum(Term matrix);

bool is_empty(Term matrix);
/// Rows turned to columns where there are fewer: less to turn.
Term slim(Term matrix);
/// @}

}  // namespace olivine::torch

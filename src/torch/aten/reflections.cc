#include "torch/aten/matrices.h"
#include "torch/aten/products.h"

/// Householder's reflections, with LAPACK's signs.
namespace olivine::torch {

Reflections reflections_of(Term matrix) {
  Call& c = matrix.call();
  const Term rows = row_numbers(matrix);
  const Term columns = column_numbers(matrix);
  ir::Value* count = rank_bound(matrix);
  const Term steps = matrix.made(c.range(count));
  ir::Value* sizes = c.rank(matrix) == 2 ? count : c.concat({batch_sizes(matrix), count}, 0);
  const Term zeros = matrix.made(c.filled(sizes, Number(0.0), matrix.dtype()));
  const Values results = stepwise(c, count, {matrix, zeros}, [&](Term k, const std::vector<Term>& states) -> Values {
    const Term a = states[0];
    const Term column = column_at(a, k);
    const auto norm_where = [&](Term condition) {
      return a.made(c.reduce("ReduceL2", where(condition, column, 0), {-1}, true));
    };
    const Term corner = element_at(column, k);
    const Term length = norm_where(rows >= k);
    const Term image = where(corner < 0, length, -length);
    // Nothing below the diagonal: nothing to reflect.
    const Term is_done = equals(norm_where(rows > k), 0);
    const Term factor = where(is_done, 0, (image - corner) / where(is_done, 1, image));
    const Term below = column / where(is_done, 1, corner - image);
    const Term vector = where(equals(rows, k), 1, where(rows > k, below, 0));
    const Term change = as_column(vector) * matrix_product(as_row(vector), a) * as_column(factor);
    const Term first = where(equals(rows, k), where(is_done, corner, image), where(rows > k, vector, column));
    const Term fresh = where(columns > k, a - change, where(equals(columns, k), as_column(first), a));
    return {fresh, where(equals(steps, k), factor, states[1])};
  });
  return {matrix.made(results[0]), matrix.made(results[1])};
}

Term reflected(const Reflections& reflections, Term matrix, bool is_transposed) {
  Call& c = matrix.call();
  const Term rows = row_numbers(reflections.packed);
  ir::Value* count = c.size(reflections.factors, c.rank(reflections.factors) - 1);
  const Values result = stepwise(c, count, {matrix}, [&](Term step, const std::vector<Term>& states) -> Values {
    const Term k = is_transposed ? step : step.made(c.as_scalar(count)) - 1 - step;
    const Term column = column_at(reflections.packed, k);
    const Term vector = where(equals(rows, k), 1, where(rows > k, column, 0));
    const Term factor = as_column(element_at(reflections.factors, k));
    return {states[0] - as_column(vector) * matrix_product(as_row(vector), states[0]) * factor};
  });
  return matrix.made(result[0]);
}

}  // namespace olivine::torch

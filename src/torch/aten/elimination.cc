#include "torch/aten/matrices.h"
#include "torch/aten/products.h"

/// Gauss's and Cholesky's elimination, in LAPACK's order and with its choice of pivots.
namespace olivine::torch {

LuFactors lu_factors(Term matrix) {
  Call& c = matrix.call();
  const Term rows = row_numbers(matrix);
  const Term columns = column_numbers(matrix);
  ir::Value* count = rank_bound(matrix);
  const Term steps = matrix.made(c.range(count));
  const auto in_batch = [&](Term numbers, ir::Value* length) {
    return c.rank(matrix) == 2 ? static_cast<ir::Value*>(numbers)
                               : c.expand_to(numbers, c.concat({batch_sizes(matrix), length}, 0));
  };
  const Values initial = {matrix, in_batch(steps, count), in_batch(rows, row_count(matrix))};
  const Values factors = stepwise(c, count, initial, [&](Term k, const std::vector<Term>& states) -> Values {
    // The greatest of the column comes into the diagonal.
    const Term size = where(rows >= k, abs(column_at(states[0], k)), -1);
    const Term pivot_row = size.emit("ArgMax", {{"axis", -1}, {"keepdims", 1}});
    const Term pivots = where(equals(steps, k), pivot_row, states[1]);
    const Term exchange = where(equals(rows, k), pivot_row, where(equals(rows, pivot_row), k, rows));
    const Term order = states[2].emit("GatherElements", exchange, {{"axis", c.rank(states[2]) - 1}});
    const Term a = rows_in_order(states[0], exchange);
    const Term row = row_at(a, k);
    const Term pivot = element_at(row, k);
    // A column of zeros stays.
    const Term factor = as_column(column_at(a, k) / where(equals(pivot, 0), 1, pivot));
    const Term fresh = where(equals(columns, k), factor, a - factor * as_row(row));
    return {where(as_column(rows > k) & (columns >= k), fresh, a), pivots, order};
  });
  return {matrix.made(factors[0]), matrix.made(factors[1]), matrix.made(factors[2])};
}

Term parity(Term pivots, DataType dtype) {
  Call& c = pivots.call();
  const Term steps = pivots.made(c.range(c.size(pivots, c.rank(pivots) - 1)));
  const Term moved = (!equals(pivots, steps)).cast(DataType::int64);
  const Term count = moved.made(c.reduce("ReduceSum", moved, {-1}, true));
  return 1 - 2 * count.emit("Mod", count.number(2)).cast(dtype);
}

Term order_of_pivots(Term pivots, ir::Value* rows) {
  Call& c = pivots.call();
  const Term numbers = pivots.made(c.range(rows));
  ir::Value* initial = c.rank(pivots) == 1 ? static_cast<ir::Value*>(numbers)
                                           : c.expand_to(numbers, c.concat({batch_sizes(pivots, 1), rows}, 0));
  const Values order = stepwise(
      c, c.size(pivots, c.rank(pivots) - 1), {initial}, [&](Term k, const std::vector<Term>& states) -> Values {
        const Term other = element_at(pivots, k);
        const Term exchange = where(equals(numbers, k), other, where(equals(numbers, other), k, numbers));
        return {states[0].emit("GatherElements", exchange, {{"axis", c.rank(pivots) - 1}})};
      });
  return pivots.made(order[0]);
}

Term solved_triangular(Term a, Term b, Triangle triangle) {
  Call& c = a.call();
  same_batches(a, b);
  const Term rows = row_numbers(a);
  ir::Value* count = row_count(a);
  const Values x = stepwise(c, count, {b}, [&](Term step, const std::vector<Term>& states) -> Values {
    const Term k = triangle.is_upper ? step.made(c.as_scalar(count)) - 1 - step : step;
    const Term column = column_at(a, k);
    Term row = row_at(states[0], k);
    if (!triangle.has_unit_diagonal) row = row / element_at(column, k);
    const Term rest = as_column(triangle.is_upper ? rows < k : rows > k);
    const Term done = where(as_column(equals(rows, k)), as_row(row), states[0]);
    return {where(rest, states[0] - as_column(column) * as_row(row), done)};
  });
  return a.made(x[0]);
}

Term solved(const LuFactors& factors, Term b) {
  Term packed = factors.packed;
  same_batches(packed, b);
  Call& c = b.call();
  const Term order = b.made(c.expand_to(factors.order, c.concat({batch_sizes(packed), row_count(packed)}, 0)));
  const Term y = solved_triangular(packed, rows_in_order(b, order), {false, true});
  return solved_triangular(packed, y, {true, false});
}

Term solved(Term a, Term b) { return solved(lu_factors(a), b); }

Term inverse(Term matrix) {
  ir::Value* size = row_count(matrix);
  return solved(matrix, identity_like(matrix, size, size));
}

Cholesky cholesky(Term matrix) {
  Call& c = matrix.call();
  const Term rows = row_numbers(matrix);
  const Term columns = rows;
  const Term none = matrix.made(c.filled(batch_sizes(matrix), Number(std::int64_t{0}), DataType::int64));
  const Values results =
      stepwise(c, row_count(matrix), {matrix, none}, [&](Term k, const std::vector<Term>& states) -> Values {
        const Term a = states[0];
        const Term column = column_at(a, k);
        const Term square = element_at(column, k);
        const Term root = sqrt(square);
        const Term below = column / root;
        const Term fresh = where(equals(columns, k), as_column(below), a - as_column(below) * as_row(below));
        const Term corner = as_column(equals(rows, k)) & equals(columns, k);
        const Term lower = as_column(rows > k) & (columns >= k);
        const Term is_positive = square.made(c.squeeze(square > 0, {-1}));
        const Term failure = where((!is_positive) & equals(states[1], 0), k + 1, states[1]);
        return {where(lower, fresh, where(corner, as_column(root), a)), failure};
      });
  return {lower_triangle(matrix.made(results[0])), matrix.made(results[1])};
}

}  // namespace olivine::torch

#include "torch/aten/matrices.h"

#include <algorithm>

#include "torch/aten/products.h"
#include "torch/aten/shapes.h"

namespace olivine::torch {
namespace {

/// More steps than these are a Loop.
constexpr std::int64_t kUnrolledSteps = 4;

std::int64_t rank_of(Term value) { return value.call().rank(value); }

Term gathered(Term value, Term index, std::int64_t axis) { return value.emit("Gather", index, {{"axis", axis}}); }

}  // namespace

Values stepwise(Call& c, ir::Value* count, const Values& states, const MatrixStep& step) {
  const auto known = c.find_ints(count);
  if (!known || known->front() > kUnrolledSteps)
    return repeat(c, c.as_scalar(count), states, [&](Term k, const std::vector<Term>& inner) {
      Values results = step(k, inner);
      results.insert(results.begin(), c.cast(c.integer_scalar(1), DataType::boolean));
      return results;
    });
  Values current = states;
  for (std::int64_t k = 0; k < known->front(); ++k) {
    std::vector<Term> terms;
    for (ir::Value* value : current) terms.emplace_back(c, value);
    current = step(Term(c, c.integer_scalar(k)), terms);
  }
  return current;
}

Term row_at(Term matrix, Term index) { return gathered(matrix, index, rank_of(matrix) - 2); }
Term column_at(Term matrix, Term index) { return gathered(matrix, index, rank_of(matrix) - 1); }
Term as_row(Term vector) { return vector.made(vector.call().unsqueeze(vector, {-2})); }
Term as_column(Term vector) { return vector.made(vector.call().unsqueeze(vector, {-1})); }

Term element_at(Term vector, Term index) {
  return gathered(vector, vector.made(vector.call().reshape(index, {1})), rank_of(vector) - 1);
}

ir::Value* row_count(Term matrix) { return matrix.call().size(matrix, rank_of(matrix) - 2); }
ir::Value* column_count(Term matrix) { return matrix.call().size(matrix, rank_of(matrix) - 1); }

ir::Value* rank_bound(Term matrix) {
  ir::Value* rows = row_count(matrix);
  ir::Value* columns = column_count(matrix);
  return rows == columns ? rows : matrix.call().emit("Min", {rows, columns});
}

Term row_numbers(Term matrix) { return matrix.made(matrix.call().range(row_count(matrix))); }
Term column_numbers(Term matrix) { return matrix.made(matrix.call().range(column_count(matrix))); }

Term transposed(Term matrix) { return matrix.made(transposed(matrix.call(), matrix)); }

Term lower_triangle(Term matrix, std::int64_t diagonal) {
  return matrix.emit("Trilu", matrix.made(matrix.call().integer_scalar(diagonal)), {{"upper", 0}});
}

Term upper_triangle(Term matrix, std::int64_t diagonal) {
  return matrix.emit("Trilu", matrix.made(matrix.call().integer_scalar(diagonal)), {{"upper", 1}});
}

Term diagonal(Term matrix) {
  const std::int64_t rank = rank_of(matrix);
  return matrix.made(diagonal_of(matrix.call(), matrix, rank, 0, rank - 2, rank - 1));
}

ir::Value* batch_sizes(Term value, std::int64_t count) {
  Ints axes;
  for (std::int64_t axis = 0; axis + count < rank_of(value); ++axis) axes.push_back(axis);
  return sizes_of(value.call(), value, axes);
}

Term matrix_product(Term a, Term b) { return a.made(matmul(a.call(), a, b)); }

Term reduced_last(const char* op_type, Term value, bool keepdim) {
  return value.made(value.call().reduce(op_type, value, {-1}, keepdim));
}

Term identity_like(Term like, ir::Value* rows, ir::Value* columns) {
  Call& c = like.call();
  ir::Value* equal = c.emit("Equal", {c.unsqueeze(c.range(rows), {1}), c.range(columns)});
  ir::Value* one = c.cast(equal, like.dtype());
  if (rank_of(like) == 2) return like.made(one);
  return like.made(c.expand_to(one, c.concat({batch_sizes(like), rows, columns}, 0)));
}

void same_batches(Term& a, Term& b) {
  Call& c = a.call();
  ir::Value* first = batch_sizes(a);
  ir::Value* second = batch_sizes(b);
  if (first == second) return;
  // What both broadcast to is the shape of one expanded to the other.
  const auto ones = [&](ir::Value* sizes) { return c.filled(sizes, Number(true), DataType::boolean); };
  ir::Value* both = c.sizes(c.emit("Expand", {ones(first), second}));
  const auto with_batch = [&](Term value) {
    return value.made(c.expand_to(value, c.concat({both, row_count(value), column_count(value)}, 0)));
  };
  a = with_batch(a);
  b = with_batch(b);
}

Term rows_in_order(Term matrix, Term order) {
  Call& c = matrix.call();
  if (is_empty(matrix)) return matrix;
  ir::Value* index = c.expand_to(as_column(order), c.sizes(matrix));
  return matrix.emit("GatherElements", matrix.made(index), {{"axis", rank_of(matrix) - 2}});
}

}  // namespace olivine::torch

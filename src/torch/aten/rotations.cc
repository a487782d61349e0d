#include <algorithm>
#include <limits>

#include "torch/aten/matrices.h"
#include "torch/aten/products.h"
#include "torch/aten/sort.h"

/// Jacobi's rotations: columns are turned in pairs until all are orthogonal; their lengths are the singular values
/// then.
namespace olivine::torch {
namespace {

/// Each sweep has all columns meet; more never help.
constexpr int kSweeps = 20;

Term sliced(Term value, std::int64_t axis, ir::Value* start, ir::Value* end) {
  Call& c = value.call();
  return value.made(c.emit("Slice", {value, start, end, c.ints({axis})}));
}

Term rows_between(Term matrix, ir::Value* start, ir::Value* end) {
  return sliced(matrix, matrix.call().rank(matrix) - 2, start, end);
}

Term columns_between(Term matrix, ir::Value* start, ir::Value* end) {
  return sliced(matrix, matrix.call().rank(matrix) - 1, start, end);
}

/// Which column comes where for the next round: the first stays, the others go round as in a tournament, so that after
/// `count` - 1 rounds each has met each.
Term next_round(Term count, Term half) {
  Call& c = count.call();
  const Term place = count.made(c.range(c.reshape(count, {1})));
  const Term upper = where(place < half, place - 1, where(equals(place, count - 1), half - 1, place + 1));
  return where(equals(place, 0), 0, where(equals(place, 1), half, upper));
}

struct Turn {
  Term cosine;
  Term sine;
  Term alignment;  ///< of the columns, between 0 and 1
};

/// The rotation after which two columns are orthogonal, by their lengths' squares and their product.
Turn turn_of(Term left, Term right, Term product) {
  const Term is_done = equals(product, 0);
  const Term ratio = (right - left) / where(is_done, 1, 2 * product);
  const Term size = abs(ratio);
  // Of a great ratio the square overflows; the tangent is half of its inverse then.
  const bool is_double = left.dtype() == DataType::float64;
  const Term tangent_size = where(size > (is_double ? 1e100 : 1e15), 0.5 / size, 1 / (size + sqrt(1 + square(size))));
  const Term tangent = where(is_done, 0, where(ratio < 0, -tangent_size, tangent_size));
  const Term cosine = 1 / sqrt(1 + square(tangent));
  const Term lengths = sqrt(left) * sqrt(right);
  const Term alignment = where(lengths > 0, abs(product) / where(lengths > 0, lengths, 1), 0);
  return {cosine, cosine * tangent, alignment};
}

}  // namespace

SingularValues singular_values(Term matrix, bool vectors) {
  Call& c = matrix.call();
  const std::int64_t rank = c.rank(matrix);
  ir::Value* rows = row_count(matrix);
  ir::Value* columns = column_count(matrix);
  Term stack = matrix;
  if (vectors) {
    stack = matrix.made(c.concat({matrix, identity_like(matrix, columns, columns)}, rank - 2));
  }
  // An odd one meets a column of zeros.
  ir::Value* odd = c.emit("Mod", {columns, c.ints({2})});
  if (c.find_ints(odd) != Ints{0}) {
    ir::Value* pads = c.concat({c.ints({0}), odd}, 0);
    stack = matrix.made(c.emit("Pad", {stack, pads, c.number(0, matrix.dtype()), c.ints({rank - 1})}));
  }
  ir::Value* count = c.emit("Add", {columns, odd});
  ir::Value* half = c.emit("Div", {count, c.ints({2})});
  const Term count_number = matrix.made(c.as_scalar(count));
  const Term rounds = count_number - 1;
  const Term order = next_round(count_number, matrix.made(c.as_scalar(half)));
  const double epsilon = matrix.dtype() == DataType::float64 ? std::numeric_limits<double>::epsilon()
                                                             : std::numeric_limits<float>::epsilon();
  const auto of_columns = [&](Term product) {
    return product.made(c.reduce("ReduceSum", rows_between(product, c.ints({0}), rows), {rank - 2}, true));
  };
  const Term worst = matrix.made(c.number(0, matrix.dtype()));
  const Values turned =
      repeat(c, rounds * static_cast<double>(kSweeps), {stack, worst},
             [&](Term step, const std::vector<Term>& states) -> Values {
               const Term left = columns_between(states[0], c.ints({0}), half);
               const Term right = columns_between(states[0], half, count);
               const Turn turn = turn_of(of_columns(square(left)), of_columns(square(right)), of_columns(left * right));
               ir::Value* both =
                   c.concat({turn.cosine * left - turn.sine * right, turn.sine * left + turn.cosine * right}, rank - 1);
               const Term round = step.emit("Mod", rounds);
               const Term found = matrix.made(c.reduce("ReduceMax", turn.alignment, {}, false));
               const Term most = max(where(equals(round, 0), 0, states[1]), found);
               const Term is_over = equals(round, rounds - 1) & (most < 2 * epsilon);
               return {!is_over, matrix.made(both).emit("Gather", order, {{"axis", rank - 1}}), most};
             });
  const Term result = matrix.made(turned[0]);
  const Term lengths = matrix.made(c.reduce("ReduceL2", rows_between(result, c.ints({0}), rows), {rank - 2}, false));
  const Sorted sorted = top_k(c, lengths, rank_bound(matrix), rank - 2, true);
  if (!vectors) return {matrix.made(sorted.values), matrix, matrix};
  // Columns in the order of their lengths.
  const Term places = as_row(matrix.made(sorted.places));
  const auto in_order = [&](Term part, ir::Value* height) {
    ir::Value* sizes = c.concat({batch_sizes(matrix), height, rank_bound(matrix)}, 0);
    return part.emit("GatherElements", part.made(c.expand_to(places, sizes)), {{"axis", rank - 1}});
  };
  const Term left = in_order(rows_between(result, c.ints({0}), rows), rows);
  const Term right = in_order(rows_between(result, rows, c.emit("Add", {rows, columns})), columns);
  return {matrix.made(sorted.values), left, right};
}

bool is_empty(Term matrix) {
  const auto dims = matrix.call().find_dims(matrix);
  return dims && std::ranges::find(*dims, 0) != dims->end();
}

Term slim(Term matrix) {
  Call& c = matrix.call();
  const auto rows = c.find_dim(matrix, -2);
  const auto columns = c.find_dim(matrix, -1);
  return rows && columns && *rows < *columns ? transposed(matrix) : matrix;
}

Term spectrum(Term matrix) {
  Call& c = matrix.call();
  if (is_empty(matrix)) {
    ir::Value* sizes = c.concat({batch_sizes(matrix), rank_bound(matrix)}, 0);
    return matrix.made(c.filled(sizes, Number(0.0), matrix.dtype()));
  }
  return singular_values(slim(matrix)).values;
}

}  // namespace olivine::torch

#include "torch/aten/products.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "torch/aten/complex.h"
#include "torch/aten/families.h"
#include "torch/aten/shapes.h"
#include "torch/promote.h"

/// Products of vectors, matrices and tensors.
namespace olivine::torch {

DataType product_carrier(DataType dtype) {
  switch (dtype) {
    case DataType::int8:
    case DataType::uint8:
    case DataType::int16:
    case DataType::uint16:
      return DataType::int32;
    default:
      return dtype;
  }
}

ir::Value* matmul(Call& c, ir::Value* a, ir::Value* b) {
  const DataType dtype = c.dtype(a);
  const DataType carrier = product_carrier(dtype);
  return c.cast(c.emit("MatMul", {c.cast(a, carrier), c.cast(b, carrier)}), dtype);
}

ir::Value* complex_matmul(Call& c, ir::Value* a, ir::Value* b) {
  return bilinear(c, a, b, [&c](ir::Value* x, ir::Value* y) { return matmul(c, x, y); });
}

ir::Value* times(Call& c, ir::Value* a, ir::Value* b) {
  return c.emit(c.dtype(a) == DataType::boolean ? "And" : "Mul", {a, b});
}

ir::Value* plus(Call& c, ir::Value* a, ir::Value* b) {
  return c.emit(c.dtype(a) == DataType::boolean ? "Or" : "Add", {a, b});
}

ir::Value* minus(Call& c, ir::Value* a, ir::Value* b) { return c.emit("Sub", {a, b}); }

ir::Value* transposed(Call& c, ir::Value* matrix) {
  Ints permutation(static_cast<std::size_t>(c.rank(matrix)));
  std::iota(permutation.begin(), permutation.end(), 0);
  std::swap(permutation[permutation.size() - 1], permutation[permutation.size() - 2]);
  return c.transpose(matrix, permutation);
}

ir::Value* sizes_of(Call& c, ir::Value* value, const Ints& axes) {
  Values parts;
  for (const std::int64_t axis : axes) parts.push_back(c.size(value, axis));
  return joined_sizes(c, parts);
}

namespace {

// ---- Two operands

using Product = ir::Value* (*)(Call&, ir::Value*, ir::Value*);

/// A call of two tensors, real or complex, that is linear in each. `conjugates`: of complex ones the first is
/// conjugated.
template <Product product, bool conjugates = false>
ir::Value* product_row(Call& c) {
  const std::string_view first = c.node().inputs.at(0).name;
  const std::string_view second = c.node().inputs.at(1).name;
  if (!is_complex_type(c.result_dtype())) {
    const Values operands = c.promoted({first, second});
    return product(c, operands[0], operands[1]);
  }
  const DataType width = real_part_type(c.result_dtype());
  ir::Value* x = pair_argument(c, first, width);
  if (conjugates) x = conjugate(c, x);
  return bilinear(c, x, pair_argument(c, second, width), [&c](ir::Value* a, ir::Value* b) { return product(c, a, b); });
}

/// int8 matrices multiplied in int32.
ir::Value* integer_mm(Call& c) { return c.emit("MatMulInteger", {c.tensor("self"), c.tensor("mat2")}); }

ir::Value* joined(Call& c, Values sizes) {
  std::erase_if(sizes, [&](const ir::Value* value) { return c.find_dim(value, 0) == 0; });
  return joined_sizes(c, sizes);
}

Ints range_of(std::int64_t begin, std::int64_t end) {
  Ints axes(static_cast<std::size_t>(std::max<std::int64_t>(end - begin, 0)));
  std::iota(axes.begin(), axes.end(), begin);
  return axes;
}

ir::Value* inner(Call& c, ir::Value* self, ir::Value* other) {
  const std::int64_t rank = c.rank(self);
  const std::int64_t other_rank = c.rank(other);
  if (rank == 0 || other_rank == 0) return times(c, self, other);
  if (other_rank == 1) return matmul(c, self, other);
  if (other_rank == 2) return matmul(c, self, transposed(c, other));
  ir::Value* length = c.size(other, other_rank - 1);
  ir::Value* rows = c.reduce("ReduceProd", sizes_of(c, other, range_of(0, other_rank - 1)), {0}, true);
  ir::Value* flat = c.reshape_to(other, joined(c, {rows, length}));
  ir::Value* product = matmul(c, self, transposed(c, flat));
  return c.reshape_to(
      product, joined(c, {sizes_of(c, self, range_of(0, rank - 1)), sizes_of(c, other, range_of(0, other_rank - 1))}));
}

ir::Value* outer(Call& c, ir::Value* column, ir::Value* row) { return times(c, c.unsqueeze(column, {1}), row); }

/// sum of x · y along an axis.
ir::Value* vecdot(Call& c, ir::Value* x, ir::Value* y) {
  const std::int64_t rank = std::max(c.rank(x), c.rank(y));
  const std::int64_t from_end = c.positive_axis(c.integer("dim", -1), rank) - rank;
  const auto with_axis_last = [&](ir::Value* value) {
    const std::int64_t own = c.rank(value);
    if (own + from_end < 0) return c.unsqueeze(value, {own});
    Ints order = range_of(0, own);
    order.erase(order.begin() + (own + from_end));
    order.push_back(own + from_end);
    return reordered(c, value, order);
  };
  ir::Value* product = matmul(c, c.unsqueeze(with_axis_last(x), {-2}), c.unsqueeze(with_axis_last(y), {-1}));
  return c.squeeze(product, {-2, -1});
}

ir::Value* cross_along(Call& c, ir::Value* self, ir::Value* other, std::int64_t axis) {
  const auto turned = [&](ir::Value* value, const Ints& order) {
    return c.emit("Gather", {value, c.ints(order)}, {{"axis", axis}});
  };
  const auto half = [&](const Ints& first, const Ints& second) {
    return times(c, turned(self, first), turned(other, second));
  };
  return minus(c, half({1, 2, 0}, {2, 0, 1}), half({2, 0, 1}, {1, 2, 0}));
}

ir::Value* linalg_cross(Call& c, ir::Value* self, ir::Value* other) {
  return cross_along(c, self, other, c.positive_axis(c.integer("dim", -1), c.rank(self)));
}

/// Along the first axis of size 3 where none is given. The export assures that a size which it doesn't tell is another.
ir::Value* cross(Call& c, ir::Value* self, ir::Value* other) {
  if (c.has("dim")) return linalg_cross(c, self, other);
  for (std::int64_t axis = 0; axis < c.rank(self); ++axis) {
    if (c.find_dim(self, axis) == 3) return cross_along(c, self, other, axis);
  }
  c.refuse("no axis has the size 3");
}

/// Each element of self times the whole of other: axes alternate, then pairs of them are merged.
ir::Value* kron(Call& c, ir::Value* self, ir::Value* other) {
  Values operands = {self, other};
  const std::int64_t rank = std::max(c.rank(operands[0]), c.rank(operands[1]));
  if (rank == 0) return times(c, operands[0], operands[1]);
  for (ir::Value*& value : operands) {
    const Ints leading = range_of(0, rank - c.rank(value));
    if (!leading.empty()) value = c.unsqueeze(value, leading);
  }
  std::array<Ints, 2> spread;
  for (std::int64_t axis = 0; axis < rank; ++axis) {
    spread[0].push_back(2 * axis + 1);
    spread[1].push_back(2 * axis);
  }
  ir::Value* product = times(c, c.unsqueeze(operands[0], spread[0]), c.unsqueeze(operands[1], spread[1]));
  const Ints axes = range_of(0, rank);
  return c.reshape_to(product, c.emit("Mul", {sizes_of(c, operands[0], axes), sizes_of(c, operands[1], axes)}));
}

// ---- Chains of matrices

struct ChainPlan {
  std::vector<std::vector<std::size_t>>
      split;  ///< of matrices i … j: the last product is that of i … split and the rest
};

/// The order with the fewest multiplications; from the left where sizes are unknown.
ChainPlan plan_chain(Call& c, const Values& matrices) {
  const std::size_t count = matrices.size();
  Ints sizes;
  for (const ir::Value* matrix : matrices) sizes.push_back(c.find_dim(matrix, 0).value_or(-1));
  sizes.push_back(c.find_dim(matrices.back(), 1).value_or(-1));
  ChainPlan plan{std::vector(count, std::vector<std::size_t>(count))};
  const bool is_known = std::ranges::find(sizes, -1) == sizes.end();
  std::vector cost(count, std::vector<double>(count, 0));
  for (std::size_t length = 1; length < count; ++length) {
    for (std::size_t i = 0; i + length < count; ++i) {
      const std::size_t j = i + length;
      plan.split[i][j] = j - 1;
      if (!is_known) continue;
      cost[i][j] = std::numeric_limits<double>::infinity();
      for (std::size_t k = i; k < j; ++k) {
        const double product = static_cast<double>(sizes[i]) * static_cast<double>(sizes[k + 1] * sizes[j + 1]);
        if (const double total = cost[i][k] + cost[k + 1][j] + product; total < cost[i][j]) {
          cost[i][j] = total;
          plan.split[i][j] = k;
        }
      }
    }
  }
  return plan;
}

ir::Value* chain(Call& c, const Values& matrices, const ChainPlan& plan, std::size_t first, std::size_t last) {
  if (first == last) return matrices[first];
  const std::size_t split = plan.split[first][last];
  ir::Value* left = chain(c, matrices, plan, first, split);
  ir::Value* right = chain(c, matrices, plan, split + 1, last);
  return is_complex_type(c.result_dtype()) ? complex_matmul(c, left, right) : matmul(c, left, right);
}

/// The first and the last may be vectors.
ir::Value* multi_dot(Call& c) {
  const std::string_view name = c.has("tensors") ? "tensors" : "matrices";
  const bool is_complex = is_complex_type(c.result_dtype());
  Values matrices = is_complex ? pair_arguments(c, name, real_part_type(c.result_dtype())) : c.tensors(name);
  const std::int64_t vector_rank = is_complex ? 2 : 1;
  const bool row = c.rank(matrices.front()) == vector_rank;
  const bool column = c.rank(matrices.back()) == vector_rank;
  if (matrices.size() == 1) return matrices.front();
  if (row) matrices.front() = c.unsqueeze(matrices.front(), {0});
  if (column) matrices.back() = c.unsqueeze(matrices.back(), {1});
  ir::Value* product = chain(c, matrices, plan_chain(c, matrices), 0, matrices.size() - 1);
  Ints dropped;
  if (row) dropped.push_back(0);
  if (column) dropped.push_back(1);
  return dropped.empty() ? product : c.squeeze(product, dropped);
}

constexpr std::array kOps = {
    complex_too(op("aten.matmul.default", product_row<matmul>)),
    complex_too(op("aten.linalg_matmul.default", product_row<matmul>)),
    complex_too(op("aten.mm.default", product_row<matmul>)),
    complex_too(op("aten.bmm.default", product_row<matmul>)),
    complex_too(op("aten.mv.default", product_row<matmul>)),
    complex_too(op("aten.dot.default", product_row<matmul>)),
    complex_too(op("aten.vdot.default", product_row<matmul, true>)),
    complex_too(op("aten.linalg_vecdot.default", product_row<vecdot, true>)),
    complex_too(op("aten.inner.default", product_row<inner>)),
    complex_too(op("aten.outer.default", product_row<outer>)),
    complex_too(op("aten.ger.default", product_row<outer>)),
    complex_too(op("aten.cross.default", product_row<cross>)),
    complex_too(op("aten.linalg_cross.default", product_row<linalg_cross>)),
    complex_too(op("aten.kron.default", product_row<kron>)),
    complex_too(op("aten.linalg_multi_dot.default", multi_dot)),
    complex_too(op("aten.chain_matmul.default", multi_dot)),
    op("aten._int_mm.default", integer_mm),
};

}  // namespace

Ops product_ops() { return kOps; }

}  // namespace olivine::torch

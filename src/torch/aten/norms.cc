#include "torch/aten/norms.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "torch/aten/families.h"
#include "torch/aten/matrices.h"
#include "torch/aten/products.h"
#include "torch/aten/reduce.h"
#include "torch/aten/shapes.h"

/// Norms and distances.
namespace olivine::torch {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The greatest of what isn't negative; 0 of nothing.
ir::Value* greatest(Call& c, ir::Value* values, const Ints& axes, bool keepdim) {
  ir::Value* found = reduce(c, "ReduceMax", values, axes, keepdim);
  return may_be_empty(c, values, axes) ? c.emit("Max", {found, c.number_like(0, found)}) : found;
}

}  // namespace

ir::Value* vector_norm(Call& c, ir::Value* value, double order, const Ints& axes, bool keepdim) {
  if (axes.empty() && order != 0) return c.emit("Abs", {value});
  if (order == 2) return reduce(c, "ReduceL2", value, axes, keepdim);
  if (order == 1) return reduce(c, "ReduceL1", value, axes, keepdim);
  if (order == kInfinity) return greatest(c, c.emit("Abs", {value}), axes, keepdim);
  if (order == -kInfinity) return reduce(c, "ReduceMin", c.emit("Abs", {value}), axes, keepdim);
  const DataType dtype = c.dtype(value);
  const DataType wide = accumulation_type(dtype);
  if (order == 0) {
    ir::Value* nonzero = c.cast(c.cast(value, DataType::boolean), wide);
    return c.cast(reduce(c, "ReduceSum", nonzero, axes, keepdim), dtype);
  }
  ir::Value* powers = c.emit("Pow", {c.emit("Abs", {c.cast(value, wide)}), c.number(order, wide)});
  ir::Value* total = reduce(c, "ReduceSum", powers, axes, keepdim);
  return c.cast(c.emit("Pow", {total, c.number(1 / order, wide)}), dtype);
}

ir::Value* pairwise_distance(Call& c, ir::Value* left, ir::Value* right, double order, double eps, bool keepdim) {
  ir::Value* difference = c.emit("Sub", {left, right});
  if (!is_float(c.dtype(difference))) difference = c.cast(difference, DataType::float32);
  if (eps != 0) difference = c.emit("Add", {difference, c.number_like(eps, difference)});
  const std::int64_t rank = c.rank(difference);
  return vector_norm(c, difference, order, rank == 0 ? Ints() : Ints{rank - 1}, keepdim);
}

ir::Value* cosine_similarity(Call& c, ir::Value* left, ir::Value* right, std::int64_t axis, double eps) {
  const auto dims = c.find_dims(left);
  if (!dims || dims != c.find_dims(right)) {
    ir::Value* sizes = c.sizes(c.emit("Mul", {left, right}));
    left = c.expand_to(left, sizes);
    right = c.expand_to(right, sizes);
  }
  const std::int64_t rank = c.rank(left);
  const Ints axes = rank == 0 ? Ints() : Ints{c.positive_axis(axis, rank)};
  const auto unit = [&](ir::Value* value) {
    ir::Value* norm = c.emit("Max", {vector_norm(c, value, 2, axes, true), c.number_like(eps, value)});
    return c.emit("Div", {value, norm});
  };
  return reduce(c, "ReduceSum", c.emit("Mul", {unit(left), unit(right)}), axes, false);
}

namespace {

// ---- Norms

/// The argument `self` in the type that is asked for, real: of complex numbers their magnitudes.
ir::Value* norm_operand(Call& c) {
  ir::Value* self = c.tensor("self");
  if (c.is_complex("self")) return c.reduce("ReduceL2", self, {c.rank(self) - 1}, false);
  const auto dtype = c.dtype_argument("dtype");
  return dtype ? c.cast(self, *dtype) : self;
}

ir::Value* norm_of_argument(Call& c, std::string_view order) {
  ir::Value* value = norm_operand(c);
  return vector_norm(c, value, c.real(order, 2), reduced_axes(c, value), c.flag("keepdim", false));
}

ir::Value* norm(Call& c) { return norm_of_argument(c, "p"); }
ir::Value* linalg_vector_norm(Call& c) { return norm_of_argument(c, "ord"); }

ir::Value* frobenius_norm(Call& c) {
  ir::Value* value = norm_operand(c);
  return vector_norm(c, value, 2, reduced_axes(c, value), c.flag("keepdim", false));
}

/// Of a matrix that lies in two axes.
struct MatrixAxes {
  std::int64_t rows;
  std::int64_t columns;
};

MatrixAxes matrix_axes(Call& c, const ir::Value* value) {
  const Ints given = c.integers("dim").value_or(Ints{-2, -1});
  if (given.size() != 2) c.refuse("a matrix norm needs two axes");
  return {c.positive_axis(given[0], c.rank(value)), c.positive_axis(given[1], c.rank(value))};
}

using Reduction = ir::Value* (*)(Call&, ir::Value*, const Ints&, bool);
template <const char* op_type>
ir::Value* reduced_by(Call& c, ir::Value* values, const Ints& axes, bool keepdim) {
  return reduce(c, op_type, values, axes, keepdim);
}
constexpr char kMin[] = "ReduceMin";
constexpr char kSum[] = "ReduceSum";

/// What a reduction makes of the singular values.
ir::Value* spectral_norm(Call& c, ir::Value* value, Reduction reduction, bool keepdim) {
  const MatrixAxes axes = matrix_axes(c, value);
  Ints order;
  for (std::int64_t axis = 0; axis < c.rank(value); ++axis) {
    if (axis != axes.rows && axis != axes.columns) order.push_back(axis);
  }
  order.insert(order.end(), {axes.rows, axes.columns});
  const Term values = spectrum(Term(c, reordered(c, value, order)));
  ir::Value* norm = reduction(c, values, {c.rank(values) - 1}, false);
  return keepdim ? c.unsqueeze(norm, {std::min(axes.rows, axes.columns), std::max(axes.rows, axes.columns)}) : norm;
}

/// ±1: of the columns' sums; ±infinity: of the rows' sums; ±2: of the singular values.
ir::Value* matrix_norm(Call& c, ir::Value* value, double order, bool keepdim) {
  const MatrixAxes axes = matrix_axes(c, value);
  const Reduction extreme = order > 0 ? greatest : reduced_by<kMin>;
  if (std::abs(order) == 2) return spectral_norm(c, value, extreme, keepdim);
  const bool by_columns = std::abs(order) == 1;
  const std::int64_t summed = by_columns ? axes.rows : axes.columns;
  const std::int64_t compared = by_columns ? axes.columns : axes.rows;
  ir::Value* sums = reduce(c, "ReduceL1", value, {summed}, true);
  ir::Value* norm = extreme(c, sums, {compared}, true);
  return keepdim ? norm : c.squeeze(norm, {std::min(summed, compared), std::max(summed, compared)});
}

ir::Value* named_matrix_norm(Call& c, ir::Value* value, const std::string& order, bool keepdim) {
  if (order == "nuc") return spectral_norm(c, value, reduced_by<kSum>, keepdim);
  const MatrixAxes axes = matrix_axes(c, value);
  return vector_norm(c, value, 2, {std::min(axes.rows, axes.columns), std::max(axes.rows, axes.columns)}, keepdim);
}

ir::Value* linalg_matrix_norm(Call& c) {
  ir::Value* value = norm_operand(c);
  const bool keepdim = c.flag("keepdim", false);
  const Argument* order = c.find("ord");
  if (order == nullptr || order->as<std::string>() != nullptr) {
    return named_matrix_norm(c, value, c.string("ord", "fro"), keepdim);
  }
  return matrix_norm(c, value, c.real("ord", 2), keepdim);
}

/// A vector's norm, a matrix' norm, or that of all elements: as the rank, the axes and the order tell.
ir::Value* linalg_norm(Call& c) {
  ir::Value* value = norm_operand(c);
  const bool keepdim = c.flag("keepdim", false);
  const Argument* order = c.find("ord");
  if (order == nullptr) return vector_norm(c, value, 2, reduced_axes(c, value), keepdim);
  if (order->as<std::string>() != nullptr) return named_matrix_norm(c, value, c.string("ord", ""), keepdim);
  const auto given = c.integers("dim");
  const bool is_matrix = given ? given->size() == 2 : c.rank(value) == 2;
  if (is_matrix) return matrix_norm(c, value, c.real("ord", 2), keepdim);
  return vector_norm(c, value, c.real("ord", 2), reduced_axes(c, value), keepdim);
}

/// Slices along an axis whose norm is greater than the greatest that is allowed are scaled down to it.
ir::Value* renorm(Call& c) {
  ir::Value* self = c.tensor("self");
  const DataType dtype = c.dtype(self);
  ir::Value* wide = c.cast(self, accumulation_type(dtype));
  const std::int64_t axis = c.positive_axis(c.integer("dim"), c.rank(self));
  Ints axes = all_axes(c, self);
  axes.erase(axes.begin() + axis);
  const double limit = c.real("maxnorm", 0);
  ir::Value* norm = vector_norm(c, wide, c.real("p", 2), axes, true);
  ir::Value* bound = c.number_like(limit, wide);
  ir::Value* scaled = c.emit("Div", {bound, c.emit("Add", {norm, c.number_like(1e-7, wide)})});
  ir::Value* factor = c.where(c.emit("Greater", {norm, bound}), scaled, c.number_like(1, wide));
  return c.cast(c.emit("Mul", {wide, factor}), dtype);
}

// ---- Distances

ir::Value* dist(Call& c) {
  const Values operands = c.promoted({"self", "other"});
  ir::Value* difference = c.emit("Sub", operands);
  return vector_norm(c, difference, c.real("p", 2), all_axes(c, difference), false);
}

ir::Value* pairwise(Call& c) {
  const Values operands = c.promoted({"x1", "x2"});
  return pairwise_distance(c, operands[0], operands[1], c.real("p", 2), c.real("eps", 1e-6), c.flag("keepdim", false));
}

ir::Value* similarity(Call& c) {
  const Values operands = c.promoted({"x1", "x2"});
  return cosine_similarity(c, operands[0], operands[1], c.integer("dim", 1), c.real("eps", 1e-8));
}

ir::Value* transpose_last(Call& c, ir::Value* value) {
  Ints order = all_axes(c, value);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return c.transpose(value, order);
}

/// |x|² - 2xy + |y|²: a matrix product instead of a tensor of all differences.
ir::Value* euclidean_by_product(Call& c, ir::Value* left, ir::Value* right) {
  const auto squares = [&](ir::Value* value) { return c.reduce("ReduceSumSquare", value, {c.rank(value) - 1}, true); };
  ir::Value* product = c.emit("MatMul", {c.emit("Mul", {left, c.number_like(-2, left)}), transpose_last(c, right)});
  ir::Value* total = c.emit("Add", {c.emit("Add", {product, squares(left)}), transpose_last(c, squares(right))});
  return c.emit("Sqrt", {c.emit("Max", {total, c.number_like(0, total)})});
}

/// Between each row of one and each row of the other.
ir::Value* cdist(Call& c) {
  const Values operands = c.promoted({"x1", "x2"});
  ir::Value* left = operands[0];
  ir::Value* right = operands[1];
  const double order = c.real("p", 2);
  // PyTorch's own choice: 0 (a product for more than 25 rows), 1 (always), 2 (never).
  const std::int64_t mode = c.integer("compute_mode", 0);
  const auto has_many = [&](ir::Value* value) { return c.find_dim(value, -2).value_or(26) > 25; };
  const bool by_product = mode == 1 || (mode == 0 && (has_many(left) || has_many(right)));
  if (order == 2 && by_product) return euclidean_by_product(c, left, right);
  left = c.unsqueeze(left, {c.rank(left) - 1});
  right = c.unsqueeze(right, {c.rank(right) - 2});
  return pairwise_distance(c, left, right, order, 0, false);
}

ir::Value* euclidean(Call& c) { return euclidean_by_product(c, c.tensor("x1"), c.tensor("x2")); }

/// Between each two rows: the first with the second, the third …, the second with the third …
ir::Value* pdist(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* numbers = c.range(c.size(self, 0));
  ir::Value* is_pair = c.emit("Less", {c.unsqueeze(numbers, {1}), numbers});
  ir::Value* pairs = c.emit("NonZero", {is_pair});
  const auto rows = [&](std::int64_t which) {
    return c.emit("Gather", {self, c.emit("Gather", {pairs, c.integer_scalar(which)}, {{"axis", 0}})}, {{"axis", 0}});
  };
  return pairwise_distance(c, rows(0), rows(1), c.real("p", 2), 0, false);
}

constexpr std::array kOps = {
    complex_too(op("aten.norm.Scalar", norm)),
    complex_too(op("aten.norm.ScalarOpt_dim", norm)),
    op("aten.norm.ScalarOpt_dtype", norm),
    op("aten.norm.ScalarOpt_dim_dtype", norm),
    op("aten.native_norm.default", norm),
    op("aten.native_norm.ScalarOpt_dim_dtype", norm),
    complex_too(op("aten.frobenius_norm.dim", frobenius_norm)),
    complex_too(op("aten.linalg_vector_norm.default", linalg_vector_norm)),
    complex_too(op("aten.linalg_matrix_norm.default", linalg_matrix_norm)),
    complex_too(op("aten.linalg_matrix_norm.str_ord", linalg_matrix_norm)),
    complex_too(op("aten.linalg_norm.default", linalg_norm)),
    complex_too(op("aten.linalg_norm.ord_str", linalg_norm)),
    op("aten.renorm.default", renorm),
    op("aten.dist.default", dist),
    op("aten.pairwise_distance.default", pairwise),
    op("aten.cosine_similarity.default", similarity),
    op("aten.cdist.default", cdist),
    op("aten._cdist_forward.default", cdist),
    op("aten._euclidean_dist.default", euclidean),
    op("aten.pdist.default", pdist),
    op("aten._pdist_forward.default", pdist),
};

}  // namespace

Ops norm_ops() { return kOps; }

}  // namespace olivine::torch

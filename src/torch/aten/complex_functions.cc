#include <array>
#include <cmath>
#include <numbers>

#include "torch/aten/complex.h"
#include "torch/aten/families.h"
#include "torch/aten/products.h"
#include "torch/promote.h"

/// Functions of complex tensors, sums of them, and what puts them together.
namespace olivine::torch {
namespace {

/// A function of each number.
template <Complex (*function)(Call&, const Complex&)>
ir::Value* elementwise(Call& c) {
  return paired(c, function(c, parts(c, c.tensor("self"))));
}

Complex scaled(Call& c, const Complex& z, double factor) {
  ir::Value* number = c.number(factor, c.dtype(z.re));
  return {times(c, z.re, number), times(c, z.im, number)};
}

/// i · z and -i · z.
Complex turned(Call& c, const Complex& z) { return {c.emit("Neg", {z.im}), z.re}; }
Complex turned_back(Call& c, const Complex& z) { return {z.im, c.emit("Neg", {z.re})}; }

Complex plus_one(Call& c, const Complex& z) { return {plus(c, z.re, c.number(1, c.dtype(z.re))), z.im}; }

Complex exponential_of_two(Call& c, const Complex& z) { return exponential(c, scaled(c, z, std::numbers::ln2)); }

Complex exponential_less_one(Call& c, const Complex& z) {
  const Complex power = exponential(c, z);
  return {minus(c, power.re, c.number(1, c.dtype(z.re))), power.im};
}

Complex logarithm_of_two(Call& c, const Complex& z) { return scaled(c, logarithm(c, z), 1 / std::numbers::ln2); }
Complex logarithm_of_ten(Call& c, const Complex& z) { return scaled(c, logarithm(c, z), 1 / std::numbers::ln10); }
Complex logarithm_plus_one(Call& c, const Complex& z) { return logarithm(c, plus_one(c, z)); }

/// The root with a real part that isn't negative: of the two halves the one is computed that loses no digits.
Complex root(Call& c, const Complex& z) {
  const DataType dtype = c.dtype(z.re);
  ir::Value* zero = c.number(0, dtype);
  ir::Value* size = magnitude(c, paired(c, z));
  ir::Value* half = c.number(0.5, dtype);
  ir::Value* large = c.emit("Sqrt", {times(c, plus(c, size, c.emit("Abs", {z.re})), half)});
  ir::Value* ratio = c.emit("Div", {times(c, c.emit("Abs", {z.im}), half), large});
  ir::Value* small = c.where(c.emit("Equal", {large, zero}), zero, ratio);
  ir::Value* right = c.emit("GreaterOrEqual", {z.re, zero});
  ir::Value* height = c.where(right, small, large);
  ir::Value* below = c.emit("Less", {z.im, zero});
  return {c.where(right, large, small), c.where(below, c.emit("Neg", {height}), height)};
}

Complex reciprocal_root(Call& c, const Complex& z) { return reciprocal(c, root(c, z)); }

Complex squared(Call& c, const Complex& z) { return multiply(c, z, z); }

/// Sinh and Cosh by Exp, which every real type has.
ir::Value* hyperbolic(Call& c, ir::Value* x, bool is_even) {
  ir::Value* up = c.emit("Exp", {x});
  ir::Value* down = c.emit("Exp", {c.emit("Neg", {x})});
  ir::Value* sum = is_even ? plus(c, up, down) : minus(c, up, down);
  return times(c, sum, c.number(0.5, c.dtype(x)));
}

ir::Value* sinh_of(Call& c, ir::Value* x) {
  return c.dtype(x) == DataType::float64 ? hyperbolic(c, x, false) : c.emit("Sinh", {x});
}

ir::Value* cosh_of(Call& c, ir::Value* x) { return hyperbolic(c, x, true); }

Complex hyperbolic_sine(Call& c, const Complex& z) {
  return {times(c, sinh_of(c, z.re), c.emit("Cos", {z.im})), times(c, cosh_of(c, z.re), c.emit("Sin", {z.im}))};
}

Complex hyperbolic_cosine(Call& c, const Complex& z) {
  return {times(c, cosh_of(c, z.re), c.emit("Cos", {z.im})), times(c, sinh_of(c, z.re), c.emit("Sin", {z.im}))};
}

/// By the real tanh t and the tangent u: (t (1 + u²) + i u (1 - t²)) / (1 + t² u²), u as sine by cosine.
Complex hyperbolic_tangent(Call& c, const Complex& z) {
  const DataType dtype = c.dtype(z.re);
  ir::Value* t = c.emit("Tanh", {z.re});
  ir::Value* sine = c.emit("Sin", {z.im});
  ir::Value* cosine = c.emit("Cos", {z.im});
  ir::Value* tt = times(c, t, t);
  ir::Value* below = plus(c, times(c, cosine, cosine), times(c, tt, times(c, sine, sine)));
  ir::Value* above = times(c, times(c, sine, cosine), minus(c, c.number(1, dtype), tt));
  return {c.emit("Div", {t, below}), c.emit("Div", {above, below})};
}

// f(z) of a circular function by the hyperbolic one of i z.
Complex sine(Call& c, const Complex& z) { return turned_back(c, hyperbolic_sine(c, turned(c, z))); }
Complex cosine(Call& c, const Complex& z) { return hyperbolic_cosine(c, turned(c, z)); }
Complex tangent(Call& c, const Complex& z) { return turned_back(c, hyperbolic_tangent(c, turned(c, z))); }

/// 1 / (1 + exp(-z))
Complex sigmoid(Call& c, const Complex& z) {
  const Complex power = exponential(c, {c.emit("Neg", {z.re}), c.emit("Neg", {z.im})});
  return reciprocal(c, plus_one(c, power));
}

Complex silu(Call& c, const Complex& z) { return multiply(c, z, sigmoid(c, z)); }

// ---- Powers

/// Zero is zero to all powers with a positive real part.
Complex zero_where_base_is(Call& c, const Complex& base, ir::Value* exponent, const Complex& otherwise) {
  ir::Value* zero = c.number(0, c.dtype(base.re));
  ir::Value* is_zero = c.emit("And", {c.emit("Equal", {base.re, zero}), c.emit("Equal", {base.im, zero})});
  ir::Value* counts = c.emit("And", {is_zero, c.emit("Greater", {exponent, zero})});
  return {c.where(counts, zero, otherwise.re), c.where(counts, zero, otherwise.im)};
}

/// Few whole exponents are products.
Complex power_of(Call& c, const Complex& base, double exponent) {
  const DataType dtype = c.dtype(base.re);
  if (exponent == 0) {
    ir::Value* sizes = c.sizes(base.re);
    return {c.filled(sizes, Number(1.0), dtype), c.filled(sizes, Number(0.0), dtype)};
  }
  if (exponent == 0.5) return root(c, base);
  if (exponent < 0) return reciprocal(c, power_of(c, base, -exponent));
  if (exponent == std::floor(exponent) && exponent <= 8) {
    Complex result = base;
    for (int i = 1; i < static_cast<int>(exponent); ++i) result = multiply(c, result, base);
    return result;
  }
  const Complex power = exponential(c, scaled(c, logarithm(c, base), exponent));
  return zero_where_base_is(c, base, c.number(exponent, dtype), power);
}

ir::Value* power(Call& c) {
  const DataType width = complex_width(c);
  const Complex base = parts(c, pair_argument(c, "self", width));
  if (!c.is_tensor("exponent")) {
    const Number exponent = c.number_argument("exponent");
    if (!exponent.is_complex() && !exponent.is_symbolic()) return paired(c, power_of(c, base, exponent.real()));
  }
  const Complex exponent = parts(c, pair_argument(c, "exponent", width));
  const Complex result = exponential(c, multiply(c, exponent, logarithm(c, base)));
  return paired(c, zero_where_base_is(c, base, exponent.re, result));
}

// ---- Sums

/// The axes of a reduction, counted without the pair's; all where none is given.
Ints reduced_axes(Call& c, std::int64_t rank) {
  Ints axes = c.integers("dim").value_or(Ints());
  for (std::int64_t& axis : axes) axis = c.positive_axis(axis, rank);
  for (std::int64_t axis = 0; axes.size() < static_cast<std::size_t>(rank) && !c.has("dim"); ++axis)
    axes.push_back(axis);
  if (axes.empty()) {
    for (std::int64_t axis = 0; axis < rank; ++axis) axes.push_back(axis);
  }
  return axes;
}

ir::Value* reduced(Call& c, const char* op_type) {
  ir::Value* self = pair_argument(c, "self", complex_width(c));
  const Ints axes = reduced_axes(c, c.rank(self) - 1);
  return axes.empty() ? self : c.reduce(op_type, self, axes, c.flag("keepdim", false));
}

ir::Value* sum(Call& c) { return reduced(c, "ReduceSum"); }
ir::Value* mean(Call& c) { return reduced(c, "ReduceMean"); }

ir::Value* running_sum(Call& c) {
  ir::Value* self = pair_argument(c, "self", complex_width(c));
  const std::int64_t rank = c.rank(self) - 1;
  if (rank == 0) return self;
  return c.emit("CumSum", {self, c.integer_scalar(c.positive_axis(c.integer("dim"), rank))});
}

// ---- Put together, chosen

ir::Value* concatenated(Call& c) {
  const Values pairs = pair_arguments(c, "tensors", complex_width(c));
  const std::int64_t rank = c.rank(pairs.front()) - 1;
  return c.concat(pairs, c.positive_axis(c.integer("dim", 0), rank));
}

ir::Value* stacked(Call& c) {
  Values pairs = pair_arguments(c, "tensors", complex_width(c));
  const std::int64_t axis = c.positive_axis(c.integer("dim", 0), c.rank(pairs.front()));
  for (ir::Value*& pair : pairs) pair = c.unsqueeze(pair, {axis});
  return c.concat(pairs, axis);
}

ir::Value* chosen(Call& c) {
  const DataType width = complex_width(c);
  ir::Value* condition = c.unsqueeze(c.cast(c.tensor("condition"), DataType::boolean), {-1});
  return c.where(condition, pair_argument(c, "self", width), pair_argument(c, "other", width));
}

ir::Value* masked(Call& c) {
  const DataType width = complex_width(c);
  ir::Value* mask = c.unsqueeze(c.tensor("mask"), {-1});
  return c.where(mask, pair_argument(c, "value", width), pair_argument(c, "self", width));
}

/// As many numbers as another tensor has, all of them the same.
ir::Value* filled_like(Call& c, ir::Value* number) {
  ir::Value* self = c.tensor("self");
  ir::Value* sizes = c.sizes(self);
  if (!c.is_complex("self")) return c.emit("Expand", {number, c.concat({sizes, c.ints({2})}, 0)});
  return c.emit("Expand", {number, sizes});
}

ir::Value* filled_like_real(Call& c, double value) {
  const DataType dtype = c.result_dtype();
  if (is_complex_type(dtype)) return filled_like(c, c.reals({value, 0}, {2}, real_part_type(dtype)));
  return c.filled(c.sizes(parts(c, c.tensor("self")).re), Number(value), dtype);
}

ir::Value* zeros_like(Call& c) { return filled_like_real(c, 0); }
ir::Value* ones_like(Call& c) { return filled_like_real(c, 1); }

ir::Value* full_like(Call& c) {
  const DataType dtype = c.result_dtype();
  const Number value = c.number_argument(c.has("fill_value") ? "fill_value" : "value");
  if (!is_complex_type(dtype)) c.refuse("it makes reals of complex numbers");
  return filled_like(c, c.scalar(value, dtype));
}

constexpr std::array kOps = {
    op("aten.exp.default", elementwise<exponential>),
    op("aten.exp2.default", elementwise<exponential_of_two>),
    op("aten.expm1.default", elementwise<exponential_less_one>),
    op("aten.log.default", elementwise<logarithm>),
    op("aten.log2.default", elementwise<logarithm_of_two>),
    op("aten.log10.default", elementwise<logarithm_of_ten>),
    op("aten.log1p.default", elementwise<logarithm_plus_one>),
    op("aten.sqrt.default", elementwise<root>),
    op("aten.rsqrt.default", elementwise<reciprocal_root>),
    op("aten.square.default", elementwise<squared>),
    op("aten.reciprocal.default", elementwise<reciprocal>),
    op("aten.sin.default", elementwise<sine>),
    op("aten.cos.default", elementwise<cosine>),
    op("aten.tan.default", elementwise<tangent>),
    op("aten.sinh.default", elementwise<hyperbolic_sine>),
    op("aten.cosh.default", elementwise<hyperbolic_cosine>),
    op("aten.tanh.default", elementwise<hyperbolic_tangent>),
    op("aten.sigmoid.default", elementwise<sigmoid>),
    op("aten.silu.default", elementwise<silu>),
    op("aten.pow.Tensor_Scalar", power),
    op("aten.pow.Tensor_Tensor", power),
    op("aten.pow.Scalar", power),
    op("aten.sum.default", sum),
    op("aten.sum.dim_IntList", sum),
    op("aten.mean.default", mean),
    op("aten.mean.dim", mean),
    op("aten.cumsum.default", running_sum),
    op("aten.cat.default", concatenated),
    op("aten.concat.default", concatenated),
    op("aten.concatenate.default", concatenated),
    op("aten.stack.default", stacked),
    op("aten.where.self", chosen),
    op("aten.where.ScalarOther", chosen),
    op("aten.where.ScalarSelf", chosen),
    op("aten.masked_fill.Scalar", masked),
    op("aten.masked_fill.Tensor", masked),
    op("aten.zeros_like.default", zeros_like),
    op("aten.ones_like.default", ones_like),
    op("aten.full_like.default", full_like),
    op("aten.fill.Scalar", full_like),
};

}  // namespace

Ops complex_function_ops() { return kOps; }

}  // namespace olivine::torch

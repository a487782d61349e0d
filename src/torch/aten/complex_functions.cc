#include <array>
#include <cmath>
#include <numbers>

#include "torch/aten/complex.h"
#include "torch/aten/families.h"
#include "torch/aten/matrices.h"
#include "torch/aten/products.h"
#include "torch/aten/shapes.h"
#include "torch/aten/term.h"
#include "torch/promote.h"

/// Functions of complex tensors, means, choices, products that are added, systems of equations.
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

ir::Value* sinh_of(Call& c, ir::Value* x) { return sinh(Term(c, x)); }
ir::Value* cosh_of(Call& c, ir::Value* x) { return cosh(Term(c, x)); }

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

ir::Value* mean(Call& c) {
  ir::Value* self = pair_argument(c, "self", complex_width(c));
  Ints axes = axes_argument(c, "dim", c.rank(self) - 1);
  if (axes.empty()) {
    for (std::int64_t axis = 0; axis < c.rank(self) - 1; ++axis) axes.push_back(axis);
  }
  return axes.empty() ? self : c.reduce("ReduceMean", self, axes, c.flag("keepdim", false));
}

ir::Value* running_sum(Call& c) {
  ir::Value* self = pair_argument(c, "self", complex_width(c));
  const std::int64_t rank = c.rank(self) - 1;
  if (rank == 0) return self;
  return c.emit("CumSum", {self, c.integer_scalar(c.positive_axis(c.integer("dim"), rank))});
}

// ---- Chosen

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

ir::Value* filled(Call& c) {
  ir::Value* self = c.tensor("self");
  return c.expand_to(pair_argument(c, "value", c.dtype(self)), c.sizes(self));
}

/// The lower or upper part of matrices, of both parts of the numbers.
template <bool upper>
ir::Value* triangle(Call& c) {
  const Complex z = parts(c, c.tensor("self"));
  ir::Value* diagonal = c.integer_scalar(c.integer("diagonal", 0));
  const auto kept = [&](ir::Value* part) { return c.emit("Trilu", {part, diagonal}, {{"upper", upper ? 1 : 0}}); };
  return paired(c, {kept(z.re), kept(z.im)});
}

// ---- Sums of products

Complex argument(Call& c, std::string_view name) { return parts(c, pair_argument(c, name, complex_width(c))); }

/// self + value · (what two others make)
ir::Value* added_to_self(Call& c, const Complex& other) {
  const Complex factor =
      c.has("value") ? argument(c, "value") : Complex{c.number(1, complex_width(c)), c.number(0, complex_width(c))};
  return plus(c, pair_argument(c, "self", complex_width(c)), paired(c, multiply(c, factor, other)));
}

ir::Value* product_added(Call& c) {
  return added_to_self(c, multiply(c, argument(c, "tensor1"), argument(c, "tensor2")));
}

ir::Value* quotient_added(Call& c) {
  return added_to_self(c, divide(c, argument(c, "tensor1"), argument(c, "tensor2")));
}

/// self + weight · (end - self)
ir::Value* interpolated(Call& c) {
  ir::Value* start = pair_argument(c, "self", complex_width(c));
  ir::Value* way = minus(c, pair_argument(c, "end", complex_width(c)), start);
  return plus(c, start, paired(c, multiply(c, argument(c, "weight"), parts(c, way))));
}

ir::Value* linear(Call& c) {
  const Complex weight = argument(c, "weight");
  const auto turned_over = [&](ir::Value* part) { return c.rank(part) == 2 ? transposed(c, part) : part; };
  ir::Value* turned_weight = paired(c, {turned_over(weight.re), turned_over(weight.im)});
  ir::Value* product = complex_matmul(c, pair_argument(c, "input", complex_width(c)), turned_weight);
  return c.has("bias") ? plus(c, product, pair_argument(c, "bias", complex_width(c))) : product;
}

// ---- Systems of equations

/// (A + i B) (X + i Y) = C + i D as a system of reals of twice the size.
Complex solved_complex(const Complex& a, const Complex& b, Call& c) {
  const auto beside = [&](ir::Value* left, ir::Value* right) { return c.concat({left, right}, -1); };
  ir::Value* matrix = c.concat({beside(a.re, c.emit("Neg", {a.im})), beside(a.im, a.re)}, -2);
  const Term x = solved(Term(c, matrix), Term(c, c.concat({b.re, b.im}, -2)));
  ir::Value* half = row_count(Term(c, a.re));
  const auto rows = [&](ir::Value* start, ir::Value* end) {
    return c.emit("Slice", {x, start, end, c.ints({c.rank(x) - 2})});
  };
  return {rows(c.ints({0}), half), rows(half, row_count(x))};
}

ir::Value* inverted(Call& c) {
  const Complex a = argument(c, c.has("A") ? "A" : "self");
  const Term re(c, a.re);
  const Term one = identity_like(re, row_count(re), row_count(re));
  return paired(c, solved_complex(a, {one, one.made(c.emit("Sub", {one, one}))}, c));
}

ir::Value* solution(Call& c) {
  if (!c.flag("left", true)) c.refuse("it is not expressed for complex numbers on the left");
  const std::size_t rank = c.meta("A").sizes.size();
  const std::size_t right_rank = c.meta("B").sizes.size();
  if (right_rank + 1 == rank && right_rank != 1) c.refuse("its right side may be a batch of vectors");
  Complex b = argument(c, "B");
  if (right_rank == 1) b = {c.unsqueeze(b.re, {-1}), c.unsqueeze(b.im, {-1})};
  const Complex x = solved_complex(argument(c, "A"), b, c);
  return right_rank == 1 ? paired(c, {c.squeeze(x.re, {-1}), c.squeeze(x.im, {-1})}) : paired(c, x);
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
    op("aten.mean.default", mean),
    op("aten.mean.dim", mean),
    op("aten.cumsum.default", running_sum),
    op("aten.where.self", chosen),
    op("aten.where.ScalarOther", chosen),
    op("aten.where.ScalarSelf", chosen),
    op("aten.masked_fill.Scalar", masked),
    op("aten.fill.Scalar", filled),
    op("aten.fill.Tensor", filled),
    op("aten.tril.default", triangle<false>),
    op("aten.triu.default", triangle<true>),
    op("aten.addcmul.default", product_added),
    op("aten.addcdiv.default", quotient_added),
    op("aten.lerp.Scalar", interpolated),
    op("aten.lerp.Tensor", interpolated),
    op("aten.linear.default", linear),
    op("aten.linalg_inv.default", inverted),
    op("aten.inverse.default", inverted),
    op("aten.linalg_solve.default", solution),
    op("aten.masked_fill.Tensor", masked),
};

}  // namespace

Ops complex_function_ops() { return kOps; }

}  // namespace olivine::torch

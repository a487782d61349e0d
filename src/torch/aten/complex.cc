#include "torch/aten/complex.h"

#include <array>

#include "torch/aten/families.h"
#include "torch/aten/products.h"
#include "torch/aten/shapes.h"
#include "torch/aten/term.h"
#include "torch/promote.h"

/// Arithmetic and comparison of complex tensors.
namespace olivine::torch {
namespace {

/// What `paired` made of a value; null of another.
const ir::Value* unpaired(const ir::Value* part) {
  const ir::Node* node = part->producer();
  return node != nullptr && node->is("Unsqueeze") ? node->input(0) : nullptr;
}

}  // namespace

Complex parts(Call& c, ir::Value* pair) {
  // A pair that was just made of its parts needs no taking apart.
  const ir::Node* node = pair->producer();
  if (node != nullptr && node->is("Concat") && node->integer("axis", 0) == -1 && node->inputs().size() == 2) {
    if (unpaired(node->input(0)) != nullptr && unpaired(node->input(1)) != nullptr) {
      return {node->input(0)->producer()->input(0), node->input(1)->producer()->input(0)};
    }
  }
  const auto part = [&](std::int64_t index) {
    return c.emit("Gather", {pair, c.integer_scalar(index)}, {{"axis", c.rank(pair) - 1}});
  };
  return {part(0), part(1)};
}

ir::Value* paired(Call& c, const Complex& z) {
  return c.concat({c.unsqueeze(z.re, {-1}), c.unsqueeze(z.im, {-1})}, -1);
}

DataType complex_width(Call& c) {
  const DataType result = c.result_dtype();
  if (is_complex_type(result)) return real_part_type(result);
  for (const NamedArgument& input : c.node().inputs) {
    if (c.is_complex(input.name)) return real_part_type(c.meta(input.name).dtype);
  }
  return result;
}

ir::Value* pair_of_real(Call& c, ir::Value* real) {
  return converted(c, real, c.dtype(real), complex_of(c.dtype(real)));
}

ir::Value* pair_argument(Call& c, std::string_view name, DataType width) {
  if (!c.is_tensor(name)) return c.scalar(c.number_argument(name), complex_of(width));
  return converted(c, c.tensor(name), c.meta(name).dtype, complex_of(width));
}

Values pair_arguments(Call& c, std::string_view name, DataType width) {
  Values values;
  for (const Part& part : parts_of(c, name)) {
    values.push_back(converted(c, part.value, part.meta->dtype, complex_of(width)));
  }
  return values;
}

Complex multiply(Call& c, const Complex& x, const Complex& y) {
  return {minus(c, times(c, x.re, y.re), times(c, x.im, y.im)), plus(c, times(c, x.re, y.im), times(c, x.im, y.re))};
}

/// Smith's way: divides by the larger part first, so that nothing overflows on the way.
Complex divide(Call& c, const Complex& x, const Complex& y) {
  ir::Value* by_real = c.emit("GreaterOrEqual", {c.emit("Abs", {y.re}), c.emit("Abs", {y.im})});
  ir::Value* large = c.where(by_real, y.re, y.im);
  ir::Value* small = c.where(by_real, y.im, y.re);
  ir::Value* quotient = c.emit("Div", {small, large});
  // Zero by zero is no number; a division by zero shows in the scale then.
  ir::Value* zero = c.number(0, c.dtype(y.re));
  ir::Value* ratio = c.where(c.emit("Equal", {large, zero}), zero, quotient);
  ir::Value* scale = plus(c, large, times(c, small, ratio));
  ir::Value* re = c.where(by_real, plus(c, x.re, times(c, x.im, ratio)), plus(c, times(c, x.re, ratio), x.im));
  ir::Value* im = c.where(by_real, minus(c, x.im, times(c, x.re, ratio)), minus(c, times(c, x.im, ratio), x.re));
  return {c.emit("Div", {re, scale}), c.emit("Div", {im, scale})};
}

Complex reciprocal(Call& c, const Complex& z) {
  const DataType dtype = c.dtype(z.re);
  return divide(c, {c.number(1, dtype), c.number(0, dtype)}, z);
}

Complex exponential(Call& c, const Complex& z) {
  ir::Value* size = c.emit("Exp", {z.re});
  return {times(c, size, c.emit("Cos", {z.im})), times(c, size, c.emit("Sin", {z.im}))};
}

ir::Value* magnitude(Call& c, ir::Value* pair) { return c.reduce("ReduceL2", pair, {c.rank(pair) - 1}, false); }

ir::Value* conjugate(Call& c, ir::Value* pair) { return times(c, pair, c.reals({1, -1}, {2}, c.dtype(pair))); }

ir::Value* angle_of(Call& c, ir::Value* y, ir::Value* x) { return atan2(Term(c, y), Term(c, x)); }

Complex logarithm(Call& c, const Complex& z) {
  return {c.emit("Log", {magnitude(c, paired(c, z))}), angle_of(c, z.im, z.re)};
}

ir::Value* bilinear(Call& c, ir::Value* x, ir::Value* y,
                    const std::function<ir::Value*(ir::Value*, ir::Value*)>& product) {
  const Complex a = parts(c, x);
  const Complex b = parts(c, y);
  return paired(
      c, {minus(c, product(a.re, b.re), product(a.im, b.im)), plus(c, product(a.re, b.im), product(a.im, b.re))});
}

namespace {

// ---- Sums and products

/// An argument as a pair, times alpha.
ir::Value* times_alpha(Call& c, std::string_view name, DataType width) {
  ir::Value* value = pair_argument(c, name, width);
  const auto alpha = c.find_number_argument("alpha");
  if (!alpha) return value;
  if (alpha->is_complex()) {
    return paired(c, multiply(c, parts(c, value), parts(c, pair_argument(c, "alpha", width))));
  }
  return !alpha->is_symbolic() && alpha->real() == 1 ? value : times(c, value, c.scalar(*alpha, width));
}

ir::Value* add(Call& c) {
  const DataType width = complex_width(c);
  return plus(c, pair_argument(c, "self", width), times_alpha(c, "other", width));
}

ir::Value* subtract(Call& c) {
  const DataType width = complex_width(c);
  return minus(c, pair_argument(c, "self", width), times_alpha(c, "other", width));
}

ir::Value* subtract_from(Call& c) {
  const DataType width = complex_width(c);
  return minus(c, pair_argument(c, "other", width), times_alpha(c, "self", width));
}

/// An argument without imaginary part, a tensor or a number, as a factor of pairs; null where it is complex.
/// PyTorch multiplies by its zero too, which leaves finite numbers as they are.
ir::Value* find_real_factor(Call& c, std::string_view name, DataType width) {
  if (c.is_tensor(name)) return c.is_complex(name) ? nullptr : c.unsqueeze(c.cast(c.tensor(name), width), {-1});
  const Number number = c.number_argument(name);
  return number.is_complex() ? nullptr : c.scalar(number, width);
}

ir::Value* multiply_row(Call& c) {
  const DataType width = complex_width(c);
  if (ir::Value* factor = find_real_factor(c, "other", width)) return times(c, pair_argument(c, "self", width), factor);
  if (ir::Value* factor = find_real_factor(c, "self", width)) return times(c, factor, pair_argument(c, "other", width));
  const Complex x = parts(c, pair_argument(c, "self", width));
  return paired(c, multiply(c, x, parts(c, pair_argument(c, "other", width))));
}

ir::Value* divide_row(Call& c) {
  const DataType width = complex_width(c);
  ir::Value* self = pair_argument(c, "self", width);
  if (ir::Value* divisor = find_real_factor(c, "other", width)) return c.emit("Div", {self, divisor});
  return paired(c, divide(c, parts(c, self), parts(c, pair_argument(c, "other", width))));
}

ir::Value* negate(Call& c) { return c.emit("Neg", {c.tensor("self")}); }

ir::Value* conjugate_row(Call& c) { return conjugate(c, c.tensor("self")); }

ir::Value* conjugate_back(Call& c, ir::Value* /*base*/, ir::Value* fresh) { return conjugate(c, fresh); }

// ---- Size, angle, direction

ir::Value* absolute(Call& c) { return magnitude(c, c.tensor("self")); }

ir::Value* angle(Call& c) {
  const Complex z = parts(c, c.tensor("self"));
  return angle_of(c, z.im, z.re);
}

/// z / |z|, zero where z is.
ir::Value* sign(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* size = c.reduce("ReduceL2", self, {c.rank(self) - 1}, true);
  ir::Value* zero = c.number(0, c.dtype(self));
  return c.where(c.emit("Equal", {size, zero}), zero, c.emit("Div", {self, size}));
}

// ---- Comparison

ir::Value* equal(Call& c) {
  DataType width = DataType::float32;
  for (const std::string_view name : {"self", "other"}) {
    if (c.is_tensor(name)) width = promote_types(width, real_part_type(c.meta(name).dtype));
  }
  const Complex x = parts(c, pair_argument(c, "self", width));
  const Complex y = parts(c, pair_argument(c, "other", width));
  return c.emit("And", {c.emit("Equal", {x.re, y.re}), c.emit("Equal", {x.im, y.im})});
}

ir::Value* not_equal(Call& c) { return c.emit("Not", {equal(c)}); }

ir::Value* either(Call& c, const char* test) {
  const Complex z = parts(c, c.tensor("self"));
  return c.emit("Or", {c.emit(test, {z.re}), c.emit(test, {z.im})});
}

ir::Value* is_nan(Call& c) { return either(c, "IsNaN"); }
ir::Value* is_infinite(Call& c) { return either(c, "IsInf"); }
ir::Value* is_finite(Call& c) { return c.emit("Not", {c.emit("Or", {is_nan(c), is_infinite(c)})}); }

ir::Value* is_real(Call& c) {
  const Complex z = parts(c, c.tensor("self"));
  return c.emit("Equal", {z.im, c.number(0, c.dtype(z.im))});
}

ir::Value* is_nonzero(Call& c, ir::Value* pair) {
  const Complex z = parts(c, pair);
  return c.emit("Or", {c.cast(z.re, DataType::boolean), c.cast(z.im, DataType::boolean)});
}

ir::Value* logical_not(Call& c) { return c.emit("Not", {is_nonzero(c, c.tensor("self"))}); }

constexpr std::array kOps = {
    op("aten.add.Tensor", add),
    op("aten.add.Scalar", add),
    op("aten.sub.Tensor", subtract),
    op("aten.sub.Scalar", subtract),
    op("aten.subtract.Tensor", subtract),
    op("aten.rsub.Tensor", subtract_from),
    op("aten.rsub.Scalar", subtract_from),
    op("aten.mul.Tensor", multiply_row),
    op("aten.mul.Scalar", multiply_row),
    op("aten.multiply.Tensor", multiply_row),
    op("aten.div.Tensor", divide_row),
    op("aten.div.Scalar", divide_row),
    op("aten.divide.Tensor", divide_row),
    op("aten.true_divide.Tensor", divide_row),
    op("aten.neg.default", negate),
    op("aten.negative.default", negate),
    op("aten.conj_physical.default", conjugate_row),
    op("aten._conj_physical.default", conjugate_row),
    view("aten._conj.default", conjugate_row, conjugate_back),
    view("aten.conj.default", conjugate_row, conjugate_back),
    op("aten.abs.default", absolute),
    op("aten.absolute.default", absolute),
    op("aten.angle.default", angle),
    op("aten.sgn.default", sign),
    op("aten.eq.Tensor", equal),
    op("aten.eq.Scalar", equal),
    op("aten.ne.Tensor", not_equal),
    op("aten.ne.Scalar", not_equal),
    op("aten.isnan.default", is_nan),
    op("aten.isinf.default", is_infinite),
    op("aten.isfinite.default", is_finite),
    op("aten.isreal.default", is_real),
    op("aten.logical_not.default", logical_not),
};

}  // namespace

Ops complex_arithmetic_ops() { return kOps; }

}  // namespace olivine::torch

#include <array>
#include <cmath>

#include "torch/aten/families.h"
#include "torch/aten/term.h"
#include "torch/promote.h"

/// Arithmetic on two or more tensors, with PyTorch's type promotion.
namespace olivine::torch {
namespace {

bool is_one(const std::optional<Number>& number) {
  return !number || (!number->is_symbolic() && !number->is_complex() && number->real() == 1);
}

/// value · factor, where a factor is given.
ir::Value* times(Call& c, ir::Value* value, std::string_view factor) {
  const auto number = c.find_number_argument(factor);
  if (is_one(number)) return value;
  return c.emit("Mul", {value, c.scalar(*number, c.dtype(value))});
}

/// self ± alpha · other
ir::Value* sum(Call& c, const char* op_type, std::string_view first, std::string_view second) {
  const Values operands = c.promoted({first, second});
  if (c.dtype(operands[0]) != DataType::boolean) {
    return c.emit(op_type, {operands[0], times(c, operands[1], "alpha")});
  }
  // Of bools only the sum is defined.
  const auto alpha = c.find_number_argument("alpha");
  ir::Value* other = operands[1];
  if (!is_one(alpha)) other = c.emit("And", {other, c.scalar(*alpha, DataType::boolean)});
  return c.emit("Or", {operands[0], other});
}

ir::Value* add(Call& c) { return sum(c, "Add", "self", "other"); }
ir::Value* subtract(Call& c) { return sum(c, "Sub", "self", "other"); }
ir::Value* subtract_from(Call& c) { return sum(c, "Sub", "other", "self"); }

ir::Value* multiply(Call& c) {
  const Values operands = c.promoted({"self", "other"});
  return c.emit(c.dtype(operands[0]) == DataType::boolean ? "And" : "Mul", operands);
}

// ---- Division

ir::Value* divide(Call& c) {
  const auto [a, b] = real_arguments(c);
  return a / b;
}

/// Types whose kernels runtimes lack pass as int64; so do those in which intermediate results would overflow.
Term widened(Term x) { return x.is_float() || x.dtype() == DataType::int64 ? x : x.cast(DataType::int64); }

Term fmod(Term a, Term b) { return a.emit("Mod", b, {{"fmod", 1}}); }

/// The quotient of integers, rounded towards minus infinity: one less than ONNX's where the signs differ and it isn't
/// whole, that is where the remainder with the divisor's sign is not the one with the dividend's.
Term floor_of_integers(Term a, Term b) {
  if (is_unsigned(a.dtype())) return a / b;
  if (a.dtype() != DataType::int64) {
    const Term wide = widened(a);
    return ((wide - wide.emit("Mod", widened(b))) / widened(b)).cast(a.dtype());
  }
  const Term is_whole = equals(a.emit("Mod", b), fmod(a, b));
  return a / b - (!is_whole).cast(a.dtype());
}

/// As Python divides: the quotient is made of what the remainder leaves, as a / b may round up to a whole number.
Term floor_of_reals(Term a, Term b) {
  const Term remainder = fmod(a, b);
  const Term quotient = a / b;
  const Term whole = (a - remainder) / b;
  const Term is_below = ((b < 0) ^ (remainder < 0)) & (!equals(remainder, 0));
  const Term lower = where(is_below, whole - 1, whole);
  const Term floored = floor(lower);
  const Term nearest = where(lower - floored > 0.5, floored + 1, floored);
  // Zero takes the sign of the quotient; a division by zero is what it is.
  return where(equals(b, 0), quotient, where(equals(lower, 0), quotient * 0, nearest));
}

Term floor_divided(Term a, Term b) {
  if (!a.is_float()) return floor_of_integers(a, b);
  const DataType working = working_type(a.dtype());
  return floor_of_reals(a.cast(working), b.cast(working)).cast(a.dtype());
}

Term truncated(Term a, Term b) {
  if (!a.is_float()) return a / b;
  const DataType working = working_type(a.dtype());
  return trunc(a.cast(working) / b.cast(working)).cast(a.dtype());
}

Pair promoted_pair(Call& c, std::string_view first = "self", std::string_view second = "other") {
  const Values both = c.promoted({first, second});
  return {Term(c, both[0]), Term(c, both[1])};
}

ir::Value* divide_rounded(Call& c) {
  const std::string mode = c.string("rounding_mode", "");
  if (mode.empty()) return divide(c);
  const auto [a, b] = promoted_pair(c);
  if (a.dtype() == DataType::boolean) c.refuse("bools are not divided");
  return mode == "floor" ? floor_divided(a, b) : truncated(a, b);
}

ir::Value* floor_divide(Call& c) {
  const auto [a, b] = promoted_pair(c);
  return floor_divided(a, b);
}

ir::Value* fmod_op(Call& c) {
  const auto [a, b] = promoted_pair(c);
  return fmod(a, b);
}

/// With the divisor's sign.
ir::Value* remainder(Call& c) {
  const auto [a, b] = promoted_pair(c);
  if (!a.is_float()) return a.emit("Mod", b);
  const Term x = a.cast(working_type(a.dtype()));
  const Term divisor = b.cast(working_type(a.dtype()));
  const Term rest = fmod(x, divisor);
  const auto known = c.find_number(divisor);
  Term is_other = rest < 0;
  if (known && *known < 0) is_other = rest > 0;
  if (!known) is_other = (rest.emit("Sign") * divisor.emit("Sign")) < 0;
  return where(is_other, rest + divisor, rest).cast(a.dtype());
}

// ---- Powers

/// x to a power known now, by squaring: integers wrap around as they do in PyTorch.
Term whole_power(Term x, std::int64_t exponent) {
  if (exponent == 0) return x.emit("Sub", x) + 1;
  Term result = x;
  bool is_started = false;
  for (Term factor = x; exponent != 0; factor = square(factor)) {
    if ((exponent & 1) != 0) {
      result = is_started ? result * factor : factor;
      is_started = true;
    }
    exponent >>= 1;
    if (exponent == 0) break;
  }
  return result;
}

/// By squaring in a loop, as ONNX Runtime's Pow rounds large integers. A negative power of an integer is 0 but of 1 and
/// -1, which are their own reciprocals.
Term integer_power(Term base, Term exponent) {
  Call& c = base.call();
  const DataType own = base.dtype();
  ir::Value* sizes = c.sizes(base + exponent);
  const Term wide_base = base.cast(DataType::int64);
  const Term wide_exponent = exponent.cast(DataType::int64);
  const Term is_unit = equals(abs(wide_base), 1);
  const Term power = where(wide_exponent < 0, where(is_unit, abs(wide_exponent), 1), wide_exponent);
  const Term factor = where((wide_exponent < 0) & !is_unit, 0, wide_base);
  const Values states = repeat(
      c, nullptr, {c.expand_to(c.integer_scalar(1), sizes), c.expand_to(factor, sizes), c.expand_to(power, sizes)},
      [&](Term /*iteration*/, const std::vector<Term>& state) -> Values {
        const Term is_odd = equals(state[2].emit("Mod", state[2].number(2)), 1);
        const Term rest = state[2] / 2;
        return {any_of(rest > 0), where(is_odd, state[0] * state[1], state[0]), square(state[1]), rest};
      });
  return Term(c, states[0]).cast(own);
}

/// The powers that PyTorch computes by other means than pow; of narrow types no roots.
std::optional<Term> special_power(Term x, double exponent, DataType own) {
  if (exponent == 1) return x;
  if (exponent == 2) return square(x);
  if (exponent == 3) return x * x * x;
  if (exponent == 0.5 && !is_half(own)) return sqrt(x);
  if (exponent == -0.5 && !is_half(own)) return sqrt(x).emit("Reciprocal");
  if (exponent == -1) return x.emit("Reciprocal");
  if (exponent == -2) return square(x).emit("Reciprocal");
  return std::nullopt;
}

ir::Value* power(Call& c) {
  const auto [base, exponent] = promoted_pair(c, "self", "exponent");
  const auto known = c.find_number(exponent);
  if (base.dtype() == DataType::boolean) c.refuse("bools have no powers");
  if (base.is_float()) {
    const Term x = base.cast(working_type(base.dtype()));
    if (known && !c.find_number(base)) {
      if (const auto special = special_power(x, *known, base.dtype())) return special->cast(base.dtype());
    }
    return pow(x, exponent.cast(x.dtype())).cast(base.dtype());
  }
  if (known && c.rank(exponent) == 0 && *known >= 0) return whole_power(base, static_cast<std::int64_t>(*known));
  return integer_power(base, exponent);
}

/// In float64, whatever is given.
ir::Value* float_power(Call& c) {
  const auto wide = [&](std::string_view name) {
    if (!c.is_tensor(name)) return Term(c, c.scalar(c.number_argument(name), DataType::float64));
    return Term(c, c.tensor(name)).cast(DataType::float64);
  };
  if (is_complex_type(c.result_dtype())) c.refuse("it is not expressed for complex numbers");
  return pow(wide("self"), wide("exponent"));
}

// ---- Three tensors

/// self + value · tensor1 · tensor2, or · 1 / tensor2
ir::Value* add_product(Call& c, const char* op_type) {
  const Values operands = c.promoted({"self", "tensor1", "tensor2"});
  const DataType own = c.dtype(operands[0]);
  const DataType working = working_type(own);
  ir::Value* first = times(c, c.cast(operands[1], working), "value");
  ir::Value* product = c.emit(op_type, {first, c.cast(operands[2], working)});
  return c.cast(c.emit("Add", {c.cast(operands[0], working), product}), own);
}

ir::Value* addcmul(Call& c) { return add_product(c, "Mul"); }
ir::Value* addcdiv(Call& c) { return add_product(c, "Div"); }

/// From the nearer end, so that a weight of 1 gives the end exactly.
ir::Value* lerp(Call& c) {
  const Values ends = c.promoted({"self", "end"});
  const DataType own = c.dtype(ends[0]);
  const Term start = Term(c, ends[0]).cast(working_type(own));
  const Term end = Term(c, ends[1]).cast(working_type(own));
  ir::Value* given = c.is_tensor("weight") ? c.tensor("weight") : c.scalar(c.number_argument("weight"), start.dtype());
  const Term weight = Term(c, given).cast(start.dtype());
  const Term from_start = start + weight * (end - start);
  const auto known = c.find_number(weight);
  if (known && std::abs(*known) < 0.5) return from_start.cast(own);
  const Term from_end = end - (end - start) * (1 - weight);
  if (known) return from_end.cast(own);
  return where(abs(weight) < 0.5, from_start, from_end).cast(own);
}

// ---- Functions of two reals

/// In float64, where squares of float32 don't overflow; float64 itself is scaled. Infinity wins over NaN.
Term hypot(Term x, Term y) {
  const Term has_infinity = is_inf(x) | is_inf(y);
  const Term infinity = x.number(std::numeric_limits<double>::infinity());
  if (x.dtype() != DataType::float64) {
    const Term sum = square(x.cast(DataType::float64)) + square(y.cast(DataType::float64));
    return where(has_infinity, infinity, sqrt(sum).cast(x.dtype()));
  }
  const Term larger = max(abs(x), abs(y));
  const Term ratio = min(abs(x), abs(y)) / where(equals(larger, 0), 1, larger);
  return where(has_infinity, infinity, larger * sqrt(1 + square(ratio)));
}

Term copysign(Term x, Term sign) {
  const Term size = abs(x);
  return where(sign_bit(sign), -size, size);
}

/// max + log(1 + e^-|a - b|); equal infinities are themselves.
Term logaddexp(Term a, Term b) {
  const Term larger = max(a, b);
  const Term sum = larger + softplus(-abs(a - b));
  return where(is_inf(a) & equals(a, b), a, sum);
}

Term logaddexp2(Term a, Term b) {
  constexpr double kLn2 = 0.693147180559945309417;
  const Term larger = max(a, b);
  const Term sum = larger + softplus(-abs(a - b) * kLn2) / kLn2;
  return where(is_inf(a) & equals(a, b), a, sum);
}

/// x · log(y), 0 where x is 0 whatever the logarithm, NaN where y is NaN.
Term xlogy(Term x, Term y) { return where(equals(x, 0) & !is_nan(y), 0, x * log(y)); }
Term xlog1py(Term x, Term y) { return where(equals(x, 0) & !is_nan(y), 0, x * log1p(y)); }

/// self · 2^other: the power is a real number.
ir::Value* ldexp(Call& c) {
  const DataType own = c.result_dtype();
  const DataType power_type = is_float(c.meta("other").dtype) ? c.meta("other").dtype : DataType::float32;
  const Term power = pow(2.0, Term(c, c.tensor("other")).cast(power_type));
  return Term(c, c.tensor("self")).cast(own) * power.cast(own);
}

constexpr std::array kOps = {
    op("aten.add.Tensor", add),
    op("aten.add.Scalar", add),
    op("aten.sub.Tensor", subtract),
    op("aten.sub.Scalar", subtract),
    op("aten.subtract.Tensor", subtract),
    op("aten.subtract.Scalar", subtract),
    op("aten.rsub.Tensor", subtract_from),
    op("aten.rsub.Scalar", subtract_from),
    op("aten.mul.Tensor", multiply),
    op("aten.mul.Scalar", multiply),
    op("aten.multiply.Tensor", multiply),
    op("aten.multiply.Scalar", multiply),
    op("aten.div.Tensor", divide),
    op("aten.div.Scalar", divide),
    op("aten.div.Tensor_mode", divide_rounded),
    op("aten.div.Scalar_mode", divide_rounded),
    op("aten.divide.Tensor", divide),
    op("aten.divide.Scalar", divide),
    op("aten.divide.Tensor_mode", divide_rounded),
    op("aten.divide.Scalar_mode", divide_rounded),
    op("aten.true_divide.Tensor", divide),
    op("aten.true_divide.Scalar", divide),
    op("aten.floor_divide.default", floor_divide),
    op("aten.floor_divide.Scalar", floor_divide),
    op("aten.fmod.Tensor", fmod_op),
    op("aten.fmod.Scalar", fmod_op),
    op("aten.remainder.Tensor", remainder),
    op("aten.remainder.Scalar", remainder),
    op("aten.remainder.Scalar_Tensor", remainder),
    op("aten.pow.Tensor_Tensor", power),
    op("aten.pow.Tensor_Scalar", power),
    op("aten.pow.Scalar", power),
    op("aten.float_power.Tensor_Tensor", float_power),
    op("aten.float_power.Tensor_Scalar", float_power),
    op("aten.float_power.Scalar", float_power),
    op("aten.addcmul.default", addcmul),
    op("aten.addcdiv.default", addcdiv),
    op("aten.lerp.Tensor", lerp),
    op("aten.lerp.Scalar", lerp),
    op("aten.hypot.default", of_reals<hypot>),
    op("aten.atan2.default", of_reals<atan2>),
    op("aten.arctan2.default", of_reals<atan2>),
    op("aten.copysign.Tensor", of_reals<copysign>),
    op("aten.copysign.Scalar", of_reals<copysign>),
    op("aten.logaddexp.default", of_reals<logaddexp>),
    op("aten.logaddexp2.default", of_reals<logaddexp2>),
    op("aten.xlogy.Tensor", of_reals<xlogy>),
    op("aten.xlogy.Scalar_Other", of_reals<xlogy>),
    op("aten.xlogy.Scalar_Self", of_reals<xlogy>),
    op("aten.special_xlogy.default", of_reals<xlogy>),
    op("aten.special_xlogy.other_scalar", of_reals<xlogy>),
    op("aten.special_xlogy.self_scalar", of_reals<xlogy>),
    op("aten.special_xlog1py.default", of_reals<xlog1py>),
    op("aten.special_xlog1py.other_scalar", of_reals<xlog1py>),
    op("aten.special_xlog1py.self_scalar", of_reals<xlog1py>),
    op("aten.ldexp.Tensor", ldexp),
};

}  // namespace

Ops arithmetic_ops() { return kOps; }

}  // namespace olivine::torch

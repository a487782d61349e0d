#include <array>
#include <cmath>
#include <numbers>

#include "torch/aten/families.h"
#include "torch/aten/term.h"

/// Functions of one number: signs, rounding, roots, powers of e, trigonometry.
namespace olivine::torch {
namespace {

// ---- Of any number

ir::Value* absolute(Call& c) {
  const Term x(c, c.tensor("self"));
  return x.dtype() == DataType::boolean ? x : abs(x);
}

/// Unsigned types pass as int64 and wrap around.
ir::Value* negate(Call& c) {
  const Term x(c, c.tensor("self"));
  const bool is_unsigned = !x.is_float() && name_of(x.dtype()).starts_with("uint");
  return is_unsigned ? (-x.cast(DataType::int64)).cast(x.dtype()) : -x;
}

/// Of NaN it is 0.
ir::Value* sign(Call& c) {
  const Term x(c, c.tensor("self"));
  if (x.dtype() == DataType::boolean) return x;
  return x.is_float() ? where(is_nan(x), 0, x.emit("Sign")) : x.emit("Sign");
}

ir::Value* square_op(Call& c) {
  const Term x(c, c.tensor("self"));
  return x.dtype() == DataType::boolean ? x.cast(c.result_dtype()) : square(x);
}

ir::Value* sign_bit_op(Call& c) { return sign_bit(Term(c, c.tensor("self"))); }

/// Integers are round already.
template <OpName op_type>
ir::Value* rounded(Call& c) {
  const Term x(c, c.tensor("self"));
  return x.is_float() ? x.emit(op_type.text) : x;
}

ir::Value* truncated(Call& c) {
  const Term x(c, c.tensor("self"));
  return x.is_float() ? trunc(x) : x;
}

ir::Value* fraction(Call& c) {
  const Term x(c, c.tensor("self"));
  return x - trunc(x);
}

/// Rounds to a number of decimals as PyTorch does: scaled by a power of ten, in the tensor's type.
ir::Value* round_decimals(Call& c) {
  const Term x(c, c.tensor("self"));
  const std::int64_t decimals = c.integer("decimals", 0);
  if (!x.is_float()) {
    if (decimals >= 0) return x;
    c.refuse("integers are not rounded to powers of ten");
  }
  if (decimals == 0) return x.emit("Round");
  const Term wide = x.cast(working_type(x.dtype()));
  const double scale = std::pow(10.0, static_cast<double>(std::abs(decimals)));
  const Term scaled = decimals > 0 ? wide * scale : wide / scale;
  const Term whole = scaled.emit("Round");
  return (decimals > 0 ? whole / scale : whole * scale).cast(x.dtype());
}

// ---- Of reals

constexpr double kPi = std::numbers::pi;

Term rsqrt(Term x) { return sqrt(x).emit("Reciprocal"); }
Term exp2(Term x) { return pow(2.0, x); }
Term log2(Term x) { return log(x) / std::numbers::ln2; }
Term log10(Term x) { return log(x) / std::numbers::ln10; }
Term sinc(Term x) {
  const Term scaled = x * kPi;
  return where(equals(x, 0), 1, sin(scaled) / scaled);
}
Term degrees(Term x) { return x * (180.0 / kPi); }
Term radians(Term x) { return x * (kPi / 180.0); }

/// π of what is negative.
ir::Value* angle(Call& c) {
  const Term x = real_argument(c);
  const Term result = (x < 0).cast(x.dtype()) * kPi;
  return where(is_nan(x), x, result);
}

// ---- Numbers and their representation

/// The number beside `self` on the way to `other`. An addend between half a unit in the last place and a whole one
/// rounds to it; below the normal numbers the unit is fixed.
ir::Value* next_after(Call& c) {
  const Values both = c.promoted({"self", "other"});
  struct Format {
    DataType dtype;
    int digits;
    int lowest;
  };
  constexpr std::array formats = {Format{DataType::float64, 53, -1074}, Format{DataType::float32, 24, -149},
                                  Format{DataType::float16, 11, -24}, Format{DataType::bfloat16, 8, -133}};
  const DataType own = c.dtype(both[0]);
  const auto* format = std::ranges::find(formats, own, &Format::dtype);
  if (format == formats.end()) c.refuse("the neighbours of a number of its type are not known");
  const Term x = Term(c, both[0]).cast(working_type(own));
  const Term goal = Term(c, both[1]).cast(working_type(own));
  const double share = std::ldexp(1 + std::ldexp(1.0, -format->digits / 2), -format->digits);
  const Term step = max(abs(x) * share, std::ldexp(1.0, format->lowest));
  const Term moved = where(goal > x, x + step, x - step).cast(own).cast(x.dtype());
  const double highest = std::ldexp(2 - std::ldexp(1.0, 1 - format->digits), own == DataType::float16   ? 15
                                                                             : own == DataType::float64 ? 1023
                                                                                                        : 127);
  const Term inner = where(is_inf(x), x.emit("Sign") * highest, moved);
  const Term result = where(equals(x, goal), goal, where(is_nan(goal), goal, inner));
  return result.cast(own);
}

/// mantissa · 2^exponent with a mantissa in [0.5, 1). The logarithm tells the exponent up to one, which is then set
/// right; half of the power at a time, as the whole may overflow.
Values frexp(Call& c) {
  const Term self(c, c.tensor("self"));
  const Term x = self.cast(DataType::float64);
  const Term is_plain = !(equals(x, 0) | is_nan(x) | is_inf(x));
  const Term size = where(is_plain, abs(x), 1);
  const Term guess = floor(log(size) / std::numbers::ln2) + 1;
  const Term half = floor(guess * 0.5);
  const Term first = where(is_plain, x, 1) * pow(2.0, -half) * pow(2.0, half - guess);
  const Term is_large = abs(first) >= 1;
  const Term is_small = abs(first) < 0.5;
  const Term mantissa = where(is_large, first * 0.5, where(is_small, first * 2, first));
  const Term exponent = where(is_large, guess + 1, where(is_small, guess - 1, guess));
  return {where(is_plain, mantissa, x).cast(self.dtype()), where(is_plain, exponent, 0.0).cast(DataType::int32)};
}

constexpr std::array kOps = {
    op("aten.abs.default", absolute),
    op("aten.absolute.default", absolute),
    op("aten.neg.default", negate),
    op("aten.negative.default", negate),
    op("aten.sign.default", sign),
    op("aten.sgn.default", sign),
    op("aten.square.default", square_op),
    op("aten.signbit.default", sign_bit_op),
    op("aten.floor.default", rounded<"Floor">),
    op("aten.ceil.default", rounded<"Ceil">),
    op("aten.round.default", rounded<"Round">),
    op("aten.round.decimals", round_decimals),
    op("aten.special_round.default", round_decimals),
    op("aten.trunc.default", truncated),
    op("aten.fix.default", truncated),
    op("aten.frac.default", fraction),
    op("aten.reciprocal.default", real_op<"Reciprocal">),
    op("aten.sqrt.default", real_op<"Sqrt">),
    op("aten.rsqrt.default", of_real<rsqrt>),
    op("aten.exp.default", real_op<"Exp">),
    op("aten.exp2.default", of_real<exp2>),
    op("aten.special_exp2.default", of_real<exp2>),
    op("aten.expm1.default", of_real<expm1>),
    op("aten.special_expm1.default", of_real<expm1>),
    op("aten.log.default", real_op<"Log">),
    op("aten.log2.default", of_real<log2>),
    op("aten.log10.default", of_real<log10>),
    op("aten.log1p.default", of_real<log1p>),
    op("aten.special_log1p.default", of_real<log1p>),
    op("aten.sin.default", real_op<"Sin">),
    op("aten.cos.default", real_op<"Cos">),
    op("aten.tan.default", of_real<tan>),
    op("aten.asin.default", of_real<asin>),
    op("aten.arcsin.default", of_real<asin>),
    op("aten.acos.default", of_real<acos>),
    op("aten.arccos.default", of_real<acos>),
    op("aten.atan.default", of_real<atan>),
    op("aten.arctan.default", of_real<atan>),
    op("aten.sinh.default", of_real<sinh>),
    op("aten.cosh.default", of_real<cosh>),
    op("aten.tanh.default", real_op<"Tanh">),
    op("aten.asinh.default", of_real<asinh>),
    op("aten.arcsinh.default", of_real<asinh>),
    op("aten.acosh.default", of_real<acosh>),
    op("aten.arccosh.default", of_real<acosh>),
    op("aten.atanh.default", of_real<atanh>),
    op("aten.arctanh.default", of_real<atanh>),
    op("aten.sinc.default", of_real<sinc>),
    op("aten.special_sinc.default", of_real<sinc>),
    op("aten.rad2deg.default", of_real<degrees>),
    op("aten.deg2rad.default", of_real<radians>),
    op("aten.angle.default", angle),
    op("aten.nextafter.default", next_after),
    op("aten.frexp.Tensor", frexp),
};

}  // namespace

Ops unary_ops() { return kOps; }

}  // namespace olivine::torch

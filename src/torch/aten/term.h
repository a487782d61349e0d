#pragma once

#include <algorithm>
#include <span>
#include <string>

#include "torch/op.h"

/// Formulas written as formulas: what pointwise operators are composed of.
namespace olivine::torch {

/// The name of an ONNX operator as the argument of a template: `op("aten.exp.default", of_real<"Exp">)`.
template <std::size_t N>
struct OpName {
  constexpr OpName(const char (&name)[N]) { std::copy_n(name, N, text); }
  char text[N];
};

/// A value that takes part in a formula. Numbers in the formula have its type.
class Term {
 public:
  Term(Call& call, ir::Value* value) : call_(&call), value_(value) {}

  operator ir::Value*() const { return value_; }
  Call& call() const { return *call_; }
  DataType dtype() const { return call_->dtype(value_); }
  bool is_float() const { return olivine::is_float(dtype()); }

  Term made(ir::Value* value) const { return {*call_, value}; }
  /// Of a narrow float that the operator doesn't take at this opset through float32.
  Term emit(const char* op_type, Attrs attributes = {}) const;
  Term emit(const char* op_type, Term other, Attrs attributes = {}) const {
    return made(call_->emit(op_type, {value_, other.value_}, std::move(attributes)));
  }
  Term number(double number) const { return made(call_->number_like(number, value_)); }
  Term cast(DataType dtype) const { return made(call_->cast(value_, dtype)); }

  friend Term operator+(Term a, Term b) { return a.emit("Add", b); }
  friend Term operator-(Term a, Term b) { return a.emit("Sub", b); }
  friend Term operator*(Term a, Term b) { return a.emit("Mul", b); }
  friend Term operator/(Term a, Term b) { return a.emit("Div", b); }
  friend Term operator<(Term a, Term b) { return a.emit("Less", b); }
  friend Term operator>(Term a, Term b) { return a.emit("Greater", b); }
  friend Term operator<=(Term a, Term b) { return a.emit("LessOrEqual", b); }
  friend Term operator>=(Term a, Term b) { return a.emit("GreaterOrEqual", b); }
  friend Term operator+(Term a, double b) { return a + a.number(b); }
  friend Term operator-(Term a, double b) { return a - a.number(b); }
  friend Term operator*(Term a, double b) { return a * a.number(b); }
  friend Term operator/(Term a, double b) { return a / a.number(b); }
  friend Term operator+(double a, Term b) { return b.number(a) + b; }
  friend Term operator-(double a, Term b) { return b.number(a) - b; }
  friend Term operator*(double a, Term b) { return b.number(a) * b; }
  friend Term operator/(double a, Term b) { return b.number(a) / b; }
  friend Term operator<(Term a, double b) { return a < a.number(b); }
  friend Term operator>(Term a, double b) { return a > a.number(b); }
  friend Term operator<=(Term a, double b) { return a <= a.number(b); }
  friend Term operator>=(Term a, double b) { return a >= a.number(b); }
  Term operator-() const { return emit("Neg"); }

  /// Of bools. Both sides are always made.
  friend Term operator&(Term a, Term b) { return a.emit("And", b); }
  friend Term operator|(Term a, Term b) { return a.emit("Or", b); }
  friend Term operator^(Term a, Term b) { return a.emit("Xor", b); }
  Term operator!() const { return emit("Not"); }

 private:
  Call* call_;
  ir::Value* value_;
};

inline Term equals(Term a, Term b) { return a.emit("Equal", b); }
inline Term equals(Term a, double b) { return equals(a, a.number(b)); }
inline Term where(Term condition, Term yes, Term no) { return yes.made(yes.call().where(condition, yes, no)); }
inline Term where(Term condition, double yes, Term no) { return where(condition, no.number(yes), no); }
inline Term where(Term condition, Term yes, double no) { return where(condition, yes, yes.number(no)); }

inline Term max(Term a, Term b) { return a.emit("Max", b); }
inline Term max(Term a, double b) { return max(a, a.number(b)); }
inline Term min(Term a, Term b) { return a.emit("Min", b); }
inline Term min(Term a, double b) { return min(a, a.number(b)); }
inline Term square(Term x) { return x * x; }

/// coefficients[0] · xⁿ + … + coefficients[n]
Term polynomial(Term x, std::span<const double> coefficients);

/// @name Functions of reals, in every float type that runtimes compute in
/// Where ONNX Runtime has no kernel for float64, they are made of what it has.
/// @{
inline Term abs(Term x) { return x.emit("Abs"); }
inline Term floor(Term x) { return x.emit("Floor"); }
inline Term ceil(Term x) { return x.emit("Ceil"); }
inline Term sqrt(Term x) { return x.emit("Sqrt"); }
inline Term exp(Term x) { return x.emit("Exp"); }
inline Term log(Term x) { return x.emit("Log"); }
inline Term sin(Term x) { return x.emit("Sin"); }
inline Term cos(Term x) { return x.emit("Cos"); }
inline Term tanh(Term x) { return x.emit("Tanh"); }
inline Term sigmoid(Term x) { return x.emit("Sigmoid"); }
inline Term is_nan(Term x) { return x.emit("IsNaN"); }
inline Term is_inf(Term x) { return x.emit("IsInf"); }
/// float64, for whose functions runtimes often have no kernel.
bool is_double(Term x);
Term trunc(Term x);
Term pow(Term x, Term exponent);
inline Term pow(Term x, double exponent) { return pow(x, x.number(exponent)); }
inline Term pow(double base, Term x) { return pow(x.number(base), x); }
Term expm1(Term x);
Term log1p(Term x);
Term tan(Term x);
Term asin(Term x);
Term acos(Term x);
Term atan(Term x);
Term sinh(Term x);
Term cosh(Term x);
Term asinh(Term x);
Term acosh(Term x);
Term atanh(Term x);
Term atan2(Term y, Term x);
Term erf(Term x);
Term erfc(Term x);
/// e^(x²) · erfc(x), of float64.
Term erfcx(Term x);
Term softplus(Term x);
/// Also true of -0.0. The sign of a NaN counts as plus: ONNX has no means to see it.
Term sign_bit(Term x);
/// @}

inline bool is_half(DataType dtype) { return is_float(dtype) && bit_width(dtype) < 32; }
/// The type that PyTorch computes in before it rounds once: float32 for narrower floats.
inline DataType working_type(DataType dtype) { return is_half(dtype) ? DataType::float32 : dtype; }

/// The argument, `self` or `x`, as a real number: integers and bools become what the result is.
Term real_argument(Call& c);

/// f(self, …) of reals, computed in at least float32 and rounded once. `f` takes a Term.
template <auto f>
ir::Value* of_real(Call& c) {
  const Term x = real_argument(c);
  return f(x.cast(working_type(x.dtype()))).cast(x.dtype());
}

/// The same in float64, for what float32's steps would blur.
template <auto f>
ir::Value* in_double(Call& c) {
  const Term x = real_argument(c);
  return f(x.cast(DataType::float64)).cast(x.dtype());
}

/// One ONNX operator of a real number.
template <OpName op_type>
ir::Value* real_op(Call& c) {
  return real_argument(c).emit(op_type.text);
}

/// Both arguments promoted, integers and bools as the type of the result.
struct Pair {
  Term first;
  Term second;
};
Pair real_arguments(Call& c, std::string_view first = "self", std::string_view second = "other");

template <auto f>
ir::Value* of_reals(Call& c) {
  const auto [a, b] = real_arguments(c);
  const DataType working = working_type(a.dtype());
  return f(a.cast(working), b.cast(working)).cast(a.dtype());
}

template <auto f>
ir::Value* of_two_doubles(Call& c) {
  const auto [a, b] = real_arguments(c);
  return f(a.cast(DataType::float64), b.cast(DataType::float64)).cast(a.dtype());
}

/// Repeats a step on states until its condition is false or `limit` (null: no limit) is reached; all of it runs in the
/// model. The step gives the condition for going on, then the new states, of the same types and shapes.
Values repeat(Call& c, ir::Value* limit, const Values& initial,
              const std::function<Values(Term iteration, const std::vector<Term>& states)>& step);
/// Whether any element is true.
Term any_of(Term condition);

}  // namespace olivine::torch

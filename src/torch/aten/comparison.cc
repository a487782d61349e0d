#include <array>
#include <cmath>

#include "torch/aten/families.h"
#include "torch/aten/term.h"

/// Comparisons, logic on truth values, and questions about single numbers.
namespace olivine::torch {
namespace {

/// Runtimes order no bools.
template <OpName op_type>
ir::Value* compare(Call& c) {
  Values both = c.promoted({"self", "other"});
  const bool orders = std::string_view(op_type.text) != "Equal";
  if (orders && c.dtype(both[0]) == DataType::boolean) {
    for (ir::Value*& value : both) value = c.cast(value, DataType::int32);
  }
  return c.emit(op_type.text, both);
}

ir::Value* equal(Call& c) { return c.emit("Equal", c.promoted({"self", "other"})); }
ir::Value* not_equal(Call& c) { return c.emit("Not", {equal(c)}); }

/// What isn't 0 is true.
Term truth(Call& c, std::string_view name) { return {c, c.cast(c.tensor(name), DataType::boolean)}; }

template <OpName op_type>
ir::Value* logical(Call& c) {
  return truth(c, "self").emit(op_type.text, truth(c, "other"));
}

ir::Value* logical_not(Call& c) { return !truth(c, "self"); }

// ---- Questions about a number

Term none_of(Term x) { return x.made(x.call().filled(x.call().sizes(x), Number(false), DataType::boolean)); }
Term all_of(Term x) { return x.made(x.call().filled(x.call().sizes(x), Number(true), DataType::boolean)); }

ir::Value* is_nan_op(Call& c) {
  const Term x(c, c.tensor("self"));
  return x.is_float() ? is_nan(x) : none_of(x);
}

/// Infinity of either or one sign.
template <bool positive, bool negative>
ir::Value* is_infinite(Call& c) {
  const Term x(c, c.tensor("self"));
  if (!x.is_float()) return none_of(x);
  if (positive && negative) return is_inf(x);
  return x.emit("IsInf", {{"detect_positive", positive ? 1 : 0}, {"detect_negative", negative ? 1 : 0}});
}

ir::Value* is_finite(Call& c) {
  const Term x(c, c.tensor("self"));
  if (!x.is_float()) return all_of(x);
  return abs(x) < std::numeric_limits<double>::infinity();
}

ir::Value* is_real(Call& c) { return all_of(Term(c, c.tensor("self"))); }

/// |self - other| ≤ atol + |rtol · other|, or equal. Differences of integers are taken in float32.
ir::Value* is_close(Call& c) {
  const Values both = c.promoted({"self", "other"});
  const Term a(c, both[0]);
  const Term b(c, both[1]);
  const double rtol = c.real("rtol", 1e-5);
  const double atol = c.real("atol", 1e-8);
  Term result = equals(a, b);
  if (rtol != 0 || atol != 0) {
    const DataType real = a.is_float() ? a.dtype() : DataType::float32;
    const Term other = b.cast(real);
    const Term actual = abs(a.cast(real) - other);
    Term is_near = actual <= abs(other * rtol) + atol;
    if (a.is_float()) is_near = is_near & (actual < std::numeric_limits<double>::infinity());
    result = result | is_near;
  }
  if (a.is_float() && c.flag("equal_nan", false)) result = result | (is_nan(a) & is_nan(b));
  return result;
}

constexpr std::array kOps = {
    op("aten.eq.Tensor", equal),
    op("aten.eq.Scalar", equal),
    op("aten.ne.Tensor", not_equal),
    op("aten.ne.Scalar", not_equal),
    op("aten.not_equal.Tensor", not_equal),
    op("aten.not_equal.Scalar", not_equal),
    op("aten.lt.Tensor", compare<"Less">),
    op("aten.lt.Scalar", compare<"Less">),
    op("aten.less.Tensor", compare<"Less">),
    op("aten.less.Scalar", compare<"Less">),
    op("aten.le.Tensor", compare<"LessOrEqual">),
    op("aten.le.Scalar", compare<"LessOrEqual">),
    op("aten.less_equal.Tensor", compare<"LessOrEqual">),
    op("aten.less_equal.Scalar", compare<"LessOrEqual">),
    op("aten.gt.Tensor", compare<"Greater">),
    op("aten.gt.Scalar", compare<"Greater">),
    op("aten.greater.Tensor", compare<"Greater">),
    op("aten.greater.Scalar", compare<"Greater">),
    op("aten.ge.Tensor", compare<"GreaterOrEqual">),
    op("aten.ge.Scalar", compare<"GreaterOrEqual">),
    op("aten.greater_equal.Tensor", compare<"GreaterOrEqual">),
    op("aten.greater_equal.Scalar", compare<"GreaterOrEqual">),
    op("aten.logical_and.default", logical<"And">),
    op("aten.logical_or.default", logical<"Or">),
    op("aten.logical_xor.default", logical<"Xor">),
    op("aten.logical_not.default", logical_not),
    op("aten.isnan.default", is_nan_op),
    op("aten.isinf.default", is_infinite<true, true>),
    op("aten.isposinf.default", is_infinite<true, false>),
    op("aten.isneginf.default", is_infinite<false, true>),
    op("aten.isfinite.default", is_finite),
    op("aten.isreal.default", is_real),
    op("aten.isclose.default", is_close),
};

}  // namespace

Ops comparison_ops() { return kOps; }

}  // namespace olivine::torch

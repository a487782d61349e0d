#include "torch/aten/term.h"

#include <array>
#include <cmath>
#include <numbers>

#include "onnx/onnx.h"
#include "torch/promote.h"

namespace olivine::torch {

Term Term::emit(const char* op_type, Attrs attributes) const {
  const DataType own = dtype();
  if (is_half(own)) {
    const auto schema = onnx::find_standard_schema(op_type, "", call_->opset());
    if (schema && schema->input(0) != nullptr && !schema->input(0)->accepts(own)) {
      return cast(DataType::float32).emit(op_type, std::move(attributes)).cast(own);
    }
  }
  return made(call_->emit(op_type, {value_}, std::move(attributes)));
}

Term polynomial(Term x, std::span<const double> coefficients) {
  Term sum = x.number(coefficients.front());
  for (const double coefficient : coefficients.subspan(1)) sum = sum * x + coefficient;
  return sum;
}

Term trunc(Term x) { return where(x < 0, ceil(x), floor(x)); }

Term pow(Term x, Term exponent) { return x.emit("Pow", exponent); }

/// tanh(x/2) · (eˣ + 1), which keeps the digits that eˣ - 1 loses near 0.
Term expm1(Term x) { return tanh(x * 0.5) * (exp(x) + 1); }

/// log(1 + x), plus what rounding the sum has lost. Where it lost nothing, also of infinity, there is nothing to add.
Term log1p(Term x) {
  const Term sum = 1 + x;
  const Term kept = sum - 1;
  const Term correction = where(equals(kept, x), 0, (x - kept) / sum);
  return log(sum) + correction;
}

bool is_double(Term x) { return x.dtype() == DataType::float64; }

namespace {

/// atan of float64 for which there is no kernel: Cephes' reduction to [0, 0.66] and rational approximation.
Term atan_of_double(Term x) {
  constexpr std::array numerator = {-8.750608600031904122785e-1, -1.615753718733365076637e1, -7.500855792314704667340e1,
                                    -1.228866684490136173410e2, -6.485021904942025371773e1};
  constexpr std::array denominator = {1.0,
                                      2.485846490142306297962e1,
                                      1.650270098316988542046e2,
                                      4.328810604912902668951e2,
                                      4.853903996359136964868e2,
                                      1.945506571482613964425e2};
  constexpr double kTan3Pi8 = 2.41421356237309504880;
  constexpr double kRestOfPi2 = 6.123233995736765886130e-17;
  const Term size = abs(x);
  const Term is_large = size > kTan3Pi8;
  const Term is_middle = (size > 0.66) & !is_large;
  // -1/x of what is large; a divisor that can't be zero where the branch isn't taken.
  const Term reduced = where(is_large, -1.0 / max(size, 1), where(is_middle, (size - 1) / (size + 1), size));
  const Term base = where(is_large, std::numbers::pi / 2, where(is_middle, std::numbers::pi / 4, x.number(0)));
  const Term rest = where(is_large, kRestOfPi2, where(is_middle, kRestOfPi2 / 2, x.number(0)));
  const Term z = square(reduced);
  const Term series = z * polynomial(z, numerator) / polynomial(z, denominator);
  const Term result = base + (reduced * series + reduced + rest);
  return where(x < 0, -result, result);
}

/// erf of float64 on |x| < 1, and e^(x²) · erfc(x) for x ≥ 1: Cephes' rational approximations.
Term small_erf(Term x) {
  constexpr std::array numerator = {9.60497373987051638749e0, 9.00260197203842689217e1, 2.23200534594684319226e3,
                                    7.00332514112805075473e3, 5.55923013010394962768e4};
  constexpr std::array denominator = {1.0,
                                      3.35617141647503099647e1,
                                      5.21357949780152679795e2,
                                      4.59432382970980127987e3,
                                      2.26290000613890934246e4,
                                      4.92673942608635921086e4};
  const Term z = square(x);
  return x * polynomial(z, numerator) / polynomial(z, denominator);
}

Term large_erfc(Term x) {
  constexpr std::array near_numerator = {
      2.46196981473530512524e-10, 5.64189564831068821977e-1, 7.46321056442269912687e0,
      4.86371970985681366614e1,   1.96520832956077098242e2,  5.26445194995477358631e2,
      9.34528527171957607540e2,   1.02755188689515710272e3,  5.57535335369399327526e2};
  constexpr std::array near_denominator = {1.0,
                                           1.32281951154744992508e1,
                                           8.67072140885989742329e1,
                                           3.54937778887819891062e2,
                                           9.75708501743205489753e2,
                                           1.82390916687909736289e3,
                                           2.24633760818710981792e3,
                                           1.65666309194161350182e3,
                                           5.57535340817727675546e2};
  constexpr std::array far_numerator = {5.64189583547755073984e-1, 1.27536670759978104416e0, 5.01905042251180477414e0,
                                        6.16021097993053585195e0,  7.40974269950448939160e0, 2.97886665372100240670e0};
  constexpr std::array far_denominator = {1.0,
                                          2.26052863220117276590e0,
                                          9.39603524938001434673e0,
                                          1.20489539808096656605e1,
                                          1.70814450747565897222e1,
                                          9.60896809063285878198e0,
                                          3.36907645100081516050e0};
  const Term bounded = min(x, 1e8);
  const Term near = polynomial(min(x, 8), near_numerator) / polynomial(min(x, 8), near_denominator);
  const Term far = polynomial(bounded, far_numerator) / polynomial(bounded, far_denominator);
  return where(x < 8, near, far);
}

}  // namespace

Term tan(Term x) { return is_double(x) ? sin(x) / cos(x) : x.emit("Tan"); }

Term atan(Term x) { return is_double(x) ? atan_of_double(x) : x.emit("Atan"); }

/// 2 · atan(x / (1 + √(1 - x²)))
Term asin(Term x) {
  if (!is_double(x)) return x.emit("Asin");
  return 2 * atan(x / (1 + sqrt((1 - x) * (1 + x))));
}

/// 2 · atan(√((1 - x) / (1 + x)))
Term acos(Term x) {
  if (!is_double(x)) return x.emit("Acos");
  return 2 * atan(sqrt((1 - x) / (1 + x)));
}

Term sinh(Term x) {
  if (!is_double(x)) return x.emit("Sinh");
  // Halves keep e^x from overflowing too early, expm1 the digits near 0.
  const Term size = abs(x);
  const Term small = expm1(size);
  const Term half = exp(size * 0.5);
  const Term result = where(size < 20, 0.5 * (small + small / (small + 1)), half * 0.5 * half);
  return where(x < 0, -result, result);
}

Term cosh(Term x) {
  if (!is_double(x)) return x.emit("Cosh");
  const Term half = exp(abs(x) * 0.5);
  return 0.5 * half * half + 0.5 / half / half;
}

Term asinh(Term x) {
  if (!is_double(x)) return x.emit("Asinh");
  const Term size = abs(x);
  const Term bounded = min(size, 1e150);
  const Term small = log1p(bounded + square(bounded) / (1 + sqrt(1 + square(bounded))));
  const Term result = where(size > 1e9, log(size) + std::numbers::ln2, small);
  return where(x < 0, -result, result);
}

Term acosh(Term x) {
  if (!is_double(x)) return x.emit("Acosh");
  const Term less = min(x, 1e150) - 1;
  const Term inside = where(x > 1e9, log(x) + std::numbers::ln2, log1p(less + sqrt(less * (less + 2))));
  return where(x < 1, std::numeric_limits<double>::quiet_NaN(), inside);
}

Term atanh(Term x) {
  if (!is_double(x)) return x.emit("Atanh");
  return 0.5 * (log1p(x) - log1p(-x));
}

Term erf(Term x) {
  if (!is_double(x)) return x.emit("Erf");
  const Term size = abs(x);
  const Term large = 1 - exp(-square(min(size, 30))) * large_erfc(max(size, 1));
  return where(size < 1, small_erf(max(min(x, 1), -1)), where(x < 0, -large, large));
}

/// In float64, as float32's e^(-x²) would lose the digits of what is small.
Term erfc(Term x) {
  const Term wide = x.cast(DataType::float64);
  const Term size = abs(wide);
  const Term tail = exp(-square(size)) * large_erfc(max(size, 1));
  const Term large = where(wide < 0, 2 - tail, tail);
  return where(size < 1, 1 - small_erf(max(min(wide, 1), -1)), large).cast(x.dtype());
}

/// Far out the first term of its asymptotic series.
Term erfcx(Term x) {
  const Term size = abs(x);
  const Term far = std::numbers::inv_sqrtpi / max(size, 1);
  const Term outside = where(size > 1e8, far, large_erfc(max(size, 1)));
  const Term scale = exp(square(x));
  const Term inside = scale * (1 - small_erf(max(min(x, 1), -1)));
  return where(size < 1, inside, where(x < 0, 2 * scale - outside, outside));
}

Term softplus(Term x) {
  if (!is_double(x)) return x.emit("Softplus");
  return max(x, 0) + log1p(exp(-abs(x)));
}

/// -0.0 is told from 0.0 by its reciprocal.
Term sign_bit(Term x) {
  if (x.dtype() == DataType::boolean) return x ^ x;
  if (!x.is_float()) return x < 0;
  return (x < 0) | (x.emit("Reciprocal") < 0);
}

Term real_argument(Call& c) {
  const Term x(c, c.tensor(c.has("x") ? "x" : "self"));
  return x.is_float() ? x : x.cast(c.result_dtype());
}

Pair real_arguments(Call& c, std::string_view first, std::string_view second) {
  const DataType promoted = c.promoted_type({first, second});
  if (is_complex_type(promoted)) c.refuse("it is not expressed for complex numbers");
  const DataType dtype = is_float(promoted) ? promoted : c.result_dtype();
  const auto argument = [&](std::string_view name) {
    return Term(c, c.is_tensor(name) ? c.cast(c.tensor(name), dtype) : c.scalar(c.number_argument(name), dtype));
  };
  return {argument(first), argument(second)};
}

Values repeat(Call& c, ir::Value* limit, const Values& initial,
              const std::function<Values(Term iteration, const std::vector<Term>& states)>& step) {
  c.begin_graph();
  const Term iteration(c, c.graph_input(DataType::int64, ir::Shape{}));
  c.graph_input(DataType::boolean, ir::Shape{});
  std::vector<Term> states;
  for (ir::Value* value : initial) {
    states.emplace_back(c, c.graph_input(c.dtype(value), value->type.tensor()->shape));
  }
  std::unique_ptr<ir::Graph> body = c.end_graph(step(iteration, states));
  Values inputs = {limit, c.cast(c.integer_scalar(1), DataType::boolean)};
  inputs.insert(inputs.end(), initial.begin(), initial.end());
  const Values results = c.emit_node("Loop", std::move(inputs), initial.size(),
                                     [&](ir::Node& node) { node.set("body", std::move(body)); });
  // A state keeps its shape, which inference leaves open.
  for (std::size_t i = 0; i < results.size(); ++i) results[i]->type = initial[i]->type;
  return results;
}

/// By a sum, which of nothing is 0.
Term any_of(Term condition) {
  return condition.made(condition.call().reduce("ReduceSum", condition.cast(DataType::int64), {}, false)) > 0;
}

/// The quadrant of (x, y) from the ratio's arc tangent; signs of zeros count.
Term atan2(Term y, Term x) {
  constexpr double kPi = 3.14159265358979323846;
  const Term is_left = sign_bit(x);
  const Term is_below = sign_bit(y);
  const Term both_infinite = is_inf(x) & is_inf(y);
  const Term both_zero = equals(x, 0) & equals(y, 0);
  const Term ratio = where(both_infinite, 1, where(both_zero, 0, abs(y) / abs(x)));
  const Term angle = atan(ratio);
  const Term upper = where(is_left, kPi - angle, angle);
  return where(is_below, -upper, upper);
}

}  // namespace olivine::torch

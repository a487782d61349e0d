#include <array>
#include <cmath>
#include <numbers>

#include "torch/aten/families.h"
#include "torch/aten/term.h"

/// The gamma function's family, in float64: Stirling's series, which is reached by recurrence from below 8 and by
/// reflection from below ½.
namespace olivine::torch {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// sin(π·x) and cos(π·x) with x reduced first, exact where they are whole.
struct Circle {
  Term sine;  ///< without its sign
  Term cotangent;
};

Circle circle(Term x) {
  const Term rest = x - floor(x);
  const Term nearest = min(rest, 1 - rest);
  const Term sine = sin(nearest * kPi);
  const Term cosine = where(rest > 0.5, -cos(nearest * kPi), cos(nearest * kPi));
  return {sine, cosine / sine};
}

// ---- log |Γ|

/// Of x ≥ ½. The eight factors up to x + 8 are products of pairs: x(x+7) + {0, 6, 10, 12}.
Term lgamma_of_positive(Term x) {
  constexpr std::array stirling = {1.0 / 156,  -691.0 / 360360, 1.0 / 1188, -1.0 / 1680,
                                   1.0 / 1260, -1.0 / 360,      1.0 / 12};
  const Term is_small = x < 8;
  const Term bounded = min(x, 8);
  const Term pair = bounded * (bounded + 7);
  const Term factors = where(is_small, pair * (pair + 6) * (pair + 10) * (pair + 12), 1.0);
  const Term shifted = where(is_small, x + 8, x);
  const Term inverse = 1.0 / shifted;
  const Term series = inverse * polynomial(square(inverse), stirling);
  const Term result = (shifted - 0.5) * log(shifted) - shifted + (0.5 * std::log(2 * kPi)) + series - log(factors);
  return where(is_inf(x), kInfinity, result);
}

Term lgamma(Term x) {
  const Term is_reflected = x < 0.5;
  const Term positive = lgamma_of_positive(where(is_reflected, 1 - x, x));
  const Term reflected = std::log(kPi) - log(circle(x).sine) - positive;
  const Term is_pole = (x <= 0) & equals(x, floor(x));
  return where(is_pole, kInfinity, where(is_reflected, reflected, positive));
}

// ---- Its derivatives

/// The sum of 1/(x+k) for k < 8 is (2x+7) times the sum over pairs.
Term digamma_of_positive(Term x) {
  constexpr std::array series = {1.0 / 12, -691.0 / 32760, 1.0 / 132, -1.0 / 240, 1.0 / 252, -1.0 / 120, 1.0 / 12};
  const Term is_small = x < 8;
  const Term bounded = min(x, 8);
  const Term pair = bounded * (bounded + 7);
  const Term reciprocals = 1.0 / pair + 1.0 / (pair + 6) + 1.0 / (pair + 10) + 1.0 / (pair + 12);
  const Term steps = where(is_small, (2.0 * bounded + 7) * reciprocals, 0.0);
  const Term shifted = where(is_small, x + 8, x);
  const Term z = square(1.0 / shifted);
  return log(shifted) - 0.5 / shifted - z * polynomial(z, series) - steps;
}

/// Minus and plus infinity at the two zeros, NaN at the other poles.
Term digamma(Term x) {
  const Term is_reflected = x < 0.5;
  const Term positive = digamma_of_positive(where(is_reflected, 1 - x, x));
  const Term result = where(is_reflected, positive - kPi * circle(x).cotangent, positive);
  const Term is_pole = (x < 0) & equals(x, floor(x));
  const Term at_zero = where(sign_bit(x), kInfinity, x.number(-kInfinity));
  return where(equals(x, 0), at_zero, where(is_pole, kNaN, result));
}

/// Hurwitz' ζ(s, q) of q > 0: ten terms, then Euler and Maclaurin's sum.
Term zeta_of_positive(Term s, Term q) {
  // B₂ₖ / (2k)!
  constexpr std::array bernoulli = {1.0 / 12,
                                    -1.0 / 720,
                                    1.0 / 30240,
                                    -1.0 / 1209600,
                                    1.0 / 47900160,
                                    -691.0 / 1307674368000,
                                    1.0 / 74724249600,
                                    -3617.0 / 10670622842880000,
                                    43867.0 / 5109094217170944000,
                                    -174611.0 / 802857662698291200000.0,
                                    77683.0 / 14101100039391805440000.0,
                                    -236364091.0 / 1693824136731743669452800000.0};
  Call& c = s.call();
  const auto behind = [&](Term x) { return Term(c, c.unsqueeze(x, {c.rank(x)})); };
  const Term steps(c, c.reals({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {10}, DataType::float64));
  const Term terms = pow(behind(q) + steps, -behind(s));
  const Term head(c, c.reduce("ReduceSum", terms, {-1}, false));
  const Term w = q + 9;
  const Term last = pow(w, -s);
  Term sum = head + last * w / (s - 1) - 0.5 * last;
  Term factor = last * s / w;
  for (std::size_t k = 0; k < bernoulli.size(); ++k) {
    sum = sum + factor * bernoulli[k];
    if (k + 1 == bernoulli.size()) break;
    const double order = 2.0 * static_cast<double>(k) + 1;
    factor = factor * ((s + order) / w) * ((s + (order + 1)) / w);
  }
  return sum;
}

/// Of whole s, q below 0 goes up to what is positive one by one.
Term zeta(Term s, Term q) {
  Call& c = s.call();
  ir::Value* sizes = c.sizes(s + q);
  const Term whole_s(c, c.expand_to(s, sizes));
  const Term full_q(c, c.expand_to(q, sizes));
  const Term is_pole = (full_q <= 0) & equals(full_q, floor(full_q));
  const Term is_whole = equals(whole_s, floor(whole_s));
  const Term start = where(is_pole | ((full_q <= 0) & !is_whole), 1, full_q);
  const Values states = repeat(c, nullptr, {start, start - start}, [&](Term, const std::vector<Term>& state) -> Values {
    const Term is_below = state[0] <= 0;
    const Term next = where(is_below, state[0] + 1, state[0]);
    const Term term = where(is_below, pow(state[0], -whole_s), 0.0);
    return {any_of(next <= 0), next, state[1] + term};
  });
  const Term sum = Term(c, states[1]) + zeta_of_positive(whole_s, Term(c, states[0]));
  const Term inside = where((full_q <= 0) & !is_whole, kNaN, where(is_pole, kInfinity, sum));
  return where(equals(whole_s, 1), kInfinity, where(whole_s < 1, kNaN, inside));
}

/// (-1)ⁿ⁺¹ · n! · ζ(n + 1, x)
Term polygamma_of(Term x, std::int64_t n) {
  if (n == 0) return digamma(x);
  const double factorial = std::tgamma(static_cast<double>(n) + 1);
  return zeta(x.number(static_cast<double>(n) + 1), x) * (n % 2 == 0 ? -factorial : factorial);
}

ir::Value* polygamma(Call& c) {
  const Term x = real_argument(c);
  return polygamma_of(x.cast(DataType::float64), c.integer("n")).cast(x.dtype());
}

/// log π · p(p-1)/4 + the sum of log Γ(x - j/2) for j < p
ir::Value* mvlgamma(Call& c) {
  const Term x = real_argument(c);
  const std::int64_t p = c.integer("p");
  std::vector<double> halves;
  for (std::int64_t j = 0; j < p; ++j) halves.push_back(-0.5 * static_cast<double>(j));
  const Term behind(c, c.unsqueeze(x.cast(DataType::float64), {c.rank(x)}));
  const Term all = lgamma(behind + Term(c, c.reals(halves, {p}, DataType::float64)));
  const Term sum(c, c.reduce("ReduceSum", all, {-1}, false));
  const double constant = std::log(kPi) * static_cast<double>(p * (p - 1)) / 4;
  return (sum + constant).cast(x.dtype());
}

// ---- Incomplete

constexpr double kEpsilon = 1e-16;

/// e^(a·log x - x - log Γ(a))
Term power_term(Term a, Term x) { return exp(a * log(x) - x - lgamma(a)); }

/// xᵃ e⁻ˣ / Γ(a) · Σ xⁿ / (a (a+1) … (a+n)), until nothing is added any more.
Term lower_series(Term a, Term x) {
  Call& c = a.call();
  const Term first = 1.0 / a;
  const Values states =
      repeat(c, c.integer_scalar(10000), {first, first}, [&](Term iteration, const std::vector<Term>& state) -> Values {
        const Term n = iteration.cast(DataType::float64) + 1;
        const Term term = state[0] * x / (a + n);
        const Term sum = state[1] + term;
        return {any_of(term > sum * kEpsilon), term, sum};
      });
  return Term(c, states[1]) * power_term(a, x);
}

/// xᵃ e⁻ˣ / Γ(a) times the continued fraction 1/(x+1-a- 1(1-a)/(x+3-a- …)), by Lentz' method.
Term upper_fraction(Term a, Term x) {
  Call& c = a.call();
  constexpr double kTiny = 1e-300;
  const Term b = x + 1 - a;
  const Term first = 1.0 / b;
  const Values initial = {first - first + 1 / kTiny, first, first};
  const Values states =
      repeat(c, c.integer_scalar(10000), initial, [&](Term iteration, const std::vector<Term>& state) -> Values {
        const Term n = iteration.cast(DataType::float64) + 1;
        const Term an = -n * (n - a);
        const Term bn = b + 2.0 * n;
        const auto kept_off_zero = [&](Term value) { return where(abs(value) < kTiny, kTiny, value); };
        const Term d = 1.0 / kept_off_zero(an * state[1] + bn);
        const Term numerator = kept_off_zero(bn + an / state[0]);
        const Term change = d * numerator;
        return {any_of(abs(change - 1) > kEpsilon * 4), numerator, d, state[2] * change};
      });
  return Term(c, states[2]) * power_term(a, x);
}

/// The lower one where it is the smaller part, else the complement of the upper one.
Term incomplete(Term first, Term second, bool lower) {
  Call& c = first.call();
  ir::Value* sizes = c.sizes(first + second);
  const Term a(c, c.expand_to(first, sizes));
  const Term x(c, c.expand_to(second, sizes));
  const Term is_plain = (a > 0) & (x > 0) & (a < kInfinity) & (x < kInfinity);
  const Term by_series = (x <= 1) | (x <= a);
  const Term for_series = is_plain & by_series;
  const Term for_fraction = is_plain & (!by_series);
  // Elements that are no matter of a method get arguments with which it ends soon.
  const Term below = lower_series(where(for_series, a, 1.0), where(for_series, x, 0.5));
  const Term above = upper_fraction(where(for_fraction, a, 1.0), where(for_fraction, x, 2.0));
  const Term inside = lower ? where(by_series, below, 1 - above) : where(by_series, 1 - below, above);
  const Term none = a.number(lower ? 0 : 1);
  const Term all = a.number(lower ? 1 : 0);
  // Beyond: x = 0 and a = ∞ leave nothing below, x = ∞ and a = 0 everything; both at once are undefined.
  const Term nothing_below = equals(x, 0) | equals(a, kInfinity);
  const Term all_below = equals(a, 0) | equals(x, kInfinity);
  const Term border = where(nothing_below & all_below, kNaN, where(nothing_below, none, where(all_below, all, kNaN)));
  const Term is_valid = (a >= 0) & (x >= 0);
  return where(is_plain, inside, where(is_valid, border, kNaN));
}

Term igamma(Term a, Term x) { return incomplete(a, x, true); }
Term igammac(Term a, Term x) { return incomplete(a, x, false); }

constexpr std::array kOps = {
    op("aten.lgamma.default", in_double<lgamma>),
    op("aten.special_gammaln.default", in_double<lgamma>),
    op("aten.digamma.default", in_double<digamma>),
    op("aten.special_digamma.default", in_double<digamma>),
    op("aten.special_psi.default", in_double<digamma>),
    op("aten.polygamma.default", polygamma),
    op("aten.special_polygamma.default", polygamma),
    op("aten.special_zeta.default", of_two_doubles<zeta>),
    op("aten.special_zeta.other_scalar", of_two_doubles<zeta>),
    op("aten.special_zeta.self_scalar", of_two_doubles<zeta>),
    op("aten.mvlgamma.default", mvlgamma),
    op("aten.special_multigammaln.default", mvlgamma),
    op("aten.igamma.default", of_two_doubles<igamma>),
    op("aten.special_gammainc.default", of_two_doubles<igamma>),
    op("aten.igammac.default", of_two_doubles<igammac>),
    op("aten.special_gammaincc.default", of_two_doubles<igammac>),
};

}  // namespace

Ops gamma_ops() { return kOps; }

}  // namespace olivine::torch

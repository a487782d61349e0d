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

/// π times the distance to the nearest whole number: exact where x is near one.
Term angle_of(Term x) { return (x - x.emit("Round")) * kPi; }

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
  const Term reflected = std::log(kPi) - log(abs(sin(angle_of(x)))) - positive;
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
  const Term angle = angle_of(x);
  const Term result = where(is_reflected, positive - kPi * cos(angle) / sin(angle), positive);
  const Term is_pole = (x < 0) & equals(x, floor(x));
  const Term at_zero = where(sign_bit(x), kInfinity, x.number(-kInfinity));
  return where(equals(x, 0), at_zero, where(is_pole, kNaN, result));
}

/// Of x ≥ ½, by the same pairs: 1/a² + 1/b² is ((a+b)² - 2ab) / (ab)².
Term trigamma_of_positive(Term x) {
  constexpr std::array series = {7.0 / 6, -691.0 / 2730, 5.0 / 66, -1.0 / 30, 1.0 / 42, -1.0 / 30, 1.0 / 6};
  const Term is_small = x < 8;
  const Term bounded = min(x, 8);
  const Term pair = bounded * (bounded + 7);
  const Term total = square(2.0 * bounded + 7);
  const auto reciprocals = [&](Term product) { return (total - 2.0 * product) / square(product); };
  const Term steps = reciprocals(pair) + reciprocals(pair + 6) + reciprocals(pair + 10) + reciprocals(pair + 12);
  const Term inverse = 1.0 / where(is_small, x + 8, x);
  const Term z = square(inverse);
  const Term sum = inverse + 0.5 * z + inverse * z * polynomial(z, series);
  return where(is_small, sum + steps, sum);
}

/// Reflected with the sine of π·x in the type that PyTorch takes it in: at the poles that is no zero.
Term trigamma(Term x) {
  const Term is_reflected = x < 0.5;
  const Term wide = x.cast(DataType::float64);
  const Term positive = trigamma_of_positive(where(is_reflected, 1 - wide, wide)).cast(x.dtype());
  return where(is_reflected, square(x.number(kPi) / sin(x * kPi)) - positive, positive);
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
  const Term inside = where(is_pole, kInfinity, where((full_q <= 0) & !is_whole, kNaN, sum));
  return where(equals(whole_s, 1), kInfinity, where(whole_s < 1, kNaN, inside));
}

/// (-1)ⁿ⁺¹ · n! · ζ(n + 1, x) for n > 1
Term polygamma_of(Term x, std::int64_t n) {
  const double factorial = std::tgamma(static_cast<double>(n) + 1);
  return zeta(x.number(static_cast<double>(n) + 1), x) * (n % 2 == 0 ? -factorial : factorial);
}

ir::Value* polygamma(Call& c) {
  const Term x = real_argument(c);
  const std::int64_t n = c.integer("n");
  if (n == 1) return trigamma(x.cast(working_type(x.dtype()))).cast(x.dtype());
  const Term wide = x.cast(DataType::float64);
  return (n == 0 ? digamma(wide) : polygamma_of(wide, n)).cast(x.dtype());
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
      repeat(c, nullptr, {first, first}, [&](Term iteration, const std::vector<Term>& state) -> Values {
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
  const Values states = repeat(c, nullptr, initial, [&](Term iteration, const std::vector<Term>& state) -> Values {
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

/// Where both would take too long: Temme's expansion by the normal distribution, whose next term is 1/a² of the first.
constexpr double kLarge = 1e5;

Term by_normal_distribution(Term a, Term x, bool lower) {
  constexpr std::array first = {-1.85406221071516e-6,   -2.1854485106799922e-6, 3.9192631785224378e-5,
                                -1.7875514403292181e-4, 3.527336860670194e-4,   1.1574074074074074e-3,
                                -1.4814814814814815e-2, 8.3333333333333333e-2,  -3.3333333333333333e-1};
  constexpr std::array second = {-1.8098550334489978e-5, -4.0187757201646091e-7, 2.0576131687242798e-4,
                                 -9.9022633744855967e-4, 2.6455026455026455e-3,  -3.4722222222222222e-3,
                                 -1.8518518518518519e-3};
  // No more than a's normal distribution reaches; beyond, both sides are 0 and 1.
  const Term distance = max(min((x - a) / a, 0.3), -0.3);
  const Term half_square = distance - log1p(distance);
  const Term eta = sqrt(2.0 * half_square) * distance.emit("Sign");
  const Term series = polynomial(eta, first) + polynomial(eta, second) / a;
  const Term rest = exp(-a * half_square) / sqrt(a * (2 * kPi)) * series;
  const Term border = eta * sqrt(a * 0.5);
  return lower ? 0.5 * erfc(-border) - rest : 0.5 * erfc(border) + rest;
}

/// The lower one where it is the smaller part, else the complement of the upper one.
Term incomplete(Term first, Term second, bool lower) {
  Call& c = first.call();
  ir::Value* sizes = c.sizes(first + second);
  const Term a(c, c.expand_to(first, sizes));
  const Term x(c, c.expand_to(second, sizes));
  const Term is_plain = (a > 0) & (x > 0) & (a < kInfinity) & (x < kInfinity);
  const Term is_large = a > kLarge;
  const Term by_series = (x <= 1) | (x <= a);
  const Term is_short = is_plain & (!is_large);
  const Term for_series = is_short & by_series;
  const Term for_fraction = is_short & (!by_series);
  // Elements that are no matter of a method get arguments with which it ends soon.
  const Term below = lower_series(where(for_series, a, 1.0), where(for_series, x, 0.5));
  const Term above = upper_fraction(where(for_fraction, a, 1.0), where(for_fraction, x, 2.0));
  const Term summed = lower ? where(by_series, below, 1 - above) : where(by_series, 1 - below, above);
  const Term inside = where(is_large, by_normal_distribution(where(is_large, a, kLarge), x, lower), summed);
  const Term none = a.number(lower ? 0 : 1);
  const Term all = a.number(lower ? 1 : 0);
  // x = 0 and a = ∞ leave nothing below, x = ∞ and a = 0 everything; both at once are undefined.
  const Term nothing_below = (equals(x, 0) & !equals(a, 0)) | equals(a, kInfinity);
  const Term all_below = (equals(a, 0) & (x > 0)) | equals(x, kInfinity);
  const Term border = where(nothing_below & all_below, kNaN, where(nothing_below, none, where(all_below, all, kNaN)));
  return where(is_plain, inside, where((a < 0) | (x < 0), kNaN, border));
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

#include <array>
#include <cmath>

#include "torch/aten/families.h"
#include "torch/aten/term.h"

/// Orthogonal polynomials of degree n, which is a tensor: by their recurrences, as far as the highest degree asks.
namespace olivine::torch {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Recurrence {
  /// Of degree 1.
  Term (*linear)(Term x);
  /// Of degree k + 1, from those of degrees k and k - 1.
  Term (*next)(Term x, Term k, Term last, Term before);
};

/// What is beside the recurrence: where `is_known`, the polynomial is `known`.
struct Shortcut {
  Term is_known;
  Term known;
};

Term by_recurrence(Term x, Term degree, const Recurrence& recurrence, const Shortcut* shortcut) {
  Call& c = x.call();
  Term steps = degree;
  if (shortcut != nullptr) steps = where(shortcut->is_known, 0, degree);
  const Values initial = {c.expand_to(x.number(1), c.sizes(x)), recurrence.linear(x)};
  const Values states = repeat(c, nullptr, initial, [&](Term iteration, const std::vector<Term>& state) -> Values {
    const Term k = iteration + 1;
    const Term is_active = steps > k;
    const Term higher = recurrence.next(x, k.cast(x.dtype()), state[1], state[0]);
    const Term last = where(is_active, higher, state[1]);
    const Term before = where(is_active, state[1], state[0]);
    return {any_of((steps > k + 1) & !is_nan(last)), before, last};
  });
  Term result = where(equals(degree, 0), 1, Term(c, states[1]));
  if (shortcut != nullptr) result = where(shortcut->is_known, shortcut->known, result);
  return where(degree < 0, 0, result);
}

// ---- Recurrences

Term same(Term x) { return x; }
Term twice(Term x) { return x + x; }
Term twice_less_one(Term x) { return x + x - 1; }
Term twice_and_one(Term x) { return x + x + 1; }
Term one_less(Term x) { return 1 - x; }

Term chebyshev_next(Term x, Term /*k*/, Term last, Term before) { return (x + x) * last - before; }
Term hermite_h_next(Term x, Term k, Term last, Term before) { return (x + x) * last - 2 * k * before; }
Term hermite_he_next(Term x, Term k, Term last, Term before) { return x * last - k * before; }
Term laguerre_next(Term x, Term k, Term last, Term before) { return ((k + k + (1 - x)) * last - k * before) / (k + 1); }
Term legendre_next(Term x, Term k, Term last, Term before) { return ((k + k + 1) * x * last - k * before) / (k + 1); }

// ---- Chebyshev's, which are cosines between -1 and 1

/// T, U, V and W: the function of θ = acos x that each of them is there, and its values at 1 and -1.
enum class Kind { t, u, v, w };

Term by_angle(Kind kind, Term x, Term n) {
  const Term angle = acos(max(min(x, 1), -1));
  switch (kind) {
    case Kind::t:
      return cos(n * angle);
    case Kind::u:
      return sin((n + 1) * angle) / sin(angle);
    case Kind::v:
      return cos((n + 0.5) * angle) / cos(angle * 0.5);
    default:
      return sin((n + 0.5) * angle) / sin(angle * 0.5);
  }
}

/// At x = 1, and without its sign (-1)ⁿ at x = -1.
Term at_end(Kind kind, Term n, bool at_one) {
  if (kind == Kind::u) return n + 1;
  const bool is_large = kind == (at_one ? Kind::w : Kind::v);
  return is_large ? n + n + 1 : n - n + 1;
}

Term chebyshev(Kind kind, Term x, Term degree) {
  const Term n = degree.cast(x.dtype());
  const Term is_odd = equals(degree.emit("Mod", degree.number(2)), 1);
  const Term at_minus_one = at_end(kind, n, false);
  const Term end = where(x > 0, at_end(kind, n, true), where(is_odd, -at_minus_one, at_minus_one));
  const Term is_end = equals(abs(x), 1);
  const Term is_inside = (abs(x) < 1) & (degree > (kind == Kind::t ? 6.0 : 8.0));
  const Shortcut shortcut{is_end | is_inside, where(is_end, end, by_angle(kind, x, n))};
  constexpr std::array linear = {same, twice, twice_less_one, twice_and_one};
  return by_recurrence(x, degree, {linear[static_cast<std::size_t>(kind)], chebyshev_next}, &shortcut);
}

template <Kind kind>
Term chebyshev_of(Term x, Term n) {
  return chebyshev(kind, x, n);
}
template <Kind kind>
Term shifted_chebyshev_of(Term x, Term n) {
  return chebyshev(kind, x + x - 1, n);
}

// ---- The others

/// Degrees that PyTorch finds too high.
Term hermite(Term x, Term degree, const Recurrence& recurrence) {
  const double highest = x.dtype() == DataType::float64 ? 512 : 128;
  const Shortcut shortcut{degree > highest, x.number(kNaN)};
  return by_recurrence(x, degree, recurrence, &shortcut);
}

Term hermite_h(Term x, Term n) { return hermite(x, n, {twice, hermite_h_next}); }
Term hermite_he(Term x, Term n) { return hermite(x, n, {same, hermite_he_next}); }

Term laguerre(Term x, Term n) { return by_recurrence(x, n, {one_less, laguerre_next}, nullptr); }

Term legendre(Term x, Term n) {
  const Term is_odd = equals(n.emit("Mod", n.number(2)), 1);
  const Term ones = x.number(1);
  const Shortcut shortcut{equals(abs(x), 1), where((x < 0) & is_odd, -1, ones)};
  return by_recurrence(x, n, {same, legendre_next}, &shortcut);
}

/// x and n in the same sizes: n as int64, cut as C cuts it.
template <auto polynomial>
ir::Value* of_degree(Call& c) {
  const auto [given, degrees] = real_arguments(c, "x", "n");
  const Term wide = given.cast(working_type(given.dtype()));
  ir::Value* sizes = c.sizes(wide + degrees.cast(wide.dtype()));
  const Term x(c, c.expand_to(wide, sizes));
  const Term n(c, c.expand_to(degrees.cast(DataType::int64), sizes));
  return polynomial(x, n).cast(given.dtype());
}

constexpr std::array kOps = {
    op("aten.special_chebyshev_polynomial_t.default", of_degree<chebyshev_of<Kind::t>>),
    op("aten.special_chebyshev_polynomial_t.x_scalar", of_degree<chebyshev_of<Kind::t>>),
    op("aten.special_chebyshev_polynomial_t.n_scalar", of_degree<chebyshev_of<Kind::t>>),
    op("aten.special_chebyshev_polynomial_u.default", of_degree<chebyshev_of<Kind::u>>),
    op("aten.special_chebyshev_polynomial_u.x_scalar", of_degree<chebyshev_of<Kind::u>>),
    op("aten.special_chebyshev_polynomial_u.n_scalar", of_degree<chebyshev_of<Kind::u>>),
    op("aten.special_chebyshev_polynomial_v.default", of_degree<chebyshev_of<Kind::v>>),
    op("aten.special_chebyshev_polynomial_v.x_scalar", of_degree<chebyshev_of<Kind::v>>),
    op("aten.special_chebyshev_polynomial_v.n_scalar", of_degree<chebyshev_of<Kind::v>>),
    op("aten.special_chebyshev_polynomial_w.default", of_degree<chebyshev_of<Kind::w>>),
    op("aten.special_chebyshev_polynomial_w.x_scalar", of_degree<chebyshev_of<Kind::w>>),
    op("aten.special_chebyshev_polynomial_w.n_scalar", of_degree<chebyshev_of<Kind::w>>),
    op("aten.special_shifted_chebyshev_polynomial_t.default", of_degree<shifted_chebyshev_of<Kind::t>>),
    op("aten.special_shifted_chebyshev_polynomial_t.x_scalar", of_degree<shifted_chebyshev_of<Kind::t>>),
    op("aten.special_shifted_chebyshev_polynomial_t.n_scalar", of_degree<shifted_chebyshev_of<Kind::t>>),
    op("aten.special_shifted_chebyshev_polynomial_u.default", of_degree<shifted_chebyshev_of<Kind::u>>),
    op("aten.special_shifted_chebyshev_polynomial_u.x_scalar", of_degree<shifted_chebyshev_of<Kind::u>>),
    op("aten.special_shifted_chebyshev_polynomial_u.n_scalar", of_degree<shifted_chebyshev_of<Kind::u>>),
    op("aten.special_shifted_chebyshev_polynomial_v.default", of_degree<shifted_chebyshev_of<Kind::v>>),
    op("aten.special_shifted_chebyshev_polynomial_v.x_scalar", of_degree<shifted_chebyshev_of<Kind::v>>),
    op("aten.special_shifted_chebyshev_polynomial_v.n_scalar", of_degree<shifted_chebyshev_of<Kind::v>>),
    op("aten.special_shifted_chebyshev_polynomial_w.default", of_degree<shifted_chebyshev_of<Kind::w>>),
    op("aten.special_shifted_chebyshev_polynomial_w.x_scalar", of_degree<shifted_chebyshev_of<Kind::w>>),
    op("aten.special_shifted_chebyshev_polynomial_w.n_scalar", of_degree<shifted_chebyshev_of<Kind::w>>),
    op("aten.special_hermite_polynomial_h.default", of_degree<hermite_h>),
    op("aten.special_hermite_polynomial_h.x_scalar", of_degree<hermite_h>),
    op("aten.special_hermite_polynomial_h.n_scalar", of_degree<hermite_h>),
    op("aten.special_hermite_polynomial_he.default", of_degree<hermite_he>),
    op("aten.special_hermite_polynomial_he.x_scalar", of_degree<hermite_he>),
    op("aten.special_hermite_polynomial_he.n_scalar", of_degree<hermite_he>),
    op("aten.special_laguerre_polynomial_l.default", of_degree<laguerre>),
    op("aten.special_laguerre_polynomial_l.x_scalar", of_degree<laguerre>),
    op("aten.special_laguerre_polynomial_l.n_scalar", of_degree<laguerre>),
    op("aten.special_legendre_polynomial_p.default", of_degree<legendre>),
    op("aten.special_legendre_polynomial_p.x_scalar", of_degree<legendre>),
    op("aten.special_legendre_polynomial_p.n_scalar", of_degree<legendre>),
};

}  // namespace

Ops polynomial_ops() { return kOps; }

}  // namespace olivine::torch

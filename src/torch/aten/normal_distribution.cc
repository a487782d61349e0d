#include <array>
#include <cmath>
#include <numbers>

#include "torch/aten/families.h"
#include "torch/aten/term.h"

/// The error function and the normal distribution, their inverses and logarithms; entropy.
namespace olivine::torch {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kHalfRoot = std::numbers::sqrt2 / 2;

/// The normal distribution's quantile by Cephes' rational approximations: of a probability that is given by its
/// distance from ½ and by the smaller of itself and its complement.
Term quantile(Term centered, Term tail) {
  constexpr std::array p0 = {-5.99633501014107895267e1, 9.80010754185999661536e1, -5.66762857469070293439e1,
                             1.39312609387279679503e1, -1.23916583867381258016};
  constexpr std::array q0 = {1.0,
                             1.95448858338141759834,
                             4.67627912898881538453,
                             8.63602421390890590575e1,
                             -2.25462687854119370527e2,
                             2.00260212380060660359e2,
                             -8.20372256168333339912e1,
                             1.59056225126211695515e1,
                             -1.18331621121330003142};
  constexpr std::array p1 = {4.05544892305962419923,     3.15251094599893866154e1,   5.71628192246421288162e1,
                             4.408050738932008347e1,     1.46849561928858024014e1,   2.18663306850790267539,
                             -1.40256079171354495875e-1, -3.50424626827848203418e-2, -8.57456785154685413611e-4};
  constexpr std::array q1 = {1.0,
                             1.57799883256466749731e1,
                             4.53907635128879210584e1,
                             4.1317203825467203044e1,
                             1.50425385692907503408e1,
                             2.50464946208309415979,
                             -1.42182922854787788574e-1,
                             -3.80806407691578277194e-2,
                             -9.33259480895457427372e-4};
  constexpr std::array p2 = {3.2377489177694603597,     6.91522889068984211695,    3.93881025292474443415,
                             1.33303460815807542389,    2.01485389549179081538e-1, 1.23716634817820021358e-2,
                             3.01581553508235416007e-4, 2.65806974686737550832e-6, 6.2397453918498329373e-9};
  constexpr std::array q2 = {1.0,
                             6.02427039364742014255,
                             3.67983563856160859403,
                             1.37702099489081330271,
                             2.1623699359449663589e-1,
                             1.34204006088543189037e-2,
                             3.28014464682127739104e-4,
                             2.89247864745380683936e-6,
                             6.79019408009981274425e-9};
  constexpr double kCentral = 0.13533528323661269189;  // e⁻²
  const Term z = square(centered);
  const Term near =
      (centered + centered * (z * polynomial(z, p0) / polynomial(z, q0))) * std::sqrt(2 * std::numbers::pi);
  const Term distance = sqrt(-2.0 * log(min(tail, kCentral)));
  const Term inverse = 1.0 / distance;
  const Term close = polynomial(inverse, p1) / polynomial(inverse, q1);
  const Term remote = polynomial(inverse, p2) / polynomial(inverse, q2);
  const Term far = distance - log(distance) / distance - inverse * where(distance < 8, close, remote);
  const Term inside = where(tail > kCentral, near, where(centered < 0, -far, far));
  const Term at_end = where(centered < 0, -kInfinity, centered.number(kInfinity));
  return where(equals(tail, 0), at_end, where(tail < 0, kNaN, inside));
}

Term ndtri(Term p) { return quantile(p - 0.5, min(p, 1 - p)); }
Term erfinv(Term x) { return quantile(x * 0.5, (1 - abs(x)) * 0.5) * kHalfRoot; }

Term ndtr(Term x) { return 0.5 * erfc(x * -kHalfRoot); }

/// Below -1 by the scaled complement, which doesn't vanish.
Term log_ndtr(Term x) {
  const Term tail = log(erfcx(-min(x, -1) * kHalfRoot) * 0.5) - square(x) * 0.5;
  return where(x < -1, tail, log1p(erfc(x * kHalfRoot) * -0.5));
}

/// -x · log(x), 0 at 0, minus infinity below.
Term entropy(Term x) {
  const Term inside = where(equals(x, 0), 0, -x * log(x));
  return where(x < 0, -kInfinity, inside);
}

constexpr std::array kOps = {
    op("aten.erf.default", of_real<erf>),
    op("aten.special_erf.default", of_real<erf>),
    op("aten.erfc.default", of_real<erfc>),
    op("aten.special_erfc.default", of_real<erfc>),
    op("aten.special_erfcx.default", in_double<erfcx>),
    op("aten.erfinv.default", in_double<erfinv>),
    op("aten.special_erfinv.default", in_double<erfinv>),
    op("aten.special_ndtr.default", in_double<ndtr>),
    op("aten.special_ndtri.default", in_double<ndtri>),
    op("aten.special_log_ndtr.default", in_double<log_ndtr>),
    op("aten.special_entr.default", of_real<entropy>),
};

}  // namespace

Ops normal_distribution_ops() { return kOps; }

}  // namespace olivine::torch

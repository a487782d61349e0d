#include <array>
#include <cmath>
#include <numbers>

#include "torch/aten/families.h"
#include "torch/aten/term.h"

/// Bessel functions of the first and second kind and Airy's function, in float64: Cephes' rational approximations near
/// 0, amplitude and phase further out.
namespace olivine::torch {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kTwoOverPi = 2 / std::numbers::pi;

/// p(x) / q(x)
Term ratio(Term x, std::span<const double> p, std::span<const double> q) { return polynomial(x, p) / polynomial(x, q); }

/// √(2/πx) · (p · cos(x - shift) - 5/x · q · sin(x - shift)) for x > 5, the amplitude of both kinds.
struct Wave {
  Term even;   ///< p · √(2/πx)
  Term odd;    ///< 5/x · q · √(2/πx)
  Term phase;  ///< x - shift
};

struct Amplitudes {
  std::span<const double> pp, pq, qp, qq;
};

Wave wave(Term x, const Amplitudes& tables, double shift) {
  const Term inverse = 5.0 / x;
  const Term z = square(inverse);
  const Term size = sqrt(kTwoOverPi / x);
  return {ratio(z, tables.pp, tables.pq) * size, inverse * ratio(z, tables.qp, tables.qq) * size, x - shift};
}

// ---- Order 0

constexpr std::array kPP0 = {7.96936729297347051624e-4, 8.28352392107440799803e-2, 1.23953371646414299388,
                             5.4472500305876877509,     8.74716500199817011941,    5.30324038235394892183,
                             9.99999999999999997821e-1};
constexpr std::array kPQ0 = {9.24408810558863637013e-4, 8.56288474354474431428e-2, 1.25352743901058953537,
                             5.47097740330417105182,    8.76190883237069594232,    5.30605288235394617618,
                             1.00000000000000000218};
constexpr std::array kQP0 = {-1.13663838898469149931e-2, -1.28252718670509318512,   -1.95539544257735972385e1,
                             -9.32060152123768231369e1,  -1.77681167980488050595e2, -1.47077505154951170175e2,
                             -5.1410532676659933022e1,   -6.05014350600728481186};
constexpr std::array kQQ0 = {1.0,
                             6.43178256118178023184e1,
                             8.56430025976980587198e2,
                             3.88240183605401609683e3,
                             7.24046774195652478189e3,
                             5.93072701187316984827e3,
                             2.06209331660327847417e3,
                             2.42005740240291393179e2};
constexpr std::array kRP0 = {-4.79443220978201773821e9, 1.95617491946556577543e12, -2.49248344360967716204e14,
                             9.70862251047306323952e15};
constexpr std::array kRQ0 = {1.0,
                             4.99563147152651017219e2,
                             1.73785401676374683123e5,
                             4.84409658339962045305e7,
                             1.11855537045356834862e10,
                             2.11277520115489217587e12,
                             3.10518229857422583814e14,
                             3.18121955943204943306e16,
                             1.71086294081043136091e18};
constexpr std::array kYP0 = {1.55924367855235737965e4,   -1.46639295903971606143e7, 5.43526477051876500413e9,
                             -9.82136065717911466409e11, 8.75906394395366999549e13, -3.46628303384729719441e15,
                             4.42733268572569800351e16,  -1.84950800436986690637e16};
constexpr std::array kYQ0 = {1.0,
                             1.04128353664259848412e3,
                             6.26107330137134956842e5,
                             2.68919633393814121987e8,
                             8.64002487103935000337e10,
                             2.02979612750105546709e13,
                             3.17157752842975028269e15,
                             2.50596256172653059228e17};

Wave wave0(Term x) { return wave(max(x, 5), {kPP0, kPQ0, kQP0, kQQ0}, std::numbers::pi / 4); }

/// Between 0 and 5, by the function's first two roots.
Term near_j0(Term x) {
  const Term z = square(min(x, 5));
  return (z - 5.78318596294678452118e0) * (z - 3.04712623436620863991e1) * ratio(z, kRP0, kRQ0);
}

Term bessel_j0(Term x) {
  const Term size = abs(x);
  const Wave far = wave0(size);
  return where(size <= 5, near_j0(size), far.even * cos(far.phase) - far.odd * sin(far.phase));
}

Term bessel_y0(Term x) {
  const Wave far = wave0(x);
  const Term inner = max(min(x, 5), 0);
  const Term near = ratio(square(inner), kYP0, kYQ0) + kTwoOverPi * log(inner) * near_j0(inner);
  const Term result = where(x <= 5, near, far.even * sin(far.phase) + far.odd * cos(far.phase));
  return where(equals(x, 0), -kInfinity, where(x < 0, kNaN, result));
}

// ---- Order 1

constexpr std::array kPP1 = {7.62125616208173112003e-4, 7.31397056940917570436e-2, 1.12719608129684925192,
                             5.11207951146807644818,    8.42404590141772420927,    5.21451598682361504063,
                             1.00000000000000000254};
constexpr std::array kPQ1 = {5.71323128072548699714e-4, 6.88455908754495404082e-2, 1.10514232634061696926,
                             5.07386386128601488557,    8.39985554327604159757,    5.20982848682361821619,
                             9.99999999999999997461e-1};
constexpr std::array kQP1 = {5.10862594750176621635e-2, 4.9821387295123344942,    7.58238284132545283818e1,
                             3.667796093601507778e2,    7.10856304998926107277e2, 5.97489612400613639965e2,
                             2.11688757100572135698e2,  2.52070205858023719784e1};
constexpr std::array kQQ1 = {1.0,
                             7.42373277035675149943e1,
                             1.05644886038262816351e3,
                             4.98641058337653607651e3,
                             9.56231892404756170795e3,
                             7.9970416044735068365e3,
                             2.826192785176390966e3,
                             3.36093607810698293419e2};
constexpr std::array kRP1 = {-8.99971225705559398224e8, 4.52228297998194034323e11, -7.27494245221818276015e13,
                             3.68295732863852883286e15};
constexpr std::array kRQ1 = {1.0,
                             6.20836478118054335476e2,
                             2.56987256757748830383e5,
                             8.35146791431949253037e7,
                             2.21511595479792499675e10,
                             4.74914122079991414898e12,
                             7.84369607876235854894e14,
                             8.95222336184627338078e16,
                             5.32278620332680085395e18};
constexpr std::array kYP1 = {1.2632047479017802644e9,    -6.47355876379160291031e11, 1.14509511541823727583e14,
                             -8.12770255501325109621e15, 2.02439475713594898196e17,  -7.78877196265950026825e17};
constexpr std::array kYQ1 = {1.0,
                             5.94301592346128195359e2,
                             2.35564092943068577943e5,
                             7.3481194445972170566e7,
                             1.87601316108706159478e10,
                             3.88231277496238566008e12,
                             6.20557727146953693363e14,
                             6.87141087355300489866e16,
                             3.97270608116560655612e18};

Wave wave1(Term x) { return wave(max(x, 5), {kPP1, kPQ1, kQP1, kQQ1}, 3 * std::numbers::pi / 4); }

Term near_j1(Term x) {
  const Term inner = min(x, 5);
  const Term z = square(inner);
  return ratio(z, kRP1, kRQ1) * inner * (z - 1.46819706421238932572e1) * (z - 4.92184563216946036703e1);
}

Term bessel_j1(Term x) {
  const Term size = abs(x);
  const Wave far = wave1(size);
  const Term result = where(size <= 5, near_j1(size), far.even * cos(far.phase) - far.odd * sin(far.phase));
  return where(x < 0, -result, result);
}

Term bessel_y1(Term x) {
  const Wave far = wave1(x);
  const Term inner = max(min(x, 5), 0);
  const Term near = inner * ratio(square(inner), kYP1, kYQ1) + kTwoOverPi * (near_j1(inner) * log(inner) - 1.0 / inner);
  const Term result = where(x <= 5, near, far.even * sin(far.phase) + far.odd * cos(far.phase));
  return where(equals(x, 0), -kInfinity, where(x < 0, kNaN, result));
}

/// sin(x) / x
Term spherical_j0(Term x) {
  const Term result = where(equals(x, 0), 1, sin(x) / x);
  return where(is_inf(x), 0, result);
}

// ---- Airy

constexpr std::array kAN = {3.46538101525629032477e-1, 1.20075952739645805542e1, 7.62796053615234516538e1,
                            1.68089224934630576269e2,  1.59756391350164413639e2, 7.05360906840444183113e1,
                            1.40264691163389668864e1,  9.99999999999999995305e-1};
constexpr std::array kAD = {5.67594532638770212846e-1, 1.47562562584847203173e1, 8.45138970141474626562e1,
                            1.77318088145400459522e2,  1.64234692871529701831e2, 7.14778400825575695274e1,
                            1.40959135607834029598e1,  1.0000000000000000047};
constexpr std::array kAFN = {-1.31696323418331795333e-1, -6.26456544431912369773e-1, -6.93158036036933542233e-1,
                             -2.79779981545119124951e-1, -4.9190013260950031802e-2,  -4.06265923594885404393e-3,
                             -1.5927649623926209634e-4,  -2.77649108155232920844e-6, -1.6778769848911463378e-8};
constexpr std::array kAFD = {1.0,
                             1.33560420706553243746e1,
                             3.26825032795224613948e1,
                             2.67367040941499554804e1,
                             9.1870740290725962584,
                             1.47529146771666414581,
                             1.15687173795188044134e-1,
                             4.40291641615211203805e-3,
                             7.54720348287414296618e-5,
                             4.51850092970580378464e-7};
constexpr std::array kAGN = {1.97339932091685679179e-2, 3.91103029615688277255e-1, 1.06579897599595591108,
                             9.39169229816650230044e-1, 3.51465656105547619242e-1, 6.33888919628925490927e-2,
                             5.85804113048388458567e-3, 2.82851600836737019778e-4, 6.98793669997260967291e-6,
                             8.11789239554389293311e-8, 3.41551784765923618484e-10};
constexpr std::array kAGD = {1.0,
                             9.30892908077441974853,
                             1.98352928718312140417e1,
                             1.55646628932864612953e1,
                             5.47686069422975497931,
                             9.54293611618961883998e-1,
                             8.64580826352392193095e-2,
                             4.12656523824222607191e-3,
                             1.0125908511650913551e-4,
                             1.17166733214413521882e-6,
                             4.91834570062930015649e-9};
constexpr double kAiryBorder = 2.09;
constexpr double kInverseSqrtPi = 5.64189583547756286948e-1;

/// The coefficients of x³ in the two series that Ai is made of: each is the one before by k · (k + 1).
template <std::size_t N>
constexpr std::array<double, N> airy_series(int first) {
  std::array<double, N> coefficients{};
  double value = 1;
  for (std::size_t i = 0; i < N; ++i) {
    coefficients[N - 1 - i] = value;
    value /= static_cast<double>(first) * (first + 1);
    first += 3;
  }
  return coefficients;
}

Term airy_near(Term x) {
  static constexpr auto kEven = airy_series<16>(2);
  static constexpr auto kOdd = airy_series<16>(3);
  const Term inner = max(min(x, kAiryBorder), -kAiryBorder);
  const Term z = inner * square(inner);
  return 0.355028053887817239260 * polynomial(z, kEven) - 0.258819403792806798405 * inner * polynomial(z, kOdd);
}

Term airy_above(Term x) {
  const Term outer = max(x, kAiryBorder);
  const Term root = sqrt(outer);
  const Term zeta = 2.0 / 3 * outer * root;
  return kInverseSqrtPi / 2 * ratio(1.0 / zeta, kAN, kAD) / (sqrt(root) * exp(zeta));
}

Term airy_below(Term x) {
  const Term outer = max(-x, kAiryBorder);
  const Term root = sqrt(outer);
  const Term zeta = 2.0 / 3 * outer * root;
  const Term inverse = 1.0 / zeta;
  const Term z = square(inverse);
  const Term phase = zeta + std::numbers::pi / 4;
  const Term even = sin(phase) * (1 + z * ratio(z, kAFN, kAFD));
  const Term odd = cos(phase) * inverse * ratio(z, kAGN, kAGD);
  return kInverseSqrtPi / sqrt(root) * (even - odd);
}

Term airy_ai(Term x) {
  const Term outside = where(x < 0, airy_below(x), airy_above(x));
  const Term result = where(abs(x) < kAiryBorder, airy_near(x), outside);
  return where(is_inf(x), kNaN, where(x > 103.892, 0, result));
}

constexpr std::array kOps = {
    op("aten.special_bessel_j0.default", in_double<bessel_j0>),
    op("aten.special_bessel_j1.default", in_double<bessel_j1>),
    op("aten.special_bessel_y0.default", in_double<bessel_y0>),
    op("aten.special_bessel_y1.default", in_double<bessel_y1>),
    op("aten.special_spherical_bessel_j0.default", in_double<spherical_j0>),
    op("aten.special_airy_ai.default", in_double<airy_ai>),
};

}  // namespace

Ops bessel_ops() { return kOps; }

}  // namespace olivine::torch

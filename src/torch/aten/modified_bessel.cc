#include <array>
#include <cmath>

#include "torch/aten/families.h"
#include "torch/aten/term.h"

/// Modified Bessel functions, in float64: Cephes' Chebyshev expansions, one near 0 and one further out.
namespace olivine::torch {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

constexpr std::array kNearI0 = {
    -4.4153416464793393795e-18,  3.33079451882223809783e-17, -2.43127984654795469359e-16, 1.71539128555513303061e-15,
    -1.16853328779934516808e-14, 7.67618549860493561688e-14, -4.8564467831119294609e-13,  2.95505266312963983461e-12,
    -1.72682629144155570723e-11, 9.67580903537323691224e-11, -5.18979560163526290666e-10, 2.65982372468238665035e-9,
    -1.30002500998624804212e-8,  6.04699502254191894932e-8,  -2.67079385394061173391e-7,  1.11738753912010371815e-6,
    -4.41673835845875056359e-6,  1.64484480707288970893e-5,  -5.75419501008210370398e-5,  1.88502885095841655729e-4,
    -5.76375574538582365885e-4,  1.63947561694133579842e-3,  -4.3243099950505759443e-3,   1.05464603945949983183e-2,
    -2.37374148058994688156e-2,  4.93052842396707084878e-2,  -9.4901097048047644421e-2,   1.71620901522208775349e-1,
    -3.04682672343198398683e-1,  6.76795274409476084995e-1};
constexpr std::array kFarI0 = {
    -7.23318048787475395456e-18, -4.83050448594418207126e-18, 4.46562142029675999901e-17,  3.4612228676974610931e-17,
    -2.82762398051658348494e-16, -3.42548561967721913462e-16, 1.7725601330565263836e-15,   3.81168066935262242075e-15,
    -9.5548466988283076487e-15,  -4.15056934728722208663e-14, 1.54008621752140982691e-14,  3.85277838274214270114e-13,
    7.18012445138366623367e-13,  -1.79417853150680611778e-12, -1.32158118404477131188e-11, -3.14991652796324136454e-11,
    1.18891471078464383424e-11,  4.9406023882249695891e-10,   3.39623202570838634515e-9,   2.26666899049817806459e-8,
    2.04891858946906374183e-7,   2.89137052083475648297e-6,   6.88975834691682398426e-5,   3.3691164782556940899e-3,
    8.04490411014108831608e-1};
constexpr std::array kNearI1 = {
    2.77791411276104639959e-18, -2.11142121435816608115e-17, 1.55363195773620046921e-16, -1.10559694773538630805e-15,
    7.6006842947354069341e-15,  -5.04218550472791168711e-14, 3.22379336594557470981e-13, -1.9839743977649437152e-12,
    1.17361862988909016308e-11, -6.66348972350202774223e-11, 3.62559028155211703701e-10, -1.8872497517228292879e-9,
    9.38153738649577178388e-9,  -4.44505912879632808065e-8,  2.00329475355213526229e-7,  -8.56872026469545474066e-7,
    3.47025130813767847674e-6,  -1.32731636560394358279e-5,  4.78156510755005422638e-5,  -1.61760815825896745588e-4,
    5.12285956168575772895e-4,  -1.51357245063125314899e-3,  4.15642294431288815669e-3,  -1.05640848946261981558e-2,
    2.47264490306265168283e-2,  -5.29459812080949914269e-2,  1.02643658689847095384e-1,  -1.76416518357834055153e-1,
    2.52587186443633654823e-1};
constexpr std::array kFarI1 = {
    7.51729631084210481353e-18,  4.41434832307170791151e-18,  -4.65030536848935832153e-17, -3.2095259219934239598e-17,
    2.96262899764595013876e-16,  3.30820231092092828324e-16,  -1.88035477551078244854e-15, -3.81440307243700780478e-15,
    1.04202769841288027642e-14,  4.27244001671195135429e-14,  -2.10154184277266431302e-14, -4.08355111109219731823e-13,
    -7.19855177624590851209e-13, 2.03562854414708950722e-12,  1.41258074366137813316e-11,  3.25260358301548823856e-11,
    -1.8974958123505412345e-11,  -5.58974346219658380687e-10, -3.83538038596423702205e-9,  -2.63146884688951950684e-8,
    -2.51223623787020892529e-7,  -3.88256480887769039346e-6,  -1.10588938762623716291e-4,  -9.76109749136146840777e-3,
    7.78576235018280120474e-1};
constexpr std::array kNearK0 = {1.37446543561352307156e-16, 4.25981614279661018399e-14, 1.03496952576338420167e-11,
                                1.90451637722020886025e-9,  2.53479107902614945675e-7,  2.28621210311945178607e-5,
                                1.26461541144692592338e-3,  3.59799365153615016266e-2,  3.44289899924628486886e-1,
                                -5.3532739323390276872e-1};
constexpr std::array kFarK0 = {
    5.30043377268626276149e-18, -1.64758043015242134646e-17, 5.21039150503902756861e-17, -1.67823109680541210385e-16,
    5.51205597852431940784e-16, -1.8485933773437790144e-15,  6.34007647740507060557e-15, -2.22751332699166985548e-14,
    8.032890775363575211e-14,   -2.98009692317273043925e-13, 1.14034058820847496303e-12, -4.51459788337394416547e-12,
    1.85594911495471785253e-11, -7.95748924447710747776e-11, 3.57739728140030116597e-10, -1.69753450938905987466e-9,
    8.57403401741422608519e-9,  -4.66048989768794782956e-8,  2.76681363944501510342e-7,  -1.83175552271911948767e-6,
    1.39498137188764993662e-5,  -1.28495495816278026384e-4,  1.56988388573005337491e-3,  -3.14481013119645005427e-2,
    2.44030308206595545468};
constexpr std::array kNearK1 = {-7.02386347938628759343e-18, -2.42744985051936593393e-15, -6.66690169419932900609e-13,
                                -1.4114883926335277611e-10,  -2.21338763073472585583e-8,  -2.43340614156596823496e-6,
                                -1.73028895751305206302e-4,  -6.97572385963986435018e-3,  -1.22611180822657148235e-1,
                                -3.53155960776544875667e-1,  1.52530022733894777053};
constexpr std::array kFarK1 = {
    -5.75674448366501715755e-18, 1.79405087314755922667e-17, -5.68946255844285935196e-17, 1.8380935443666388007e-16,
    -6.05704724837331885336e-16, 2.03870316562433424052e-15, -7.01983709041831346144e-15, 2.47715442448130437068e-14,
    -8.97670518232499435011e-14, 3.34841966607842919884e-13, -1.2891739609510289068e-12,  5.139639673481730251e-12,
    -2.12996783842756842877e-11, 9.21831518760500529508e-11, -4.1903547593418964875e-10,  2.01504975519703286596e-9,
    -1.0345762465678097026e-8,   5.74108412545004946722e-8,  -3.50196060308781257119e-7,  2.40648494783721712015e-6,
    -1.93619797416608296024e-5,  1.95215518471351631108e-4,  -2.8578168596227793868e-3,   1.03923736576817238437e-1,
    2.72062619048444266945};

/// ½ · c₀ + c₁ · T₁(x/2) + …, the coefficients from the last to c₀, by Clenshaw's recurrence.
Term chebyshev(Term x, std::span<const double> coefficients) {
  Term before = x.number(0);
  Term last = before;
  Term sum = x.number(coefficients.front());
  for (const double coefficient : coefficients.subspan(1)) {
    before = last;
    last = sum;
    sum = x * last - before + coefficient;
  }
  return 0.5 * (sum - before);
}

// ---- First kind, divided by e^|x|

Term near_i0(Term size) { return chebyshev(min(size, 8) * 0.5 - 2, kNearI0); }
Term near_i1(Term size) { return chebyshev(min(size, 8) * 0.5 - 2, kNearI1) * size; }

Term far(Term size, std::span<const double> coefficients) {
  const Term outer = max(size, 8);
  return chebyshev(32.0 / outer - 2, coefficients) / sqrt(outer);
}

Term i0e(Term x) {
  const Term size = abs(x);
  return where(size <= 8, near_i0(size), far(size, kFarI0));
}

Term i1e(Term x) {
  const Term size = abs(x);
  const Term result = where(size <= 8, near_i1(size), far(size, kFarI1));
  return where(x < 0, -result, result);
}

Term i0(Term x) { return exp(abs(x)) * i0e(x); }
Term i1(Term x) { return exp(abs(x)) * i1e(x); }

// ---- Second kind, multiplied by eˣ

/// What the two functions have outside of their domain.
Term of_positive(Term x, Term result) { return where(equals(x, 0), kInfinity, where(x < 0, kNaN, result)); }

Term far_k(Term x, std::span<const double> coefficients) {
  const Term outer = max(x, 2);
  return chebyshev(8.0 / outer - 2, coefficients) / sqrt(outer);
}

/// In (0, 2], with the logarithm of x/2 and the function of the first kind.
Term near_k0(Term x) {
  const Term inner = min(x, 2);
  return chebyshev(square(inner) - 2, kNearK0) - log(0.5 * inner) * exp(inner) * near_i0(inner);
}

Term near_k1(Term x) {
  const Term inner = min(x, 2);
  return log(0.5 * inner) * exp(inner) * near_i1(inner) + chebyshev(square(inner) - 2, kNearK1) / inner;
}

Term k0e(Term x) { return of_positive(x, where(x <= 2, near_k0(x) * exp(x), far_k(x, kFarK0))); }
Term k1e(Term x) { return of_positive(x, where(x <= 2, near_k1(x) * exp(x), far_k(x, kFarK1))); }
Term k0(Term x) { return of_positive(x, where(x <= 2, near_k0(x), far_k(x, kFarK0) * exp(-x))); }
Term k1(Term x) { return of_positive(x, where(x <= 2, near_k1(x), far_k(x, kFarK1) * exp(-x))); }

constexpr std::array kOps = {
    op("aten.i0.default", in_double<i0>),
    op("aten.special_i0.default", in_double<i0>),
    op("aten.special_i0e.default", in_double<i0e>),
    op("aten.special_i1.default", in_double<i1>),
    op("aten.special_i1e.default", in_double<i1e>),
    op("aten.special_modified_bessel_i0.default", in_double<i0>),
    op("aten.special_modified_bessel_i1.default", in_double<i1>),
    op("aten.special_modified_bessel_k0.default", in_double<k0>),
    op("aten.special_modified_bessel_k1.default", in_double<k1>),
    op("aten.special_scaled_modified_bessel_k0.default", in_double<k0e>),
    op("aten.special_scaled_modified_bessel_k1.default", in_double<k1e>),
};

}  // namespace

Ops modified_bessel_ops() { return kOps; }

}  // namespace olivine::torch

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "torch/aten/families.h"

/// Windows for spectra: constants, for their length is one.
namespace olivine::torch {
namespace {

/// What a window is at a place between 0 and 1.
using Shape = double (*)(Call& c, double place);

double raised_cosine(double place, double mean, double height) {
  return mean - height * std::cos(2 * std::numbers::pi * place);
}

double hann(Call& /*c*/, double place) { return raised_cosine(place, 0.5, 0.5); }

double hamming(Call& c, double place) { return raised_cosine(place, c.real("alpha", 0.54), c.real("beta", 0.46)); }

double blackman(Call& /*c*/, double place) {
  return raised_cosine(place, 0.42, 0.5) + 0.08 * std::cos(4 * std::numbers::pi * place);
}

double bartlett(Call& /*c*/, double place) { return 1 - std::abs(2 * place - 1); }

double kaiser(Call& c, double place) {
  const double beta = c.real("beta", 12);
  const double side = 2 * place - 1;
  return std::cyl_bessel_i(0, beta * std::sqrt(std::max(0.0, 1 - side * side))) / std::cyl_bessel_i(0, beta);
}

/// A periodic window lacks the last value of the symmetric one that is longer by one.
template <Shape shape>
ir::Value* window(Call& c) {
  const std::int64_t length = c.integer("window_length");
  const std::int64_t steps = c.flag("periodic", true) ? length : length - 1;
  std::vector<double> values;
  for (std::int64_t i = 0; i < length; ++i) {
    values.push_back(length == 1 ? 1 : shape(c, static_cast<double>(i) / static_cast<double>(steps)));
  }
  return c.reals(values, {length}, c.result_dtype());
}

constexpr std::array kOps = {
    op("aten.hann_window.default", window<hann>),
    op("aten.hann_window.periodic", window<hann>),
    op("aten.hamming_window.default", window<hamming>),
    op("aten.hamming_window.periodic", window<hamming>),
    op("aten.hamming_window.periodic_alpha", window<hamming>),
    op("aten.hamming_window.periodic_alpha_beta", window<hamming>),
    op("aten.blackman_window.default", window<blackman>),
    op("aten.blackman_window.periodic", window<blackman>),
    op("aten.bartlett_window.default", window<bartlett>),
    op("aten.bartlett_window.periodic", window<bartlett>),
    op("aten.kaiser_window.default", window<kaiser>),
    op("aten.kaiser_window.periodic", window<kaiser>),
    op("aten.kaiser_window.beta", window<kaiser>),
};

}  // namespace

Ops window_ops() { return kOps; }

}  // namespace olivine::torch

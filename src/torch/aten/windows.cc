#include <array>
#include <cmath>
#include <numbers>

#include "torch/aten/families.h"

/// Windows of signal processing: their lengths are known, so that they are constants.
namespace olivine::torch {
namespace {

/// The window's value at `position` of 0 … `last`.
template <typename F>
ir::Value* window(Call& c, F value_at) {
  const std::int64_t length = c.integer("window_length");
  // A periodic window is a symmetric one without its last value.
  const auto last = static_cast<double>(c.flag("periodic", true) ? length : length - 1);
  std::vector<double> values;
  for (std::int64_t i = 0; i < length; ++i) values.push_back(length == 1 ? 1 : value_at(static_cast<double>(i), last));
  return c.reals(values, {length}, c.result_dtype());
}

double cosine(double position, double last, int order) {
  return std::cos(2 * std::numbers::pi * order * position / last);
}

ir::Value* hann(Call& c) {
  return window(c, [](double position, double last) { return 0.5 - 0.5 * cosine(position, last, 1); });
}

ir::Value* hamming(Call& c) {
  const double alpha = c.real("alpha", 0.54);
  const double beta = c.real("beta", 0.46);
  return window(c, [&](double position, double last) { return alpha - beta * cosine(position, last, 1); });
}

ir::Value* blackman(Call& c) {
  return window(c, [](double position, double last) {
    return 0.42 - 0.5 * cosine(position, last, 1) + 0.08 * cosine(position, last, 2);
  });
}

ir::Value* bartlett(Call& c) {
  return window(c, [](double position, double last) { return 1 - std::abs(2 * position / last - 1); });
}

ir::Value* kaiser(Call& c) {
  const double beta = c.real("beta", 12);
  return window(c, [&](double position, double last) {
    const double distance = 2 * position / last - 1;
    const double inside = beta * std::sqrt(std::max(0.0, 1 - distance * distance));
    return std::cyl_bessel_i(0, inside) / std::cyl_bessel_i(0, beta);
  });
}

constexpr std::array kOps = {
    op("aten.hann_window.default", hann),
    op("aten.hann_window.periodic", hann),
    op("aten.hamming_window.default", hamming),
    op("aten.hamming_window.periodic", hamming),
    op("aten.hamming_window.periodic_alpha", hamming),
    op("aten.hamming_window.periodic_alpha_beta", hamming),
    op("aten.blackman_window.default", blackman),
    op("aten.blackman_window.periodic", blackman),
    op("aten.bartlett_window.default", bartlett),
    op("aten.bartlett_window.periodic", bartlett),
    op("aten.kaiser_window.default", kaiser),
    op("aten.kaiser_window.periodic", kaiser),
    op("aten.kaiser_window.beta", kaiser),
};

}  // namespace

Ops window_ops() { return kOps; }

}  // namespace olivine::torch

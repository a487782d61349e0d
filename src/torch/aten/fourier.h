#pragma once

#include "torch/call.h"

/// Discrete Fourier transforms along one axis, of real tensors and of complex ones as pairs.
namespace olivine::torch {

/// What a transform of n numbers is multiplied by: 1, 1/sqrt(n), 1/n.
enum class FourierScale { none, by_root, by_length };

struct Fourier {
  std::int64_t axis;     ///< not negative
  bool inverse = false;  ///< the sign of the exponent
  FourierScale scale = FourierScale::none;
  bool onesided = false;  ///< of a real tensor: the half of the spectrum that the other mirrors
};

/// The spectrum, a pair, of a real or complex tensor.
ir::Value* fourier(Call& c, ir::Value* value, bool is_complex, const Fourier& transform);

/// The real tensor of `length` (int64[1]) along the axis whose spectrum's half this is.
ir::Value* real_fourier(Call& c, ir::Value* half, ir::Value* length, const Fourier& transform);

/// A matrix [n, 2 · bins] that takes n reals to the parts of their spectrum, and one [2 · bins, n] that takes these
/// back, row by row, in double precision.
/// @{
std::vector<double> analysis_matrix(std::int64_t n, std::int64_t bins, bool inverse, double scale);
std::vector<double> synthesis_matrix(std::int64_t n, std::int64_t bins, bool inverse, double scale);
/// @}

double fourier_factor(FourierScale scale, std::int64_t n);

/// Whether n is a power of two, for which runtimes transform exactly and fast.
bool is_fast_length(std::int64_t n);

}  // namespace olivine::torch

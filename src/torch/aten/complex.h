#pragma once

#include <functional>

#include "torch/call.h"

/// Complex numbers as pairs of reals in a last dimension of 2.
namespace olivine::torch {

/// The parts of a complex tensor; both have its shape.
struct Complex {
  ir::Value* re;
  ir::Value* im;
};

Complex parts(Call& c, ir::Value* pair);
ir::Value* paired(Call& c, const Complex& z);

/// The real type of the complex type that a call's result, or else its argument, has.
DataType complex_width(Call& c);

/// A real value as the pair with no imaginary part.
ir::Value* pair_of_real(Call& c, ir::Value* real);

/// An argument, a tensor or a number, as a pair whose parts are of `width`.
ir::Value* pair_argument(Call& c, std::string_view name, DataType width);
/// The same of a list of tensors.
Values pair_arguments(Call& c, std::string_view name, DataType width);

/// @name Arithmetic
/// @{
Complex multiply(Call& c, const Complex& x, const Complex& y);
Complex divide(Call& c, const Complex& x, const Complex& y);
Complex reciprocal(Call& c, const Complex& z);
Complex exponential(Call& c, const Complex& z);
Complex logarithm(Call& c, const Complex& z);
/// Of a pair.
ir::Value* magnitude(Call& c, ir::Value* pair);
ir::Value* conjugate(Call& c, ir::Value* pair);
/// The angle of the point (x, y), with the signs of zeros as in C.
ir::Value* angle_of(Call& c, ir::Value* y, ir::Value* x);
/// @}

/// What is linear in both of two real values, of two complex ones.
ir::Value* bilinear(Call& c, ir::Value* x, ir::Value* y,
                    const std::function<ir::Value*(ir::Value*, ir::Value*)>& product);

}  // namespace olivine::torch

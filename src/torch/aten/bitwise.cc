#include <array>

#include "torch/aten/families.h"
#include "torch/aten/term.h"
#include "torch/promote.h"

/// Integers as bits, and their common divisors.
namespace olivine::torch {
namespace {

Pair integers(Call& c) {
  const Values both = c.promoted({"self", "other"});
  if (is_float(c.dtype(both[0]))) c.refuse("real numbers have no bits here");
  return {Term(c, both[0]), Term(c, both[1])};
}

/// Of bools the logical operator.
template <OpName of_integers, OpName of_bools>
ir::Value* bitwise(Call& c) {
  const auto [a, b] = integers(c);
  return a.emit(a.dtype() == DataType::boolean ? of_bools.text : of_integers.text, b);
}

ir::Value* bitwise_not(Call& c) {
  const Term x(c, c.tensor("self"));
  return x.dtype() == DataType::boolean ? !x : x.emit("BitwiseNot");
}

// ---- Shifts

/// Shifts 64 bits without a sign; `distance` lies within [0, 63].
Term shift(Term bits, Term distance, const char* direction) {
  const Term shifted =
      bits.cast(DataType::uint64).emit("BitShift", distance.cast(DataType::uint64), {{"direction", direction}});
  return shifted.cast(DataType::int64);
}

/// Nothing is left of what is shifted by its width or more, or by less than 0.
ir::Value* shift_left(Call& c) {
  const auto [a, b] = integers(c);
  const int width = bit_width(a.dtype());
  const Term distance = b.cast(DataType::int64);
  const Term fits = (distance >= 0) & (distance < width);
  const Term shifted = shift(a.cast(DataType::int64), where(fits, distance, 0.0), "LEFT");
  return where(fits, shifted, 0.0).cast(a.dtype());
}

/// The sign fills up from the left: ~(~x >> n) of what is negative. Too far a shift leaves nothing but the sign.
ir::Value* shift_right(Call& c) {
  const auto [a, b] = integers(c);
  const int width = bit_width(a.dtype());
  const Term distance = b.cast(DataType::int64);
  const Term fits = (distance >= 0) & (distance < width);
  const Term wide = a.cast(DataType::int64);
  if (is_unsigned(a.dtype())) {
    return where(fits, shift(wide, where(fits, distance, 0.0), "RIGHT"), 0.0).cast(a.dtype());
  }
  const Term sign = -(wide < 0).cast(DataType::int64);
  const Term size = wide.emit("BitwiseXor", sign);
  const Term shifted = shift(size, where(fits, distance, static_cast<double>(width - 1)), "RIGHT");
  return shifted.emit("BitwiseXor", sign).cast(a.dtype());
}

// ---- Common divisors

/// Euclid's algorithm on sizes, until every remainder is 0. The lowest number has no size and keeps its sign.
Term greatest_common_divisor(Term a, Term b) {
  Call& c = a.call();
  ir::Value* sizes = c.sizes(a + b);
  const auto start = [&](Term x) { return c.expand_to(abs(x).cast(DataType::int64), sizes); };
  const Values states =
      repeat(c, nullptr, {start(b), start(a)}, [&](Term /*iteration*/, const std::vector<Term>& state) -> Values {
        const Term is_done = equals(state[1], 0);
        const Term divisor = where(is_done, 1, state[1]);
        const Term rest = state[0].emit("Mod", divisor, {{"fmod", 1}});
        const Term next = where(is_done, 0, rest);
        return {any_of(!equals(next, 0)), where(is_done, state[0], state[1]), next};
      });
  return {c, states[0]};
}

ir::Value* gcd(Call& c) {
  const auto [a, b] = integers(c);
  return greatest_common_divisor(a, b).cast(a.dtype());
}

/// Products wrap around in the type in which C++ multiplies.
ir::Value* lcm(Call& c) {
  const auto [a, b] = integers(c);
  const Term divisor = greatest_common_divisor(a, b);
  const Term quotient = a.cast(DataType::int64) / where(equals(divisor, 0), 1, divisor);
  const Term product = quotient * b.cast(DataType::int64);
  return abs(product.cast(bit_width(a.dtype()) == 32 ? a.dtype() : DataType::int64)).cast(a.dtype());
}

constexpr std::array kOps = {
    op("aten.bitwise_and.Tensor", bitwise<"BitwiseAnd", "And">),
    op("aten.bitwise_and.Scalar", bitwise<"BitwiseAnd", "And">),
    op("aten.bitwise_and.Scalar_Tensor", bitwise<"BitwiseAnd", "And">),
    op("aten.__and__.Tensor", bitwise<"BitwiseAnd", "And">),
    op("aten.__and__.Scalar", bitwise<"BitwiseAnd", "And">),
    op("aten.bitwise_or.Tensor", bitwise<"BitwiseOr", "Or">),
    op("aten.bitwise_or.Scalar", bitwise<"BitwiseOr", "Or">),
    op("aten.bitwise_or.Scalar_Tensor", bitwise<"BitwiseOr", "Or">),
    op("aten.__or__.Tensor", bitwise<"BitwiseOr", "Or">),
    op("aten.__or__.Scalar", bitwise<"BitwiseOr", "Or">),
    op("aten.bitwise_xor.Tensor", bitwise<"BitwiseXor", "Xor">),
    op("aten.bitwise_xor.Scalar", bitwise<"BitwiseXor", "Xor">),
    op("aten.bitwise_xor.Scalar_Tensor", bitwise<"BitwiseXor", "Xor">),
    op("aten.__xor__.Tensor", bitwise<"BitwiseXor", "Xor">),
    op("aten.__xor__.Scalar", bitwise<"BitwiseXor", "Xor">),
    op("aten.bitwise_not.default", bitwise_not),
    op("aten.bitwise_left_shift.Tensor", shift_left),
    op("aten.bitwise_left_shift.Tensor_Scalar", shift_left),
    op("aten.bitwise_left_shift.Scalar_Tensor", shift_left),
    op("aten.__lshift__.Tensor", shift_left),
    op("aten.__lshift__.Scalar", shift_left),
    op("aten.bitwise_right_shift.Tensor", shift_right),
    op("aten.bitwise_right_shift.Tensor_Scalar", shift_right),
    op("aten.bitwise_right_shift.Scalar_Tensor", shift_right),
    op("aten.__rshift__.Tensor", shift_right),
    op("aten.__rshift__.Scalar", shift_right),
    op("aten.gcd.default", gcd),
    op("aten.lcm.default", lcm),
};

}  // namespace

Ops bitwise_ops() { return kOps; }

}  // namespace olivine::torch

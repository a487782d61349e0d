#include "torch/promote.h"

#include <algorithm>
#include <array>

namespace olivine::torch {
namespace {

enum class Kind { none, boolean, integer, real, complex };

Kind kind_of(DataType dtype) {
  if (dtype == DataType::undefined) return Kind::none;
  if (is_complex_type(dtype)) return Kind::complex;
  if (is_float(dtype)) return Kind::real;
  return dtype == DataType::boolean ? Kind::boolean : Kind::integer;
}

bool is_signed(DataType dtype) {
  return dtype == DataType::int8 || dtype == DataType::int16 || dtype == DataType::int32 || dtype == DataType::int64;
}

DataType promote_integers(DataType a, DataType b) {
  if (is_signed(a) == is_signed(b)) return bit_width(a) >= bit_width(b) ? a : b;
  const DataType with_sign = is_signed(a) ? a : b;
  const DataType without = is_signed(a) ? b : a;
  if (bit_width(with_sign) > bit_width(without)) return with_sign;
  if (without == DataType::uint8) return DataType::int16;
  return DataType::undefined;  // PyTorch promotes uint8 alone of the unsigned types
}

DataType promote_reals(DataType a, DataType b) {
  if (bit_width(a) == bit_width(b)) return bit_width(a) >= 16 ? DataType::float32 : DataType::undefined;
  return bit_width(a) > bit_width(b) ? a : b;
}

}  // namespace

bool is_unsigned(DataType dtype) {
  return dtype == DataType::uint8 || dtype == DataType::uint16 || dtype == DataType::uint32 ||
         dtype == DataType::uint64;
}

bool is_complex_type(DataType dtype) { return dtype == DataType::complex64 || dtype == DataType::complex128; }

DataType real_part_type(DataType dtype) {
  if (dtype == DataType::complex64) return DataType::float32;
  return dtype == DataType::complex128 ? DataType::float64 : dtype;
}

DataType complex_of(DataType real) {
  if (is_complex_type(real)) return real;
  return real == DataType::float64 ? DataType::complex128 : DataType::complex64;
}

DataType promote_types(DataType a, DataType b) {
  if (a == b || b == DataType::undefined) return a;
  if (a == DataType::undefined) return b;
  const Kind left = kind_of(a);
  const Kind right = kind_of(b);
  if (left == Kind::complex || right == Kind::complex) {
    const bool is_wide = std::max(bit_width(real_part_type(a)) * (left >= Kind::real ? 1 : 0),
                                  bit_width(real_part_type(b)) * (right >= Kind::real ? 1 : 0)) == 64;
    return is_wide ? DataType::complex128 : DataType::complex64;
  }
  if (left != right) return left > right ? a : b;
  return left == Kind::integer ? promote_integers(a, b) : promote_reals(a, b);
}

DataType result_type(std::span<const Operand> operands) {
  std::array<DataType, 3> by_rank = {DataType::undefined, DataType::undefined, DataType::undefined};
  for (const Operand& operand : operands) {
    DataType& slot = by_rank[static_cast<std::size_t>(operand.rank)];
    slot = promote_types(slot, operand.dtype);
  }
  DataType result = DataType::undefined;
  for (const Operand::Rank rank : {Operand::Rank::tensor, Operand::Rank::scalar, Operand::Rank::number}) {
    const DataType lower = by_rank[static_cast<std::size_t>(rank)];
    if (kind_of(result) == Kind::real && kind_of(lower) == Kind::complex) {
      result = complex_of(result);
    } else if (kind_of(lower) > kind_of(result)) {
      // A kind that the higher ranks lack comes with its own type.
      result = promote_types(result, lower);
    }
  }
  return result;
}

}  // namespace olivine::torch

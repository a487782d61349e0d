#include <algorithm>

#include "opset/adapters/families.h"

/// Operators on the bits of integers, and Mod.
namespace olivine::opset {
namespace {

bool is_signed(DataType dtype) {
  return dtype == DataType::int8 || dtype == DataType::int16 || dtype == DataType::int32 || dtype == DataType::int64;
}

DataType unsigned_of(DataType dtype) {
  switch (dtype) {
    case DataType::int8:
      return DataType::uint8;
    case DataType::int16:
      return DataType::uint16;
    case DataType::int32:
      return DataType::uint32;
    case DataType::int64:
      return DataType::uint64;
    default:
      return dtype;
  }
}

ir::Value* integer_like(Step& s, std::int64_t value, DataType dtype) { return s.cast(s.integer_scalar(value), dtype); }

// ---- BitShift

// Signed integers are shifted as unsigned ones: Cast keeps the bits. To the right a negative x is ~(~x >> n), with
// ~x = -1 - x. By the width or more, or by less than 0, a shift leaves what the sign alone makes: shifting twice by
// half of it does.
void signed_shift(Step& s) {
  ir::Value* x = s.input(0);
  ir::Value* n = s.input(1);
  const DataType dtype = s.dtype(x);
  if (!is_signed(dtype)) return;
  const DataType bits = unsigned_of(dtype);
  const bool right = s.string("direction") == "RIGHT";
  const Attrs direction = {{"direction", right ? "RIGHT" : "LEFT"}};
  ir::Value* negative = s.emit("Less", {x, integer_like(s, 0, dtype)});
  ir::Value* minus_one = integer_like(s, -1, dtype);
  ir::Value* magnitude = right ? s.where(negative, s.emit("Sub", {minus_one, x}), x) : x;
  const std::int64_t width = bit_width(dtype);
  ir::Value* outside = s.emit("Or", {s.emit("Less", {n, integer_like(s, 0, dtype)}),
                                     s.emit("Greater", {n, integer_like(s, width - 1, dtype)})});
  ir::Value* amount = s.cast(s.where(outside, integer_like(s, 0, dtype), n), bits);
  ir::Value* shifted = s.cast(s.emit("BitShift", {s.cast(magnitude, bits), amount}, direction), dtype);
  shifted = s.where(outside, integer_like(s, 0, dtype), shifted);
  if (right) shifted = s.where(negative, s.emit("Sub", {minus_one, shifted}), shifted);
  s.replace({shifted});
}

// x << n = x 2^n, x >> n = x / 2^n: a double holds every power of two that is asked for.
void shift_by_powers(Step& s) {
  const DataType dtype = s.dtype(s.input(0));
  ir::Value* exponent = s.cast(s.input(1), DataType::float64);
  ir::Value* power = s.cast(s.emit("Pow", {s.number(2, DataType::float64), exponent}), DataType::uint64);
  const char* op = s.string("direction") == "RIGHT" ? "Div" : "Mul";
  s.replace({s.cast(s.emit(op, {s.cast(s.input(0), DataType::uint64), power}), dtype)});
}

// ---- Bitwise

enum class Gate { all, any, one };

// Both operands become their bits along two new last axes, at most 32 in a row: runtimes sum int64 as doubles. A gate
// of 0 and 1 is arithmetic: a b, a + b - a b, |a - b|. The highest bit of 64 weighs -2^63, which is 2^31 times 2^32.
template <Gate kGate>
void by_bits(Step& s) {
  const DataType dtype = s.dtype(s.input(0));
  const std::int64_t width = bit_width(dtype);
  const std::int64_t row = std::min<std::int64_t>(width, 32);
  std::vector<std::uint64_t> places;
  Ints weights;
  for (std::int64_t bit = 0; bit < width; ++bit) places.push_back(static_cast<std::uint64_t>(bit));
  for (std::int64_t bit = 0; bit < row; ++bit) weights.push_back(std::int64_t{1} << bit);
  ir::Value* place = s.constant(tensor::from_values<std::uint64_t>(DataType::uint64, {width / row, row}, places));
  ir::Value* two = s.cast(s.integer_scalar(2), DataType::uint64);
  const auto bits_of = [&](ir::Value* value) {
    ir::Value* wide = s.unsqueeze(s.cast(value, DataType::uint64), {-2, -1});
    ir::Value* shifted = s.emit("BitShift", {wide, place}, {{"direction", "RIGHT"}});
    return s.cast(s.emit("Mod", {shifted, two}), DataType::int64);
  };
  ir::Value* a = bits_of(s.input(0));
  ir::Value* b = bits_of(s.input(1));
  ir::Value* product = kGate == Gate::one ? nullptr : s.emit("Mul", {a, b});
  ir::Value* bits = product;
  if (kGate == Gate::any) bits = s.emit("Sub", {s.emit("Add", {a, b}), product});
  if (kGate == Gate::one) bits = s.emit("Abs", {s.emit("Sub", {a, b})});
  ir::Value* rows = s.reduce("ReduceSum", s.emit("Mul", {bits, s.ints(weights)}), {-1}, false);
  const auto part = [&](std::int64_t index) {
    return s.emit("Gather", {rows, s.integer_scalar(index)}, {{"axis", -1}});
  };
  ir::Value* sum = part(0);
  if (width > row) sum = s.emit("Add", {sum, s.emit("Mul", {part(1), s.integer_scalar(std::int64_t{1} << row)})});
  s.replace({s.cast(sum, dtype)});
}

// ~x = -1 - x, in two's complement and modulo 2^n.
void invert(Step& s) {
  const DataType dtype = s.dtype(s.input(0));
  s.replace_by("Sub", {integer_like(s, -1, dtype), s.input(0)});
}

// ---- Mod

// A floored remainder of floats: fmod, and one divisor more where signs differ.
void floored_mod(Step& s) {
  ir::Value* x = s.input(0);
  ir::Value* y = s.input(1);
  const DataType dtype = s.dtype(x);
  if (!is_float(dtype) || s.integer("fmod") == 1) return;
  ir::Value* zero = s.number(0, dtype);
  ir::Value* remainder = s.emit("Mod", {x, y}, {{"fmod", 1}});
  ir::Value* signs_differ = s.emit("Xor", {s.emit("Less", {remainder, zero}), s.emit("Less", {y, zero})});
  ir::Value* whole = s.emit("Equal", {remainder, zero});
  ir::Value* low = s.emit("And", {signs_differ, s.emit("Not", {whole})});
  s.replace({s.where(low, s.emit("Add", {remainder, y}), remainder)});
}

// Div truncates: r = x - (x / y) y has the sign of x.
void mod_by_division(Step& s) {
  ir::Value* x = s.input(0);
  ir::Value* y = s.input(1);
  const DataType dtype = s.dtype(x);
  if (is_float(dtype)) s.refuse("there is no Mod in this opset, and a quotient of floats is rounded");
  ir::Value* remainder = s.emit("Sub", {x, s.emit("Mul", {s.emit("Div", {x, y}), y})});
  if (s.integer("fmod") == 1 || !is_signed(dtype)) {
    s.replace({remainder});
    return;
  }
  if (s.opset() < 9) s.refuse("there is no Where in this opset to choose the sign of the remainder with");
  ir::Value* zero = integer_like(s, 0, dtype);
  ir::Value* signs_differ = s.emit("Xor", {s.emit("Less", {remainder, zero}), s.emit("Less", {y, zero})});
  ir::Value* low = s.emit("And", {signs_differ, s.emit("Not", {s.emit("Equal", {remainder, zero})})});
  s.replace({s.where(low, s.emit("Add", {remainder, y}), remainder)});
}

// ---- BitCast

// Between integers of one width Cast keeps the bits.
void bit_cast(Step& s) {
  const DataType from = s.dtype(s.input(0));
  const auto to = static_cast<DataType>(s.integer("to"));
  if (from == to) {
    s.replace_by("Identity", {s.input(0)});
  } else if (is_integer(from) && is_integer(to) && bit_width(from) == bit_width(to)) {
    s.replace({s.cast(s.input(0), to)});
  } else {
    s.refuse("no operator before opset 26 reads the bits of one type as another");
  }
}

constexpr Adapter kAdapters[] = {
    same_up("BitShift", 28, "takes signed integers"),
    down("BitShift", 28, &signed_shift, "signed integers are shifted as unsigned ones"),
    down("BitShift", 11, &shift_by_powers, "multiplied or divided by a power of two"),
    down("BitwiseAnd", 18, &by_bits<Gate::all>, "bit by bit along a new axis, by BitShift and Mod"),
    down("BitwiseOr", 18, &by_bits<Gate::any>, "bit by bit along a new axis, by BitShift and Mod"),
    down("BitwiseXor", 18, &by_bits<Gate::one>, "bit by bit along a new axis, by BitShift and Mod"),
    down("BitwiseNot", 18, &invert, "-1 - x"),
    same_up("Mod", 28, "takes floats without fmod"),
    down("Mod", 28, &floored_mod, "floats without fmod: Mod with fmod, corrected where signs differ"),
    down("Mod", 10, &mod_by_division, "integers: x - (x / y) y"),
    down("BitCast", 26, &bit_cast, "between integers of one width by Cast; other bits cannot be read"),
};

}  // namespace

std::span<const Adapter> bit_adapters() { return kAdapters; }

}  // namespace olivine::opset

#include <limits>

#include "opset/adapters/families.h"
#include "opset/blocks.h"

/// Arithmetic and comparisons, element by element.
namespace olivine::opset {
namespace {

// ---- Before opset 7

// Before opset 7 B broadcasts only when `broadcast` says so, with its first dimension at `axis` of A, or its last at
// A's last. Later it always does, aligned at the end: B gets the dimensions of size 1 that follow it.
void align_second_operand(Step& s) {
  ir::Node& node = s.node();
  if (s.integer("broadcast") != 0 && s.has("axis")) {
    const std::int64_t rank = s.rank(s.input(0));
    const std::int64_t second = s.rank(s.input(1));
    const std::int64_t axis = s.positive_axis(s.integer("axis"), rank);
    Ints trailing;
    for (std::int64_t i = second; axis + i < rank; ++i) trailing.push_back(i);
    if (!trailing.empty()) node.set_input(1, s.unsqueeze(s.input(1), trailing));
  }
  node.remove("broadcast");
  node.remove("axis");
}

// ---- Variadic ones below opset 8: no broadcasting

bool same_shapes(const Step& s) {
  const auto dims = s.find_dims(s.input(0));
  for (const ir::Value* value : s.node().inputs()) {
    if (!dims || s.find_dims(value) != dims) return false;
  }
  return true;
}

void without_broadcasting(Step& s) {
  if (!same_shapes(s))
    s.refuse(s.node().op_type + " broadcasts its inputs from opset 8 on only, and their shapes differ");
}

// Sum(a, b, c) = a + b + c, where Add broadcasts.
ir::Value* chain(Step& s) {
  ir::Value* sum = s.input(0);
  for (std::size_t i = 1; i < s.node().inputs().size(); ++i) sum = s.emit("Add", {sum, s.input(i)});
  return sum;
}

void sum_without_broadcasting(Step& s) {
  if (!same_shapes(s) && s.node().inputs().size() > 1) s.replace({chain(s)});
}

void mean_without_broadcasting(Step& s) {
  if (same_shapes(s) || s.node().inputs().size() < 2) return;
  const auto count = static_cast<double>(s.node().inputs().size());
  s.replace_by("Div", {chain(s), s.number_like(count, s.input(0))});
}

// ---- Clip

void clip_bounds_to_inputs(Step& s) {
  ir::Node& node = s.node();
  const DataType dtype = s.dtype(s.input(0));
  const auto move = [&](std::string_view name, std::size_t index) {
    if (!s.has(name)) return;
    const double bound = s.floating(name);
    node.remove(name);
    node.set_input(index, s.number(bound, dtype));
  };
  move("min", 1);
  move("max", 2);
}

// Clip(x, min, max) = Min(Max(x, min), max) where the bounds are not known.
void clip_bounds_to_attributes(Step& s) {
  ir::Node& node = s.node();
  const auto min = s.find_number(s.input(1));
  const auto max = s.find_number(s.input(2));
  if ((s.input(1) == nullptr || min) && (s.input(2) == nullptr || max)) {
    s.drop_inputs(1);
    if (min) node.set("min", static_cast<float>(*min));
    if (max) node.set("max", static_cast<float>(*max));
    return;
  }
  ir::Value* y = s.input(0);
  if (s.input(1) != nullptr) y = s.emit("Max", {y, s.input(1)});
  if (s.input(2) != nullptr) y = s.emit("Min", {y, s.input(2)});
  s.replace({y});
}

// In opset 11 Clip, Max and Min are for floats, of which runtimes have those of 32 bits: other types are compared.
// x < min ? min : x, then > max ? max, so that max wins where the bounds cross.
void clip_by_comparing(Step& s) {
  if (s.dtype(s.input(0)) == DataType::float32) return;
  ir::Value* y = s.input(0);
  if (s.input(1) != nullptr) y = s.where(s.emit("Less", {y, s.input(1)}), s.input(1), y);
  if (s.input(2) != nullptr) y = s.where(s.emit("Greater", {y, s.input(2)}), s.input(2), y);
  if (y == s.input(0)) y = s.emit("Identity", {y});
  s.replace({y});
}

// Max and Min of integers and doubles: in opset 11 for floats only.
template <bool kMax>
void extreme_by_comparing(Step& s) {
  const DataType dtype = s.dtype(s.input(0));
  if (is_float(dtype)) return;
  ir::Value* y = s.input(0);
  for (std::size_t i = 1; i < s.node().inputs().size(); ++i) {
    ir::Value* other = s.input(i);
    y = s.where(s.emit(kMax ? "Less" : "Greater", {y, other}), other, y);
  }
  if (y == s.input(0)) y = s.emit("Identity", {y});
  s.replace({y});
}

// ---- Pow

// Below opset 12 both operands are of one float type. Integers go through doubles, which is how they are computed
// anyway.
void pow_of_one_type(Step& s) {
  const DataType base = s.dtype(s.input(0));
  const DataType exponent = s.dtype(s.input(1));
  if (base == exponent && is_float(base)) return;
  const DataType common =
      is_float(base) && is_float(exponent) && base == DataType::float16 ? exponent : DataType::float64;
  ir::Value* y = s.emit("Pow", {s.cast(s.input(0), common), s.cast(s.input(1), common)});
  s.replace({s.cast(y, base)});
}

// ---- Comparisons

// Equal below opset 11 compares int32, int64 and bool. Floats are equal where neither is less and neither is NaN.
void equal_by_order(Step& s) {
  const DataType dtype = s.dtype(s.input(0));
  if (dtype == DataType::int32 || dtype == DataType::int64 || dtype == DataType::boolean) return;
  ir::Value* a = s.input(0);
  ir::Value* b = s.input(1);
  if (dtype == DataType::uint32 || (is_integer(dtype) && bit_width(dtype) < 32)) {
    s.replace_by("Equal", {s.cast(a, DataType::int64), s.cast(b, DataType::int64)});
    return;
  }
  ir::Value* differ = s.emit("Or", {s.emit("Less", {a, b}), s.emit("Greater", {a, b})});
  if (is_float(dtype)) {
    if (s.opset() < 9) s.refuse("Equal takes no floats in this opset, and there is no IsNaN");
    differ = s.emit("Or", {differ, s.emit("Or", {s.emit("IsNaN", {a}), s.emit("IsNaN", {b})})});
  }
  s.replace_by("Not", {differ});
}

// ---- Round

// Half to even: below opset 11 there is Floor. f = floor(x), d = x - f: f where d < 1/2, f + 1 where d > 1/2, and
// between them the even one of the two, f + (f mod 2). Large x have d = 0; an infinity has none, is neither below nor
// above, and f stays it: inf + 1 is inf.
void round_by_floor(Step& s) {
  if (s.opset() < 9) s.refuse("there is no Where in this opset to round halves to even with");
  ir::Value* x = s.input(0);
  const DataType dtype = s.dtype(x);
  ir::Value* f = s.emit("Floor", {x});
  ir::Value* d = s.emit("Sub", {x, f});
  ir::Value* half = s.number(0.5, dtype);
  ir::Value* one = s.number(1, dtype);
  ir::Value* zero = s.number(0, dtype);
  ir::Value* halved = s.emit("Mul", {f, half});
  ir::Value* odd = s.emit("Greater", {halved, s.emit("Floor", {halved})});
  ir::Value* at_half = s.emit("Not", {s.emit("Or", {s.emit("Less", {d, half}), s.emit("Greater", {d, half})})});
  ir::Value* up = s.emit("Or", {s.emit("Greater", {d, half}), s.emit("And", {at_half, odd})});
  s.replace_by("Add", {f, s.where(up, one, zero)});
}

// ---- IsInf

// An infinity is beyond the largest finite number.
void infinite_by_order(Step& s) {
  ir::Value* x = s.cast(s.input(0), DataType::float64);
  ir::Value* largest = s.number(std::numeric_limits<double>::max(), DataType::float64);
  const bool up = s.integer("detect_positive") != 0;
  const bool down = s.integer("detect_negative") != 0;
  ir::Value* above = s.emit("Greater", {x, largest});
  ir::Value* below = s.emit("Less", {x, s.emit("Neg", {largest})});
  if (up && down) {
    s.replace_by("Or", {above, below});
  } else if (up || down) {
    s.replace({up ? above : below});
  } else {
    s.replace_by("And", {above, below});
  }
}

// ---- Opset 8: neither Where nor comparisons of anything but floats

// A number is below 1, above 0, or both.
void nan_by_order(Step& s) {
  ir::Value* x = s.cast(s.input(0), DataType::float64);
  ir::Value* below = s.emit("Less", {x, s.number(1, DataType::float64)});
  ir::Value* above = s.emit("Greater", {x, s.number(0, DataType::float64)});
  s.replace_by("Not", {s.emit("Or", {below, above})});
}

// (x > 0) - (x < 0)
void sign_by_order(Step& s) {
  ir::Value* x = s.input(0);
  const DataType dtype = s.dtype(x);
  if (dtype == DataType::int64 || dtype == DataType::uint64)
    s.refuse("opset 8 compares floats only, and none holds 64 bits");
  ir::Value* wide = s.cast(x, DataType::float64);
  ir::Value* zero = s.number(0, DataType::float64);
  ir::Value* above = s.cast(s.emit("Greater", {wide, zero}), DataType::float32);
  ir::Value* below = s.cast(s.emit("Less", {wide, zero}), DataType::float32);
  s.replace({s.cast(s.emit("Sub", {above, below}), dtype)});
}

// cosh x = (e^x + e^-x) / 2: two positive terms, so that nothing cancels.
void cosh_by_exp(Step& s) {
  ir::Value* x = s.input(0);
  ir::Value* sum = s.emit("Add", {s.emit("Exp", {x}), s.emit("Exp", {s.emit("Neg", {x})})});
  s.replace_by("Mul", {sum, s.number_like(0.5, x)});
}

constexpr std::string_view kCancels =
    "by exponentials, logarithms and roots, which opset 8 has, small results cancel out";
constexpr std::string_view kHint = "the hint consumed_inputs goes";
constexpr std::string_view kAlign = "broadcast and axis go; the second operand gets the dimensions that axis meant";
constexpr std::string_view kShapes = "as it is where all shapes are the same";

constexpr Adapter kAdapters[] = {
    up("Abs", 6, &drop_consumed_inputs, kHint),
    up("Add", 6, &drop_consumed_inputs, kHint),
    up("Ceil", 6, &drop_consumed_inputs, kHint),
    up("Clip", 6, &drop_consumed_inputs, kHint),
    up("Div", 6, &drop_consumed_inputs, kHint),
    up("Elu", 6, &drop_consumed_inputs, kHint),
    up("Exp", 6, &drop_consumed_inputs, kHint),
    up("Floor", 6, &drop_consumed_inputs, kHint),
    up("HardSigmoid", 6, &drop_consumed_inputs, kHint),
    up("LeakyRelu", 6, &drop_consumed_inputs, kHint),
    up("Log", 6, &drop_consumed_inputs, kHint),
    up("Max", 6, &drop_consumed_inputs, kHint),
    up("Mean", 6, &drop_consumed_inputs, kHint),
    up("Min", 6, &drop_consumed_inputs, kHint),
    up("Mul", 6, &drop_consumed_inputs, kHint),
    up("Neg", 6, &drop_consumed_inputs, kHint),
    up("Reciprocal", 6, &drop_consumed_inputs, kHint),
    up("Relu", 6, &drop_consumed_inputs, kHint),
    up("Sigmoid", 6, &drop_consumed_inputs, kHint),
    up("Sqrt", 6, &drop_consumed_inputs, kHint),
    up("Sub", 6, &drop_consumed_inputs, kHint),
    up("Sum", 6, &drop_consumed_inputs, kHint),
    up("Tanh", 6, &drop_consumed_inputs, kHint),
    up("Add", 7, &align_second_operand, kAlign),
    up("And", 7, &align_second_operand, kAlign),
    up("Div", 7, &align_second_operand, kAlign),
    up("Equal", 7, &align_second_operand, kAlign),
    up("Greater", 7, &align_second_operand, kAlign),
    up("Less", 7, &align_second_operand, kAlign),
    up("Mul", 7, &align_second_operand, kAlign),
    up("Or", 7, &align_second_operand, kAlign),
    up("Pow", 7, &align_second_operand, kAlign),
    up("Sub", 7, &align_second_operand, kAlign),
    up("Xor", 7, &align_second_operand, kAlign),

    same_up("Max", 8, "broadcasts its inputs"),
    down("Max", 8, &without_broadcasting, kShapes),
    same_up("Min", 8, "broadcasts its inputs"),
    down("Min", 8, &without_broadcasting, kShapes),
    same_up("Sum", 8, "broadcasts its inputs"),
    down("Sum", 8, &sum_without_broadcasting, "where shapes differ, a chain of Add"),
    same_up("Mean", 8, "broadcasts its inputs"),
    down("Mean", 8, &mean_without_broadcasting, "where shapes differ, a chain of Add, divided"),

    up("Clip", 11, &clip_bounds_to_inputs, "the bounds become inputs"),
    down("Clip", 11, &clip_bounds_to_attributes, "constant bounds become attributes; else by Max and Min"),
    down("Clip", 12, &clip_by_comparing, "types other than float are compared by Less, Greater and Where"),
    down("Max", 12, &extreme_by_comparing<true>, "integers are compared by Less and Where"),
    down("Min", 12, &extreme_by_comparing<false>, "integers are compared by Greater and Where"),
    down("Pow", 12, &pow_of_one_type, "operands of other types than one float type go through double"),
    down("Equal", 11, &equal_by_order, "floats and wide unsigned integers by Less, Greater and IsNaN"),
    down("IsNaN", 9, &nan_by_order, "neither below 1 nor above 0"),
    down("Sign", 9, &sign_by_order, "(x > 0) - (x < 0)"),
    down("Cosh", 9, &cosh_by_exp, "(e^x + e^-x) / 2"),
    impossible_down("Sinh", 9, kCancels),
    impossible_down("Acosh", 9, kCancels),
    impossible_down("Asinh", 9, kCancels),
    impossible_down("Atanh", 9, kCancels),
    impossible_down("Erf", 9, "no operator of opset 8 computes it, and approximations are not exact"),
    impossible_down("Det", 11, "no operator of opset 10 computes determinants"),
    down("IsInf", 10, &infinite_by_order, "beyond the largest finite number"),
    down("Round", 11, &round_by_floor, "half to even by Floor"),
};

}  // namespace

std::span<const Adapter> elementwise_adapters() { return kAdapters; }

}  // namespace olivine::opset

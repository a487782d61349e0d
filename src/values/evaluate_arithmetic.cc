#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "values/evaluate.h"

namespace olivine::values {
namespace {

using tensor::Dims;

Cell checked(DataType dtype, std::int64_t value) { return holds(dtype, value) ? Cell::integer(value) : Cell(); }
Cell checked_real(DataType dtype, double value) { return Cell::real(rounded(value, dtype)); }

bool is_number(const Cell& cell, std::int64_t value) { return cell.known() && cell.integer() == value; }

// ---- Two operands, broadcast

/// How one element comes from two. In float types the result is that of double arithmetic rounded once more, which for
/// + - * / and the types evaluated here is the correctly rounded one.
struct Binary {
  Cell (*integers)(DataType dtype, const Cell& a, const Cell& b);
  Cell (*reals)(DataType dtype, double a, double b);
};

Results combined(const PartialTensor& a, const PartialTensor& b, DataType result_dtype, const Binary& binary) {
  if (a.dtype != b.dtype) return {};
  const auto dims = broadcast_dims(std::array{&a.dims, &b.dims});
  if (!dims) return {};
  const auto from_a = broadcast_indices(a.dims, *dims);
  const auto from_b = broadcast_indices(b.dims, *dims);
  PartialTensor result{result_dtype, *dims, {}, false};
  for (std::size_t i = 0; i < from_a.size(); ++i) {
    const Cell& left = a.cells[from_a[i]];
    const Cell& right = b.cells[from_b[i]];
    if (!a.is_real()) {
      result.cells.push_back(binary.integers(a.dtype, left, right));
    } else if (left.known() && right.known() && binary.reals != nullptr) {
      result.cells.push_back(binary.reals(a.dtype, left.real(), right.real()));
    } else {
      result.cells.emplace_back();
    }
  }
  return {std::move(result)};
}

Cell both_known(DataType dtype, const Cell& a, const Cell& b,
                bool (*overflows)(std::int64_t, std::int64_t, std::int64_t*)) {
  std::int64_t result = 0;
  if (!a.known() || !b.known() || overflows(a.integer(), b.integer(), &result)) return {};
  return checked(dtype, result);
}

bool add_overflows(std::int64_t a, std::int64_t b, std::int64_t* out) { return __builtin_add_overflow(a, b, out); }
bool sub_overflows(std::int64_t a, std::int64_t b, std::int64_t* out) { return __builtin_sub_overflow(a, b, out); }
bool mul_overflows(std::int64_t a, std::int64_t b, std::int64_t* out) { return __builtin_mul_overflow(a, b, out); }
bool div_fails(std::int64_t a, std::int64_t b, std::int64_t* out) {
  if (b == 0 || (b == -1 && a == std::numeric_limits<std::int64_t>::min())) return true;
  *out = a / b;
  return false;
}

// A dimension that isn't known passes what leaves it as it is: n + 0, n * 1, n / 1.
Cell add(DataType dtype, const Cell& a, const Cell& b) {
  if (is_number(a, 0)) return b;
  if (is_number(b, 0)) return a;
  return both_known(dtype, a, b, add_overflows);
}
Cell subtract(DataType dtype, const Cell& a, const Cell& b) {
  return is_number(b, 0) ? a : both_known(dtype, a, b, sub_overflows);
}
Cell multiply(DataType dtype, const Cell& a, const Cell& b) {
  if (is_number(a, 1)) return b;
  if (is_number(b, 1)) return a;
  return both_known(dtype, a, b, mul_overflows);
}
Cell divide(DataType dtype, const Cell& a, const Cell& b) {
  return is_number(b, 1) ? a : both_known(dtype, a, b, div_fails);
}

/// With the divisor's sign, as Python's %.
Cell modulo(DataType dtype, const Cell& a, const Cell& b) {
  if (!a.known() || !b.known() || b.integer() == 0) return {};
  if (b.integer() == -1) return Cell::integer(0);
  std::int64_t rest = a.integer() % b.integer();
  if (rest != 0 && (rest < 0) != (b.integer() < 0)) rest += b.integer();
  return checked(dtype, rest);
}
/// With the dividend's sign, as C's %.
Cell remainder_of(DataType dtype, const Cell& a, const Cell& b) {
  if (!a.known() || !b.known() || b.integer() == 0) return {};
  return checked(dtype, b.integer() == -1 ? 0 : a.integer() % b.integer());
}

Cell power(DataType dtype, const Cell& a, const Cell& b) {
  if (!a.known() || !b.known() || b.integer() < 0 || b.integer() > 64) return {};
  std::int64_t result = 1;
  for (std::int64_t i = 0; i < b.integer(); ++i) {
    if (__builtin_mul_overflow(result, a.integer(), &result)) return {};
  }
  return checked(dtype, result);
}

Cell smaller(DataType, const Cell& a, const Cell& b) {
  return a.known() && b.known() ? Cell::integer(std::min(a.integer(), b.integer())) : Cell();
}
Cell larger(DataType, const Cell& a, const Cell& b) {
  return a.known() && b.known() ? Cell::integer(std::max(a.integer(), b.integer())) : Cell();
}

constexpr Binary kAdd = {add, [](DataType t, double a, double b) { return checked_real(t, a + b); }};
constexpr Binary kSub = {subtract, [](DataType t, double a, double b) { return checked_real(t, a - b); }};
constexpr Binary kMul = {multiply, [](DataType t, double a, double b) { return checked_real(t, a * b); }};
constexpr Binary kDiv = {divide, [](DataType t, double a, double b) { return checked_real(t, a / b); }};
constexpr Binary kMod = {modulo, nullptr};
constexpr Binary kFmod = {remainder_of,
                          [](DataType t, double a, double b) { return checked_real(t, std::fmod(a, b)); }};
constexpr Binary kPow = {power, nullptr};
// NaN goes through either way; numbers are never changed.
constexpr Binary kMin = {smaller,
                         [](DataType, double a, double b) { return Cell::real(std::isnan(a) || a < b ? a : b); }};
constexpr Binary kMax = {larger,
                         [](DataType, double a, double b) { return Cell::real(std::isnan(a) || a > b ? a : b); }};

template <const Binary& kBinary>
Results binary(const Operation& operation) {
  const PartialTensor* a = operation.input(0);
  const PartialTensor* b = operation.input(1);
  // Before opset 7 operands were broadcast only where an attribute said how.
  if (a == nullptr || b == nullptr || (operation.opset < 7 && a->dims != b->dims)) return {};
  return combined(*a, *b, a->dtype, kBinary);
}

Results mod(const Operation& operation) {
  const bool c_like = operation.node.integer("fmod", 0) != 0;
  return c_like ? binary<kFmod>(operation) : binary<kMod>(operation);
}

/// Min, Max and Sum of any number of operands.
template <const Binary& kBinary>
Results variadic(const Operation& operation) {
  if (operation.inputs.empty() || operation.inputs[0] == nullptr) return {};
  PartialTensor result = *operation.inputs[0];
  for (std::size_t i = 1; i < operation.inputs.size(); ++i) {
    if (operation.inputs[i] == nullptr) return {};
    Results next = combined(result, *operation.inputs[i], result.dtype, kBinary);
    if (next.empty()) return {};
    result = std::move(next[0]);
  }
  return {std::move(result)};
}

// ---- Comparisons and logic

Cell truth(bool value) { return Cell::integer(value ? 1 : 0); }

bool is_negative(const Cell& cell) { return cell.known() && cell.integer() < 0; }

/// A dimension is never negative: what asks whether it is -1 ("keep as it is") has its answer.
Cell equal(DataType, const Cell& a, const Cell& b) {
  if (a.known() && b.known()) return truth(a.integer() == b.integer());
  const bool cannot =
      (a.kind() == Cell::Kind::dimension && is_negative(b)) || (b.kind() == Cell::Kind::dimension && is_negative(a));
  return cannot ? truth(false) : Cell();
}

template <typename Compare>
constexpr Binary comparison() {
  return {[](DataType, const Cell& a, const Cell& b) {
            return a.known() && b.known() ? truth(Compare()(a.integer(), b.integer())) : Cell();
          },
          [](DataType, double a, double b) { return truth(Compare()(a, b)); }};
}

constexpr Binary kEqual = {equal, [](DataType, double a, double b) { return truth(a == b); }};
constexpr Binary kLess = comparison<std::less<>>();
constexpr Binary kLessOrEqual = comparison<std::less_equal<>>();
constexpr Binary kGreater = comparison<std::greater<>>();
constexpr Binary kGreaterOrEqual = comparison<std::greater_equal<>>();

Cell conjunction(DataType, const Cell& a, const Cell& b) {
  if (is_number(a, 0) || is_number(b, 0)) return truth(false);
  return a.known() && b.known() ? truth(true) : Cell();
}
Cell disjunction(DataType, const Cell& a, const Cell& b) {
  if (is_number(a, 1) || is_number(b, 1)) return truth(true);
  return a.known() && b.known() ? truth(false) : Cell();
}
Cell exclusive(DataType, const Cell& a, const Cell& b) {
  return a.known() && b.known() ? truth(a.integer() != b.integer()) : Cell();
}
constexpr Binary kAnd = {conjunction, nullptr};
constexpr Binary kOr = {disjunction, nullptr};
constexpr Binary kXor = {exclusive, nullptr};

template <const Binary& kBinary>
Results compare(const Operation& operation) {
  const PartialTensor* a = operation.input(0);
  const PartialTensor* b = operation.input(1);
  if (a == nullptr || b == nullptr || (operation.opset < 7 && a->dims != b->dims)) return {};
  return combined(*a, *b, DataType::boolean, kBinary);
}

// ---- One operand

struct Unary {
  Cell (*integers)(DataType dtype, std::int64_t value);
  Cell (*reals)(DataType dtype, double value);
};

Cell same_integer(DataType, std::int64_t value) { return Cell::integer(value); }

constexpr Unary kNeg = {
    [](DataType t, std::int64_t v) { return v == std::numeric_limits<std::int64_t>::min() ? Cell() : checked(t, -v); },
    [](DataType, double v) { return Cell::real(-v); }};
constexpr Unary kAbs = {[](DataType t, std::int64_t v) {
                          return v == std::numeric_limits<std::int64_t>::min() ? Cell() : checked(t, std::abs(v));
                        },
                        [](DataType, double v) { return Cell::real(std::abs(v)); }};
constexpr Unary kNot = {[](DataType, std::int64_t v) { return truth(v == 0); }, nullptr};
constexpr Unary kFloor = {same_integer, [](DataType, double v) { return Cell::real(std::floor(v)); }};
constexpr Unary kCeil = {same_integer, [](DataType, double v) { return Cell::real(std::ceil(v)); }};
// Halves go to the even neighbour, as everywhere in the default rounding mode.
constexpr Unary kRound = {same_integer, [](DataType, double v) { return Cell::real(std::nearbyint(v)); }};
constexpr Unary kSqrt = {nullptr, [](DataType t, double v) { return checked_real(t, std::sqrt(v)); }};
constexpr Unary kReciprocal = {nullptr, [](DataType t, double v) { return checked_real(t, 1 / v); }};

template <const Unary& kUnary>
Results unary(const Operation& operation) {
  const PartialTensor* input = operation.input(0);
  if (input == nullptr || (input->is_real() ? kUnary.reals == nullptr : kUnary.integers == nullptr)) return {};
  PartialTensor result = *input;
  for (Cell& cell : result.cells) {
    if (!cell.known()) {
      cell = Cell();
    } else {
      cell = input->is_real() ? kUnary.reals(input->dtype, cell.real()) : kUnary.integers(input->dtype, cell.integer());
    }
  }
  return {std::move(result)};
}

Cell cast_cell(const Cell& cell, bool from_real, DataType to) {
  if (!cell.known()) return !from_real && !is_float(to) && to != DataType::boolean ? cell : Cell();
  if (from_real) {
    if (to == DataType::boolean) return truth(cell.real() != 0);
    if (is_float(to)) return checked_real(to, cell.real());
    // Beyond the target's range ONNX leaves the result open.
    constexpr double kLimit = 9223372036854775808.0;
    const double whole = std::trunc(cell.real());
    return whole >= -kLimit && whole < kLimit ? checked(to, static_cast<std::int64_t>(whole)) : Cell();
  }
  if (to == DataType::boolean) return truth(cell.integer() != 0);
  if (!is_float(to)) return checked(to, cell.integer());
  // A double holds fewer integers than int64 does, and rounding twice may differ from rounding once.
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  const bool exact = cell.integer() >= -kExact && cell.integer() <= kExact;
  return exact ? checked_real(to, static_cast<double>(cell.integer())) : Cell();
}

Results cast(const Operation& operation) {
  const PartialTensor* input = operation.input(0);
  // Before opset 6 the target is a name.
  const auto to = static_cast<DataType>(operation.node.integer("to", 0));
  if (input == nullptr || find_data_type(static_cast<std::int32_t>(to)) == nullptr || !can_be_partial(to)) return {};
  PartialTensor result{to, input->dims, {}, false};
  for (const Cell& cell : input->cells) result.cells.push_back(cast_cell(cell, input->is_real(), to));
  return {std::move(result)};
}

Results clip(const Operation& operation) {
  // Before opset 11 the bounds are attributes, and the types are floats.
  if (operation.opset < 11 || operation.input(0) == nullptr) return {};
  PartialTensor result = *operation.input(0);
  for (const auto& [index, binary] : {std::pair{1, &kMax}, std::pair{2, &kMin}}) {
    const PartialTensor* bound = operation.input(static_cast<std::size_t>(index));
    if (bound == nullptr) continue;
    Results next = combined(result, *bound, result.dtype, *binary);
    if (next.empty() || next[0].dims != result.dims) return {};
    result = std::move(next[0]);
  }
  return {std::move(result)};
}

// ---- Reductions

/// Sums and products of floats are evaluated only where every order of rounding gives the same: whole numbers that stay
/// within what the type holds exactly.
double exact_limit(DataType dtype) {
  switch (dtype) {
    case DataType::float64:
      return 9007199254740992.0;
    case DataType::float32:
      return 16777216.0;
    case DataType::float16:
      return 2048.0;
    default:
      return 256.0;
  }
}

bool is_exact(DataType dtype, const Cell& cell) {
  return cell.known() && std::trunc(cell.real()) == cell.real() && std::abs(cell.real()) <= exact_limit(dtype);
}

struct Reduction {
  const Binary* step;
  std::int64_t start;
  bool exact_only;   ///< see exact_limit
  bool needs_items;  ///< of nothing there is no minimum
};

Cell accumulated(DataType dtype, const Cell& total, const Cell& item, const Reduction& reduction) {
  if (!is_float(dtype)) return reduction.step->integers(dtype, total, item);
  if (!total.known() || !item.known()) return {};
  if (reduction.exact_only && (!is_exact(dtype, total) || !is_exact(dtype, item))) return {};
  const Cell result = reduction.step->reals(DataType::float64, total.real(), item.real());
  return reduction.exact_only && !is_exact(dtype, result) ? Cell() : result;
}

std::optional<std::vector<bool>> reduced_axes(const Operation& operation, std::size_t rank) {
  const bool given = operation.input(1) != nullptr || operation.node.find("axes") != nullptr;
  const auto axes = operation.numbers(1, "axes");
  if (given && !axes) return std::nullopt;
  if (!given || axes->empty()) {
    return std::vector<bool>(rank, operation.node.integer("noop_with_empty_axes", 0) == 0);
  }
  std::vector<bool> reduced(rank, false);
  for (const std::int64_t entry : *axes) {
    const auto axis = normalized_axis(entry, rank);
    if (!axis) return std::nullopt;
    reduced[*axis] = true;
  }
  return reduced;
}

Results reduce(const Operation& operation, const Reduction& reduction) {
  const PartialTensor* input = operation.input(0);
  if (input == nullptr) return {};
  const auto reduced = reduced_axes(operation, input->dims.size());
  if (!reduced) return {};
  Dims kept = input->dims;
  Dims dims;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if ((*reduced)[i] && reduction.needs_items && kept[i] == 0) return {};
    if ((*reduced)[i]) kept[i] = 1;
    if (!(*reduced)[i] || operation.node.integer("keepdims", 1) != 0) dims.push_back(kept[i]);
  }
  const auto count = small_count(kept);
  if (!count) return {};
  const Cell start =
      input->is_real() ? Cell::real(static_cast<double>(reduction.start)) : Cell::integer(reduction.start);
  PartialTensor result{input->dtype, std::move(dims), std::vector<Cell>(*count, start), false};
  std::vector<bool> begun(*count, !reduction.needs_items);
  const auto targets = broadcast_indices(kept, input->dims);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    Cell& total = result.cells[targets[i]];
    total = begun[targets[i]] ? accumulated(input->dtype, total, input->cells[i], reduction) : input->cells[i];
    begun[targets[i]] = true;
  }
  return {std::move(result)};
}

Results reduce_prod(const Operation& operation) { return reduce(operation, {&kMul, 1, true, false}); }
Results reduce_sum(const Operation& operation) { return reduce(operation, {&kAdd, 0, true, false}); }
Results reduce_min(const Operation& operation) { return reduce(operation, {&kMin, 0, false, true}); }
Results reduce_max(const Operation& operation) { return reduce(operation, {&kMax, 0, false, true}); }

/// Along one axis, of integers.
Results cum_sum(const Operation& operation) {
  const PartialTensor* input = operation.input(0);
  const auto axis_input = operation.numbers(1);
  if (input == nullptr || input->is_real() || !axis_input || axis_input->size() != 1) return {};
  const auto axis = normalized_axis((*axis_input)[0], input->dims.size());
  if (!axis) return {};
  std::size_t stride = 1;
  for (std::size_t i = *axis + 1; i < input->dims.size(); ++i) stride *= static_cast<std::size_t>(input->dims[i]);
  const auto extent = static_cast<std::size_t>(input->dims[*axis]);
  const bool exclusive = operation.node.integer("exclusive", 0) != 0;
  const bool reverse = operation.node.integer("reverse", 0) != 0;
  PartialTensor result = *input;
  for (std::size_t first = 0; first < input->cells.size(); ++first) {
    if (first / stride % extent != 0) continue;
    Cell total = Cell::integer(0);
    for (std::size_t i = 0; i < extent; ++i) {
      const std::size_t at = first + (reverse ? extent - 1 - i : i) * stride;
      const Cell next = add(input->dtype, total, input->cells[at]);
      result.cells[at] = exclusive ? total : next;
      total = next;
    }
  }
  return {std::move(result)};
}

constexpr Operator kOperators[] = {
    {"Add", binary<kAdd>},
    {"Sub", binary<kSub>},
    {"Mul", binary<kMul>},
    {"Div", binary<kDiv>},
    {"Mod", mod},
    {"Pow", binary<kPow>},
    {"Min", variadic<kMin>},
    {"Max", variadic<kMax>},
    {"Sum", variadic<kAdd>},
    {"Equal", compare<kEqual>},
    {"Less", compare<kLess>},
    {"LessOrEqual", compare<kLessOrEqual>},
    {"Greater", compare<kGreater>},
    {"GreaterOrEqual", compare<kGreaterOrEqual>},
    {"And", compare<kAnd>},
    {"Or", compare<kOr>},
    {"Xor", compare<kXor>},
    {"Not", unary<kNot>},
    {"Neg", unary<kNeg>},
    {"Abs", unary<kAbs>},
    {"Floor", unary<kFloor>},
    {"Ceil", unary<kCeil>},
    {"Round", unary<kRound>},
    {"Sqrt", unary<kSqrt>},
    {"Reciprocal", unary<kReciprocal>},
    {"Cast", cast},
    {"Clip", clip},
    {"ReduceProd", reduce_prod},
    {"ReduceSum", reduce_sum},
    {"ReduceMin", reduce_min},
    {"ReduceMax", reduce_max},
    {"CumSum", cum_sum},
};

}  // namespace

std::span<const Operator> arithmetic_operators() { return kOperators; }

}  // namespace olivine::values

#include <fmt/format.h>

#include <array>

#include "torch/aten/families.h"

/// Sizes, and Python's arithmetic on them: int64[1] (or double[1], bool[1]) values. ONNX's shape arithmetic where they
/// are known only when the model runs.
namespace olivine::torch {
namespace {

ir::Value* sym_size(Call& c) {
  ir::Value* self = c.tensor("self");
  return c.size(self, c.positive_axis(c.integer("dim"), c.rank(self)));
}

ir::Value* sym_numel(Call& c) { return c.reduce("ReduceProd", c.sizes(c.tensor("self")), {0}, true); }

/// An operand as one element of the wanted type. Python's operators have no names for their arguments.
ir::Value* operand(Call& c, std::size_t index) {
  if (index >= c.node().inputs.size()) c.refuse("an argument is missing");
  return c.reshape(c.scalar(c.number_at(index), c.number_at(index).dtype()), {1});
}

/// bool < int64 < double, as in Python.
DataType common_type(Call& c) {
  DataType type = DataType::boolean;
  for (std::size_t i = 0; i < c.node().inputs.size(); ++i) {
    const DataType own = c.number_at(i).dtype();
    if (own == DataType::float32) return DataType::float64;
    if (own == DataType::int64) type = DataType::int64;
  }
  return type;
}

Values common_operands(Call& c, DataType at_least = DataType::int64) {
  const DataType type = common_type(c) == DataType::float64 ? DataType::float64 : at_least;
  Values values;
  for (std::size_t i = 0; i < c.node().inputs.size(); ++i) {
    values.push_back(c.reshape(c.scalar(c.number_at(i), type), {1}));
  }
  return values;
}

template <const char* op_type>
ir::Value* binary(Call& c) {
  return c.emit(op_type, common_operands(c));
}

/// Rounds towards minus infinity, as Python does: ONNX's Div cuts integers towards zero.
ir::Value* floor_divide(Call& c, const Values& operands) {
  ir::Value* quotient = c.emit("Div", operands);
  if (c.dtype(quotient) == DataType::float64) return c.emit("Floor", {quotient});
  ir::Value* remainder = c.emit("Mod", operands);  // with the divisor's sign
  return c.emit("Div", {c.emit("Sub", {operands[0], remainder}), operands[1]});
}

ir::Value* floordiv(Call& c) { return floor_divide(c, common_operands(c)); }

ir::Value* truediv(Call& c) { return c.emit("Div", common_operands(c, DataType::float64)); }

ir::Value* modulo(Call& c) {
  const Values operands = common_operands(c);
  if (c.dtype(operands[0]) != DataType::float64) return c.emit("Mod", operands);
  ir::Value* whole = c.emit("Floor", {c.emit("Div", operands)});
  return c.emit("Sub", {operands[0], c.emit("Mul", {whole, operands[1]})});
}

ir::Value* power(Call& c) { return c.emit("Pow", common_operands(c)); }

ir::Value* negate(Call& c) { return c.emit("Neg", {common_operands(c).front()}); }

template <const char* op_type>
ir::Value* compare(Call& c) {
  return c.emit(op_type, common_operands(c));
}

ir::Value* not_equal(Call& c) { return c.emit("Not", {c.emit("Equal", common_operands(c))}); }

ir::Value* logical_not(Call& c) { return c.emit("Not", {c.cast(operand(c, 0), DataType::boolean)}); }

template <const char* op_type>
ir::Value* logical(Call& c) {
  Values operands;
  for (std::size_t i = 0; i < 2; ++i) operands.push_back(c.cast(operand(c, i), DataType::boolean));
  return c.emit(op_type, operands);
}

ir::Value* choose(Call& c) {
  const Number yes = c.number_at(1);
  const Number no = c.number_at(2);
  const bool is_real = yes.dtype() == DataType::float32 || no.dtype() == DataType::float32;
  const DataType type = is_real ? DataType::float64 : DataType::int64;
  ir::Value* condition = c.cast(operand(c, 0), DataType::boolean);
  return c.where(condition, c.reshape(c.scalar(yes, type), {1}), c.reshape(c.scalar(no, type), {1}));
}

ir::Value* to_float(Call& c) { return c.cast(operand(c, 0), DataType::float64); }
ir::Value* to_bool(Call& c) { return c.cast(operand(c, 0), DataType::boolean); }

/// Rounds a real number to an integer by one of ONNX's operators; none of them: towards zero.
template <const char* op_type>
ir::Value* to_integer(Call& c) {
  ir::Value* value = operand(c, 0);
  if (!is_float(c.dtype(value))) return c.cast(value, DataType::int64);
  if (*op_type != '\0') value = c.emit(op_type, {value});
  return c.cast(value, DataType::int64);
}

ir::Value* square_root(Call& c) { return c.emit("Sqrt", {c.cast(operand(c, 0), DataType::float64)}); }

/// The only element of a tensor as a number.
ir::Value* item(Call& c) {
  ir::Value* value = c.reshape(c.tensor("self"), {1});
  const DataType dtype = c.dtype(value);
  if (dtype == DataType::boolean) return value;
  return c.cast(value, is_float(dtype) ? DataType::float64 : DataType::int64);
}

/// What the export asserts holds of every input that it was made for.
Values nothing(Call& /*c*/) { return {}; }

constexpr char kAdd[] = "Add";
constexpr char kSub[] = "Sub";
constexpr char kMul[] = "Mul";
constexpr char kMax[] = "Max";
constexpr char kMin[] = "Min";
constexpr char kEqual[] = "Equal";
constexpr char kLess[] = "Less";
constexpr char kLessOrEqual[] = "LessOrEqual";
constexpr char kGreater[] = "Greater";
constexpr char kGreaterOrEqual[] = "GreaterOrEqual";
constexpr char kAnd[] = "And";
constexpr char kOr[] = "Or";
constexpr char kCeil[] = "Ceil";
constexpr char kFloor[] = "Floor";
constexpr char kRound[] = "Round";
constexpr char kCut[] = "";

constexpr std::array kOps = {
    op("aten.sym_size.int", sym_size),
    op("aten.sym_numel.default", sym_numel),
    op("_operator.add", binary<kAdd>),
    op("_operator.sub", binary<kSub>),
    op("_operator.mul", binary<kMul>),
    op("_operator.floordiv", floordiv),
    op("_operator.truediv", truediv),
    op("_operator.mod", modulo),
    op("_operator.pow", power),
    op("_operator.neg", negate),
    op("_operator.eq", compare<kEqual>),
    op("_operator.ne", not_equal),
    op("_operator.lt", compare<kLess>),
    op("_operator.le", compare<kLessOrEqual>),
    op("_operator.gt", compare<kGreater>),
    op("_operator.ge", compare<kGreaterOrEqual>),
    op("_operator.and_", logical<kAnd>),
    op("_operator.or_", logical<kOr>),
    op("_operator.not_", logical_not),
    op("math.ceil", to_integer<kCeil>),
    op("math.floor", to_integer<kFloor>),
    op("math.trunc", to_integer<kCut>),
    op("math.sqrt", square_root),
    op("builtins.round", to_integer<kRound>),
    op("_operator.round", to_integer<kRound>),
    op("sym_int", to_integer<kCut>),
    op("sym_float", to_float),
    op("sym_max", binary<kMax>),
    op("sym_min", binary<kMin>),
    op("sym_not", logical_not),
    op("sym_ite", choose),
    op("sym_sqrt", square_root),
    op("sym_bool", to_bool),
    op("aten.item.default", item),
    op("aten._local_scalar_dense.default", item),
    op("aten._assert_scalar.default", nothing),
    op("aten._assert_async.msg", nothing),
    op("aten._assert_async.default", nothing),
    complex_too(op("aten._assert_tensor_metadata.default", nothing)),
    op("aten.sym_constrain_range.default", nothing),
    op("aten.sym_constrain_range_for_size.default", nothing),
    op("aten._functional_assert_async.msg", nothing),
    op("aten._functional_assert_scalar.default", nothing),
    op("aten._functional_sym_constrain_range_for_size.default", nothing),
    op("_check", nothing),
    op("_check_is_size", nothing),
};

}  // namespace

Ops symbol_ops() { return kOps; }

}  // namespace olivine::torch

#include <algorithm>
#include <array>
#include <cctype>
#include <numeric>

#include "torch/aten/families.h"
#include "torch/aten/reduce.h"

/// Reductions: sums, means, products, extremes and their places, conditions.
namespace olivine::torch {

DataType accumulation_type(DataType dtype) {
  return dtype == DataType::float16 || dtype == DataType::bfloat16 ? DataType::float32 : dtype;
}

DataType sum_type(DataType dtype) { return is_float(dtype) ? dtype : DataType::int64; }

Ints all_axes(Call& c, const ir::Value* value) {
  Ints axes(static_cast<std::size_t>(c.rank(value)));
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

Ints reduced_axes(Call& c, const ir::Value* value, std::string_view argument) {
  const std::int64_t rank = c.rank(value);
  const auto given = c.integers(argument);
  if (!given || given->empty() || rank == 0) return all_axes(c, value);
  Ints axes;
  for (const std::int64_t axis : *given) axes.push_back(c.positive_axis(axis, rank));
  std::ranges::sort(axes);
  return axes;
}

ir::Value* reduce(Call& c, std::string_view op_type, ir::Value* value, const Ints& axes, bool keepdim) {
  if (axes.empty()) return value;
  const bool all = static_cast<std::int64_t>(axes.size()) == c.rank(value);
  return c.reduce(op_type, value, all ? Ints() : axes, keepdim);
}

ir::Value* count_of(Call& c, ir::Value* value, const Ints& axes, DataType dtype) {
  std::int64_t known = 1;
  ir::Value* unknown = nullptr;
  for (const std::int64_t axis : axes) {
    if (const auto size = c.find_dim(value, axis)) {
      known *= *size;
    } else {
      ir::Value* own = c.size(value, axis);
      unknown = unknown == nullptr ? own : c.emit("Mul", {unknown, own});
    }
  }
  if (unknown == nullptr) return c.cast(c.integer_scalar(known), dtype);
  if (known != 1) unknown = c.emit("Mul", {unknown, c.ints({known})});
  return c.cast(c.as_scalar(unknown), dtype);
}

namespace {

/// Sizes that the data tell are named u0, u1 … by PyTorch.
bool names_data_size(std::string_view expression) {
  for (std::size_t i = 0; i + 1 < expression.size(); ++i) {
    const auto is_word = [](char letter) {
      return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_';
    };
    const bool starts = i == 0 || !is_word(expression[i - 1]);
    if (starts && expression[i] == 'u' && std::isdigit(static_cast<unsigned char>(expression[i + 1])) != 0) return true;
  }
  return false;
}

}  // namespace

bool may_be_empty(Call& c, const ir::Value* value, const Ints& axes) {
  if (c.find_rank(value) == 0) return false;
  const ir::Shape& shape = *value->type.tensor()->shape;
  return std::ranges::any_of(axes, [&](std::int64_t axis) {
    const ir::Dim& dim = shape[static_cast<std::size_t>(axis)];
    if (dim.is_value()) return dim.value() == 0;
    return !dim.is_symbol() || names_data_size(dim.symbol());
  });
}

ir::Value* mean_of(Call& c, ir::Value* value, const Ints& axes, bool keepdim) {
  if (!may_be_empty(c, value, axes)) return reduce(c, "ReduceMean", value, axes, keepdim);
  // ReduceMean of nothing is anything.
  const DataType dtype = c.dtype(value);
  ir::Value* wide = c.cast(value, accumulation_type(dtype));
  ir::Value* count = count_of(c, value, axes, c.dtype(wide));
  return c.cast(c.emit("Div", {reduce(c, "ReduceSum", wide, axes, keepdim), count}), dtype);
}

ir::Value* any_of(Call& c, ir::Value* condition, const Ints& axes, bool keepdim) {
  if (!may_be_empty(c, condition, axes)) return reduce(c, "ReduceMax", condition, axes, keepdim);
  ir::Value* count = reduce(c, "ReduceSum", c.cast(condition, DataType::int64), axes, keepdim);
  return c.cast(count, DataType::boolean);
}

ir::Value* extreme_of(Call& c, std::string_view op_type, ir::Value* value, const Ints& axes, bool keepdim) {
  const DataType dtype = c.dtype(value);
  DataType carrier = dtype;
  if (dtype == DataType::int16 || dtype == DataType::uint16) carrier = DataType::int32;
  if (dtype == DataType::uint32) carrier = DataType::int64;
  return c.cast(reduce(c, op_type, c.cast(value, carrier), axes, keepdim), dtype);
}

ir::Value* is_nan(Call& c, ir::Value* value) { return is_float(c.dtype(value)) ? c.emit("IsNaN", {value}) : nullptr; }

ir::Value* reduced_loss(Call& c, ir::Value* loss) {
  const std::int64_t reduction = c.integer("reduction", 1);
  if (reduction == 0) return loss;
  const Ints axes = all_axes(c, loss);
  return reduction == 1 ? mean_of(c, loss, axes, false) : reduce(c, "ReduceSum", loss, axes, false);
}

namespace {

bool keepdim(Call& c) { return c.flag("keepdim", false); }

// ---- Sums, means, products

/// In the result's type: PyTorch casts before it adds. Small integers wrap, as they do in int64 that is cut afterwards.
ir::Value* sum_like(Call& c, std::string_view op_type, ir::Value* value, const Ints& axes) {
  const DataType dtype = c.dtype_argument("dtype").value_or(sum_type(c.dtype(value)));
  const bool is_native = is_float(dtype) || dtype == DataType::int32 || dtype == DataType::int64;
  value = c.cast(value, dtype);
  if (!is_native) value = c.cast(value, DataType::int64);
  return c.cast(reduce(c, op_type, value, axes, keepdim(c)), dtype);
}

ir::Value* sum(Call& c) {
  ir::Value* self = c.tensor("self");
  if (!c.is_complex("self")) return sum_like(c, "ReduceSum", self, reduced_axes(c, self));
  // The last axis holds the parts.
  const std::int64_t rank = c.rank(self) - 1;
  Ints axes;
  for (const std::int64_t axis : c.integers("dim").value_or(Ints())) axes.push_back(c.positive_axis(axis, rank));
  if (axes.empty()) {
    axes = all_axes(c, self);
    axes.pop_back();
  }
  return reduce(c, "ReduceSum", self, axes, keepdim(c));
}

ir::Value* product(Call& c) {
  ir::Value* self = c.tensor("self");
  return sum_like(c, "ReduceProd", self, reduced_axes(c, self));
}

ir::Value* mean(Call& c) {
  ir::Value* self = c.tensor("self");
  if (const auto dtype = c.dtype_argument("dtype")) self = c.cast(self, *dtype);
  return mean_of(c, self, reduced_axes(c, self), keepdim(c));
}

ir::Value* without_nan(Call& c, ir::Value* value) {
  ir::Value* nan = is_nan(c, value);
  return nan != nullptr ? c.where(nan, c.number_like(0, value), value) : value;
}

ir::Value* nansum(Call& c) {
  ir::Value* self = c.tensor("self");
  return sum_like(c, "ReduceSum", without_nan(c, self), reduced_axes(c, self));
}

ir::Value* nanmean(Call& c) {
  ir::Value* self = c.tensor("self");
  const DataType dtype = c.dtype_argument("dtype").value_or(c.dtype(self));
  self = c.cast(self, dtype);
  const Ints axes = reduced_axes(c, self);
  const DataType wide = accumulation_type(dtype);
  ir::Value* present = c.cast(c.emit("Not", {c.emit("IsNaN", {self})}), wide);
  ir::Value* total = reduce(c, "ReduceSum", c.cast(without_nan(c, self), wide), axes, keepdim(c));
  return c.cast(c.emit("Div", {total, reduce(c, "ReduceSum", present, axes, keepdim(c))}), dtype);
}

ir::Value* count_nonzero(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* nonzero = c.cast(c.cast(self, DataType::boolean), DataType::int64);
  return reduce(c, "ReduceSum", nonzero, reduced_axes(c, self), false);
}

/// Broadcasting undone: what was expanded is added up.
ir::Value* sum_to_size(Call& c) {
  ir::Value* self = c.tensor("self");
  const std::int64_t rank = c.rank(self);
  const ir::Shape& target = c.result().sizes;
  const std::int64_t added = rank - static_cast<std::int64_t>(target.size());
  Ints leading(static_cast<std::size_t>(added));
  std::iota(leading.begin(), leading.end(), 0);
  Ints kept;
  for (std::int64_t axis = added; axis < rank; ++axis) {
    const ir::Dim& dim = target[static_cast<std::size_t>(axis - added)];
    if (dim == ir::Dim(1) && c.find_dim(self, axis) != 1) kept.push_back(axis);
  }
  if (!target.empty() && kept.empty() && leading.empty()) return self;
  ir::Value* total = reduce(c, "ReduceSum", c.cast(self, sum_type(c.dtype(self))), kept, true);
  return reduce(c, "ReduceSum", total, leading, false);
}

ir::Value* log_sum_exp(Call& c) {
  ir::Value* self = c.tensor("self");
  if (!is_float(c.dtype(self))) self = c.cast(self, DataType::float32);
  // Of a scalar it is the scalar.
  return reduce(c, "ReduceLogSumExp", self, reduced_axes(c, self), keepdim(c));
}

ir::Value* trace(Call& c) {
  ir::Value* self = c.tensor("self");
  // Rows and columns with the same number.
  const auto numbers = [&](std::int64_t axis) { return c.range(c.size(self, axis)); };
  ir::Value* on_diagonal = c.emit("Equal", {c.unsqueeze(numbers(0), {1}), numbers(1)});
  const DataType dtype = sum_type(c.dtype(self));
  ir::Value* value = c.cast(self, dtype);
  return c.reduce("ReduceSum", c.where(on_diagonal, value, c.cast(c.integer_scalar(0), dtype)), {}, false);
}

// ---- Extremes

constexpr char kMax[] = "ReduceMax";
constexpr char kMin[] = "ReduceMin";

template <const char* op_type>
ir::Value* extreme(Call& c) {
  ir::Value* self = c.tensor("self");
  return extreme_of(c, op_type, self, reduced_axes(c, self), keepdim(c));
}

Values min_and_max(Call& c) {
  ir::Value* self = c.tensor("self");
  const Ints axes = reduced_axes(c, self);
  return {extreme_of(c, kMin, self, axes, keepdim(c)), extreme_of(c, kMax, self, axes, keepdim(c))};
}

/// ArgMax and ArgMin take the first of equals, and NaN before all else.
ir::Value* place_of(Call& c, std::string_view op_type, ir::Value* value, std::int64_t axis, bool keep) {
  const DataType dtype = c.dtype(value);
  const bool is_small = dtype == DataType::boolean || dtype == DataType::int16 || dtype == DataType::uint16;
  if (is_small) value = c.cast(value, DataType::int32);
  return c.emit(std::string(op_type), {value}, {{"axis", axis}, {"keepdims", keep ? 1 : 0}});
}

template <const char* op_type>
Values extreme_and_place(Call& c) {
  ir::Value* self = c.tensor("self");
  if (c.rank(self) == 0) return {self, c.integer_scalar(0)};
  const std::int64_t axis = c.positive_axis(c.integer("dim"), c.rank(self));
  const std::string_view place = op_type == kMax ? "ArgMax" : "ArgMin";
  return {extreme_of(c, op_type, self, {axis}, keepdim(c)), place_of(c, place, self, axis, keepdim(c))};
}

template <const char* op_type>
ir::Value* place(Call& c) {
  ir::Value* self = c.tensor("self");
  const std::string_view name = op_type == kMax ? "ArgMax" : "ArgMin";
  const std::int64_t rank = c.rank(self);
  if (rank == 0) return c.integer_scalar(0);
  if (c.has("dim")) return place_of(c, name, self, c.positive_axis(c.integer("dim"), rank), keepdim(c));
  ir::Value* found = place_of(c, name, c.reshape(self, {-1}), 0, false);
  return keepdim(c) ? c.reshape(found, Ints(static_cast<std::size_t>(rank), 1)) : found;
}

// ---- Conditions

/// Here an empty list of axes reduces nothing. Of uint8 the result is uint8.
Ints condition_axes(Call& c, const ir::Value* value) {
  const auto given = c.integers("dim");
  return given && given->empty() ? Ints() : reduced_axes(c, value);
}

ir::Value* condition_result(Call& c, ir::Value* self, ir::Value* condition) {
  return c.dtype(self) == DataType::uint8 ? c.cast(condition, DataType::uint8) : condition;
}

ir::Value* any(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* nonzero = c.cast(self, DataType::boolean);
  return condition_result(c, self, any_of(c, nonzero, condition_axes(c, self), keepdim(c)));
}

ir::Value* all(Call& c) {
  ir::Value* self = c.tensor("self");
  const Ints axes = condition_axes(c, self);
  ir::Value* nonzero = c.cast(self, DataType::boolean);
  if (!may_be_empty(c, self, axes)) return condition_result(c, self, reduce(c, kMin, nonzero, axes, keepdim(c)));
  ir::Value* exception = any_of(c, c.emit("Not", {nonzero}), axes, keepdim(c));
  return condition_result(c, self, c.emit("Not", {exception}));
}

constexpr std::array kOps = {
    complex_too(op("aten.sum.default", sum)),
    complex_too(op("aten.sum.dim_IntList", sum)),
    op("aten.sum_to_size.default", sum_to_size),
    op("aten.prod.default", product),
    op("aten.prod.dim_int", product),
    op("aten.mean.default", mean),
    op("aten.mean.dim", mean),
    op("aten.nansum.default", nansum),
    op("aten.nanmean.default", nanmean),
    op("aten.count_nonzero.default", count_nonzero),
    op("aten.count_nonzero.dim_IntList", count_nonzero),
    op("aten.logsumexp.default", log_sum_exp),
    op("aten.special_logsumexp.default", log_sum_exp),
    op("aten.trace.default", trace),
    op("aten.amax.default", extreme<kMax>),
    op("aten.amin.default", extreme<kMin>),
    op("aten.aminmax.default", min_and_max),
    op("aten.max.default", extreme<kMax>),
    op("aten.min.default", extreme<kMin>),
    op("aten.max.dim", extreme_and_place<kMax>),
    op("aten.min.dim", extreme_and_place<kMin>),
    op("aten.argmax.default", place<kMax>),
    op("aten.argmin.default", place<kMin>),
    op("aten._is_any_true.default", any),
    op("aten.any.default", any),
    op("aten.any.dim", any),
    op("aten.any.dims", any),
    op("aten._is_all_true.default", all),
    op("aten.all.default", all),
    op("aten.all.dim", all),
    op("aten.all.dims", all),
};

}  // namespace

Ops reduction_ops() { return kOps; }

}  // namespace olivine::torch

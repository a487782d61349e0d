#include <array>
#include <cmath>

#include "torch/aten/families.h"
#include "torch/aten/term.h"

/// Tensors made of numbers: full, arange, linspace, eye and triangles. What PyTorch leaves uninitialized is 0.
namespace olivine::torch {
namespace {

// ---- One number

ir::Value* filled(Call& c, const Number& number) {
  ir::Value* sizes = c.has("size") ? c.sizes_argument("size") : c.ints({});
  return c.filled(sizes, number, c.result_dtype());
}

/// In the shape of `self`, whose pairs of reals are no dimension.
ir::Value* filled_like(Call& c, const Number& number) {
  ir::Value* self = c.tensor("self");
  ir::Value* sizes = c.sizes(self);
  if (c.is_complex("self")) sizes = c.slice(sizes, 0, 0, c.rank(self) - 1);
  return c.filled(sizes, number, c.result_dtype());
}

ir::Value* zeros(Call& c) { return filled(c, Number(std::int64_t{0})); }
ir::Value* ones(Call& c) { return filled(c, Number(std::int64_t{1})); }
ir::Value* full(Call& c) { return filled(c, c.number_argument("fill_value")); }
ir::Value* zeros_like(Call& c) { return filled_like(c, Number(std::int64_t{0})); }
ir::Value* ones_like(Call& c) { return filled_like(c, Number(std::int64_t{1})); }
ir::Value* full_like(Call& c) { return filled_like(c, c.number_argument("fill_value")); }
ir::Value* scalar_tensor(Call& c) { return c.scalar(c.number_argument("s"), c.result_dtype()); }

// ---- Series

/// 0, 1 … count - 1
Term counted(Call& c, ir::Value* count) { return {c, c.range(count)}; }

bool is_integral(const Number& number) { return number.dtype() != DataType::float32; }

/// Of integers by Range itself, in int64.
ir::Value* integer_range(Call& c, const Number& start, const Number& end, const Number& step) {
  const auto scalar = [&](const Number& number) { return c.scalar(number, DataType::int64); };
  return c.cast(c.emit("Range", {scalar(start), scalar(end), scalar(step)}), c.result_dtype());
}

/// start + i · step in double precision, of as many elements as it takes to reach the end.
ir::Value* real_range(Call& c, const Number& start, const Number& end, const Number& step, bool with_end) {
  const auto scalar = [&](const Number& number) { return Term(c, c.scalar(number, DataType::float64)); };
  const Term distance = (scalar(end) - scalar(start)) / scalar(step);
  const Term rounded = with_end ? floor(distance) + 1 : ceil(distance);
  const Term count = rounded.cast(DataType::int64);
  const Term series = scalar(start) + counted(c, c.reshape(count, {1})).cast(DataType::float64) * scalar(step);
  return series.cast(c.result_dtype());
}

struct Bounds {
  Number start;
  Number end;
  Number step;
};

Bounds bounds(Call& c) {
  return {c.find_number_argument("start").value_or(Number(std::int64_t{0})), c.number_argument("end"),
          c.find_number_argument("step").value_or(Number(std::int64_t{1}))};
}

ir::Value* arange(Call& c) {
  const auto [start, end, step] = bounds(c);
  const bool is_whole = is_integral(start) && is_integral(end) && is_integral(step);
  const bool is_known = !start.is_symbolic() && !end.is_symbolic() && !step.is_symbolic();
  if (is_whole || (is_known && c.result_dtype() == DataType::int64)) return integer_range(c, start, end, step);
  if (is_float(c.result_dtype())) return real_range(c, start, end, step, false);
  // An integer result cuts the bounds first, while in types other than int64 the length is that of the real ones.
  const auto scalar = [&](const Number& number, DataType dtype) { return Term(c, c.scalar(number, dtype)); };
  const auto real = [&](const Number& number) { return scalar(number, DataType::float64); };
  const Term count = ceil((real(end) - real(start)) / real(step)).cast(DataType::int64);
  const Term index = counted(c, c.reshape(count, {1}));
  const Term cut_start = real(start).cast(DataType::int64);
  const Term cut_step = real(step).cast(DataType::int64);
  return (cut_start + index * cut_step).cast(c.result_dtype());
}

/// Its end belongs to it.
ir::Value* range_with_end(Call& c) {
  const auto [start, end, step] = bounds(c);
  return real_range(c, start, end, step, true);
}

/// From both ends towards the middle, as PyTorch computes it; of integers in double precision.
Term linear_series(Call& c, DataType dtype) {
  const auto bound = [&](std::string_view name) {
    if (c.is_tensor(name)) return Term(c, c.as_scalar(c.cast(c.tensor(name), dtype)));
    return Term(c, c.scalar(c.number_argument(name), dtype));
  };
  const std::int64_t steps = c.integer("steps");
  const Term start = bound("start");
  const Term end = bound("end");
  if (steps < 2) return {c, c.emit("Expand", {start, c.ints({steps})})};
  const Term index = counted(c, c.ints({steps}));
  const Term step = (end - start) / static_cast<double>(steps - 1);
  const Term is_first = index < static_cast<double>(steps / 2);
  const Term from_start = start + index.cast(dtype) * step;
  const Term from_end = end - (static_cast<double>(steps - 1) - index).cast(dtype) * step;
  return where(is_first, from_start, from_end);
}

DataType series_type(Call& c) {
  const DataType own = c.result_dtype();
  return is_float(own) ? working_type(own) : DataType::float64;
}

ir::Value* linspace(Call& c) { return linear_series(c, series_type(c)).cast(c.result_dtype()); }

ir::Value* logspace(Call& c) {
  const Term series = linear_series(c, series_type(c));
  return pow(c.real("base", 10), series).cast(c.result_dtype());
}

// ---- Matrices

/// Where the row's number is the column's.
ir::Value* eye(Call& c) {
  ir::Value* rows = c.size_argument("n");
  ir::Value* columns = c.has("m") ? c.size_argument("m") : rows;
  const Term row(c, c.unsqueeze(c.range(rows), {1}));
  const Term column(c, c.unsqueeze(c.range(columns), {0}));
  return equals(row, column).cast(c.result_dtype());
}

/// Trilu, through a type that has kernels.
ir::Value* triangle(Call& c, ir::Value* x, ir::Value* diagonal, bool upper) {
  const DataType own = c.dtype(x);
  const bool is_small = is_integer(own) && bit_width(own) < 32;
  const bool is_wide = own == DataType::uint32 || own == DataType::uint64;
  const DataType carrier = is_small ? DataType::int32 : is_wide ? DataType::int64 : own;
  return c.cast(c.emit("Trilu", {c.cast(x, carrier), diagonal}, {{"upper", upper ? 1 : 0}}), own);
}

template <bool upper>
ir::Value* triangle_of(Call& c) {
  ir::Value* diagonal = c.has("diagonal") ? c.as_scalar(c.size_argument("diagonal")) : nullptr;
  return triangle(c, c.tensor("self"), diagonal, upper);
}

/// The places within a triangle, row by row.
template <bool upper>
ir::Value* triangle_indices(Call& c) {
  ir::Value* all = c.filled(c.ints({c.integer("row"), c.integer("col")}), Number(true), DataType::boolean);
  ir::Value* inside = triangle(c, all, c.integer_scalar(c.integer("offset", 0)), upper);
  return c.cast(c.emit("NonZero", {inside}), c.result_dtype());
}

constexpr std::array kOps = {
    op("aten.zeros.default", zeros),
    op("aten.ones.default", ones),
    op("aten.full.default", full),
    op("aten.empty.memory_format", zeros),
    op("aten.empty_strided.default", zeros),
    op("aten.empty_permuted.default", zeros),
    op("aten.scalar_tensor.default", scalar_tensor),
    complex_too(op("aten.new_zeros.default", zeros)),
    complex_too(op("aten.new_ones.default", ones)),
    complex_too(op("aten.new_full.default", full)),
    complex_too(op("aten.new_empty.default", zeros)),
    complex_too(op("aten.new_empty_strided.default", zeros)),
    complex_too(op("aten.zeros_like.default", zeros_like)),
    complex_too(op("aten.ones_like.default", ones_like)),
    complex_too(op("aten.full_like.default", full_like)),
    complex_too(op("aten.empty_like.default", zeros_like)),
    op("aten.arange.default", arange),
    op("aten.arange.start", arange),
    op("aten.arange.start_step", arange),
    op("aten.range.default", range_with_end),
    op("aten.range.step", range_with_end),
    op("aten.linspace.default", linspace),
    op("aten.linspace.Tensor_Tensor", linspace),
    op("aten.linspace.Tensor_Scalar", linspace),
    op("aten.linspace.Scalar_Tensor", linspace),
    op("aten.logspace.default", logspace),
    op("aten.logspace.Tensor_Tensor", logspace),
    op("aten.logspace.Tensor_Scalar", logspace),
    op("aten.logspace.Scalar_Tensor", logspace),
    op("aten.eye.default", eye),
    op("aten.eye.m", eye),
    op("aten.tril.default", triangle_of<false>),
    op("aten.triu.default", triangle_of<true>),
    op("aten.tril_indices.default", triangle_indices<false>),
    op("aten.triu_indices.default", triangle_indices<true>),
};

}  // namespace

Ops creation_ops() { return kOps; }

}  // namespace olivine::torch

#include <algorithm>
#include <array>
#include <numeric>

#include "torch/aten/complex.h"
#include "torch/aten/families.h"
#include "torch/aten/fourier.h"
#include "torch/aten/products.h"
#include "torch/promote.h"

/// torch.fft.
namespace olivine::torch {
namespace {

/// What goes in and out besides the direction.
enum class Kind { complex_to_complex, real_to_half, half_to_real };

struct Axes {
  Ints axes;
  Values lengths;  ///< int64[1]; null: as long as the axis is
};

Axes all_axes(std::int64_t rank) {
  Ints axes(static_cast<std::size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  return {axes, Values(axes.size(), nullptr)};
}

/// Of the one-dimensional ones: n and dim.
Axes one_axis(Call& c, std::int64_t rank) {
  return {{c.positive_axis(c.integer("dim", -1), rank)}, {c.has("n") ? c.size_argument("n") : nullptr}};
}

/// Of the others: s and dim; lengths without axes are those of the last axes.
Axes many_axes(Call& c, std::int64_t rank) {
  const bool is_planar = c.name().ends_with('2');
  auto dims = c.integers("dim");
  if (!dims && is_planar) dims = Ints{-2, -1};
  if (!c.has("s") && !dims) return all_axes(rank);
  Values lengths;
  if (c.has("s")) lengths = c.size_list("s");
  if (!dims) {
    dims.emplace(lengths.size());
    std::iota(dims->begin(), dims->end(), rank - static_cast<std::int64_t>(lengths.size()));
  }
  for (std::int64_t& axis : *dims) axis = c.positive_axis(axis, rank);
  lengths.resize(dims->size(), nullptr);
  for (ir::Value*& length : lengths) {
    const auto known = length != nullptr ? c.find_ints(length) : std::nullopt;
    if (known && known->front() == -1) length = nullptr;
  }
  return {*dims, lengths};
}

/// Cut, or filled with zeros, to a length.
ir::Value* resized(Call& c, ir::Value* value, std::int64_t axis, ir::Value* length) {
  const auto known = c.find_ints(length);
  const auto size = c.find_dim(value, axis);
  if (known && size == known->front()) return value;
  const bool may_cut = !known || !size || *size > known->front();
  const bool may_fill = !known || !size || *size < known->front();
  if (may_cut) value = c.emit("Slice", {value, c.ints({0}), length, c.ints({axis})});
  if (!may_fill) return value;
  ir::Value* missing = c.emit("Sub", {length, c.size(value, axis)});
  return c.emit("Pad", {value, c.concat({c.ints({0}), missing}, 0), c.number(0, c.dtype(value)), c.ints({axis})});
}

FourierScale scale_of(Call& c, bool inverse) {
  const std::string norm = c.string("norm", "backward");
  if (norm == "ortho") return FourierScale::by_root;
  const bool scales = (norm == "backward") == inverse;
  return scales ? FourierScale::by_length : FourierScale::none;
}

/// Every axis but the last by itself, the last as the kind wants it.
ir::Value* transformed(Call& c, const Axes& given, Kind kind, bool inverse, FourierScale scale) {
  const DataType width = real_part_type(c.result_dtype());
  bool is_complex = c.is_complex("self");
  ir::Value* value = c.cast(c.tensor("self"), width);
  if (kind == Kind::half_to_real && !is_complex) {
    value = pair_of_real(c, value);
    is_complex = true;
  }
  const std::size_t last = given.axes.size() - 1;
  ir::Value* real_length = given.lengths[last];
  for (std::size_t i = 0; i < given.axes.size(); ++i) {
    ir::Value* length = given.lengths[i];
    if (kind == Kind::half_to_real && i == last) {
      const std::int64_t axis = given.axes[i];
      if (length != nullptr) {
        length = c.emit("Add", {c.emit("Div", {length, c.ints({2})}), c.ints({1})});
      } else {
        real_length = c.emit("Mul", {c.emit("Sub", {c.size(value, axis), c.ints({1})}), c.ints({2})});
      }
    }
    if (length != nullptr) value = resized(c, value, given.axes[i], length);
  }
  if (kind == Kind::real_to_half) {
    value = fourier(c, value, false, {given.axes[last], inverse, scale, true});
    is_complex = true;
  }
  const std::size_t plain = kind == Kind::complex_to_complex ? given.axes.size() : last;
  for (std::size_t i = 0; i < plain; ++i) {
    value = fourier(c, value, is_complex, {given.axes[i], inverse, scale});
    is_complex = true;
  }
  if (kind != Kind::half_to_real) return is_complex ? value : pair_of_real(c, value);
  return real_fourier(c, value, real_length, {given.axes[last], inverse, scale});
}

std::int64_t rank_of_self(Call& c) { return c.rank(c.tensor("self")) - (c.is_complex("self") ? 1 : 0); }

template <Kind kind, bool inverse>
ir::Value* along_one(Call& c) {
  return transformed(c, one_axis(c, rank_of_self(c)), kind, inverse, scale_of(c, inverse));
}

template <Kind kind, bool inverse>
ir::Value* along_many(Call& c) {
  const Axes axes = many_axes(c, rank_of_self(c));
  if (axes.axes.empty()) {
    ir::Value* self = c.cast(c.tensor("self"), real_part_type(c.result_dtype()));
    if (kind != Kind::complex_to_complex) c.refuse("it transforms no axis");
    return c.is_complex("self") ? self : pair_of_real(c, self);
  }
  return transformed(c, axes, kind, inverse, scale_of(c, inverse));
}

// ---- What these decompose into

Axes plain_axes(Call& c) {
  Ints axes = *c.integers("dim");
  for (std::int64_t& axis : axes) axis = c.positive_axis(axis, rank_of_self(c));
  return {axes, Values(axes.size(), nullptr)};
}

FourierScale numbered_scale(Call& c) { return static_cast<FourierScale>(c.integer("normalization")); }

ir::Value* real_to_complex(Call& c) {
  const Kind kind = c.flag("onesided", true) ? Kind::real_to_half : Kind::complex_to_complex;
  return transformed(c, plain_axes(c), kind, false, numbered_scale(c));
}

ir::Value* complex_to_real(Call& c) {
  Axes axes = plain_axes(c);
  axes.lengths.back() = c.size_argument("last_dim_size");
  return transformed(c, axes, Kind::half_to_real, true, numbered_scale(c));
}

ir::Value* complex_to_complex(Call& c) {
  return transformed(c, plain_axes(c), Kind::complex_to_complex, !c.flag("forward", true), numbered_scale(c));
}

// ---- Arrangement

/// Turned by a half along axes: the zero frequency into the middle, or back.
ir::Value* shifted(Call& c, bool back) {
  ir::Value* value = c.tensor("self");
  const std::int64_t rank = rank_of_self(c);
  const Ints axes = c.integers("dim").value_or(all_axes(rank).axes);
  for (std::int64_t axis : axes) {
    axis = c.positive_axis(axis, rank);
    ir::Value* size = c.size(value, axis);
    ir::Value* half = c.emit("Div", {size, c.ints({2})});
    ir::Value* start = back ? half : c.emit("Sub", {size, half});
    const auto known = c.find_ints(start);
    if (known && (known->front() == 0 || known == c.find_ints(size))) continue;
    ir::Value* on_axis = c.ints({axis});
    value = c.concat(
        {c.emit("Slice", {value, start, size, on_axis}), c.emit("Slice", {value, c.ints({0}), start, on_axis})}, axis);
  }
  return value;
}

ir::Value* shift(Call& c) { return shifted(c, false); }
ir::Value* shift_back(Call& c) { return shifted(c, true); }

/// 0, 1 … then, but for the half of them, the negative ones; in units of 1 / (n · d).
ir::Value* frequencies(Call& c, bool is_half) {
  const std::int64_t n = c.integer("n");
  const double unit = 1 / (static_cast<double>(n) * c.real("d", 1));
  std::vector<double> values;
  for (std::int64_t i = 0; i < (is_half ? n / 2 + 1 : n); ++i) {
    const bool is_negative = !is_half && i >= (n + 1) / 2;
    values.push_back(static_cast<double>(is_negative ? i - n : i) * unit);
  }
  return c.reals(values, {static_cast<std::int64_t>(values.size())}, c.result_dtype());
}

ir::Value* all_frequencies(Call& c) { return frequencies(c, false); }
ir::Value* half_frequencies(Call& c) { return frequencies(c, true); }

constexpr Kind kFull = Kind::complex_to_complex;
constexpr Kind kToHalf = Kind::real_to_half;
constexpr Kind kToReal = Kind::half_to_real;

constexpr std::array kOps = {
    complex_too(op("aten.fft_fft.default", along_one<kFull, false>)),
    complex_too(op("aten.fft_fft2.default", along_many<kFull, false>)),
    complex_too(op("aten.fft_fftn.default", along_many<kFull, false>)),
    complex_too(op("aten.fft_ifft.default", along_one<kFull, true>)),
    complex_too(op("aten.fft_ifft2.default", along_many<kFull, true>)),
    complex_too(op("aten.fft_ifftn.default", along_many<kFull, true>)),
    op("aten.fft_rfft.default", along_one<kToHalf, false>),
    op("aten.fft_rfft2.default", along_many<kToHalf, false>),
    op("aten.fft_rfftn.default", along_many<kToHalf, false>),
    complex_too(op("aten.fft_irfft.default", along_one<kToReal, true>)),
    complex_too(op("aten.fft_irfft2.default", along_many<kToReal, true>)),
    complex_too(op("aten.fft_irfftn.default", along_many<kToReal, true>)),
    complex_too(op("aten.fft_hfft.default", along_one<kToReal, false>)),
    complex_too(op("aten.fft_hfft2.default", along_many<kToReal, false>)),
    complex_too(op("aten.fft_hfftn.default", along_many<kToReal, false>)),
    op("aten.fft_ihfft.default", along_one<kToHalf, true>),
    op("aten.fft_ihfft2.default", along_many<kToHalf, true>),
    op("aten.fft_ihfftn.default", along_many<kToHalf, true>),
    op("aten._fft_r2c.default", real_to_complex),
    complex_too(op("aten._fft_c2r.default", complex_to_real)),
    complex_too(op("aten._fft_c2c.default", complex_to_complex)),
    complex_too(op("aten.fft_fftshift.default", shift)),
    complex_too(op("aten.fft_ifftshift.default", shift_back)),
    op("aten.fft_fftfreq.default", all_frequencies),
    op("aten.fft_rfftfreq.default", half_frequencies),
};

}  // namespace

Ops fft_ops() { return kOps; }

}  // namespace olivine::torch

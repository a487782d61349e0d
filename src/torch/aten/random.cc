#include <array>

#include "torch/aten/families.h"
#include "torch/aten/term.h"

/// Random numbers and dropout. The numbers are the runtime's; what can be promised are their distribution, shape and
/// type.
namespace olivine::torch {
namespace {

Attr float_attribute(std::string_view name, double value) { return {name, static_cast<float>(value)}; }

bool is_double(DataType dtype) { return dtype == DataType::float64; }

/// Samples of an operator ("RandomUniform", "RandomNormal") in the given sizes, in float32 or float64.
Term drawn(Call& c, const std::string& op_type, ir::Value* sizes, DataType dtype, double first, double second) {
  const bool is_uniform = op_type == "RandomUniform";
  Attrs attributes = {{"dtype", is_double(dtype) ? DataType::float64 : DataType::float32},
                      float_attribute(is_uniform ? "low" : "mean", first),
                      float_attribute(is_uniform ? "high" : "scale", second)};
  if (const auto known = c.find_ints(sizes)) {
    attributes.emplace_back("shape", *known);
    return {c, c.emit(op_type, {}, std::move(attributes))};
  }
  ir::Value* like = c.filled(sizes, Number(0.0), DataType::float32);
  return {c, c.emit(op_type + "Like", {like}, std::move(attributes))};
}

Term uniform(Call& c, ir::Value* sizes, DataType dtype, double low = 0, double high = 1) {
  return drawn(c, "RandomUniform", sizes, dtype, low, high);
}
Term normal(Call& c, ir::Value* sizes, DataType dtype, double mean = 0, double deviation = 1) {
  return drawn(c, "RandomNormal", sizes, dtype, mean, deviation);
}

/// In (0, 1): never 0, whose logarithm is none.
Term open_uniform(Call& c, ir::Value* sizes, DataType dtype) { return max(uniform(c, sizes, dtype), 1e-38); }

ir::Value* own_sizes(Call& c) { return c.has("size") ? c.sizes_argument("size") : c.sizes(c.tensor("self")); }

ir::Value* rand(Call& c) { return uniform(c, own_sizes(c), c.result_dtype()).cast(c.result_dtype()); }
ir::Value* randn(Call& c) { return normal(c, own_sizes(c), c.result_dtype()).cast(c.result_dtype()); }

/// ⌊low + u · (high - low)⌋
ir::Value* randint(Call& c) {
  const auto bound = [&](std::string_view name) {
    if (c.is_tensor(name)) return Term(c, c.as_scalar(c.cast(c.tensor(name), DataType::float64)));
    const Number none(std::int64_t{0});
    return Term(c, c.scalar(c.find_number_argument(name).value_or(none), DataType::float64));
  };
  const Term low = bound("low");
  const Term high = bound("high");
  const Term share = uniform(c, own_sizes(c), DataType::float64);
  const Term whole = min(floor(low + share * (high - low)), high - 1);
  return whole.cast(DataType::int64).cast(c.result_dtype());
}

/// A permutation: the order of random numbers.
ir::Value* randperm(Call& c) {
  ir::Value* count = c.size_argument("n");
  const Term keys = uniform(c, count, DataType::float64);
  return c.cast(c.emit_many("TopK", {keys, count}, 2, {{"axis", 0}}).back(), c.result_dtype());
}

// ---- Distributions, in the shape of self

ir::Value* uniform_op(Call& c) {
  const double low = c.real("from", 0);
  const double high = c.real("to", 1);
  return uniform(c, own_sizes(c), c.result_dtype(), low, high).cast(c.result_dtype());
}

/// The type of the tensor that is filled, which an in-place call has no other word for.
DataType filled_type(Call& c) { return c.dtype(c.tensor("self")); }

ir::Value* normal_like(Call& c) {
  return normal(c, own_sizes(c), filled_type(c), c.real("mean", 0), c.real("std", 1)).cast(filled_type(c));
}

/// Means and deviations may be tensors.
ir::Value* normal_op(Call& c) {
  const DataType own = c.result_dtype();
  const DataType working = working_type(own);
  const auto given = [&](std::string_view name, double fallback) {
    if (c.is_tensor(name)) return Term(c, c.cast(c.tensor(name), working));
    return Term(c, c.number(c.real(name, fallback), working));
  };
  const Term mean = given("mean", 0);
  const Term deviation = given("std", 1);
  ir::Value* sizes = c.has("size") ? c.sizes_argument("size") : c.sizes(mean + deviation);
  return (mean + normal(c, sizes, own).cast(working) * deviation).cast(own);
}

ir::Value* log_normal(Call& c) {
  return exp(normal(c, own_sizes(c), filled_type(c), c.real("mean", 1), c.real("std", 2))).cast(filled_type(c));
}

ir::Value* exponential(Call& c) {
  return (-log(open_uniform(c, own_sizes(c), filled_type(c))) / c.real("lambd", 1)).cast(filled_type(c));
}

ir::Value* cauchy(Call& c) {
  constexpr double kPi = 3.14159265358979323846;
  const Term angle = (uniform(c, own_sizes(c), filled_type(c)) - 0.5) * kPi;
  return (c.real("median", 0) + c.real("sigma", 1) * tan(angle)).cast(filled_type(c));
}

ir::Value* geometric(Call& c) {
  const double scale = std::log1p(-c.real("p", 0.5));
  return max(ceil(log(open_uniform(c, own_sizes(c), DataType::float64)) / scale), 1).cast(filled_type(c));
}

/// 1 with the probability that self, p or its number tells.
ir::Value* bernoulli(Call& c) {
  ir::Value* self = c.tensor("self");
  const Term share = uniform(c, c.sizes(self), DataType::float32);
  Term chance(c, self);
  if (c.is_tensor("p")) {
    chance = Term(c, c.tensor("p"));
  } else if (c.has("p")) {
    chance = Term(c, c.scalar(c.number_argument("p"), DataType::float32));
  }
  return (share < chance.cast(DataType::float32)).cast(c.dtype(self));
}

/// Without replacement, those with the largest of log(p) - log(-log(u)).
ir::Value* multinomial(Call& c) {
  const Term weights = Term(c, c.tensor("self")).cast(DataType::float32);
  const Term chances = log(weights);
  if (!c.flag("replacement", false)) {
    const Term noise = -log(-log(open_uniform(c, c.sizes(weights), DataType::float32)));
    return c.emit_many("TopK", {chances + noise, c.size_argument("num_samples")}, 2, {{"axis", -1}}).back();
  }
  const bool is_single = c.rank(weights) == 1;
  ir::Value* rows = is_single ? c.unsqueeze(chances, {0}) : static_cast<ir::Value*>(chances);
  ir::Value* samples =
      c.emit("Multinomial", {rows}, {{"sample_size", c.integer("num_samples")}, {"dtype", DataType::int64}});
  return is_single ? c.squeeze(samples, {0}) : samples;
}

// ---- Dropout

bool drops(Call& c) { return c.flag("train", true) && c.real("p", 0.5) != 0; }
ir::Value* input(Call& c) { return c.tensor("input"); }

Values dropped(Call& c, ir::Value* x) {
  const Number training(true);
  return c.emit_many("Dropout",
                     {x, c.number(c.real("p", 0.5), DataType::float32), c.scalar(training, DataType::boolean)}, 2);
}

ir::Value* dropout(Call& c) { return drops(c) ? dropped(c, input(c)).front() : input(c); }

Values native_dropout(Call& c) {
  ir::Value* x = input(c);
  if (drops(c)) return dropped(c, x);
  return {x, c.filled(c.sizes(x), Number(true), DataType::boolean)};
}

/// One decision for each channel: 1 everywhere behind the first two dimensions.
ir::Value* channel_sizes(Call& c, ir::Value* x) {
  Values sizes;
  for (std::int64_t axis = 0; axis < c.rank(x); ++axis) sizes.push_back(axis < 2 ? c.size(x, axis) : c.ints({1}));
  return c.concat(std::move(sizes), 0);
}

ir::Value* feature_dropout(Call& c) {
  const Term x(c, input(c));
  if (!drops(c)) return x;
  const Term kept(c, dropped(c, c.filled(channel_sizes(c, x), Number(1.0), x.dtype())).front());
  return x * kept;
}

/// What is dropped takes SELU's lowest value; then mean and variance are what they were.
ir::Value* alpha_dropped(Call& c, bool by_channel) {
  const Term x(c, input(c));
  if (!drops(c)) return x;
  constexpr double kLowest = -1.7580993408473766;
  const double p = c.real("p", 0.5);
  const double scale = 1 / std::sqrt((kLowest * kLowest * p + 1) * (1 - p));
  ir::Value* sizes = by_channel ? channel_sizes(c, x) : c.sizes(x);
  const Term kept = (uniform(c, sizes, DataType::float32) >= p).cast(x.dtype());
  return x * kept * scale + ((1 - kept) * (kLowest * scale) - kLowest * scale * p);
}

ir::Value* alpha_dropout(Call& c) { return alpha_dropped(c, false); }
ir::Value* feature_alpha_dropout(Call& c) { return alpha_dropped(c, true); }

constexpr std::array kOps = {
    op("aten.rand.default", rand),
    op("aten.rand.generator", rand),
    op("aten.rand_like.default", rand),
    op("aten.rand_like.generator", rand),
    op("aten.randn.default", randn),
    op("aten.randn.generator", randn),
    op("aten.randn_like.default", randn),
    op("aten.randn_like.generator", randn),
    op("aten.randint.default", randint),
    op("aten.randint.generator", randint),
    op("aten.randint.low", randint),
    op("aten.randint.low_generator", randint),
    op("aten.randint_like.default", randint),
    op("aten.randint_like.generator", randint),
    op("aten.randint_like.Tensor", randint),
    op("aten.randint_like.Tensor_generator", randint),
    op("aten.randint_like.low_dtype", randint),
    op("aten.randint_like.low_generator_dtype", randint),
    op("aten.randperm.default", randperm),
    op("aten.randperm.generator", randperm),
    op("aten.uniform.default", uniform_op),
    op("aten.normal.default", normal_like),
    op("aten.normal_functional.default", normal_like),
    op("aten.normal.Tensor_float", normal_op),
    op("aten.normal.float_Tensor", normal_op),
    op("aten.normal.Tensor_Tensor", normal_op),
    op("aten.normal.float_float", normal_op),
    op("aten.log_normal.default", log_normal),
    op("aten.exponential.default", exponential),
    op("aten.cauchy.default", cauchy),
    op("aten.geometric.default", geometric),
    op("aten.bernoulli.default", bernoulli),
    op("aten.bernoulli.p", bernoulli),
    op("aten.bernoulli.Tensor", bernoulli),
    op("aten.bernoulli.float", bernoulli),
    op("aten.multinomial.default", multinomial),
    op("aten.dropout.default", dropout),
    op("aten.native_dropout.default", native_dropout),
    op("aten.feature_dropout.default", feature_dropout),
    op("aten.alpha_dropout.default", alpha_dropout),
    op("aten.feature_alpha_dropout.default", feature_alpha_dropout),
};

}  // namespace

Ops random_ops() { return kOps; }

}  // namespace olivine::torch

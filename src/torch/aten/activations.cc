#include "torch/aten/activations.h"

#include <array>
#include <cmath>
#include <numbers>

#include "torch/aten/families.h"
#include "torch/aten/term.h"

/// Activations of neural networks. ONNX's own operators where they compute the same, else their formulas: ONNX Runtime
/// has kernels for most of them in float32 only, so that float64 takes the formula as well.
namespace olivine::torch {
namespace {

Attr float_attribute(std::string_view name, double value) { return {name, static_cast<float>(value)}; }

/// A formula is computed in at least float32 and rounded once.
template <typename F>
ir::Value* in_working_type(Term x, F formula) {
  return formula(x.cast(working_type(x.dtype()))).cast(x.dtype());
}

Term self(Call& c) { return {c, c.tensor("self")}; }

ir::Value* clip(Term x, double lowest, double highest) {
  Call& c = x.call();
  const Term carried = x.dtype() == DataType::int16 ? x.cast(DataType::int32) : x;
  return c.cast(c.emit("Clip", {carried, carried.number(lowest), carried.number(highest)}), x.dtype());
}

// ---- Piecewise linear

ir::Value* relu(Call& c) {
  const Term x = self(c);
  const DataType own = x.dtype();
  if (x.is_float() || own == DataType::int8 || own == DataType::int32) return x.emit("Relu");
  if (own == DataType::int16) return max(x.cast(DataType::int32), 0).cast(own);
  return max(x, 0);
}

ir::Value* relu6(Call& c) { return clip(self(c), 0, 6); }
ir::Value* hardtanh(Call& c) { return clip(self(c), c.real("min_val", -1), c.real("max_val", 1)); }

ir::Value* leaky_relu_of(Term x, double slope) {
  if (!is_double(x)) return x.emit("LeakyRelu", {float_attribute("alpha", slope)});
  return where(x > 0, x, x * slope);
}

ir::Value* leaky_relu(Call& c) { return leaky_relu_of(self(c), c.real("negative_slope", 0.01)); }

/// The slopes belong to the second dimension.
ir::Value* prelu(Call& c) {
  const Term x = self(c);
  Term weight(c, c.tensor("weight"));
  const std::int64_t rank = c.rank(x);
  if (c.find_dim(weight, 0) == 1 || c.rank(weight) == 0) {
    weight = Term(c, c.reshape(weight, {1}));
    if (rank == 0) weight = Term(c, c.reshape(weight, {}));
  } else if (c.rank(weight) == 1 && rank > 2) {
    Ints axes;
    for (std::int64_t axis = 1; axis < rank - 1; ++axis) axes.push_back(axis);
    weight = Term(c, c.unsqueeze(weight, axes));
  }
  if (!is_double(x)) return x.emit("PRelu", weight);
  return where(x > 0, x, x * weight);
}

/// `weight` has the shape of `self` for broadcasting already.
ir::Value* prelu_kernel(Call& c) {
  const Term x = self(c);
  return where(x > 0, x, x * Term(c, c.tensor("weight")));
}

/// Slopes of what is negative: training draws them, evaluation takes their middle.
struct RandomSlopes {
  double lower;
  double upper;
  bool is_drawn;
};

RandomSlopes random_slopes(Call& c) {
  return {c.real("lower", 0.125), c.real("upper", 1.0 / 3), c.flag("training", false)};
}

Term drawn_slopes(Term x, const RandomSlopes& slopes) {
  return x.emit("RandomUniformLike", {float_attribute("low", slopes.lower), float_attribute("high", slopes.upper)});
}

ir::Value* rrelu(Call& c) {
  const Term x = self(c);
  const RandomSlopes slopes = random_slopes(c);
  if (!slopes.is_drawn) return leaky_relu_of(x, (slopes.lower + slopes.upper) / 2);
  return where(x > 0, x, x * drawn_slopes(x, slopes));
}

/// The factors too, which serve gradients.
Values rrelu_with_noise(Call& c) {
  const Term x = self(c);
  const RandomSlopes slopes = random_slopes(c);
  if (!slopes.is_drawn) return {rrelu(c), c.tensor("noise")};
  const Term factors = where(x > 0, 1, drawn_slopes(x, slopes));
  return {x * factors, factors};
}

ir::Value* threshold(Call& c) {
  const Term x = self(c);
  const Term value(c, c.scalar(c.number_argument("value"), x.dtype()));
  const Term bound(c, c.scalar(c.number_argument("threshold"), x.dtype()));
  return where(x <= bound, value, x);
}

ir::Value* hardshrink(Call& c) {
  const Term x = self(c);
  const double lambd = c.real("lambd", 0.5);
  return where((x >= -lambd) & (x <= lambd), 0, x);
}

/// NaN stays NaN, which ONNX's Shrink makes 0.
ir::Value* softshrink(Call& c) {
  const double lambd = c.real("lambd", 0.5);
  return in_working_type(self(c), [&](Term x) { return x - max(min(x, lambd), -lambd); });
}

ir::Value* hardsigmoid(Call& c) {
  const Term x = self(c);
  if (is_double(x)) return Term(c, clip(x + 3, 0, 6)) / 6;
  return x.emit("HardSigmoid", {float_attribute("alpha", 1.0 / 6), float_attribute("beta", 0.5)});
}

ir::Value* hardswish(Call& c) {
  const Term x = self(c);
  return is_double(x) ? x * Term(c, clip(x + 3, 0, 6)) / 6 : x.emit("HardSwish");
}

// ---- With exponentials

ir::Value* sigmoid_op(Call& c) { return real_argument(c).emit("Sigmoid"); }
ir::Value* silu(Call& c) {
  const Term x = self(c);
  return x * sigmoid(x);
}

ir::Value* mish(Call& c) {
  const Term x = self(c);
  return is_double(x) ? x * tanh(softplus(x)) : x.emit("Mish");
}

ir::Value* gelu(Call& c) {
  const Term x = self(c);
  const std::string approximate = c.string("approximate", "none");
  if (!is_double(x)) return x.emit("Gelu", {{"approximate", approximate}});
  if (approximate == "none") return 0.5 * x * (1 + erf(x * (std::numbers::sqrt2 / 2)));
  const Term inner = (x + 0.044715 * x * x * x) * std::sqrt(2 / std::numbers::pi);
  return 0.5 * x * (1 + tanh(inner));
}

/// scale · x above 0, scale · alpha · (e^(input_scale · x) - 1) below
ir::Value* elu(Call& c) {
  const double alpha = c.real("alpha", 1);
  const double scale = c.real("scale", 1);
  const double input_scale = c.real("input_scale", 1);
  const Term given = self(c);
  if (!is_double(given) && scale == 1 && input_scale == 1) return given.emit("Elu", {float_attribute("alpha", alpha)});
  return in_working_type(given, [&](Term x) {
    const Term below = expm1(min(x, 0) * input_scale) * (alpha * scale);
    return where(x > 0, x * scale, below);
  });
}

ir::Value* selu(Call& c) {
  constexpr double kAlpha = 1.6732632423543772848170429916717;
  constexpr double kScale = 1.0507009873554804934193349852946;
  const Term x = self(c);
  if (!is_double(x)) return x.emit("Selu", {float_attribute("alpha", kAlpha), float_attribute("gamma", kScale)});
  return where(x > 0, x * kScale, expm1(min(x, 0)) * (kAlpha * kScale));
}

ir::Value* celu(Call& c) {
  const Term x = self(c);
  const double alpha = c.real("alpha", 1);
  if (!is_double(x)) return x.emit("Celu", {float_attribute("alpha", alpha)});
  return where(x > 0, x, alpha * expm1(min(x, 0) / alpha));
}

/// log(1 + e^(beta·x)) / beta. From 20 on, where PyTorch goes over to x, the two are the same in float32.
ir::Value* softplus_op(Call& c) {
  const double beta = c.real("beta", 1);
  const double threshold = c.real("threshold", 20);
  const Term given = self(c);
  if (beta == 1 && threshold >= 20 && !is_double(given)) return given.emit("Softplus");
  return in_working_type(given, [&](Term x) {
    const Term scaled = x * beta;
    return where(scaled > threshold, x, softplus(scaled) / beta);
  });
}

Term log_sigmoid_of(Term x) { return -softplus(-x); }
ir::Value* log_sigmoid(Call& c) { return log_sigmoid_of(self(c)); }
/// The second result serves gradients.
Values log_sigmoid_forward(Call& c) { return {log_sigmoid_of(self(c)), nullptr}; }

/// log(x / (1 - x)), of x within [eps, 1 - eps]
ir::Value* logit(Call& c) {
  const Term given = real_argument(c);
  return in_working_type(given, [&](Term x) {
    const double eps = c.real("eps", -1);
    const Term bounded = eps >= 0 ? Term(c, clip(x, eps, 1 - eps)) : x;
    return log(bounded / (1 - bounded));
  });
}

ir::Value* glu(Call& c) {
  const Term x = self(c);
  const std::int64_t axis = c.positive_axis(c.integer("dim", -1), c.rank(x));
  const Values halves = c.emit_many("Split", {x}, 2, {{"axis", axis}, {"num_outputs", 2}});
  return Term(c, halves[0]) * sigmoid(Term(c, halves[1]));
}

// ---- Softmax

ir::Value* along(Call& c, const char* op_type, ir::Value* x, std::int64_t axis) {
  if (c.rank(x) == 0) return c.reshape(c.emit(op_type, {c.reshape(x, {1})}, {{"axis", 0}}), {});
  return c.emit(op_type, {x}, {{"axis", c.positive_axis(axis, c.rank(x))}});
}

/// In float64 ONNX Runtime's LogSoftmax overlooks NaN and infinity.
ir::Value* log_softmax_of_double(Term x, std::int64_t axis) {
  Call& c = x.call();
  const Term shifted = x - Term(c, c.reduce("ReduceMax", x, {axis}, true));
  return shifted - log(Term(c, c.reduce("ReduceSum", exp(shifted), {axis}, true)));
}

/// The argument in the type that it is normalized in: float16 is widened by the runtime, unless the result is wide.
ir::Value* softmax_argument(Call& c) { return c.cast(c.tensor("self"), c.result_dtype()); }

ir::Value* softmax_op(Call& c) { return softmax(c, softmax_argument(c), c.integer("dim")); }
ir::Value* log_softmax_op(Call& c) { return log_softmax(c, softmax_argument(c), c.integer("dim")); }

/// Where everything is masked out, 0 instead of NaN.
ir::Value* safe_softmax(Call& c) {
  const Term x(c, softmax_argument(c));
  const Term result(c, softmax(c, x, c.integer("dim")));
  if (c.rank(x) == 0) return where(equals(x, -std::numeric_limits<double>::infinity()), 0, result);
  const std::int64_t axis = c.positive_axis(c.integer("dim"), c.rank(x));
  const Term highest(c, c.reduce("ReduceMax", x, {axis}, true));
  return where(equals(highest, -std::numeric_limits<double>::infinity()), 0, result);
}

constexpr std::array kOps = {
    op("aten.relu.default", relu),
    op("aten.relu6.default", relu6),
    op("aten.hardtanh.default", hardtanh),
    op("aten.leaky_relu.default", leaky_relu),
    op("aten.prelu.default", prelu),
    op("aten._prelu_kernel.default", prelu_kernel),
    op("aten.rrelu.default", rrelu),
    op("aten.rrelu_with_noise_functional.default", rrelu_with_noise),
    op("aten.threshold.default", threshold),
    op("aten.hardshrink.default", hardshrink),
    op("aten.softshrink.default", softshrink),
    op("aten.hardsigmoid.default", hardsigmoid),
    op("aten.hardswish.default", hardswish),
    op("aten.sigmoid.default", sigmoid_op),
    op("aten.special_expit.default", sigmoid_op),
    op("aten.silu.default", silu),
    op("aten.mish.default", mish),
    op("aten.gelu.default", gelu),
    op("aten.elu.default", elu),
    op("aten.selu.default", selu),
    op("aten.celu.default", celu),
    op("aten.softplus.default", softplus_op),
    op("aten.log_sigmoid.default", log_sigmoid),
    op("aten.log_sigmoid_forward.default", log_sigmoid_forward),
    op("aten.logit.default", logit),
    op("aten.special_logit.default", logit),
    op("aten.glu.default", glu),
    op("aten.softmax.int", softmax_op),
    op("aten._softmax.default", softmax_op),
    op("aten.special_softmax.default", softmax_op),
    op("aten._safe_softmax.default", safe_softmax),
    op("aten.log_softmax.int", log_softmax_op),
    op("aten._log_softmax.default", log_softmax_op),
    op("aten.special_log_softmax.default", log_softmax_op),
};

}  // namespace

ir::Value* softmax(Call& c, ir::Value* x, std::int64_t axis) { return along(c, "Softmax", x, axis); }
ir::Value* log_softmax(Call& c, ir::Value* x, std::int64_t axis) {
  if (c.dtype(x) != DataType::float64 || c.rank(x) == 0) return along(c, "LogSoftmax", x, axis);
  return log_softmax_of_double(Term(c, x), c.positive_axis(axis, c.rank(x)));
}

Ops activation_ops() { return kOps; }

}  // namespace olivine::torch

#include <array>
#include <limits>
#include <numbers>

#include "torch/aten/families.h"
#include "torch/aten/norms.h"
#include "torch/aten/products.h"
#include "torch/aten/reduce.h"

/// Losses that compare element by element, or as distances; those over classes are in class_losses.cc.
namespace olivine::torch {
namespace {

ir::Value* one_like(Call& c, ir::Value* value) { return c.cast(c.integer_scalar(1), c.dtype(value)); }
ir::Value* zero_like(Call& c, ir::Value* value) { return c.cast(c.integer_scalar(0), c.dtype(value)); }
ir::Value* positive_part(Call& c, ir::Value* value) { return c.emit("Max", {value, zero_like(c, value)}); }
ir::Value* times(Call& c, ir::Value* a, double b) { return b == 1 ? a : times(c, a, c.number_like(b, a)); }

/// A number as PyTorch adds it: a real one makes reals of integers.
ir::Value* plus_real(Call& c, ir::Value* value, double number) {
  if (!is_float(c.dtype(value))) value = c.cast(value, DataType::float32);
  return number == 0 ? value : plus(c, value, c.number_like(number, value));
}

ir::Value* weighted(Call& c, ir::Value* loss) {
  ir::Value* weight = c.find_tensor("weight");
  return weight != nullptr ? times(c, loss, c.cast(weight, c.dtype(loss))) : loss;
}

// ---- Differences

ir::Value* mse(Call& c) {
  const Values operands = c.promoted({"self", "target"});
  ir::Value* difference = minus(c, operands[0], operands[1]);
  return reduced_loss(c, times(c, difference, difference));
}

ir::Value* distance(Call& c) {
  const Values operands = c.promoted({"self", "target"});
  return c.emit("Abs", {minus(c, operands[0], operands[1])});
}

ir::Value* l1(Call& c) { return reduced_loss(c, distance(c)); }

/// Near zero a parabola, further out a line: |d| - beta/2.
ir::Value* smooth_l1(Call& c) {
  ir::Value* far = distance(c);
  const double beta = c.real("beta", 1);
  if (beta == 0) return reduced_loss(c, far);
  ir::Value* near = times(c, times(c, far, far), 0.5 / beta);
  ir::Value* line = plus_real(c, far, -0.5 * beta);
  return reduced_loss(c, c.where(c.emit("Less", {far, c.number_like(beta, far)}), near, line));
}

ir::Value* huber(Call& c) {
  ir::Value* far = distance(c);
  const double delta = c.real("delta", 1);
  ir::Value* near = times(c, times(c, far, far), 0.5);
  ir::Value* line = times(c, plus_real(c, far, -0.5 * delta), delta);
  return reduced_loss(c, c.where(c.emit("LessOrEqual", {far, c.number_like(delta, far)}), near, line));
}

// ---- Probabilities

ir::Value* binary_cross_entropy(Call& c) {
  const Values operands = c.promoted({"self", "target"});
  ir::Value* probability = operands[0];
  ir::Value* target = operands[1];
  ir::Value* one = one_like(c, probability);
  // PyTorch's bound on logarithms.
  const auto log = [&](ir::Value* value) {
    return c.emit("Max", {c.emit("Log", {value}), c.number_like(-100, value)});
  };
  ir::Value* of_no = times(c, minus(c, target, one), log(minus(c, one, probability)));
  return reduced_loss(c, weighted(c, minus(c, of_no, times(c, target, log(probability)))));
}

/// log(1 + exp(x)), from the side that doesn't overflow.
ir::Value* softplus(Call& c, ir::Value* value) {
  if (c.dtype(value) != DataType::float64) return c.emit("Softplus", {value});
  ir::Value* decayed = c.emit("Exp", {c.emit("Neg", {c.emit("Abs", {value})})});
  return plus(c, positive_part(c, value), c.emit("Log", {plus(c, one_like(c, value), decayed)}));
}

/// (1 - t) x + w log(1 + exp(-x)), where w is 1 or weighs what is positive.
ir::Value* binary_cross_entropy_with_logits(Call& c) {
  const Values operands = c.promoted({"self", "target"});
  ir::Value* logit = operands[0];
  ir::Value* target = operands[1];
  ir::Value* one = one_like(c, logit);
  ir::Value* doubt = softplus(c, c.emit("Neg", {logit}));
  if (ir::Value* weight = c.find_tensor("pos_weight")) {
    ir::Value* more = times(c, minus(c, c.cast(weight, c.dtype(logit)), one), target);
    doubt = times(c, plus(c, more, one), doubt);
  }
  return reduced_loss(c, weighted(c, plus(c, times(c, minus(c, one, target), logit), doubt)));
}

ir::Value* kl_div(Call& c) {
  const Values operands = c.promoted({"self", "target"});
  ir::Value* input = operands[0];
  ir::Value* target = operands[1];
  if (c.flag("log_target", false)) {
    return reduced_loss(c, times(c, c.emit("Exp", {target}), minus(c, target, input)));
  }
  ir::Value* zero = zero_like(c, target);
  ir::Value* entropy = times(c, target, c.emit("Log", {target}));
  entropy = c.where(c.emit("Equal", {target, zero}), zero, entropy);
  return reduced_loss(c, minus(c, entropy, times(c, target, input)));
}

ir::Value* soft_margin(Call& c) {
  const Values operands = c.promoted({"self", "target"});
  ir::Value* exponent = times(c, c.emit("Neg", {operands[1]}), operands[0]);
  ir::Value* grown = c.emit("Exp", {exponent});
  if (c.dtype(grown) == DataType::float16) {
    // What PyTorch rounds to infinity, runtimes may keep in wider types.
    ir::Value* is_too_much = c.emit("Greater", {exponent, c.number_like(11.09, exponent)});
    grown = c.where(is_too_much, c.number_like(std::numeric_limits<double>::infinity(), grown), grown);
  }
  return reduced_loss(c, c.emit("Log", {plus(c, grown, one_like(c, grown))}));
}

ir::Value* poisson_nll(Call& c) {
  const Values operands = c.promoted({"input", "target"});
  ir::Value* input = operands[0];
  ir::Value* target = operands[1];
  ir::Value* loss = nullptr;
  if (c.flag("log_input", true)) {
    ir::Value* real = plus_real(c, input, 0);
    loss = minus(c, c.emit("Exp", {real}), c.cast(times(c, target, input), c.dtype(real)));
  } else {
    ir::Value* real = plus_real(c, input, c.real("eps", 1e-8));
    ir::Value* part = times(c, c.cast(target, c.dtype(real)), c.emit("Log", {real}));
    loss = minus(c, c.cast(input, c.dtype(real)), part);
  }
  if (!c.flag("full", false)) return reduced_loss(c, loss);
  // Stirling's approximation of log(target!).
  ir::Value* real = c.cast(target, c.dtype(loss));
  ir::Value* log = c.emit("Log", {real});
  ir::Value* log_circle = c.emit("Log", {times(c, real, 2 * std::numbers::pi)});
  ir::Value* stirling = plus(c, minus(c, times(c, real, log), real), times(c, log_circle, 0.5));
  ir::Value* is_small = c.emit("LessOrEqual", {real, one_like(c, real)});
  return reduced_loss(c, plus(c, loss, c.where(is_small, zero_like(c, real), stirling)));
}

// ---- Margins

ir::Value* margin_ranking(Call& c) {
  const Values operands = c.promoted({"input1", "input2", "target"});
  ir::Value* wrong = times(c, c.emit("Neg", {operands[2]}), minus(c, operands[0], operands[1]));
  const double margin = c.real("margin", 0);
  return reduced_loss(c, positive_part(c, plus_real(c, wrong, margin)));
}

/// One loss where the target is 1 and another where it is -1; none elsewhere.
ir::Value* by_target(Call& c, ir::Value* target, ir::Value* of_same, ir::Value* of_other) {
  const auto is = [&](double value) {
    return c.emit("Equal", {target, c.cast(c.number(value, DataType::float32), c.dtype(target))});
  };
  ir::Value* zero = zero_like(c, of_same);
  return plus(c, c.where(is(1), of_same, zero), c.where(is(-1), of_other, zero));
}

ir::Value* hinge_embedding(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* target = c.tensor("target");
  const auto isnt = [&](std::int64_t value) {
    return c.emit("Not", {c.emit("Equal", {target, c.cast(c.integer_scalar(value), c.dtype(target))})});
  };
  ir::Value* zero = zero_like(c, self);
  ir::Value* short_of = positive_part(c, minus(c, c.number_like(c.real("margin", 1), self), self));
  return reduced_loss(c, plus(c, c.where(isnt(1), short_of, zero), c.where(isnt(-1), self, zero)));
}

ir::Value* cosine_embedding(Call& c) {
  const Values operands = c.promoted({"input1", "input2"});
  ir::Value* target = c.tensor("target");
  const std::int64_t axis = c.rank(target);
  const auto sum = [&](ir::Value* a, ir::Value* b) {
    ir::Value* product = c.dtype(a) == DataType::boolean ? c.emit("And", {a, b}) : times(c, a, b);
    return plus_real(c, reduce(c, "ReduceSum", c.cast(product, sum_type(c.dtype(a))), {axis}, false), 0);
  };
  const auto size = [&](ir::Value* value) {
    ir::Value* squares = sum(value, value);
    return plus(c, squares, c.number_like(1e-12, squares));
  };
  ir::Value* sizes = c.emit("Sqrt", {times(c, size(operands[0]), size(operands[1]))});
  ir::Value* cosine = c.emit("Div", {sum(operands[0], operands[1]), sizes});
  ir::Value* of_same = minus(c, one_like(c, cosine), cosine);
  ir::Value* of_other = positive_part(c, plus_real(c, cosine, -c.real("margin", 0)));
  return reduced_loss(c, by_target(c, target, of_same, of_other));
}

ir::Value* triplet_margin(Call& c) {
  const Values operands = c.promoted({"anchor", "positive", "negative"});
  const auto apart = [&](std::size_t a, std::size_t b) {
    return pairwise_distance(c, operands[a], operands[b], c.real("p", 2), c.real("eps", 1e-6), false);
  };
  ir::Value* negative = apart(0, 2);
  if (c.flag("swap", false)) negative = c.emit("Min", {negative, apart(1, 2)});
  ir::Value* wrong = minus(c, plus_real(c, apart(0, 1), c.real("margin", 1)), negative);
  return reduced_loss(c, positive_part(c, wrong));
}

constexpr std::array kOps = {
    op("aten.mse_loss.default", mse),
    op("aten.l1_loss.default", l1),
    op("aten.smooth_l1_loss.default", smooth_l1),
    op("aten.huber_loss.default", huber),
    op("aten.binary_cross_entropy.default", binary_cross_entropy),
    op("aten.binary_cross_entropy_with_logits.default", binary_cross_entropy_with_logits),
    op("aten.kl_div.default", kl_div),
    op("aten.soft_margin_loss.default", soft_margin),
    op("aten.poisson_nll_loss.default", poisson_nll),
    op("aten.margin_ranking_loss.default", margin_ranking),
    op("aten.hinge_embedding_loss.default", hinge_embedding),
    op("aten.cosine_embedding_loss.default", cosine_embedding),
    op("aten.triplet_margin_loss.default", triplet_margin),
};

}  // namespace

Ops loss_ops() { return kOps; }

}  // namespace olivine::torch

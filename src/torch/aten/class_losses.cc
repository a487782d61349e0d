#include <array>

#include "torch/aten/families.h"
#include "torch/aten/reduce.h"

/// Losses over classes, which stand in the second axis, or in the only one.
namespace olivine::torch {
namespace {

constexpr std::int64_t kIgnored = -100;

std::string reduction_name(Call& c) {
  constexpr std::array names = {"none", "mean", "sum"};
  return names.at(static_cast<std::size_t>(c.integer("reduction", 1)));
}

std::int64_t class_axis(Call& c, const ir::Value* scores) { return c.rank(scores) == 1 ? 0 : 1; }

/// ONNX's operators want a batch: one sample becomes a batch of one.
struct Batch {
  ir::Value* scores;
  ir::Value* target;
  bool is_single;
};

Batch batch_of(Call& c) {
  Batch batch = {c.tensor("self"), c.tensor("target"), false};
  const DataType index = c.dtype(batch.target);
  if (index != DataType::int64 && index != DataType::int32) batch.target = c.cast(batch.target, DataType::int64);
  batch.is_single = c.rank(batch.scores) < 2;
  if (batch.is_single) {
    batch.scores = c.reshape(batch.scores, {1, -1});
    batch.target = c.reshape(batch.target, {1});
  }
  return batch;
}

/// NegativeLogLikelihoodLoss of log-probabilities, SoftmaxCrossEntropyLoss of scores.
ir::Value* class_loss(Call& c, std::string op_type, const Batch& batch) {
  Values inputs = {batch.scores, batch.target};
  if (ir::Value* weight = c.find_tensor("weight")) inputs.push_back(weight);
  const std::string reduction = reduction_name(c);
  ir::Value* loss = c.emit(std::move(op_type), inputs,
                           {{"reduction", reduction}, {"ignore_index", c.integer("ignore_index", kIgnored)}});
  const bool is_vector = batch.is_single && reduction == "none" && c.rank(c.tensor("target")) == 0;
  return is_vector ? c.squeeze(loss, {0}) : loss;
}

ir::Value* nll(Call& c) { return class_loss(c, "NegativeLogLikelihoodLoss", batch_of(c)); }

/// 1, or its class's weight, of each sample that counts.
ir::Value* sample_weights(Call& c, ir::Value* target, DataType dtype) {
  const std::int64_t ignored = c.integer("ignore_index", kIgnored);
  ir::Value* is_ignored = c.emit("Equal", {target, c.cast(c.integer_scalar(ignored), c.dtype(target))});
  ir::Value* weight = c.find_tensor("weight");
  if (weight == nullptr) return c.cast(c.emit("Not", {is_ignored}), dtype);
  ir::Value* place = c.where(is_ignored, c.cast(c.integer_scalar(0), c.dtype(target)), target);
  ir::Value* own = c.emit("Gather", {weight, place}, {{"axis", 0}});
  return c.where(is_ignored, c.number(0, dtype), own);
}

Values nll_forward(Call& c) {
  const Batch batch = batch_of(c);
  const DataType dtype = c.dtype(batch.scores);
  ir::Value* total = c.number(0, dtype);
  if (c.integer("reduction", 1) != 0) {
    total = c.reduce("ReduceSum", sample_weights(c, batch.target, dtype), {}, false);
  }
  return {class_loss(c, "NegativeLogLikelihoodLoss", batch), total};
}

// ---- Cross entropy

/// Class weights along the axis of the classes.
ir::Value* weights_along(Call& c, ir::Value* weight, const ir::Value* scores) {
  Ints dims(static_cast<std::size_t>(c.rank(scores) - class_axis(c, scores)), 1);
  dims[0] = -1;
  return c.reshape(weight, dims);
}

ir::Value* log_probabilities(Call& c, ir::Value* scores) {
  return c.emit("LogSoftmax", {scores}, {{"axis", class_axis(c, scores)}});
}

/// -Σ p log q over the classes; the mean is over samples.
ir::Value* cross_entropy_of_probabilities(Call& c) {
  ir::Value* scores = c.tensor("self");
  ir::Value* target = c.cast(c.tensor("target"), c.dtype(scores));
  const std::int64_t axis = class_axis(c, scores);
  const double smoothing = c.real("label_smoothing", 0);
  ir::Value* classes = count_of(c, scores, {axis}, c.dtype(scores));
  if (smoothing > 0) {
    ir::Value* floor = c.emit("Div", {c.number_like(smoothing, scores), classes});
    target = c.emit("Add", {c.emit("Mul", {target, c.number_like(1 - smoothing, scores)}), floor});
  }
  ir::Value* loss = c.emit("Mul", {log_probabilities(c, scores), target});
  if (ir::Value* weight = c.find_tensor("weight")) loss = c.emit("Mul", {loss, weights_along(c, weight, scores)});
  const std::int64_t reduction = c.integer("reduction", 1);
  if (reduction == 0) return c.emit("Neg", {c.reduce("ReduceSum", loss, {axis}, false)});
  ir::Value* total = c.emit("Neg", {c.reduce("ReduceSum", loss, {}, false)});
  if (reduction == 2) return total;
  Ints samples = all_axes(c, scores);
  samples.erase(samples.begin() + axis);
  return c.emit("Div", {total, count_of(c, scores, samples, c.dtype(scores))});
}

/// (1 - s) of the loss, and s of what all classes alike would lose.
ir::Value* smoothed_cross_entropy(Call& c, double smoothing) {
  Batch batch = batch_of(c);
  const DataType dtype = c.dtype(batch.scores);
  batch.scores = log_probabilities(c, batch.scores);
  ir::Value* sharp = class_loss(c, "NegativeLogLikelihoodLoss", batch);
  ir::Value* weight = c.find_tensor("weight");
  ir::Value* each = batch.scores;
  if (weight != nullptr) each = c.emit("Mul", {each, weights_along(c, weight, each)});
  ir::Value* flat = c.emit("Neg", {c.reduce("ReduceSum", each, {1}, false)});
  const std::int64_t ignored = c.integer("ignore_index", kIgnored);
  ir::Value* is_ignored = c.emit("Equal", {batch.target, c.cast(c.integer_scalar(ignored), c.dtype(batch.target))});
  flat = c.where(is_ignored, c.number(0, dtype), flat);
  const std::int64_t reduction = c.integer("reduction", 1);
  if (reduction != 0) flat = c.reduce("ReduceSum", flat, {}, false);
  if (reduction == 1) {
    flat = c.emit("Div", {flat, c.reduce("ReduceSum", sample_weights(c, batch.target, dtype), {}, false)});
  }
  if (reduction == 0 && batch.is_single && c.rank(c.tensor("target")) == 0) flat = c.squeeze(flat, {0});
  ir::Value* share = c.emit("Div", {c.number(smoothing, dtype), count_of(c, batch.scores, {1}, dtype)});
  return c.emit("Add", {c.emit("Mul", {sharp, c.number(1 - smoothing, dtype)}), c.emit("Mul", {flat, share})});
}

ir::Value* cross_entropy(Call& c) {
  const double smoothing = c.real("label_smoothing", 0);
  if (is_float(c.dtype(c.tensor("target")))) return cross_entropy_of_probabilities(c);
  if (smoothing > 0) return smoothed_cross_entropy(c, smoothing);
  return class_loss(c, "SoftmaxCrossEntropyLoss", batch_of(c));
}

// ---- Margins between classes

/// The numbers of the classes as [classes].
ir::Value* class_numbers(Call& c, ir::Value* scores) { return c.range(c.size(scores, 1)); }

/// A loss of each sample, as the arguments want it; `is_lone`: the target knows of no batch.
ir::Value* of_samples(Call& c, ir::Value* loss, bool is_lone) {
  if (c.integer("reduction", 1) != 0) return reduced_loss(c, loss);
  return is_lone ? c.squeeze(loss, {0}) : loss;
}

/// Each class but the right one loses what its score lies above the right one's less the margin.
ir::Value* multi_margin(Call& c) {
  const Batch batch = batch_of(c);
  const DataType dtype = c.dtype(batch.scores);
  ir::Value* column = c.unsqueeze(c.cast(batch.target, DataType::int64), {1});
  ir::Value* right = c.emit("GatherElements", {batch.scores, column}, {{"axis", 1}});
  ir::Value* excess = c.emit("Add", {c.emit("Sub", {batch.scores, right}), c.number(c.real("margin", 1), dtype)});
  ir::Value* loss = c.emit("Max", {excess, c.number(0, dtype)});
  if (c.integer("p", 1) == 2) loss = c.emit("Mul", {loss, loss});
  if (ir::Value* weight = c.find_tensor("weight")) {
    loss = c.emit("Mul", {loss, c.emit("Gather", {weight, column}, {{"axis", 0}})});
  }
  loss = c.where(c.emit("Equal", {class_numbers(c, batch.scores), column}), c.number(0, dtype), loss);
  return of_samples(c, mean_of(c, loss, {1}, false), c.rank(c.tensor("target")) == 0);
}

/// The target lists right classes up to the first -1. Each right class is held against each other class.
Values multilabel_margin_parts(Call& c) {
  ir::Value* target = c.cast(c.tensor("target"), DataType::int64);
  Batch batch = {c.tensor("self"), target, c.rank(c.tensor("self")) < 2};
  if (batch.is_single) {
    batch.scores = c.reshape(batch.scores, {1, -1});
    batch.target = c.reshape(target, {1, -1});
  }
  const DataType dtype = c.dtype(batch.scores);
  ir::Value* zero = c.integer_scalar(0);
  ir::Value* ended = c.cast(c.emit("Less", {batch.target, zero}), DataType::int64);
  ir::Value* is_listed = c.emit("Equal", {c.emit("CumSum", {ended, c.integer_scalar(1)}), zero});
  ir::Value* listed = c.unsqueeze(c.where(is_listed, batch.target, c.integer_scalar(-1)), {2});
  ir::Value* is_it = c.emit("Equal", {listed, class_numbers(c, batch.scores)});  // [samples, listed, classes]
  ir::Value* is_right = any_of(c, is_it, {1}, false);
  ir::Value* place = c.where(is_listed, batch.target, zero);
  ir::Value* right = c.emit("GatherElements", {batch.scores, place}, {{"axis", 1}});
  ir::Value* above = c.emit("Sub", {c.unsqueeze(batch.scores, {1}), c.unsqueeze(right, {2})});
  ir::Value* excess = c.emit("Max", {c.emit("Add", {above, c.number(1, dtype)}), c.number(0, dtype)});
  ir::Value* counts = c.emit("And", {c.unsqueeze(is_listed, {2}), c.emit("Not", {c.unsqueeze(is_right, {1})})});
  ir::Value* total = c.reduce("ReduceSum", c.where(counts, excess, c.number(0, dtype)), {1, 2}, false);
  ir::Value* loss = c.emit("Div", {total, count_of(c, batch.scores, {1}, dtype)});
  ir::Value* marks = c.reshape_to(c.cast(is_right, dtype), c.sizes(target));
  return {of_samples(c, loss, batch.is_single), marks};
}

ir::Value* multilabel_margin(Call& c) { return multilabel_margin_parts(c).front(); }

ir::Value* ctc(Call& c) { c.refuse("ONNX has no operator that sums over alignments"); }
Values ctc_parts(Call& c) { return {ctc(c), nullptr}; }

constexpr std::array kOps = {
    op("aten.nll_loss.default", nll),
    op("aten.nll_loss2d.default", nll),
    op("aten.nll_loss_nd.default", nll),
    op("aten.nll_loss_forward.default", nll_forward),
    op("aten.nll_loss2d_forward.default", nll_forward),
    op("aten.cross_entropy_loss.default", cross_entropy),
    op("aten.multi_margin_loss.default", multi_margin),
    op("aten.multilabel_margin_loss.default", multilabel_margin),
    op("aten.multilabel_margin_loss_forward.default", multilabel_margin_parts),
    op("aten.ctc_loss.IntList", ctc),
    op("aten.ctc_loss.Tensor", ctc),
    op("aten._ctc_loss.default", ctc_parts),
    op("aten._ctc_loss.Tensor", ctc_parts),
};

}  // namespace

Ops class_loss_ops() { return kOps; }

}  // namespace olivine::torch

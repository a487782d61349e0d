#include <array>

#include "torch/aten/families.h"
#include "torch/aten/spatial.h"

/// Gradients that programs contain as calls.
namespace olivine::torch {
namespace {

ir::Value* as_input(Call& c, ir::Value* value) {
  return c.cast(value, c.dtype_argument("input_dtype").value_or(c.result_dtype()));
}

/// (g - Σ g·y) · y
ir::Value* softmax_backward(Call& c) {
  const DataType real = computing_type(c.dtype(c.tensor("grad_output")));
  ir::Value* gradient = c.cast(c.tensor("grad_output"), real);
  ir::Value* output = c.cast(c.tensor("output"), real);
  const Ints axes = c.rank(gradient) == 0 ? Ints() : Ints{c.integer("dim")};
  ir::Value* sum = c.reduce("ReduceSum", c.emit("Mul", {gradient, output}), axes);
  return as_input(c, c.emit("Mul", {c.emit("Sub", {gradient, sum}), output}));
}

/// g - exp(y) · Σ g
ir::Value* log_softmax_backward(Call& c) {
  const DataType real = computing_type(c.dtype(c.tensor("grad_output")));
  ir::Value* gradient = c.cast(c.tensor("grad_output"), real);
  ir::Value* output = c.emit("Exp", {c.cast(c.tensor("output"), real)});
  const Ints axes = c.rank(gradient) == 0 ? Ints() : Ints{c.integer("dim")};
  ir::Value* sum = c.reduce("ReduceSum", gradient, axes);
  return as_input(c, c.emit("Sub", {gradient, c.emit("Mul", {output, sum})}));
}

/// g · mask · scale
ir::Value* dropout_backward(Call& c) {
  const DataType dtype = c.result_dtype();
  ir::Value* gradient = c.cast(c.tensor("grad_output"), dtype);
  ir::Value* kept = c.emit("Mul", {gradient, c.cast(c.tensor("mask"), dtype)});
  return c.emit("Mul", {kept, c.number(c.real("scale", 1), dtype)});
}

constexpr std::array kOps = {
    op("aten._softmax_backward_data.default", softmax_backward),
    op("aten._log_softmax_backward_data.default", log_softmax_backward),
    op("aten.native_dropout_backward.default", dropout_backward),
};

}  // namespace

Ops gradient_ops() { return kOps; }

}  // namespace olivine::torch

#include <array>

#include "torch/aten/families.h"

/// Arithmetic on two or more tensors, with PyTorch's type promotion.
namespace olivine::torch {
namespace {

/// self ± alpha · other
ir::Value* add_or_subtract(Call& c, const char* op_type) {
  const Values operands = c.promoted({"self", "other"});
  ir::Value* other = operands[1];
  const auto alpha = c.find_number_argument("alpha");
  const DataType dtype = c.dtype(operands[0]);
  const bool is_one = !alpha || (!alpha->is_symbolic() && !alpha->is_complex() && alpha->real() == 1);
  if (dtype == DataType::boolean) {
    // Of bools only the sum is defined.
    return c.emit("Or", {operands[0], is_one ? other : c.emit("And", {other, c.scalar(*alpha, dtype)})});
  }
  if (!is_one) other = c.emit("Mul", {other, c.scalar(*alpha, dtype)});
  return c.emit(op_type, {operands[0], other});
}

ir::Value* add(Call& c) { return add_or_subtract(c, "Add"); }
ir::Value* subtract(Call& c) { return add_or_subtract(c, "Sub"); }

ir::Value* multiply(Call& c) {
  const Values operands = c.promoted({"self", "other"});
  return c.emit(c.dtype(operands[0]) == DataType::boolean ? "And" : "Mul", operands);
}

constexpr std::array kOps = {
    op("aten.add.Tensor", add),      op("aten.add.Scalar", add),      op("aten.sub.Tensor", subtract),
    op("aten.sub.Scalar", subtract), op("aten.mul.Tensor", multiply), op("aten.mul.Scalar", multiply),
};

}  // namespace

Ops arithmetic_ops() { return kOps; }

}  // namespace olivine::torch

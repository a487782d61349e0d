#include <array>

#include "torch/aten/families.h"
#include "torch/aten/shapes.h"
#include "torch/promote.h"

/// Complex tensors and their parts: pairs of reals in a last axis.
namespace olivine::torch {
namespace {

ir::Value* itself(Call& c) { return c.tensor("self"); }
ir::Value* itself_back(Call& /*c*/, ir::Value* /*base*/, ir::Value* fresh) { return fresh; }

template <std::int64_t index>
ir::Value* part(Call& c) {
  ir::Value* self = c.tensor("self");
  if (!c.is_complex("self")) return self;  // a real tensor is its own real part
  return c.emit("Gather", {self, c.integer_scalar(index)}, {{"axis", torch_rank(c)}});
}

template <std::int64_t index>
ir::Value* part_back(Call& c, ir::Value* base, ir::Value* fresh) {
  if (!c.is_complex("self")) return fresh;
  const std::int64_t axis = torch_rank(c);
  return replace_span(c, base, {axis, c.ints({index}), c.ints({index + 1})}, c.unsqueeze(fresh, {axis}));
}

/// The same values read as pairs; their type tells.
ir::Value* as_complex(Call& c) {
  if (!is_complex_type(c.result_dtype())) c.refuse("complex numbers of two halves are no type of ONNX's");
  return c.tensor("self");
}

ir::Value* paired_parts(Call& c, ir::Value* real, ir::Value* imaginary) {
  if (!is_complex_type(c.result_dtype())) c.refuse("complex numbers of two halves are no type of ONNX's");
  const Values both = broadcast(c, {real, imaginary});
  return c.concat({c.unsqueeze(both[0], {-1}), c.unsqueeze(both[1], {-1})}, -1);
}

ir::Value* complex(Call& c) { return paired_parts(c, c.tensor("real"), c.tensor("imag")); }

ir::Value* polar(Call& c) {
  ir::Value* length = c.tensor("abs");
  ir::Value* angle = c.tensor("angle");
  return paired_parts(c, c.emit("Mul", {length, c.emit("Cos", {angle})}),
                      c.emit("Mul", {length, c.emit("Sin", {angle})}));
}

constexpr std::array kOps = {
    complex_too(view("aten.view_as_real.default", itself, itself_back)),
    view("aten.view_as_complex.default", as_complex, itself_back),
    complex_too(op("aten.view_as_real_copy.default", itself)),
    op("aten.view_as_complex_copy.default", as_complex),
    complex_too(view("aten.real.default", part<0>, part_back<0>)),
    complex_too(view("aten.imag.default", part<1>, part_back<1>)),
    op("aten.complex.default", complex),
    op("aten.polar.default", polar),
    // Of real tensors.
    view("aten._conj.default", itself, itself_back),
    view("aten.conj.default", itself, itself_back),
    op("aten.conj_physical.default", itself),
    // A tensor is never held in a conjugate's or a negative's place here.
    complex_too(view("aten.resolve_conj.default", itself, itself_back)),
    complex_too(view("aten.resolve_neg.default", itself, itself_back)),
};

}  // namespace

Ops pair_ops() { return kOps; }

}  // namespace olivine::torch

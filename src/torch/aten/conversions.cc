#include <array>

#include "torch/aten/families.h"
#include "torch/aten/layout.h"
#include "torch/aten/shapes.h"
#include "torch/aten/term.h"
#include "torch/promote.h"

/// Copies and conversions: to, clone, fill and what else leaves elements as they are or replaces all of them.
namespace olivine::torch {
namespace {

ir::Value* same(Call& c) { return c.tensor("self"); }
ir::Value* whole(Call& /*c*/, ir::Value* /*base*/, ir::Value* fresh) { return fresh; }

/// To the type that the program tells of the result: a device or a layout is nothing here.
ir::Value* convert(Call& c) { return converted(c, c.tensor("self"), c.meta("self").dtype, c.result_dtype()); }

/// `to` gives the tensor itself where it has the type already, unless a copy is asked for.
bool converts_nothing(Call& c) { return c.meta("self").dtype == c.result_dtype() && !c.flag("copy", false); }

ir::Value* filled_like_self(Call& c, const Number& number) {
  ir::Value* self = c.tensor("self");
  if (c.is_complex("self")) return c.expand_to(c.scalar(number, c.meta("self").dtype), c.sizes(self));
  return c.filled(c.sizes(self), number, c.dtype(self));
}

ir::Value* fill(Call& c) {
  if (!c.is_tensor("value")) return filled_like_self(c, c.number_argument("value"));
  ir::Value* self = c.tensor("self");
  return c.expand_to(converted(c, c.tensor("value"), c.meta("value").dtype, c.meta("self").dtype), c.sizes(self));
}

ir::Value* zero(Call& c) { return filled_like_self(c, Number(false)); }

/// `src` in the shape and type of `self`.
ir::Value* copy(Call& c) {
  ir::Value* fresh = converted(c, c.tensor("src"), c.meta("src").dtype, c.meta("self").dtype);
  return c.expand_to(fresh, c.sizes(c.tensor("self")));
}

ir::Value* half_complex(Call& c) { c.refuse("complex numbers of two halves are no type of ONNX's"); }

constexpr std::array kOps = {
    complex_too(op("aten.clone.default", same)),
    complex_too(op("aten.lift_fresh_copy.default", same)),
    complex_too(view("aten.lift_fresh.default", same, whole)),
    complex_too(op("aten.lift.default", same)),
    complex_too(view("aten.detach.default", same, whole)),
    complex_too(op("aten.detach_copy.default", same)),
    complex_too(view("aten.alias.default", same, whole)),
    complex_too(op("aten.alias_copy.default", same)),
    complex_too(view_if(contiguous_aliases, "aten.contiguous.default", same, whole)),
    complex_too(op("aten.positive.default", same)),
    complex_too(view_if(converts_nothing, "aten.to.dtype", convert, whole)),
    complex_too(view_if(converts_nothing, "aten.to.device", convert, whole)),
    complex_too(view_if(converts_nothing, "aten.to.other", convert, whole)),
    complex_too(view_if(converts_nothing, "aten.to.dtype_layout", convert, whole)),
    complex_too(view_if(converts_nothing, "aten.to.prim_Device", convert, whole)),
    complex_too(view_if(converts_nothing, "aten.to.prim_dtype", convert, whole)),
    complex_too(view_if(converts_nothing, "aten.to.prim_other", convert, whole)),
    complex_too(op("aten._to_copy.default", convert)),
    complex_too(view_if(converts_nothing, "aten.type_as.default", convert, whole)),
    op("aten._to_dense.default", convert),
    op("aten.to_dense.default", convert),
    op("aten.chalf.default", half_complex),
    complex_too(op("aten.fill.Scalar", fill)),
    complex_too(op("aten.fill.Tensor", fill)),
    complex_too(op("aten.zero.default", zero)),
    complex_too(op("aten.copy.default", copy)),
};

}  // namespace

Ops conversion_ops() { return kOps; }

}  // namespace olivine::torch

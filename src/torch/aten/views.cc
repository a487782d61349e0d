#include <algorithm>
#include <array>

#include "torch/aten/families.h"

/// Views: other arrangements of a tensor's elements. What is written into one is seen through the tensor.
namespace olivine::torch {
namespace {

ir::Value* view_as_sizes(Call& c) {
  // A size may be -1: the program tells what it is then, where it tells numbers.
  ir::Value* self = c.tensor("self");
  ir::Value* sizes = c.sizes_argument(c.has("shape") ? "shape" : "size");
  const auto known = c.find_ints(sizes);
  if (known && std::ranges::find(*known, -1) != known->end()) return c.emit("Reshape", {self, sizes});
  return c.reshape_to(self, sizes);
}

ir::Value* reshape_back(Call& c, ir::Value* base, ir::Value* fresh) { return c.reshape_to(fresh, c.sizes(base)); }

ir::Value* select(Call& c) {
  ir::Value* self = c.tensor("self");
  ir::Value* index = c.as_scalar(c.size_argument("index"));
  return c.emit("Gather", {self, index}, {{"axis", c.positive_axis(c.integer("dim"), c.rank(self))}});
}

constexpr std::array kOps = {
    view("aten.view.default", view_as_sizes, reshape_back),
    view("aten.reshape.default", view_as_sizes, reshape_back),
    view("aten.select.int", select),
};

}  // namespace

Ops view_ops() { return kOps; }

}  // namespace olivine::torch

#include <algorithm>
#include <array>
#include <numeric>

#include "torch/aten/families.h"
#include "torch/aten/shapes.h"
#include "torch/promote.h"

/// Several tensors as one.
namespace olivine::torch {
namespace {

/// The tensors of a list, of the result's type.
std::vector<Part> alike(Call& c) {
  std::vector<Part> parts = parts_of(c, "tensors");
  for (Part& part : parts) part.value = converted(c, part.value, part.meta->dtype, c.result_dtype());
  return parts;
}

ir::Value* joined(Call& c, const Values& values, std::int64_t axis) {
  if (values.empty()) c.refuse("there is nothing to join");
  return values.size() == 1 ? values.front() : c.concat(values, axis);
}

ir::Value* cat(Call& c) {
  const auto rank = static_cast<std::int64_t>(c.result().sizes.size());
  const std::int64_t axis = axis_argument(c, "dim", 0, rank);
  const std::vector<Part> parts = alike(c);
  // PyTorch lets a tensor of no elements with one axis join whatever the others are.
  const auto is_nothing = [](const Part& part) { return part.rank() == 1 && part.meta->sizes[0] == ir::Dim(0); };
  Values values;
  for (const Part& part : parts) {
    if (!is_nothing(part)) values.push_back(part.value);
  }
  if (values.empty()) values.push_back(parts.front().value);
  return joined(c, values, axis);
}

ir::Value* stack(Call& c) {
  const auto rank = static_cast<std::int64_t>(c.result().sizes.size());
  const std::int64_t axis = axis_argument(c, "dim", 0, rank);
  Values values;
  for (const Part& part : alike(c)) values.push_back(c.unsqueeze(part.value, {axis}));
  return joined(c, values, axis);
}

/// Axes of size 1 that bring a tensor to a rank, by how many it has.
template <std::int64_t rank>
ir::Value* raised(Call& c, const Part& part) {
  static const std::array<std::array<Ints, 3>, 4> axes = {{
      {},
      {{{0}, {}, {}}},
      {{{0, 1}, {0}, {}}},
      {{{0, 1, 2}, {0, 2}, {2}}},
  }};
  const std::int64_t own = part.rank();
  return own < rank ? c.unsqueeze(part.value, axes[rank][static_cast<std::size_t>(own)]) : part.value;
}

ir::Value* hstack(Call& c) {
  Values values;
  for (const Part& part : alike(c)) values.push_back(raised<1>(c, part));
  return joined(c, values, c.result().sizes.size() == 1 ? 0 : 1);
}

ir::Value* vstack(Call& c) {
  Values values;
  for (const Part& part : alike(c)) values.push_back(raised<2>(c, part));
  return joined(c, values, 0);
}

ir::Value* dstack(Call& c) {
  Values values;
  for (const Part& part : alike(c)) values.push_back(raised<3>(c, part));
  return joined(c, values, 2);
}

ir::Value* column_stack(Call& c) {
  Values values;
  for (const Part& part : alike(c)) {
    const std::int64_t rank = part.rank();
    values.push_back(rank < 2 ? c.unsqueeze(part.value, rank == 0 ? Ints{0, 1} : Ints{1}) : part.value);
  }
  return joined(c, values, 1);
}

constexpr std::array kOps = {
    complex_too(op("aten.cat.default", cat)),
    complex_too(op("aten.concat.default", cat)),
    complex_too(op("aten.concatenate.default", cat)),
    complex_too(op("aten.stack.default", stack)),
    complex_too(op("aten.hstack.default", hstack)),
    complex_too(op("aten.vstack.default", vstack)),
    complex_too(op("aten.row_stack.default", vstack)),
    complex_too(op("aten.dstack.default", dstack)),
    complex_too(op("aten.column_stack.default", column_stack)),
};

}  // namespace

Ops joining_ops() { return kOps; }

}  // namespace olivine::torch

#include <algorithm>
#include <array>
#include <numeric>

#include "torch/aten/families.h"
#include "torch/aten/layout.h"
#include "torch/aten/shapes.h"
#include "torch/promote.h"

/// Views: other arrangements of a tensor's elements. What is written into one is seen through the tensor.
namespace olivine::torch {
namespace {

// ---- Other shapes

/// The shape that an argument asks for, symbolic or not; a size may be -1.
ir::Value* asked_sizes(Call& c, std::string_view name) { return joined_sizes(c, c.size_list(name)); }

ir::Value* reshape_told(Call& c, const std::function<ir::Value*()>& sizes) {
  return reshape_between(c, c.tensor("self"), c.meta("self").sizes, c.result().sizes, sizes);
}

ir::Value* view_as_sizes(Call& c) {
  return reshape_told(c, [&] { return asked_sizes(c, c.has("shape") ? "shape" : "size"); });
}

ir::Value* view_as_other(Call& c) {
  return reshape_told(c, [&] { return c.sizes(c.tensor("other")); });
}

/// For shapes that differ from the tensor's in axes that are merged, split, or of size 1.
ir::Value* reshape_back(Call& c, ir::Value* base, ir::Value* fresh) {
  const ir::Shape& to = c.meta("self").sizes;
  return reshape_between(c, fresh, c.result().sizes, to, [&] {
    ir::Value* sizes = c.sizes(base);
    const auto rank = static_cast<std::int64_t>(to.size());
    return c.rank(base) == rank ? sizes : c.slice(sizes, 0, 0, rank);
  });
}

ir::Value* flatten(Call& c) {
  const std::int64_t rank = torch_rank(c);
  ir::Value* self = c.tensor("self");
  if (rank == 0) return c.unsqueeze(self, {0});
  const std::int64_t start = axis_argument(c, "start_dim", 0, rank);
  const std::int64_t end = axis_argument(c, "end_dim", -1, rank);
  return merge_axes(c, self, start, end - start + 1);
}

ir::Value* ravel(Call& c) { return merge_axes(c, c.tensor("self"), 0, torch_rank(c)); }

ir::Value* unflatten(Call& c) {
  const std::int64_t rank = torch_rank(c);
  return reshape_told(c, [&] {
    const std::int64_t axis = axis_argument(c, "dim", 0, rank);
    ir::Value* self = c.tensor("self");
    Values sizes;
    for (std::int64_t i = 0; i < rank; ++i) {
      if (i != axis) {
        sizes.push_back(c.size(self, i));
        continue;
      }
      Values own = c.size_list("sizes");
      const auto open = std::ranges::find_if(own, [&](ir::Value* size) { return c.find_ints(size) == Ints{-1}; });
      if (open != own.end()) {
        ir::Value* others = c.ints({1});
        for (ir::Value* size : own) others = size == *open ? others : multiply_sizes(c, others, size);
        *open = c.emit("Div", {c.size(self, i), others});
      }
      sizes.insert(sizes.end(), own.begin(), own.end());
    }
    return joined_sizes(c, sizes);
  });
}

/// The same elements as another type: ONNX has no such operator, a complex number's parts aside.
ir::Value* view_as_dtype(Call& c) {
  const DataType from = c.meta("self").dtype;
  const DataType to = c.result_dtype();
  ir::Value* self = c.tensor("self");
  if (from == to) return self;
  const std::int64_t rank = torch_rank(c);
  if (real_part_type(from) == to && rank > 0) return merge_axes(c, self, rank - 1, 2);
  if (from == real_part_type(to) && rank > 0) {
    Values sizes;
    for (std::int64_t i = 0; i + 1 < rank; ++i) sizes.push_back(c.size(self, i));
    sizes.push_back(c.emit("Div", {c.size(self, rank - 1), c.ints({2})}));
    sizes.push_back(c.ints({2}));
    return c.reshape_to(self, joined_sizes(c, sizes));
  }
  c.refuse("ONNX doesn't read a tensor's bits as another type");
}

// ---- Axes of size 1

ir::Value* unsqueeze(Call& c) {
  const std::int64_t rank = torch_rank(c);
  return c.unsqueeze(c.tensor("self"), {wrapped_axis(c, c.integer("dim"), rank + 1)});
}

/// Which axes have one element: a size that is symbolic has more, or the export would have said so.
ir::Value* squeeze_axes(Call& c, const Ints& candidates) {
  const ir::Shape& sizes = c.meta("self").sizes;
  Ints axes;
  for (const std::int64_t axis : candidates) {
    if (axis < static_cast<std::int64_t>(sizes.size()) && sizes[static_cast<std::size_t>(axis)] == ir::Dim(1)) {
      axes.push_back(axis);
    }
  }
  std::ranges::sort(axes);
  return axes.empty() ? c.tensor("self") : c.squeeze(c.tensor("self"), axes);
}

ir::Value* squeeze(Call& c) {
  Ints axes(static_cast<std::size_t>(torch_rank(c)));
  std::iota(axes.begin(), axes.end(), 0);
  return squeeze_axes(c, axes);
}

ir::Value* squeeze_dims(Call& c) { return squeeze_axes(c, axes_argument(c, "dim", torch_rank(c))); }

/// One size 1 or more around the others, until there are `rank` of them.
ir::Value* at_least(Call& c, ir::Value* value, std::int64_t own, std::int64_t rank) {
  if (own >= rank) return value;
  if (own == 0) return with_rank(c, value, 0, rank);
  if (rank == 2) return c.unsqueeze(value, {0});
  return c.unsqueeze(value, own == 1 ? Ints{0, 2} : Ints{2});
}

template <std::int64_t rank>
ir::Value* at_least_rank(Call& c) {
  return at_least(c, c.tensor("self"), torch_rank(c), rank);
}

template <std::int64_t rank>
Values all_at_least_rank(Call& c) {
  Values results;
  for (const Part& part : parts_of(c, "tensors")) results.push_back(at_least(c, part.value, part.rank(), rank));
  return results;
}

// ---- Other orders of the axes

Ints inverse(const Ints& permutation) {
  Ints result(permutation.size());
  for (std::size_t i = 0; i < permutation.size(); ++i) {
    result[static_cast<std::size_t>(permutation[i])] = static_cast<std::int64_t>(i);
  }
  return result;
}

Ints identity_order(std::int64_t rank) {
  Ints order(static_cast<std::size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

/// The two names that a swap of two axes gives them.
Ints swapped_order(Call& c) {
  const std::int64_t rank = torch_rank(c);
  Ints order = identity_order(rank);
  if (rank == 0) return order;
  const bool is_axis = c.has("axis0") || c.has("axis1");
  const std::int64_t first = axis_argument(c, is_axis ? "axis0" : "dim0", 0, rank);
  const std::int64_t second = axis_argument(c, is_axis ? "axis1" : "dim1", 0, rank);
  std::swap(order[static_cast<std::size_t>(first)], order[static_cast<std::size_t>(second)]);
  return order;
}

Ints moved_order(Call& c) {
  const std::int64_t rank = torch_rank(c);
  const Ints from = axes_argument(c, "source", rank);
  const Ints to = axes_argument(c, "destination", rank);
  Ints order(static_cast<std::size_t>(rank), -1);
  if (rank == 0) return order;
  for (std::size_t i = 0; i < from.size(); ++i) order[static_cast<std::size_t>(to[i])] = from[i];
  std::int64_t next = 0;
  for (std::int64_t& axis : order) {
    if (axis >= 0) continue;
    while (std::ranges::find(from, next) != from.end()) ++next;
    axis = next++;
  }
  return order;
}

Ints permute_order(Call& c) { return axes_argument(c, "dims", torch_rank(c)); }

Ints reversed_order(Call& c) {
  Ints order = identity_order(torch_rank(c));
  std::ranges::reverse(order);
  return order;
}

Ints matrix_order(Call& c) {
  Ints order = identity_order(torch_rank(c));
  if (order.size() >= 2) std::swap(order[order.size() - 1], order[order.size() - 2]);
  return order;
}

using Order = Ints (*)(Call&);

template <Order order>
ir::Value* reorder(Call& c) {
  return reordered(c, c.tensor("self"), order(c));
}

template <Order order>
ir::Value* reorder_back(Call& c, ir::Value* /*base*/, ir::Value* fresh) {
  return reordered(c, fresh, inverse(order(c)));
}

// ---- Broadcasting

ir::Value* expand_between(Call& c, ir::Value* value, std::int64_t own, Values sizes) {
  const std::int64_t rank = c.rank(value);
  if (rank > own) {
    // A complex number's parts stay together, with the sizes that come before them.
    value = with_rank(c, value, own, static_cast<std::int64_t>(sizes.size()));
    sizes.push_back(c.ints({2}));
  }
  return c.expand_to(value, joined_sizes(c, sizes));
}

/// A size of -1 stays what it is, which is what ONNX's 1 says.
ir::Value* expand(Call& c) {
  Values sizes = c.size_list("size");
  ir::Value* self = c.tensor("self");
  const std::int64_t own = torch_rank(c);
  const auto ahead = static_cast<std::int64_t>(sizes.size()) - own;
  bool is_same = ahead == 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto size = c.find_ints(sizes[i]);
    const std::int64_t axis = static_cast<std::int64_t>(i) - ahead;
    const bool stays =
        size == Ints{-1} || (axis >= 0 && c.result().sizes[i] == c.meta("self").sizes[static_cast<std::size_t>(axis)]);
    if (stays) sizes[i] = c.ints({1});
    is_same = is_same && stays;
  }
  return is_same ? self : expand_between(c, self, own, sizes);
}

ir::Value* expand_as(Call& c) {
  ir::Value* other = c.tensor("other");
  if (c.meta("self").sizes == c.meta("other").sizes) return c.tensor("self");
  Values sizes;
  for (std::int64_t axis = 0; axis < torch_rank(c, "other"); ++axis) sizes.push_back(c.size(other, axis));
  return expand_between(c, c.tensor("self"), torch_rank(c), sizes);
}

/// The sizes that all of these broadcast to.
Values common_sizes(Call& c, const std::vector<Part>& parts, const ir::Shape& told) {
  Values sizes;
  for (std::size_t axis = 0; axis < told.size(); ++axis) {
    ir::Value* size = told[axis].is_value() ? c.ints({told[axis].value()}) : nullptr;
    for (const Part& part : parts) {
      const std::int64_t own = static_cast<std::int64_t>(axis) - static_cast<std::int64_t>(told.size()) + part.rank();
      if (size == nullptr && own >= 0 && part.meta->sizes[static_cast<std::size_t>(own)] == told[axis]) {
        size = c.size(part.value, own);
      }
    }
    if (size == nullptr) c.refuse("the sizes that its tensors broadcast to are not told");
    sizes.push_back(size);
  }
  return sizes;
}

Values broadcast_tensors(Call& c) {
  const std::vector<Part> parts = parts_of(c, "tensors");
  Values results;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const ir::Shape& told = c.result(i).sizes;
    results.push_back(parts[i].meta->sizes == told
                          ? parts[i].value
                          : expand_between(c, parts[i].value, parts[i].rank(), common_sizes(c, parts, told)));
  }
  return results;
}

Values meshgrid(Call& c) {
  std::vector<Part> parts = parts_of(c, "tensors");
  const bool is_transposed = c.string("indexing", "ij") == "xy" && parts.size() >= 2;
  Values sizes;
  for (const Part& part : parts) sizes.push_back(part.rank() == 0 ? c.ints({1}) : c.size(part.value, 0));
  if (is_transposed) std::swap(sizes[0], sizes[1]);
  Values results;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::size_t at = i;
    if (is_transposed && i < 2) at = 1 - i;
    Ints axes;
    for (std::size_t axis = 0; axis < parts.size(); ++axis) {
      if (axis != at || parts[i].rank() == 0) axes.push_back(static_cast<std::int64_t>(axis));
    }
    ir::Value* own = axes.empty() ? parts[i].value : c.unsqueeze(parts[i].value, axes);
    results.push_back(expand_between(c, own, static_cast<std::int64_t>(parts.size()), sizes));
  }
  return results;
}

constexpr std::array kOps = {
    complex_too(view("aten._reshape_alias.default", view_as_sizes, reshape_back)),
    complex_too(view("aten._unsafe_view.default", view_as_sizes, reshape_back)),
    complex_too(view_if(reshape_aliases, "aten.flatten.using_ints", flatten, reshape_back)),
    complex_too(view_if(reshape_aliases, "aten.ravel.default", ravel, reshape_back)),
    complex_too(view_if(reshape_aliases, "aten.reshape.default", view_as_sizes, reshape_back)),
    complex_too(view_if(reshape_aliases, "aten.reshape_as.default", view_as_other, reshape_back)),
    complex_too(view("aten.unflatten.int", unflatten, reshape_back)),
    complex_too(view("aten.view.default", view_as_sizes, reshape_back)),
    complex_too(view("aten.view_as.default", view_as_other, reshape_back)),
    complex_too(view("aten.view.dtype", view_as_dtype)),
    complex_too(op("aten._reshape_copy.default", view_as_sizes)),
    complex_too(op("aten.view_copy.default", view_as_sizes)),
    complex_too(op("aten.view_copy.dtype", view_as_dtype)),

    complex_too(view("aten.atleast_1d.default", at_least_rank<1>, reshape_back)),
    complex_too(view("aten.atleast_2d.default", at_least_rank<2>, reshape_back)),
    complex_too(view("aten.atleast_3d.default", at_least_rank<3>, reshape_back)),
    complex_too(op("aten.atleast_1d.Sequence", all_at_least_rank<1>)),
    complex_too(op("aten.atleast_2d.Sequence", all_at_least_rank<2>)),
    complex_too(op("aten.atleast_3d.Sequence", all_at_least_rank<3>)),
    complex_too(view("aten.squeeze.default", squeeze, reshape_back)),
    complex_too(view("aten.squeeze.dim", squeeze_dims, reshape_back)),
    complex_too(view("aten.squeeze.dims", squeeze_dims, reshape_back)),
    complex_too(op("aten.squeeze_copy.default", squeeze)),
    complex_too(op("aten.squeeze_copy.dim", squeeze_dims)),
    complex_too(op("aten.squeeze_copy.dims", squeeze_dims)),
    complex_too(view("aten.unsqueeze.default", unsqueeze, reshape_back)),
    complex_too(op("aten.unsqueeze_copy.default", unsqueeze)),

    view("aten.adjoint.default", reorder<matrix_order>, reorder_back<matrix_order>),
    view("aten.mH.default", reorder<matrix_order>, reorder_back<matrix_order>),
    view("aten.matrix_H.default", reorder<matrix_order>, reorder_back<matrix_order>),
    complex_too(view("aten.mT.default", reorder<matrix_order>, reorder_back<matrix_order>)),
    complex_too(view("aten.moveaxis.int", reorder<moved_order>, reorder_back<moved_order>)),
    complex_too(view("aten.moveaxis.intlist", reorder<moved_order>, reorder_back<moved_order>)),
    complex_too(view("aten.movedim.int", reorder<moved_order>, reorder_back<moved_order>)),
    complex_too(view("aten.movedim.intlist", reorder<moved_order>, reorder_back<moved_order>)),
    complex_too(view("aten.numpy_T.default", reorder<reversed_order>, reorder_back<reversed_order>)),
    complex_too(view("aten.permute.default", reorder<permute_order>, reorder_back<permute_order>)),
    complex_too(op("aten.permute_copy.default", reorder<permute_order>)),
    complex_too(view("aten.swapaxes.default", reorder<swapped_order>, reorder_back<swapped_order>)),
    complex_too(view("aten.swapdims.default", reorder<swapped_order>, reorder_back<swapped_order>)),
    complex_too(view("aten.t.default", reorder<reversed_order>, reorder_back<reversed_order>)),
    complex_too(op("aten.t_copy.default", reorder<reversed_order>)),
    complex_too(view("aten.transpose.default", reorder<swapped_order>, reorder_back<swapped_order>)),
    complex_too(view("aten.transpose.int", reorder<swapped_order>, reorder_back<swapped_order>)),
    complex_too(op("aten.transpose_copy.int", reorder<swapped_order>)),

    complex_too(view("aten.broadcast_to.default", expand)),
    complex_too(view("aten.expand.default", expand)),
    complex_too(view("aten.expand_as.default", expand_as)),
    complex_too(op("aten.expand_copy.default", expand)),
    complex_too(op("aten.broadcast_tensors.default", broadcast_tensors)),
    complex_too(op("aten.meshgrid.default", meshgrid)),
    complex_too(op("aten.meshgrid.indexing", meshgrid)),
};

}  // namespace

Ops view_ops() { return kOps; }

}  // namespace olivine::torch

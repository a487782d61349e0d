#include <fmt/format.h>

#include "torch/lowering.h"

/// Writing in place: the functional twin's result becomes the tensor, and what shares its memory follows.
namespace olivine::torch {

std::shared_ptr<Cell> Lowering::self_cell(const Node& node) {
  if (node.inputs.empty()) return nullptr;
  const auto* name = node.inputs.front().value.as<TensorName>();
  return name != nullptr ? cell(name->name) : nullptr;
}

/// Whether a result of the call shares memory with its first argument.
bool Lowering::is_alias(const Node& node, const Op* op) {
  if (op == nullptr || !op->is_view) return false;
  if (op->aliases == nullptr) return true;
  Call call(*this, node, op->target);
  return op->aliases(call);
}

/// The tensor as of now: a view of what has been written since is taken again.
ir::Value* Lowering::current(Cell& cell) {
  if (cell.base == nullptr || cell.version == cell.storage->version) return cell.value;
  cell.value = view_of(cell, current(*cell.base));
  cell.version = cell.storage->version;
  return cell.value;
}

ir::Value* Lowering::view_of(const Cell& view, ir::Value* base) {
  const InFrame inside(frame_, *view.home);
  Call call(*this, *view.view, view.op->target, base);
  return apply(*view.op, call).at(view.output);
}

void Lowering::lower_in_place(const Node& node, const Op& op) {
  const std::shared_ptr<Cell> self = self_cell(node);
  if (self == nullptr) throw values::Refusal{"it writes into something that is no tensor"};
  if (op.is_view) {
    change_layout(node, op);
    return;
  }
  Call call(*this, node, op.target);
  const Values results = apply(op, call);
  ir::Value* before = current(*self);
  ir::Value* fresh = call.expand_to(call.cast(results.front(), call.dtype(before)), call.sizes(before));
  write(*self, fresh);
  const auto* name = node.outputs.empty() ? nullptr : node.outputs.front().as<TensorName>();
  if (name == nullptr) return;
  if (const TensorMeta* meta = find_meta(name->name)) self->value = settle(node, fresh, *meta, name->name);
  frame_->tensors.insert_or_assign(name->name, self);
}

/// `squeeze_`, `t_` and the like change no element: from here on the tensor is a view of what it was.
void Lowering::change_layout(const Node& node, const Op& op) {
  Call call(*this, node, op.target);
  bind_results(node, &op, apply(op, call));
  const auto* self = node.inputs.front().value.as<TensorName>();
  const auto* result = node.outputs.empty() ? nullptr : node.outputs.front().as<TensorName>();
  if (self != nullptr && result != nullptr) frame_->tensors.insert_or_assign(self->name, cell(result->name));
}

void Lowering::write(const std::string& name, ir::Value* fresh) { write(*cell(name), fresh); }

void Lowering::write(Cell& cell, ir::Value* fresh) {
  if (cell.base == nullptr) {
    ++cell.storage->version;
  } else {
    ir::Value* base = current(*cell.base);
    write(*cell.base, write_into_base(cell, base, fresh));
  }
  cell.value = fresh;
  cell.version = cell.storage->version;
}

ir::Value* Lowering::write_into_base(Cell& view, ir::Value* base, ir::Value* fresh) {
  const InFrame inside(frame_, *view.home);
  Call call(*this, *view.view, view.op->target, base);
  return view.op->write_back != nullptr ? view.op->write_back(call, base, fresh) : trace_write(call, view, base, fresh);
}

/// Any view: the same call on the positions of the base's elements tells which of them it shows.
ir::Value* Lowering::trace_write(Call& call, Cell& view, ir::Value* base, ir::Value* fresh) {
  ir::Value* sizes = call.sizes(base);
  ir::Value* count = call.reduce("ReduceProd", sizes, {0}, true);
  ir::Value* positions = call.reshape_to(call.range(count), sizes);
  ir::Value* shown = call.reshape(view_of(view, positions), {-1});
  ir::Value* written =
      call.emit("ScatterElements", {call.reshape(base, {-1}), shown, call.reshape(fresh, {-1})}, {{"axis", 0}});
  return call.reshape_to(written, sizes);
}

}  // namespace olivine::torch

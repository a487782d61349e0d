#pragma once

#include <span>
#include <string_view>

#include "torch/call.h"

/// The table of operators: an ATen overload is a row in its family's file under aten/.
namespace olivine::torch {

struct Op {
  /// A single result, or several (a list's elements count as results).
  using LowerOne = ir::Value* (*)(Call&);
  using LowerMany = Values (*)(Call&);
  /// The tensor that a view was taken of, with the view's elements replaced by `fresh`.
  using WriteBack = ir::Value* (*)(Call&, ir::Value* base, ir::Value* fresh);

  std::string_view target;  ///< "aten.add.Tensor"
  LowerOne one = nullptr;
  LowerMany many = nullptr;
  /// Its results share memory with the argument `self`: what is later written into one is seen through the other.
  bool is_view = false;
  WriteBack write_back = nullptr;  ///< of a view; null: by tracing positions
  /// Of a view that sometimes copies: whether this call's result shares memory. Null: it always does.
  bool (*aliases)(Call&) = nullptr;
  /// It takes complex tensors, which are pairs of reals in a last dimension of 2.
  bool takes_complex = false;
};

/// @name Rows
/// @{
constexpr Op op(std::string_view target, Op::LowerOne lower) { return {target, lower}; }
constexpr Op op(std::string_view target, Op::LowerMany lower) { return {target, nullptr, lower}; }
constexpr Op view(std::string_view target, Op::LowerOne lower, Op::WriteBack write_back = nullptr) {
  return {target, lower, nullptr, true, write_back};
}
constexpr Op view(std::string_view target, Op::LowerMany lower) { return {target, nullptr, lower, true}; }
/// A view only where `aliases` says so.
constexpr Op view_if(bool (*aliases)(Call&), std::string_view target, Op::LowerOne lower,
                     Op::WriteBack write_back = nullptr) {
  Op row = view(target, lower, write_back);
  row.aliases = aliases;
  return row;
}
/// The same row, for complex tensors too.
constexpr Op complex_too(Op row) {
  row.takes_complex = true;
  return row;
}
/// @}

using Ops = std::span<const Op>;

/// By its target, else null. In-place variants ("aten.add_.Tensor") have no rows: they are their functional twins,
/// whose result is written into `self`.
const Op* find_op(std::string_view target);

/// The row of the same target for calls that have complex tensors, where it is another; else null.
const Op* find_complex_op(std::string_view target);

/// Every row, in the order of the families.
std::vector<const Op*> all_ops();

}  // namespace olivine::torch

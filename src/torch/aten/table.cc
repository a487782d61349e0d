#include <array>
#include <unordered_map>
#include <vector>

#include "torch/aten/families.h"

namespace olivine::torch {
namespace {

constexpr std::array kFamilies = {arithmetic_ops, view_ops, symbol_ops, control_flow_ops};

}  // namespace

std::vector<const Op*> all_ops() {
  std::vector<const Op*> ops;
  for (const auto family : kFamilies) {
    for (const Op& op : family()) ops.push_back(&op);
  }
  return ops;
}

const Op* find_op(std::string_view target) {
  static const auto table = [] {
    std::unordered_map<std::string_view, const Op*> rows;
    for (const Op* op : all_ops()) rows.emplace(op->target, op);
    return rows;
  }();
  const auto found = table.find(target);
  return found != table.end() ? found->second : nullptr;
}

}  // namespace olivine::torch

#pragma once

#include <cstdint>
#include <span>
#include <string_view>

/// One row of the table of opset adapters: what happens to an operator between two of its versions.
namespace olivine::opset {

class Step;

enum class Direction : std::uint8_t { up, down };

struct Adapter {
  std::string_view domain;  ///< "" is ai.onnx
  std::string_view op_type;
  int version;  ///< the `since_version` that the step leads to (up) or away from (down)
  Direction direction;
  /// Brings the node across, in place or by others (Step::replace); throws a refusal where that can't be. Null: the
  /// node is right as it is, or, when `impossible`, there is no way.
  void (*adapt)(Step&);
  /// What it does, or why there is no way: a clause for the reference page and for error messages.
  std::string_view summary;
  bool impossible = false;
};

/// @name Rows. What needs none: types that became more or fewer (see Fit in fit.h), attributes that are new and may be
/// left out at their default, defaults that changed, and operators that onnx defines by a function.
/// @{
constexpr Adapter up(std::string_view op_type, int version, void (*adapt)(Step&), std::string_view summary) {
  return {"", op_type, version, Direction::up, adapt, summary};
}
constexpr Adapter down(std::string_view op_type, int version, void (*adapt)(Step&), std::string_view summary) {
  return {"", op_type, version, Direction::down, adapt, summary};
}
/// The newer version means more than the older one, all of which it takes as it is.
constexpr Adapter same_up(std::string_view op_type, int version, std::string_view summary) {
  return {"", op_type, version, Direction::up, nullptr, summary};
}
/// Both versions mean the same wherever the older one's signature holds.
constexpr Adapter same_down(std::string_view op_type, int version, std::string_view summary) {
  return {"", op_type, version, Direction::down, nullptr, summary};
}
constexpr Adapter impossible_down(std::string_view op_type, int version, std::string_view why) {
  return {"", op_type, version, Direction::down, nullptr, why, true};
}
/// A row of another domain.
constexpr Adapter in_domain(std::string_view domain, Adapter adapter) {
  adapter.domain = domain;
  return adapter;
}
/// @}

/// Every row.
std::span<const Adapter> all_adapters();
/// The row of a step, or null.
const Adapter* find_adapter(std::string_view domain, std::string_view op_type, int version, Direction direction);

}  // namespace olivine::opset

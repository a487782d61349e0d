#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"
#include "onnx/onnx.h"
#include "opset/adapter.h"

/// The versions that an operator passes through on its way from one opset to another.
namespace olivine::opset {

/// From one version of an operator to the next, older or newer one.
struct Hop {
  Direction direction;
  onnx::Schema from;
  std::optional<onnx::Schema> to;  ///< nothing: the operator does not exist there
  std::int64_t opset;              ///< of a node that is `to`
  const Adapter* adapter;          ///< or null
  /// Attributes that `to` reads differently where they are left out: they are written out with the old default.
  std::vector<ir::Attribute> defaults;
  /// Whether any node of `from` is one of `to`, whatever its inputs and attributes.
  bool plain = false;
};

using Route = std::vector<Hop>;

/// Whether both hold the same numbers or strings; never for tensors, graphs and types.
bool same_content(const ir::AttributeValue& a, const ir::AttributeValue& b);

/// Routes of one conversion, made when they are first asked for.
class Routes {
 public:
  /// Of an operator in a model of opset `from` to one of opset `to`. Empty where its meaning does not change, or where
  /// onnx does not know it.
  const Route& find(std::string_view op_type, std::string_view domain, std::int64_t from, std::int64_t to);

 private:
  std::unordered_map<std::string, Route> routes_;
  std::string key_;
};

}  // namespace olivine::opset

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "opset/adapter.h"

/// Every step that the operators of a domain have taken, and what the converter does about it: the content of the
/// reference page, and what the test of the table's completeness goes by.
namespace olivine::opset {

enum class Means : std::uint8_t {
  nothing,     ///< a row says that the node is right as it is
  automatic,   ///< the engine alone: types, attributes at their default
  adapter,     ///< a row with a function
  definition,  ///< onnx defines the operator by others
  none,        ///< a row says why there is no way
  missing,     ///< the table lacks a row
};

struct Account {
  Means means = Means::missing;
  std::string text;  ///< a clause
};

struct VersionStep {
  std::string_view op_type;
  int from = 0;  ///< 0: the operator is new
  int to = 0;
  Account up;  ///< nothing to say where the operator is new
  Account down;
};

/// By operator and version. Down there are none to versions below opset 7, of which no conversion is promised.
std::vector<VersionStep> version_steps(std::string_view domain);

}  // namespace olivine::opset

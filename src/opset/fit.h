#pragma once

#include <optional>
#include <string>

#include "base/dtype.h"
#include "ir/graph.h"
#include "onnx/onnx.h"

/// Types that a version of an operator does not take, and the types in whose guise they pass.
namespace olivine::opset {

/// A type of `parameter` that can stand for `dtype` in an operator without changing what it computes, or nothing: for
/// operators that only move elements, every type that holds each value of `dtype`; for those that compute, a wider type
/// of the same nature; integers as floats only where elements are compared and not changed.
std::optional<DataType> find_carrier(std::string_view op_type, DataType dtype, const onnx::Parameter& parameter);

/// Everything of a node that `schema` refuses: an unknown attribute, too many inputs, a missing one, a type. Types that
/// aren't known pass.
std::optional<std::string> find_misfit(const ir::Node& node, const onnx::Schema& schema);

}  // namespace olivine::opset

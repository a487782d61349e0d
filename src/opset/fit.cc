#include "opset/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace olivine::opset {
namespace {

/// How an operator treats the elements of its first type variable.
enum class Nature {
  moves,     ///< hands elements on
  orders,    ///< compares them and hands them on
  computes,  ///< makes new ones
};

constexpr std::string_view kMoves[] = {
    "Compress",
    "Concat",
    "ConcatFromSequence",
    "DepthToSpace",
    "Expand",
    "Flatten",
    "Gather",
    "GatherElements",
    "GatherND",
    "Identity",
    "OneHot",
    "Pad",
    "Reshape",
    "ReverseSequence",
    "Scatter",
    "ScatterElements",
    "ScatterND",
    "Shape",
    "Size",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Trilu",
    "Unsqueeze",
    "Where",
    "EyeLike",
};
constexpr std::string_view kOrders[] = {
    "ArgMax", "ArgMin",  "Clip",      "Equal",     "Greater", "GreaterOrEqual", "Less",          "LessOrEqual", "Max",
    "Min",    "MaxPool", "ReduceMax", "ReduceMin", "Relu",    "TopK",           "Abs",           "Sign",        "IsInf",
    "IsNaN",  "NonZero", "Unique",    "Neg",       "Not",     "MaxUnpool",      "GlobalMaxPool", "Hardmax",
};

Nature nature_of(std::string_view op_type) {
  if (std::ranges::find(kMoves, op_type) != std::end(kMoves)) return Nature::moves;
  if (std::ranges::find(kOrders, op_type) != std::end(kOrders)) return Nature::orders;
  return Nature::computes;
}

/// Whether what is computed in `carrier` and then cast to `dtype` is what is computed in `dtype`: floats round once
/// more from more bits, integers wrap around the same way.
bool computes_alike(DataType dtype, DataType carrier) {
  if (is_float(dtype)) return is_float(carrier) && bit_width(carrier) >= 32;
  if (!is_integer(dtype) || !is_integer(carrier)) return false;
  return bit_width(carrier) > bit_width(dtype);
}

}  // namespace

std::optional<DataType> find_carrier(std::string_view op_type, DataType dtype, const onnx::Parameter& parameter) {
  // Narrow ones first: the cheapest that does.
  static constexpr std::array kCandidates = {
      DataType::uint8, DataType::int8,    DataType::float16, DataType::int32,  DataType::float32,
      DataType::int64, DataType::float64, DataType::uint32,  DataType::uint64,
  };
  if (dtype == DataType::string || dtype == DataType::complex64 || dtype == DataType::complex128) return std::nullopt;
  const Nature nature = nature_of(op_type);
  for (const DataType candidate : kCandidates) {
    if (!parameter.accepts(candidate) || !tensor::is_exact_cast(dtype, candidate)) continue;
    if (nature == Nature::computes && !computes_alike(dtype, candidate)) continue;
    // A float16 has subnormals that kernels may flush; floats are carried as floats of 32 bits and more.
    if (candidate == DataType::float16 && nature != Nature::moves) continue;
    return candidate;
  }
  return std::nullopt;
}

std::optional<std::string> find_misfit(const ir::Node& node, const onnx::Schema& schema) {
  for (const ir::Attribute& attribute : node.attributes()) {
    if (!schema.has_attribute(attribute.name)) return fmt::format("it has no attribute '{}'", attribute.name);
  }
  std::size_t present = node.inputs().size();
  while (present > 0 && node.input(present - 1) == nullptr) --present;
  for (std::size_t i = 0; i < present; ++i) {
    const onnx::Parameter* parameter = schema.input(i);
    if (parameter == nullptr) return fmt::format("it takes no more than {} inputs", schema.inputs().size());
    const ir::Value* value = node.input(i);
    if (value == nullptr) {
      if (parameter->arity == onnx::Arity::single) return fmt::format("its '{}' cannot be left out", parameter->name);
      continue;
    }
    if (value->type.known() && ir::element_type(value->type) != DataType::undefined &&
        !parameter->accepts(value->type)) {
      return fmt::format("its '{}' does not take {}", parameter->name, ir::to_string(value->type));
    }
  }
  if (present < schema.min_inputs()) return fmt::format("it takes at least {} inputs", schema.min_inputs());
  for (std::size_t i = 0; i < node.output_count(); ++i) {
    const ir::Value* value = node.output(i);
    if (value == nullptr) continue;
    const onnx::Parameter* parameter = schema.output(i);
    if (parameter == nullptr) return fmt::format("it makes no more than {} outputs", schema.outputs().size());
    if (value->type.known() && ir::element_type(value->type) != DataType::undefined &&
        !parameter->accepts(value->type)) {
      return fmt::format("its '{}' cannot be {}", parameter->name, ir::to_string(value->type));
    }
  }
  return std::nullopt;
}

}  // namespace olivine::opset

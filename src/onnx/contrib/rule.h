#pragma once

#include <onnx/defs/shape_inference.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "onnx/contrib/facts.h"

/// How the types and shapes of an operator's outputs follow from its inputs and attributes.
namespace olivine::onnx::contrib {

using Dim = ::onnx::TensorShapeProto::Dimension;
using Shape = ::onnx::TensorShapeProto;

/// The node that is looked at, with the facts of its operator.
struct Context {
  ::onnx::InferenceContext& node;
  const Row& row;

  /// The shape of an input that is a tensor (or a sparse one) of known rank, or null.
  const Shape* shape(std::size_t input) const;
  /// The node's integer attribute, or its default; nothing when it has neither.
  std::optional<std::int64_t> integer(std::string_view attribute) const;
  /// An element of an integer input that is constant.
  std::optional<std::int64_t> constant(std::size_t input, std::size_t index = 0) const;
  /// All of them.
  std::optional<std::vector<std::int64_t>> constants(std::size_t input) const;
  /// Gives an output its shape, unless the node does not have it, its element type is not known, or it has one.
  void set_shape(std::size_t output, const Shape& shape) const;
  bool has_output(std::size_t output) const;
};

/// Does the work where a text would say it badly. Element types are set already.
using Function = void (*)(const Context&);

/// An operator of onnx that has the same shapes.
struct Like {
  const char* op_type = nullptr;
  int opset = 0;
};

enum class Layout {
  channels_first,
  channels_last,
  by_attribute  ///< as the attribute channels_last says
};

struct Rule {
  std::string_view op_type;
  /// Outputs whose element type neither the facts nor a type variable tells: `output=source,source,…`, the first source
  /// that tells something. A source is `@input`, an attribute that holds a type, a type, or `attribute?type` where the
  /// attribute is not 0.
  std::string_view types = {};
  /// See pattern.h.
  std::string_view shapes = {};
  Function function = nullptr;
  Like like = {};
  Layout layout = Layout::channels_first;
};

std::span<const Rule> rules();
/// Null where only element types follow.
const Rule* find_rule(std::string_view op_type);

/// Sets what is known of the outputs. Never refuses a node: whether it may be so is for ONNX Runtime to say, and a
/// newer one may allow more.
void infer(const Context& context);

}  // namespace olivine::onnx::contrib

#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "ir/graph.h"
#include "onnx/read_parts.h"

namespace olivine::onnx {

/// Reads a GraphProto in the scope where the attribute stands.
using GraphRead = std::function<std::unique_ptr<ir::Graph>(std::string_view message)>;

ir::Attribute read_attribute(std::string_view message, Origin& origin, const GraphRead& read_graph);

}  // namespace olivine::onnx

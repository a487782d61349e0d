#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <string_view>

#include "onnx/onnx.h"

/// Inside the room: the bridges between the IR and onnx's own messages.
namespace olivine::onnx {

/// A serialized ModelProto. Throws Error[conversion] where protobuf refuses it.
::onnx::ModelProto parsed_proto(const std::string& message);

/// The model as onnx's C++ functions want it; payloads above `limit` bytes are left out (see serialize_weightless).
::onnx::ModelProto weightless_proto(const ir::Model& model, std::uint64_t limit = 1024);

/// The value of a serialized AttributeProto without graphs or external data.
ir::AttributeValue read_attribute_value(std::string_view message);

}  // namespace olivine::onnx

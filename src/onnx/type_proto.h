#pragma once

#include <onnx/onnx_pb.h>

#include "ir/type.h"

/// Inside the room: types between the IR and onnx's messages without a detour over bytes.
namespace olivine::onnx {

void write_type(const ir::Type& type, ::onnx::TypeProto& proto);
ir::Type type_of(const ::onnx::TypeProto& proto);

void write_dim(const ir::Dim& dim, ::onnx::TensorShapeProto::Dimension& proto);

}  // namespace olivine::onnx

#include "onnx/type_proto.h"

namespace olivine::onnx {
namespace {

template <typename Message>
void write_tensor(DataType dtype, const std::optional<ir::Shape>& shape, Message& message) {
  message.set_elem_type(static_cast<std::int32_t>(dtype));
  if (!shape) return;
  auto* dims = message.mutable_shape();
  for (const ir::Dim& dim : *shape) write_dim(dim, *dims->add_dim());
}

template <typename TensorLike, typename Message>
TensorLike tensor_of(const Message& message) {
  TensorLike type;
  type.dtype = static_cast<DataType>(message.elem_type());
  if (!message.has_shape()) return type;
  ir::Shape& shape = type.shape.emplace();
  for (const auto& dim : message.shape().dim()) {
    if (dim.has_dim_value()) {
      shape.emplace_back(dim.dim_value());
    } else if (dim.has_dim_param() && !dim.dim_param().empty()) {
      shape.emplace_back(dim.dim_param());
    } else {
      shape.emplace_back();
    }
    shape.back().denotation = dim.denotation();
  }
  return type;
}

std::shared_ptr<const ir::Type> element_of(const ::onnx::TypeProto& proto) {
  return std::make_shared<const ir::Type>(type_of(proto));
}

struct Write {
  ::onnx::TypeProto& proto;

  void operator()(std::monostate) const {}
  void operator()(const ir::TensorType& type) const {
    write_tensor(type.dtype, type.shape, *proto.mutable_tensor_type());
  }
  void operator()(const ir::SparseTensorType& type) const {
    write_tensor(type.dtype, type.shape, *proto.mutable_sparse_tensor_type());
  }
  void operator()(const ir::SequenceType& type) const {
    auto* message = proto.mutable_sequence_type();
    if (type.element) write_type(*type.element, *message->mutable_elem_type());
  }
  void operator()(const ir::OptionalType& type) const {
    auto* message = proto.mutable_optional_type();
    if (type.element) write_type(*type.element, *message->mutable_elem_type());
  }
  void operator()(const ir::MapType& type) const {
    auto* message = proto.mutable_map_type();
    message->set_key_type(static_cast<std::int32_t>(type.key));
    if (type.value) write_type(*type.value, *message->mutable_value_type());
  }
  void operator()(const ir::OpaqueType& type) const {
    auto* message = proto.mutable_opaque_type();
    message->set_domain(type.domain);
    message->set_name(type.name);
  }
};

}  // namespace

void write_dim(const ir::Dim& dim, ::onnx::TensorShapeProto::Dimension& proto) {
  if (dim.is_value()) proto.set_dim_value(dim.value());
  if (dim.is_symbol()) proto.set_dim_param(dim.symbol());
  if (!dim.denotation.empty()) proto.set_denotation(dim.denotation);
}

void write_type(const ir::Type& type, ::onnx::TypeProto& proto) {
  std::visit(Write{proto}, type.kind);
  if (!type.denotation.empty()) proto.set_denotation(type.denotation);
}

ir::Type type_of(const ::onnx::TypeProto& proto) {
  ir::Type type;
  if (proto.has_tensor_type()) type.kind = tensor_of<ir::TensorType>(proto.tensor_type());
  if (proto.has_sparse_tensor_type()) type.kind = tensor_of<ir::SparseTensorType>(proto.sparse_tensor_type());
  if (proto.has_sequence_type()) type.kind = ir::SequenceType{element_of(proto.sequence_type().elem_type())};
  if (proto.has_optional_type()) type.kind = ir::OptionalType{element_of(proto.optional_type().elem_type())};
  if (proto.has_map_type()) {
    type.kind =
        ir::MapType{static_cast<DataType>(proto.map_type().key_type()), element_of(proto.map_type().value_type())};
  }
  if (proto.has_opaque_type()) type.kind = ir::OpaqueType{proto.opaque_type().domain(), proto.opaque_type().name()};
  type.denotation = proto.denotation();
  return type;
}

}  // namespace olivine::onnx

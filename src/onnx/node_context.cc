#include "onnx/node_context.h"

#include <algorithm>

#include "onnx/type_proto.h"

namespace olivine::onnx {
namespace {

/// Payloads of more bytes than this say nothing about a shape.
constexpr std::uint64_t kTellingBytes = 1 << 16;

void write_tensor(const tensor::Tensor& tensor, ::onnx::TensorProto& proto) {
  proto.set_data_type(static_cast<std::int32_t>(tensor.dtype()));
  for (const std::int64_t dim : tensor.dims()) proto.add_dims(dim);
  if (tensor.dtype() == DataType::string) {
    for (const std::string& text : tensor.strings()) proto.add_string_data(text);
    return;
  }
  if (tensor.byte_size() > kTellingBytes) {
    proto.set_data_location(::onnx::TensorProto::EXTERNAL);
    return;
  }
  std::string& bytes = *proto.mutable_raw_data();
  bytes.resize(tensor.byte_size());
  tensor.read(0, tensor.element_count(), reinterpret_cast<std::byte*>(bytes.data()));
}

struct WriteValue {
  ::onnx::AttributeProto& proto;

  void operator()(std::monostate) const {}
  void operator()(float value) const { proto.set_f(value); }
  void operator()(std::int64_t value) const { proto.set_i(value); }
  void operator()(const std::string& value) const { proto.set_s(value); }
  void operator()(const ir::NamedTensor& value) const { write_tensor(value.tensor, *proto.mutable_t()); }
  void operator()(const ir::SparseTensor& value) const {
    auto* sparse = proto.mutable_sparse_tensor();
    write_tensor(value.values.tensor, *sparse->mutable_values());
    write_tensor(value.indices.tensor, *sparse->mutable_indices());
    for (const std::int64_t dim : value.dims) sparse->add_dims(dim);
  }
  void operator()(const ir::Type& value) const { write_type(value, *proto.mutable_tp()); }
  void operator()(const std::vector<float>& values) const { proto.mutable_floats()->Add(values.begin(), values.end()); }
  void operator()(const std::vector<std::int64_t>& values) const {
    proto.mutable_ints()->Add(values.begin(), values.end());
  }
  void operator()(const std::vector<std::string>& values) const {
    for (const std::string& value : values) proto.add_strings(value);
  }
  void operator()(const std::vector<ir::NamedTensor>& values) const {
    for (const auto& value : values) write_tensor(value.tensor, *proto.add_tensors());
  }
  void operator()(const std::vector<ir::Type>& values) const {
    for (const auto& value : values) write_type(value, *proto.add_type_protos());
  }
  /// Graphs are inferred through their own inferencers; no inference function looks into several sparse tensors.
  void operator()(const std::unique_ptr<ir::Graph>&) const {}
  void operator()(const std::vector<std::unique_ptr<ir::Graph>>&) const {}
  void operator()(const std::vector<ir::SparseTensor>&) const {}
};

}  // namespace

const ir::Attribute* resolved(const ir::Attribute* attribute, const CallFrame* frame) {
  while (attribute != nullptr && !attribute->reference.empty()) {
    if (frame == nullptr) return nullptr;
    const std::string& name = attribute->reference;
    const auto& defaults = frame->function->default_attributes;
    attribute = frame->call->find(name);
    if (attribute == nullptr) {
      const auto entry = std::find_if(defaults.begin(), defaults.end(), [&](const auto& a) { return a.name == name; });
      attribute = entry == defaults.end() ? nullptr : &*entry;
    }
    frame = frame->outer;
  }
  return attribute;
}

const ::onnx::AttributeProto* NodeContext::getAttribute(const std::string& name) const {
  for (const auto& made : attributes_) {
    if (made->name() == name) return made.get();
  }
  const ir::Attribute* attribute = resolved(node_.find(name), frame_);
  if (attribute == nullptr) return nullptr;
  ::onnx::AttributeProto& proto = *attributes_.emplace_back(std::make_unique<::onnx::AttributeProto>());
  proto.set_name(name);
  proto.set_type(static_cast<::onnx::AttributeProto::AttributeType>(attribute->kind()));
  std::visit(WriteValue{proto}, attribute->value);
  return &proto;
}

bool NodeContext::hasInput(std::size_t index) const {
  const ir::Value* value = node_.input(index);
  return value != nullptr && !surroundings_.is_absent(*value);
}

const ::onnx::TypeProto* NodeContext::getInputType(std::size_t index) const {
  const ir::Value* value = node_.input(index);
  if (value == nullptr || !value->type.known()) return nullptr;
  auto& proto = input_types_[index];
  if (proto == nullptr) {
    proto = std::make_unique<::onnx::TypeProto>();
    write_type(value->type, *proto);
  }
  return proto.get();
}

const ::onnx::TensorProto* NodeContext::getInputData(std::size_t index) const {
  const ir::Value* value = node_.input(index);
  const tensor::Tensor* constant = value ? evaluator_.constant(*value) : nullptr;
  if (constant == nullptr || constant->byte_size() > kTellingBytes) return nullptr;
  write_tensor(*constant, *data_.emplace_back(std::make_unique<::onnx::TensorProto>()));
  return data_.back().get();
}

const ::onnx::TensorShapeProto* NodeContext::getSymbolicInput(std::size_t index) const {
  const ir::Value* value = node_.input(index);
  const std::optional<ir::Shape> elements = value ? evaluator_.elements(*value) : std::nullopt;
  if (!elements) return nullptr;
  ::onnx::TensorShapeProto& proto = *elements_.emplace_back(std::make_unique<::onnx::TensorShapeProto>());
  for (const ir::Dim& element : *elements) write_dim(element, *proto.add_dim());
  return &proto;
}

::onnx::GraphInferencer* NodeContext::getGraphAttributeInferencer(const std::string& name) {
  const ir::Attribute* attribute = node_.find(name);
  const auto* graph = attribute ? std::get_if<std::unique_ptr<ir::Graph>>(&attribute->value) : nullptr;
  if (graph == nullptr || *graph == nullptr) {
    throw ::onnx::InferenceError("attribute '" + name + "' holds no graph");
  }
  inferencers_.push_back(surroundings_.inferencer_of(**graph));
  return inferencers_.back().get();
}

}  // namespace olivine::onnx

#include "onnx/serialize.h"

#include <fmt/format.h>

#include "onnx/fields.h"
#include "onnx/onnx.h"
#include "onnx/wire.h"

namespace olivine::onnx {
namespace {

using wire::Writer;

void put_metadata(Writer& writer, std::uint32_t number, const ir::Metadata& entries) {
  for (const auto& [key, value] : entries) {
    Writer entry;
    entry.put_text(field::entry::key, key);
    entry.put_text(field::entry::value, value);
    writer.put_message(number, std::move(entry));
  }
}

void put_annotations(Writer& writer, std::uint32_t doc_string, std::uint32_t metadata,
                     const ir::Annotations& annotations) {
  if (annotations.empty()) return;
  const auto& content = annotations.get();
  writer.put_text_if(doc_string, content.doc_string);
  put_metadata(writer, metadata, content.metadata);
  writer.put_unknown(content.unknown_fields);
}

// ---- Types

Writer shape_message(const ir::Shape& shape) {
  Writer writer;
  for (const ir::Dim& dim : shape) {
    Writer message;
    if (dim.is_value()) message.put_varint(field::dim::value, dim.value());
    if (dim.is_symbol()) message.put_text(field::dim::symbol, dim.symbol());
    message.put_text_if(field::dim::denotation, dim.denotation);
    writer.put_message(field::shape::dim, std::move(message));
  }
  return writer;
}

Writer tensor_type_message(DataType dtype, const std::optional<ir::Shape>& shape) {
  Writer writer;
  writer.put_varint(field::tensor_type::elem_type, static_cast<std::int64_t>(dtype));
  if (shape) writer.put_message(field::tensor_type::shape, shape_message(*shape));
  return writer;
}

Writer element_message(const std::shared_ptr<const ir::Type>& element) {
  Writer writer;
  if (element) writer.put_message(field::tensor_type::elem_type, type_message(*element));
  return writer;
}

struct PutKind {
  Writer& writer;

  void operator()(std::monostate) const {}
  void operator()(const ir::TensorType& type) const {
    writer.put_message(field::type::tensor, tensor_type_message(type.dtype, type.shape));
  }
  void operator()(const ir::SparseTensorType& type) const {
    writer.put_message(field::type::sparse_tensor, tensor_type_message(type.dtype, type.shape));
  }
  void operator()(const ir::SequenceType& type) const {
    writer.put_message(field::type::sequence, element_message(type.element));
  }
  void operator()(const ir::OptionalType& type) const {
    writer.put_message(field::type::optional, element_message(type.element));
  }
  void operator()(const ir::MapType& type) const {
    Writer message;
    message.put_varint(field::map_type::key_type, static_cast<std::int64_t>(type.key));
    if (type.value) message.put_message(field::map_type::value_type, type_message(*type.value));
    writer.put_message(field::type::map, std::move(message));
  }
  void operator()(const ir::OpaqueType& type) const {
    Writer message;
    message.put_text_if(field::opaque_type::domain, type.domain);
    message.put_text_if(field::opaque_type::name, type.name);
    writer.put_message(field::type::opaque, std::move(message));
  }
};

// ---- Graphs

class ModelWriter {
 public:
  explicit ModelWriter(const TensorPolicy& policy) : policy_(policy) {}

  Writer model(const ir::Model& model) const {
    Writer writer;
    writer.put_varint(field::model::ir_version, model.ir_version);
    writer.put_text_if(field::model::producer_name, model.producer_name);
    writer.put_text_if(field::model::producer_version, model.producer_version);
    writer.put_text_if(field::model::domain, model.domain);
    if (model.model_version != 0) writer.put_varint(field::model::model_version, model.model_version);
    writer.put_message(field::model::graph, graph(*model.graph));
    put_opsets(writer, field::model::opset_import, model.opset_imports);
    put_annotations(writer, field::model::doc_string, field::model::metadata_props, model.annotations);
    for (const std::string& message : model.training_info) writer.put_text(field::model::training_info, message);
    for (const auto& function : model.functions) writer.put_message(field::model::functions, this->function(*function));
    return writer;
  }

  Writer graph(const ir::Graph& graph) const {
    Writer writer;
    const bool is_main = graph.parent_node() == nullptr;
    for (const ir::Node& node : graph.nodes()) writer.put_message(field::graph::node, this->node(node));
    writer.put_text_if(field::graph::name, graph.name);
    for (const ir::Value* value : graph.initializers()) put_initializer(writer, *value);
    for (const ir::Value* value : graph.inputs()) writer.put_message(field::graph::input, value_info(*value, is_main));
    for (const ir::Value* value : graph.outputs())
      writer.put_message(field::graph::output, value_info(*value, is_main));
    put_value_infos(writer, field::graph::value_info, graph);
    for (const auto& annotation : graph.quantization_annotations) {
      Writer message;
      message.put_text_if(field::annotation::tensor_name, annotation.tensor_name);
      put_metadata(message, field::annotation::parameters, annotation.parameters);
      message.put_unknown(annotation.unknown_fields);
      writer.put_message(field::graph::quantization_annotation, std::move(message));
    }
    put_annotations(writer, field::graph::doc_string, field::graph::metadata_props, graph.annotations);
    return writer;
  }

  Writer function(const ir::Function& function) const {
    Writer writer;
    writer.put_text(field::function::name, function.name);
    for (const ir::Value* input : function.body->inputs()) writer.put_text(field::function::input, input->name());
    for (const ir::Value* output : function.body->outputs()) writer.put_text(field::function::output, output->name());
    for (const std::string& attribute : function.attributes) writer.put_text(field::function::attribute, attribute);
    for (const ir::Node& node : function.body->nodes()) writer.put_message(field::function::node, this->node(node));
    put_opsets(writer, field::function::opset_import, function.opset_imports);
    writer.put_text(field::function::domain, function.domain);
    for (const ir::Attribute& default_attribute : function.default_attributes) {
      writer.put_message(field::function::attribute_proto, attribute(default_attribute));
    }
    put_value_infos(writer, field::function::value_info, *function.body);
    writer.put_text_if(field::function::overload, function.overload);
    put_annotations(writer, field::function::doc_string, field::function::metadata_props, function.annotations);
    return writer;
  }

 private:
  static void put_opsets(Writer& writer, std::uint32_t number, const std::vector<ir::OpsetImport>& imports) {
    for (const ir::OpsetImport& import : imports) {
      Writer message;
      message.put_text(field::opset::domain, import.domain);
      message.put_varint(field::opset::version, import.version);
      writer.put_message(number, std::move(message));
    }
  }

  Writer node(const ir::Node& node) const {
    Writer writer;
    for (const ir::Value* input : node.inputs())
      writer.put_text(field::node::input, input ? std::string_view(input->name()) : std::string_view());
    for (const auto& output : node.outputs()) {
      writer.put_text(field::node::output, output ? std::string_view(output->name()) : std::string_view());
    }
    writer.put_text_if(field::node::name, node.name);
    writer.put_text(field::node::op_type, node.op_type);
    writer.put_text_if(field::node::domain, node.domain);
    writer.put_text_if(field::node::overload, node.overload);
    for (const ir::Attribute& entry : node.attributes()) writer.put_message(field::node::attribute, attribute(entry));
    put_annotations(writer, field::node::doc_string, field::node::metadata_props, node.annotations);
    return writer;
  }

  static Writer value_info(const ir::Value& value, bool always_typed) {
    Writer writer;
    writer.put_text(field::value_info::name, value.name());
    if (value.type.known() && (value.listed || always_typed))
      writer.put_message(field::value_info::type, type_message(value.type));
    put_annotations(writer, field::value_info::doc_string, field::value_info::metadata_props, value.annotations);
    return writer;
  }

  /// Initializers and inner values whose types the file is to tell; inputs and outputs have told theirs.
  void put_value_infos(Writer& writer, std::uint32_t number, const ir::Graph& graph) const {
    const auto put = [&](const ir::Value& value) {
      if (value.listed && !value.is_graph_input() && !is_output_of(value, graph))
        writer.put_message(number, value_info(value, true));
    };
    for (const ir::Value* value : graph.initializers()) put(*value);
    for (const ir::Node& node : graph.nodes()) {
      for (const auto& output : node.outputs()) {
        if (output) put(*output);
      }
    }
  }

  static bool is_output_of(const ir::Value& value, const ir::Graph& graph) {
    for (const ir::Use& use : value.uses()) {
      if (use.node == nullptr && use.graph == &graph) return true;
    }
    return false;
  }

  void put_initializer(Writer& writer, const ir::Value& value) const {
    if (const ir::SparseTensor* sparse = value.sparse_initializer()) {
      writer.put_message(field::graph::sparse_initializer, sparse_tensor(*sparse, value.name()));
    } else {
      writer.put_message(field::graph::initializer, tensor(*value.initializer(), value.name(),
                                                           value.initializer_annotations(), TensorRole::initializer));
    }
  }

  Writer sparse_tensor(const ir::SparseTensor& sparse, std::string_view name) const {
    Writer writer;
    // Sparse tensors stay in the model file: no runtime reads them from elsewhere.
    writer.put_message(field::sparse_tensor::values,
                       tensor(sparse.values.tensor, name, sparse.values.annotations, TensorRole::sparse));
    writer.put_message(field::sparse_tensor::indices, tensor(sparse.indices.tensor, sparse.indices.name,
                                                             sparse.indices.annotations, TensorRole::sparse));
    for (const std::int64_t dim : sparse.dims) writer.put_varint(field::sparse_tensor::dims, dim);
    writer.put_unknown(sparse.unknown_fields);
    return writer;
  }

  Writer tensor(const tensor::Tensor& tensor, std::string_view name, const ir::Annotations& annotations,
                TensorRole role) const {
    Writer writer;
    for (const std::int64_t dim : tensor.dims()) writer.put_varint(field::tensor::dims, dim);
    writer.put_varint(field::tensor::data_type, static_cast<std::int64_t>(tensor.dtype()));
    writer.put_text_if(field::tensor::name, name);
    put_data(writer, tensor, name, role);
    put_annotations(writer, field::tensor::doc_string, field::tensor::metadata_props, annotations);
    return writer;
  }

  void put_data(Writer& writer, const tensor::Tensor& tensor, std::string_view name, TensorRole role) const {
    if (tensor.dtype() == DataType::string) {
      for (const std::string& text : tensor.strings()) writer.put_text(field::tensor::string_data, text);
      return;
    }
    if (tensor.element_count() == 0) return;
    const std::optional<ExternalData> external = policy_(tensor, name, role);
    if (!external) {
      writer.put_payload(field::tensor::raw_data, tensor);
      return;
    }
    ir::Metadata entries = {{"location", external->location}};
    if (external->length != 0) {
      entries.emplace_back("offset", std::to_string(external->offset));
      entries.emplace_back("length", std::to_string(external->length));
    }
    put_metadata(writer, field::tensor::external_data, entries);
    writer.put_varint(field::tensor::data_location, 1);
  }

  Writer attribute(const ir::Attribute& attribute) const {
    Writer writer;
    writer.put_text(field::attribute::name, attribute.name);
    writer.put_text_if(field::attribute::ref_attr_name, attribute.reference);
    if (attribute.kind() != ir::AttributeKind::undefined) {
      writer.put_varint(field::attribute::type, static_cast<std::int64_t>(attribute.kind()));
    }
    std::visit([&](const auto& value) { put_value(writer, value); }, attribute.value);
    put_annotations(writer, field::attribute::doc_string, 0, attribute.annotations);
    return writer;
  }

  void put_value(Writer&, std::monostate) const {}
  void put_value(Writer& writer, float value) const { writer.put_float(field::attribute::f, value); }
  void put_value(Writer& writer, std::int64_t value) const { writer.put_varint(field::attribute::i, value); }
  void put_value(Writer& writer, const std::string& value) const { writer.put_text(field::attribute::s, value); }
  void put_value(Writer& writer, const ir::NamedTensor& value) const {
    writer.put_message(field::attribute::t, tensor(value.tensor, value.name, value.annotations, TensorRole::attribute));
  }
  void put_value(Writer& writer, const std::unique_ptr<ir::Graph>& value) const {
    writer.put_message(field::attribute::g, graph(*value));
  }
  void put_value(Writer& writer, const ir::SparseTensor& value) const {
    writer.put_message(field::attribute::sparse_tensor, sparse_tensor(value, value.values.name));
  }
  void put_value(Writer& writer, const ir::Type& value) const {
    writer.put_message(field::attribute::tp, type_message(value));
  }
  void put_value(Writer& writer, const std::vector<float>& values) const {
    for (const float value : values) writer.put_float(field::attribute::floats, value);
  }
  void put_value(Writer& writer, const std::vector<std::int64_t>& values) const {
    for (const std::int64_t value : values) writer.put_varint(field::attribute::ints, value);
  }
  void put_value(Writer& writer, const std::vector<std::string>& values) const {
    for (const std::string& value : values) writer.put_text(field::attribute::strings, value);
  }
  void put_value(Writer& writer, const std::vector<ir::NamedTensor>& values) const {
    for (const ir::NamedTensor& value : values) {
      writer.put_message(field::attribute::tensors,
                         tensor(value.tensor, value.name, value.annotations, TensorRole::attribute));
    }
  }
  void put_value(Writer& writer, const std::vector<std::unique_ptr<ir::Graph>>& values) const {
    for (const auto& value : values) writer.put_message(field::attribute::graphs, graph(*value));
  }
  void put_value(Writer& writer, const std::vector<ir::SparseTensor>& values) const {
    for (const auto& value : values)
      writer.put_message(field::attribute::sparse_tensors, sparse_tensor(value, value.values.name));
  }
  void put_value(Writer& writer, const std::vector<ir::Type>& values) const {
    for (const ir::Type& value : values) writer.put_message(field::attribute::type_protos, type_message(value));
  }

  const TensorPolicy& policy_;
};

/// Fills in the payloads, which must be small enough to be held in memory.
std::string joined(Writer&& writer) {
  std::string result;
  result.reserve(writer.size());
  std::size_t at = 0;
  for (const auto& [position, tensor] : writer.payloads()) {
    result.append(writer.text(), at, position - at);
    at = position;
    const std::size_t start = result.size();
    result.resize(start + tensor.byte_size());
    tensor.read(0, tensor.element_count(), reinterpret_cast<std::byte*>(result.data() + start));
  }
  result.append(writer.text(), at);
  return result;
}

}  // namespace

Writer type_message(const ir::Type& type) {
  Writer writer;
  std::visit(PutKind{writer}, type.kind);
  writer.put_text_if(field::type::denotation, type.denotation);
  writer.put_unknown(type.unknown_fields);
  return writer;
}

std::string serialize_in_memory(const ir::Model& model, const TensorPolicy& policy) {
  return joined(ModelWriter(policy).model(model));
}

std::string serialize_graph_message(const ir::Graph& graph, const TensorPolicy& policy) {
  return joined(ModelWriter(policy).graph(graph));
}

std::string serialize_function_message(const ir::Function& function, const TensorPolicy& policy) {
  return joined(ModelWriter(policy).function(function));
}

TensorPolicy weightless_policy(std::uint64_t limit) {
  return [limit](const tensor::Tensor& tensor, std::string_view, TensorRole role) {
    // onnx's checker does not look for a file whose name begins with '#'. It does look into sparse tensors.
    const bool inline_payload = tensor.byte_size() <= limit || role == TensorRole::sparse;
    return inline_payload ? std::nullopt : std::optional(ExternalData{"#", 0, tensor.byte_size()});
  };
}

Serialized serialize(const ir::Model& model, const Placement& placement) {
  const TensorPolicy policy = [&](const tensor::Tensor& tensor, std::string_view name, TensorRole role) {
    return placement ? placement(tensor, name, role) : std::nullopt;
  };
  Writer writer = ModelWriter(policy).model(model);
  Serialized result;
  result.bytes = writer.size();
  std::size_t at = 0;
  for (auto& [position, tensor] : writer.payloads()) {
    result.pieces.emplace_back(writer.text().substr(at, position - at));
    result.pieces.emplace_back(std::move(tensor));
    at = position;
  }
  result.pieces.emplace_back(writer.text().substr(at));
  return result;
}

std::string serialize_weightless(const ir::Model& model, std::uint64_t limit) {
  return serialize_in_memory(model, weightless_policy(limit));
}

}  // namespace olivine::onnx

#include <fmt/format.h>

#include <unordered_map>

#include "onnx/fields.h"
#include "onnx/onnx.h"
#include "onnx/protos.h"
#include "onnx/read_attribute.h"
#include "onnx/read_parts.h"
#include "onnx/wire.h"

namespace olivine::onnx {
namespace {

using wire::bytes;
using wire::fixed32;
using wire::varint;

/// Protobuf's own parsers stop at 100 nested messages; a subgraph takes three of them.
constexpr int kMaxGraphDepth = 32;

/// The values that a graph's nodes may name: its own, then those of the graphs around it.
class Scope {
 public:
  explicit Scope(const Scope* outer) : outer_(outer) {}

  ir::Value* find(std::string_view name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->outer_) {
      const auto entry = scope->values_.find(name);
      if (entry != scope->values_.end()) return entry->second;
    }
    return nullptr;
  }
  ir::Value* find_own(std::string_view name) const {
    const auto entry = values_.find(name);
    return entry == values_.end() ? nullptr : entry->second;
  }
  /// The name is the value's own, so that it lives as long.
  void insert(ir::Value& value) {
    if (!values_.emplace(value.name(), &value).second) {
      throw Error(ErrorCode::conversion, fmt::format("the name '{}' is given to two values", value.name()))
          .remedy("every value of a graph needs a name of its own");
    }
  }

 private:
  const Scope* outer_;
  std::unordered_map<std::string_view, ir::Value*> values_;
};

struct ValueInfo {
  std::string name;
  ir::Type type;
  ir::Annotations annotations;
};

ValueInfo read_value_info(std::string_view message) {
  ValueInfo info;
  for (wire::Reader reader(message); reader.next();) {
    switch (reader.key()) {
      case bytes(field::value_info::name):
        info.name = reader.text();
        break;
      case bytes(field::value_info::type):
        info.type = read_type(reader.view());
        break;
      case bytes(field::value_info::doc_string):
        info.annotations.edit().doc_string = reader.text();
        break;
      case bytes(field::value_info::metadata_props):
        read_entry(reader.view(), info.annotations.edit().metadata);
        break;
      default:
        reader.keep(info.annotations.edit().unknown_fields);
    }
  }
  return info;
}

ir::OpsetImport read_opset(std::string_view message) {
  ir::OpsetImport import;
  std::string dropped;
  for (wire::Reader reader(message); reader.next();) {
    switch (reader.key()) {
      case bytes(field::opset::domain):
        import.domain = normalized_domain(reader.text());
        break;
      case varint(field::opset::version):
        import.version = reader.integer();
        break;
      default:
        reader.keep(dropped);
    }
  }
  return import;
}

class GraphReader {
 public:
  explicit GraphReader(Origin& origin) : origin_(origin) {}

  std::unique_ptr<ir::Graph> graph(std::string_view message, const Scope* outer) {
    if (++depth_ > kMaxGraphDepth) throw Error(ErrorCode::conversion, "subgraphs are nested more than 32 deep");
    auto graph = std::make_unique<ir::Graph>();
    Pending pending;
    Scope scope(outer);
    for (wire::Reader reader(message); reader.next();) {
      switch (reader.key()) {
        case bytes(field::graph::node):
          pending.nodes.push_back(reader.view());
          break;
        case bytes(field::graph::name):
          graph->name = reader.text();
          break;
        case bytes(field::graph::initializer):
          pending.initializers.push_back(reader.view());
          break;
        case bytes(field::graph::sparse_initializer):
          pending.sparse_initializers.push_back(reader.view());
          break;
        case bytes(field::graph::doc_string):
          graph->annotations.edit().doc_string = reader.text();
          break;
        case bytes(field::graph::input):
          pending.inputs.push_back(reader.view());
          break;
        case bytes(field::graph::output):
          pending.outputs.push_back(reader.view());
          break;
        case bytes(field::graph::value_info):
          pending.value_infos.push_back(reader.view());
          break;
        case bytes(field::graph::quantization_annotation):
          graph->quantization_annotations.push_back(quantization_annotation(reader.view()));
          break;
        case bytes(field::graph::metadata_props):
          read_entry(reader.view(), graph->annotations.edit().metadata);
          break;
        default:
          reader.keep(graph->annotations.edit().unknown_fields);
      }
    }
    add_inputs(*graph, pending, scope);
    add_initializers(*graph, pending, scope);
    add_nodes(*graph, pending.nodes, scope);
    add_value_infos(*graph, pending.value_infos, scope);
    for (const std::string_view output : pending.outputs) add_output(*graph, read_value_info(output), scope);
    graph->sort();
    --depth_;
    return graph;
  }

  std::unique_ptr<ir::Function> function(std::string_view message) {
    auto function = std::make_unique<ir::Function>();
    ir::Graph& body = *function->body;
    std::vector<std::string_view> nodes;
    std::vector<std::string_view> value_infos;
    std::vector<std::string> outputs;
    Scope scope(nullptr);
    std::vector<std::string_view> default_attributes;
    for (wire::Reader reader(message); reader.next();) {
      switch (reader.key()) {
        case bytes(field::function::name):
          function->name = reader.text();
          break;
        case bytes(field::function::input):
          scope.insert(body.add_input(reader.text(), {}));
          break;
        case bytes(field::function::output):
          outputs.push_back(reader.text());
          break;
        case bytes(field::function::attribute):
          function->attributes.push_back(reader.text());
          break;
        case bytes(field::function::attribute_proto):
          default_attributes.push_back(reader.view());
          break;
        case bytes(field::function::node):
          nodes.push_back(reader.view());
          break;
        case bytes(field::function::doc_string):
          function->annotations.edit().doc_string = reader.text();
          break;
        case bytes(field::function::opset_import):
          function->opset_imports.push_back(read_opset(reader.view()));
          break;
        case bytes(field::function::domain):
          function->domain = normalized_domain(reader.text());
          break;
        case bytes(field::function::overload):
          function->overload = reader.text();
          break;
        case bytes(field::function::value_info):
          value_infos.push_back(reader.view());
          break;
        case bytes(field::function::metadata_props):
          read_entry(reader.view(), function->annotations.edit().metadata);
          break;
        default:
          reader.keep(function->annotations.edit().unknown_fields);
      }
    }
    with_place(fmt::format("function '{}'", function->name), [&] {
      for (const std::string_view message : default_attributes) {
        function->default_attributes.push_back(this->attribute(message, scope));
      }
      add_nodes(body, nodes, scope);
      add_value_infos(body, value_infos, scope);
      for (const std::string& output : outputs) add_output(body, {output, {}, {}}, scope);
      body.sort();
    });
    return function;
  }

 private:
  ir::Attribute attribute(std::string_view message, const Scope& scope) {
    return read_attribute(message, origin_, [&](std::string_view subgraph) { return graph(subgraph, &scope); });
  }

  /// What stands in the message, in any order; the IR is built in the order of dependence.
  struct Pending {
    std::vector<std::string_view> nodes, initializers, sparse_initializers, inputs, outputs, value_infos;
  };

  static void add_inputs(ir::Graph& graph, const Pending& pending, Scope& scope) {
    for (const std::string_view message : pending.inputs) {
      ValueInfo info = read_value_info(message);
      ir::Value& value = graph.add_input(std::move(info.name), std::move(info.type));
      value.annotations = std::move(info.annotations);
      scope.insert(value);
    }
  }

  void add_initializers(ir::Graph& graph, const Pending& pending, Scope& scope) {
    for (const std::string_view message : pending.initializers) {
      ir::NamedTensor named = read_tensor(message, origin_);
      if (named.name.empty()) throw Error(ErrorCode::conversion, "an initializer has no name");
      ir::Value* value = scope.find_own(named.name);
      if (value != nullptr && value->is_graph_input() && !value->is_initializer()) {
        graph.make_initializer(*value, std::move(named.tensor));
      } else {
        value = &graph.add_initializer(std::move(named.name), std::move(named.tensor));
        scope.insert(*value);
      }
      value->initializer_annotations() = std::move(named.annotations);
    }
    for (const std::string_view message : pending.sparse_initializers) {
      scope.insert(graph.add_sparse_initializer(read_sparse_tensor(message, origin_)));
    }
  }

  /// All outputs first, then inputs and subgraphs: a file's node order need not be topological.
  void add_nodes(ir::Graph& graph, const std::vector<std::string_view>& messages, Scope& scope) {
    std::vector<ir::Node*> nodes;
    nodes.reserve(messages.size());
    for (const std::string_view message : messages) nodes.push_back(&add_node(graph, message, scope));
    for (std::size_t i = 0; i < messages.size(); ++i) connect(*nodes[i], messages[i], scope);
  }

  static ir::Node& add_node(ir::Graph& graph, std::string_view message, Scope& scope) {
    ir::Node& node = graph.append("", {});
    for (wire::Reader reader(message); reader.next();) {
      switch (reader.key()) {
        case bytes(field::node::input):
        case bytes(field::node::attribute):
          reader.view();
          break;
        case bytes(field::node::output):
          node.add_output(reader.text());
          break;
        case bytes(field::node::name):
          node.name = reader.text();
          break;
        case bytes(field::node::op_type):
          node.op_type = reader.text();
          break;
        case bytes(field::node::domain):
          node.domain = normalized_domain(reader.text());
          break;
        case bytes(field::node::overload):
          node.overload = reader.text();
          break;
        case bytes(field::node::doc_string):
          node.annotations.edit().doc_string = reader.text();
          break;
        case bytes(field::node::metadata_props):
          read_entry(reader.view(), node.annotations.edit().metadata);
          break;
        default:
          reader.keep(node.annotations.edit().unknown_fields);
      }
    }
    for (const auto& output : node.outputs()) {
      if (output) with_place_of(node, [&] { scope.insert(*output); });
    }
    return node;
  }

  void connect(ir::Node& node, std::string_view message, const Scope& scope) {
    for (wire::Reader reader(message); reader.next();) {
      switch (reader.key()) {
        case bytes(field::node::input):
          node.add_input(input_value(node, reader.view(), scope));
          break;
        case bytes(field::node::attribute):
          with_place_of(node, [&] { node.add(attribute(reader.view(), scope)); });
          break;
        default: {
          std::string skipped;
          reader.keep(skipped);
        }
      }
    }
  }

  /// Like with_place, but the description is made only when there is an error.
  template <typename Body>
  static void with_place_of(const ir::Node& node, Body&& body) {
    try {
      body();
    } catch (Error& error) {
      error.prepend(node.describe());
      throw;
    }
  }

  static ir::Value* input_value(const ir::Node& node, std::string_view name, const Scope& scope) {
    if (name.empty()) return nullptr;
    ir::Value* value = scope.find(name);
    if (value == nullptr) {
      throw Error(ErrorCode::conversion,
                  fmt::format("its input '{}' is no input, initializer or output of any node", name))
          .prepend(node.describe());
    }
    return value;
  }

  static void add_value_infos(ir::Graph& graph, const std::vector<std::string_view>& messages, const Scope& scope) {
    for (const std::string_view message : messages) {
      ValueInfo info = read_value_info(message);
      ir::Value* value = scope.find_own(info.name);
      if (value == nullptr) {
        // Nothing in the graph bears the name; it goes back to the file as it came.
        wire::Writer writer;
        writer.put_text(field::graph::value_info, message);
        graph.annotations.edit().unknown_fields += writer.text();
        continue;
      }
      if (value->is_graph_input()) continue;
      value->type = std::move(info.type);
      value->annotations = std::move(info.annotations);
      value->listed = true;
    }
  }

  static void add_output(ir::Graph& graph, ValueInfo info, const Scope& scope) {
    // A subgraph may hand out a value of the graph around it.
    ir::Value* value = scope.find(info.name);
    if (value == nullptr) {
      throw Error(ErrorCode::conversion,
                  fmt::format("the output '{}' is no input, initializer or output of any node", info.name));
    }
    graph.add_output(*value);
    if (value->is_graph_input() || value->graph() != &graph) return;
    if (info.type.known()) {
      value->type = std::move(info.type);
      value->listed = true;
    }
    if (!info.annotations.empty()) value->annotations = std::move(info.annotations);
  }

  static ir::QuantizationAnnotation quantization_annotation(std::string_view message) {
    ir::QuantizationAnnotation annotation;
    for (wire::Reader reader(message); reader.next();) {
      switch (reader.key()) {
        case bytes(field::annotation::tensor_name):
          annotation.tensor_name = reader.text();
          break;
        case bytes(field::annotation::parameters):
          read_entry(reader.view(), annotation.parameters);
          break;
        default:
          reader.keep(annotation.unknown_fields);
      }
    }
    return annotation;
  }

  Origin& origin_;
  int depth_ = 0;
};

ir::Model read_message(std::string_view message, Origin& origin) {
  ir::Model model;
  GraphReader graphs(origin);
  bool has_graph = false;
  for (wire::Reader reader(message); reader.next();) {
    switch (reader.key()) {
      case varint(field::model::ir_version):
        model.ir_version = reader.integer();
        break;
      case bytes(field::model::producer_name):
        model.producer_name = reader.text();
        break;
      case bytes(field::model::producer_version):
        model.producer_version = reader.text();
        break;
      case bytes(field::model::domain):
        model.domain = reader.text();
        break;
      case varint(field::model::model_version):
        model.model_version = reader.integer();
        break;
      case bytes(field::model::doc_string):
        model.annotations.edit().doc_string = reader.text();
        break;
      case bytes(field::model::graph):
        model.graph = graphs.graph(reader.view(), nullptr);
        has_graph = true;
        break;
      case bytes(field::model::opset_import):
        model.opset_imports.push_back(read_opset(reader.view()));
        break;
      case bytes(field::model::metadata_props):
        read_entry(reader.view(), model.annotations.edit().metadata);
        break;
      case bytes(field::model::training_info):
        model.training_info.push_back(reader.text());
        break;
      case bytes(field::model::functions):
        model.functions.push_back(graphs.function(reader.view()));
        break;
      default:
        reader.keep(model.annotations.edit().unknown_fields);
    }
  }
  if (!has_graph || model.ir_version == 0) {
    throw Error(ErrorCode::conversion, "is not an ONNX model: it has no graph or no IR version");
  }
  // IR versions 1 and 2 knew no opsets: such a model means the first one.
  if (model.opset_imports.empty()) model.opset_imports.push_back({"", 1});
  return model;
}

ir::Model read_checked(std::string_view message, Origin& origin) {
  try {
    return read_message(message, origin);
  } catch (const protozero::exception& damage) {
    throw Error(ErrorCode::conversion, fmt::format("is not a valid ONNX file: {}", damage.what()))
        .remedy("is it truncated or damaged?");
  }
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

ir::Model read_model(const std::filesystem::path& path) {
  return with_place(path.string(), [&] {
    if (path.extension() == ".onnxtxt" || path.extension() == ".onnxtext") return parse_model(read_text_file(path));
    auto file = MappedFile::open(path);
    Origin origin(file, path.parent_path().empty() ? std::filesystem::path(".") : path.parent_path());
    return read_checked(as_text(file->bytes()), origin);
  });
}

ir::AttributeValue read_attribute_value(std::string_view message) {
  Origin origin(nullptr, {});
  const GraphRead no_graphs = [](std::string_view) -> std::unique_ptr<ir::Graph> {
    throw Error(ErrorCode::internal, "a default value holds a graph");
  };
  return std::move(read_attribute(message, origin, no_graphs).value);
}

ir::Model read_model_bytes(std::vector<std::byte> data, const std::filesystem::path& folder) {
  Origin origin(nullptr, folder);
  return read_checked(as_text(data), origin);
}

}  // namespace olivine::onnx

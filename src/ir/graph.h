#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "ir/type.h"
#include "tensor/tensor.h"

/// The intermediate representation: what `onnx.proto` describes, with pointers in place of names.
///
/// Who owns whom: a Model owns its main graph and functions, a Graph its nodes, inputs and initializers, a Node its
/// outputs and (through attributes) its subgraphs. Everything else is a plain pointer that the owner keeps valid.
/// Names matter only at the border: a Value's users point to it, wherever in the nest of subgraphs they are.
namespace olivine::ir {

class Graph;
class Node;
class Value;
struct Model;

using Metadata = std::vector<std::pair<std::string, std::string>>;

/// Doc string, metadata and unknown protobuf fields: rare, so they cost a pointer where there are none.
class Annotations {
 public:
  struct Content {
    std::string doc_string;
    Metadata metadata;
    std::string unknown_fields;
    friend bool operator==(const Content&, const Content&) = default;
  };

  Annotations() = default;
  Annotations(const Annotations& other)
      : content_(other.content_ ? std::make_unique<Content>(*other.content_) : nullptr) {}
  Annotations& operator=(Annotations other) noexcept {
    content_.swap(other.content_);
    return *this;
  }
  Annotations(Annotations&&) noexcept = default;

  bool empty() const { return content_ == nullptr; }
  const Content& get() const;
  Content& edit();

 private:
  std::unique_ptr<Content> content_;
};

/// A tensor inside an attribute or a sparse tensor, or an initializer's payload with its own annotations.
struct NamedTensor {
  std::string name;
  tensor::Tensor tensor;
  Annotations annotations;
};

struct SparseTensor {
  NamedTensor values;   ///< 1-D; its name is the sparse initializer's name
  NamedTensor indices;  ///< int64, [nnz] linear or [nnz, rank]
  tensor::Dims dims;
  std::string unknown_fields;
};

/// One use of a value: by input `index` of `node`, or, when `node` is null, as output `index` of `graph`.
struct Use {
  Node* node = nullptr;
  Graph* graph = nullptr;
  std::uint32_t index = 0;
};

/// A graph input, an initializer or a node's output.
class Value {
 public:
  explicit Value(std::string name, Type type = {}) : type(std::move(type)), name_(std::move(name)) {}
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;

  const std::string& name() const { return name_; }
  /// The name must be free in the scope; see Graph::unique_name.
  void set_name(std::string name) { name_ = std::move(name); }

  Node* producer() const { return producer_; }           ///< null for inputs and initializers
  std::uint32_t output_index() const { return index_; }  ///< position among the producer's outputs
  Graph* graph() const { return graph_; }                ///< the graph that owns it
  bool is_graph_input() const { return is_input_; }
  bool is_initializer() const { return initializer_ != nullptr || sparse_ != nullptr; }

  /// Users in this graph and in subgraphs, in no particular but a deterministic order.
  std::span<const Use> uses() const { return uses_; }
  bool is_graph_output() const;

  /// The constant of a dense initializer, else null.
  const tensor::Tensor* initializer() const { return initializer_ ? &initializer_->tensor : nullptr; }
  void set_initializer(tensor::Tensor tensor);
  const SparseTensor* sparse_initializer() const { return sparse_.get(); }

  Type type;
  /// Whether the file tells the type: in `value_info` of an inner value, or with an input or output of a subgraph.
  /// Types of the model's inputs and outputs are always told.
  bool listed = false;
  Annotations annotations;  ///< of the ValueInfoProto
  /// Annotations of the initializer's TensorProto.
  Annotations& initializer_annotations() { return initializer_->annotations; }
  const Annotations& initializer_annotations() const { return initializer_->annotations; }

 private:
  friend class Graph;
  friend class Node;

  std::string name_;
  Node* producer_ = nullptr;
  Graph* graph_ = nullptr;
  std::uint32_t index_ = 0;
  std::uint32_t initializer_slot_ = 0;
  bool is_input_ = false;
  std::vector<Use> uses_;
  std::unique_ptr<NamedTensor> initializer_;
  std::unique_ptr<SparseTensor> sparse_;
};

/// Numbered as `onnx.AttributeProto.AttributeType`; also the index of the alternative in AttributeValue.
enum class AttributeKind : std::int32_t {
  undefined,
  floating,
  integer,
  string,
  tensor,
  graph,
  floats,
  integers,
  strings,
  tensors,
  graphs,
  sparse_tensor,
  sparse_tensors,
  type,
  types
};

using AttributeValue =
    std::variant<std::monostate, float, std::int64_t, std::string, NamedTensor, std::unique_ptr<Graph>,
                 std::vector<float>, std::vector<std::int64_t>, std::vector<std::string>, std::vector<NamedTensor>,
                 std::vector<std::unique_ptr<Graph>>, SparseTensor, std::vector<SparseTensor>, Type, std::vector<Type>>;

struct Attribute {
  std::string name;
  AttributeValue value;
  /// In a function body: the function's attribute that this one takes its value from; then `value` is empty and
  /// `reference_kind` tells its kind.
  std::string reference;
  AttributeKind reference_kind = AttributeKind::undefined;
  Annotations annotations;

  AttributeKind kind() const { return reference.empty() ? static_cast<AttributeKind>(value.index()) : reference_kind; }
};

class Node {
 public:
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();

  std::string name;
  std::string op_type;
  std::string domain;  ///< "" is ai.onnx, in whichever way the file writes it
  std::string overload;
  Annotations annotations;

  Graph& graph() const { return *graph_; }
  bool is(std::string_view type, std::string_view in_domain = "") const {
    return op_type == type && domain == in_domain;
  }

  /// @name Inputs and outputs; null is an absent optional one.
  /// @{
  std::span<Value* const> inputs() const { return inputs_; }
  Value* input(std::size_t index) const { return index < inputs_.size() ? inputs_[index] : nullptr; }
  void set_input(std::size_t index, Value* value);  ///< grows the list where needed
  void add_input(Value* value) { set_input(inputs_.size(), value); }
  void resize_inputs(std::size_t count);
  std::size_t output_count() const { return outputs_.size(); }
  Value* output(std::size_t index) const { return index < outputs_.size() ? outputs_[index].get() : nullptr; }
  std::span<const std::unique_ptr<Value>> outputs() const { return outputs_; }
  /// Appends an output; an empty name makes an absent one and returns null.
  Value* add_output(std::string name, Type type = {});
  /// Drops an output that nobody uses: an absent one takes its place, trailing absent ones go.
  void remove_output(std::size_t index);
  /// @}

  /// @name Attributes, in file order.
  /// @{
  std::span<const Attribute> attributes() const { return attributes_; }
  std::span<Attribute> attributes() { return attributes_; }
  const Attribute* find(std::string_view name) const;
  Attribute* find(std::string_view name);
  void set(std::string name, AttributeValue value);  ///< replaces or appends
  void add(Attribute attribute);                     ///< appends; takes charge of subgraphs
  void remove(std::string_view name);
  std::int64_t integer(std::string_view name, std::int64_t fallback) const;
  float floating(std::string_view name, float fallback) const;
  std::string string(std::string_view name, std::string fallback) const;
  const std::vector<std::int64_t>* integers(std::string_view name) const;
  const tensor::Tensor* tensor(std::string_view name) const;
  /// @}

  /// Every subgraph of every attribute, in order.
  std::vector<Graph*> subgraphs() const;

  /// "Resize 'up_1' (ai.onnx, inputs 'x', 'scales')": how messages name a node.
  std::string describe() const;

  /// Neighbours in the node list; null at the ends. Walking while inserting and erasing others is fine.
  Node* next() const;
  Node* previous() const;

 private:
  friend class Graph;
  explicit Node(Graph& graph) : graph_(&graph) {}
  void drop_uses();

  Graph* graph_;
  std::uint32_t order_ = 0;  ///< scratch of Graph::sort
  std::list<std::unique_ptr<Node>>::iterator position_;
  std::vector<Value*> inputs_;
  std::vector<std::unique_ptr<Value>> outputs_;
  std::vector<std::uint32_t> use_slots_;  ///< where input i stands in its value's list of uses
  std::vector<Attribute> attributes_;
};

struct QuantizationAnnotation {
  std::string tensor_name;
  Metadata parameters;  ///< e.g. SCALE_TENSOR → name of an initializer
  std::string unknown_fields;
};

/// Hands out names that are free in a graph and everything nested in it.
class NameScope {
 public:
  /// `wanted` itself when it is free, else `wanted_1`, `wanted_2` …; the name is taken from then on.
  std::string unique(std::string_view wanted);
  void insert(std::string_view name) { taken_.try_emplace(std::string(name), 0); }
  bool contains(std::string_view name) const { return taken_.contains(std::string(name)); }

 private:
  std::unordered_map<std::string, std::uint32_t> taken_;
};

/// A list of nodes in topological order with its inputs, outputs and initializers.
class Graph {
 public:
  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph();

  std::string name;
  Annotations annotations;
  std::vector<QuantizationAnnotation> quantization_annotations;

  /// The node that this graph is an attribute of; null for a main graph and a function's body.
  Node* parent_node() const { return parent_; }
  Graph* parent_graph() const;

  /// @name Nodes
  /// @{
  std::size_t node_count() const { return nodes_.size(); }
  Node* first() const { return nodes_.empty() ? nullptr : nodes_.front().get(); }
  Node* last() const { return nodes_.empty() ? nullptr : nodes_.back().get(); }
  /// A new node before `position` (null: at the end). Outputs are added by the caller.
  Node& insert_before(Node* position, std::string op_type, std::vector<Value*> inputs, std::string domain = "");
  Node& insert_after(Node& position, std::string op_type, std::vector<Value*> inputs, std::string domain = "");
  Node& append(std::string op_type, std::vector<Value*> inputs, std::string domain = "") {
    return insert_before(nullptr, std::move(op_type), std::move(inputs), std::move(domain));
  }
  /// Erases a node whose outputs have no uses.
  void erase(Node& node);
  /// Moves a node within the list; the caller keeps the order topological.
  void move_before(Node& node, Node* position);

  /// The nodes in order, safe against erasing the current one.
  class Iterator;
  struct Nodes;
  Nodes nodes() const;
  /// @}

  /// @name Inputs, outputs and initializers
  /// @{
  std::span<Value* const> inputs() const { return inputs_; }
  std::span<Value* const> outputs() const { return outputs_; }
  std::span<Value* const> initializers() const;  ///< dense and sparse, in file order
  Value& add_input(std::string name, Type type);
  Value& add_initializer(std::string name, tensor::Tensor tensor);
  /// Gives an input of this graph a default value.
  void make_initializer(Value& input, tensor::Tensor tensor);
  Value& add_sparse_initializer(SparseTensor tensor);
  void add_output(Value& value);
  void set_output(std::size_t index, Value& value);
  void remove_output(std::size_t index);
  /// Drop an input's or initializer's role; the value goes when it has none left and must then be without uses.
  void remove_input(Value& value);
  void remove_initializer(Value& value);
  /// @}

  /// Makes every user of `from` (here and in subgraphs) use `to`. The cost is the number of uses.
  static void replace_all_uses(Value& from, Value& to);
  /// The same for those uses that `wanted` accepts.
  static void replace_uses_if(Value& from, Value& to, const std::function<bool(const Use&)>& wanted);

  /// The main graph or function body that this graph is nested in; itself if it is one.
  Graph& root();
  /// A name that no value of the whole nest bears, taken from then on.
  std::string unique_name(std::string_view wanted);
  std::string unique_node_name(std::string_view wanted);

  /// Puts the nodes into topological order, keeping their relative order where it is one; true if anything moved.
  /// Throws Error[conversion] with the nodes of a cycle.
  bool sort();

 private:
  friend class Node;
  struct Names {
    NameScope values;
    NameScope nodes;
  };
  Names& names();
  Value& adopt(std::unique_ptr<Value> value);
  void list_initializer(Value& value);
  void note_name(std::string_view value_name);
  static void remove_use(Value& value, std::uint32_t slot);
  void add_output_use(Value& value, std::uint32_t index);
  void drop_all_uses();

  Node* parent_ = nullptr;
  std::list<std::unique_ptr<Node>> nodes_;
  std::unordered_map<const Value*, std::unique_ptr<Value>> values_;  ///< inputs and initializers
  std::vector<Value*> inputs_;
  std::vector<Value*> outputs_;
  std::vector<std::uint32_t> output_slots_;
  mutable std::vector<Value*> initializers_;  ///< null where one was removed since the last look
  mutable bool has_removed_initializers_ = false;
  std::unique_ptr<Names> names_;  ///< made at the first request for a name
};

/// Range over the nodes; advancing happens before the body sees the node, so the body may erase it.
class Graph::Iterator {
 public:
  explicit Iterator(Node* node) : node_(node), next_(node ? node->next() : nullptr) {}
  Node& operator*() const { return *node_; }
  Iterator& operator++() {
    node_ = next_;
    next_ = node_ ? node_->next() : nullptr;
    return *this;
  }
  friend bool operator==(const Iterator& a, const Iterator& b) { return a.node_ == b.node_; }

 private:
  Node* node_;
  Node* next_;
};
struct Graph::Nodes {
  Node* first;
  Iterator begin() const { return Iterator(first); }
  Iterator end() const { return Iterator(nullptr); }
};
inline Graph::Nodes Graph::nodes() const { return {first()}; }

struct OpsetImport {
  std::string domain;  ///< "" is ai.onnx
  std::int64_t version = 0;
  friend bool operator==(const OpsetImport&, const OpsetImport&) = default;
};

/// A model-local function.
struct Function {
  std::string name;
  std::string domain;
  std::string overload;
  Annotations annotations;
  std::vector<OpsetImport> opset_imports;
  std::vector<std::string> attributes;        ///< required ones
  std::vector<Attribute> default_attributes;  ///< optional ones with their defaults (`attribute_proto`)
  std::unique_ptr<Graph> body = std::make_unique<Graph>();
};

struct Model {
  std::int64_t ir_version = 0;
  std::vector<OpsetImport> opset_imports;
  std::string producer_name;
  std::string producer_version;
  std::string domain;
  std::int64_t model_version = 0;
  Annotations annotations;  ///< metadata_props, doc_string, unknown fields of the ModelProto
  std::unique_ptr<Graph> graph = std::make_unique<Graph>();
  std::vector<std::unique_ptr<Function>> functions;
  std::vector<std::string> training_info;  ///< TrainingInfoProto messages as they came

  /// Version of a domain's opset, or nothing when it is not imported.
  std::optional<std::int64_t> opset(std::string_view domain = "") const;
  void set_opset(std::string_view domain, std::int64_t version);
  const Function* find_function(std::string_view domain, std::string_view name, std::string_view overload = "") const;
};

/// Calls `visit` for the main graph, every function's body and every nested subgraph, outer ones first.
void for_each_graph(Model& model, const std::function<void(Graph&)>& visit);
void for_each_graph(const Model& model, const std::function<void(const Graph&)>& visit);
/// The same for one graph and what is nested in it.
void for_each_graph(Graph& graph, const std::function<void(Graph&)>& visit);

/// Nodes of the whole model, nested ones and functions' included.
std::size_t node_count(const Model& model);

/// Copies a model; payloads are shared.
Model clone(const Model& model);

}  // namespace olivine::ir

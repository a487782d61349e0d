#include "ir/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <queue>

#include "base/error.h"

namespace olivine::ir {

std::string NameScope::unique(std::string_view wanted) {
  const auto [entry, fresh] = taken_.try_emplace(std::string(wanted), 0);
  if (fresh && !wanted.empty()) return std::string(wanted);
  std::string candidate;
  // The counter stays with the stem, so that a thousand requests for one stem cost a thousand steps.
  std::uint32_t& counter = taken_[std::string(wanted)];
  do {
    candidate = fmt::format("{}_{}", wanted, ++counter);
  } while (taken_.contains(candidate));
  taken_.emplace(candidate, 0);
  return candidate;
}

Graph::~Graph() = default;

Graph* Graph::parent_graph() const { return parent_ ? parent_->graph_ : nullptr; }

Graph& Graph::root() {
  Graph* graph = this;
  while (graph->parent_ != nullptr) graph = graph->parent_->graph_;
  return *graph;
}

// ---- Uses

void Graph::remove_use(Value& value, std::uint32_t slot) {
  Use& hole = value.uses_[slot];
  hole = value.uses_.back();
  value.uses_.pop_back();
  if (slot == value.uses_.size()) return;
  (hole.node ? hole.node->use_slots_ : hole.graph->output_slots_)[hole.index] = slot;
}

void Graph::add_output_use(Value& value, std::uint32_t index) {
  outputs_[index] = &value;
  output_slots_[index] = static_cast<std::uint32_t>(value.uses_.size());
  value.uses_.push_back({nullptr, this, index});
}

void Graph::drop_all_uses() {
  for (const auto& node : nodes_) node->drop_uses();
  for (std::size_t i = 0; i < outputs_.size(); ++i) remove_use(*outputs_[i], output_slots_[i]);
  outputs_.clear();
  output_slots_.clear();
}

void Graph::replace_all_uses(Value& from, Value& to) {
  if (&from == &to) return;
  for (const Use& use : from.uses_) {
    (use.node ? use.node->inputs_ : use.graph->outputs_)[use.index] = &to;
    (use.node ? use.node->use_slots_ : use.graph->output_slots_)[use.index] =
        static_cast<std::uint32_t>(to.uses_.size());
    to.uses_.push_back(use);
  }
  from.uses_.clear();
}

void Graph::replace_uses_if(Value& from, Value& to, const std::function<bool(const Use&)>& wanted) {
  const std::vector<Use> uses = from.uses_;
  for (const Use& use : uses) {
    if (!wanted(use)) continue;
    if (use.node) {
      use.node->set_input(use.index, &to);
    } else {
      use.graph->set_output(use.index, to);
    }
  }
}

// ---- Nodes

Node& Graph::insert_before(Node* position, std::string op_type, std::vector<Value*> inputs, std::string domain) {
  const auto where = position ? position->position_ : nodes_.end();
  const auto entry = nodes_.insert(where, std::unique_ptr<Node>(new Node(*this)));
  Node& node = **entry;
  node.position_ = entry;
  node.op_type = std::move(op_type);
  node.domain = std::move(domain);
  node.resize_inputs(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) node.set_input(i, inputs[i]);
  return node;
}

Node& Graph::insert_after(Node& position, std::string op_type, std::vector<Value*> inputs, std::string domain) {
  return insert_before(position.next(), std::move(op_type), std::move(inputs), std::move(domain));
}

void Graph::erase(Node& node) {
  for (const auto& output : node.outputs_) {
    if (output && !output->uses_.empty()) {
      throw Error(ErrorCode::internal,
                  fmt::format("{} is erased while '{}' is in use", node.describe(), output->name()));
    }
  }
  node.drop_uses();
  nodes_.erase(node.position_);
}

void Graph::move_before(Node& node, Node* position) {
  nodes_.splice(position ? position->position_ : nodes_.end(), nodes_, node.position_);
}

// ---- Inputs, outputs, initializers

Value& Graph::adopt(std::unique_ptr<Value> value) {
  note_name(value->name());
  value->graph_ = this;
  Value& reference = *value;
  values_.emplace(&reference, std::move(value));
  return reference;
}

Value& Graph::add_input(std::string input_name, Type type) {
  Value& value = adopt(std::make_unique<Value>(std::move(input_name), std::move(type)));
  value.is_input_ = true;
  value.listed = value.type.known();
  inputs_.push_back(&value);
  return value;
}

void Graph::list_initializer(Value& value) {
  value.initializer_slot_ = static_cast<std::uint32_t>(initializers_.size());
  initializers_.push_back(&value);
}

Value& Graph::add_initializer(std::string initializer_name, tensor::Tensor tensor) {
  Shape shape(tensor.dims().begin(), tensor.dims().end());
  Value& value =
      adopt(std::make_unique<Value>(std::move(initializer_name), tensor_type(tensor.dtype(), std::move(shape))));
  value.set_initializer(std::move(tensor));
  list_initializer(value);
  return value;
}

void Graph::make_initializer(Value& input, tensor::Tensor tensor) {
  if (!input.is_initializer()) list_initializer(input);
  input.set_initializer(std::move(tensor));
}

Value& Graph::add_sparse_initializer(SparseTensor tensor) {
  Shape shape(tensor.dims.begin(), tensor.dims.end());
  // Used like any tensor: the sparse form is only how the constant is stored.
  Value& value =
      adopt(std::make_unique<Value>(tensor.values.name, tensor_type(tensor.values.tensor.dtype(), std::move(shape))));
  value.sparse_ = std::make_unique<SparseTensor>(std::move(tensor));
  list_initializer(value);
  return value;
}

std::span<Value* const> Graph::initializers() const {
  if (has_removed_initializers_) {
    std::erase(initializers_, nullptr);
    for (std::size_t i = 0; i < initializers_.size(); ++i)
      initializers_[i]->initializer_slot_ = static_cast<std::uint32_t>(i);
    has_removed_initializers_ = false;
  }
  return initializers_;
}

void Graph::add_output(Value& value) {
  outputs_.push_back(nullptr);
  output_slots_.push_back(0);
  add_output_use(value, static_cast<std::uint32_t>(outputs_.size() - 1));
}

void Graph::set_output(std::size_t index, Value& value) {
  remove_use(*outputs_[index], output_slots_[index]);
  add_output_use(value, static_cast<std::uint32_t>(index));
}

void Graph::remove_output(std::size_t index) {
  for (std::size_t i = index; i + 1 < outputs_.size(); ++i) set_output(i, *outputs_[i + 1]);
  remove_use(*outputs_.back(), output_slots_.back());
  outputs_.pop_back();
  output_slots_.pop_back();
}

void Graph::remove_input(Value& value) {
  std::erase(inputs_, &value);
  value.is_input_ = false;
  if (!value.is_initializer()) values_.erase(&value);
}

void Graph::remove_initializer(Value& value) {
  initializers_[value.initializer_slot_] = nullptr;
  has_removed_initializers_ = true;
  value.initializer_.reset();
  value.sparse_.reset();
  if (!value.is_input_) values_.erase(&value);
}

// ---- Names

void Graph::note_name(std::string_view value_name) {
  Graph& top = root();
  if (top.names_) top.names_->values.insert(value_name);
}

Graph::Names& Graph::names() {
  Graph& top = root();
  if (top.names_) return *top.names_;
  top.names_ = std::make_unique<Names>();
  for_each_graph(top, [&](Graph& graph) {
    for (const auto& [key, value] : graph.values_) top.names_->values.insert(value->name());
    for (const auto& node : graph.nodes_) {
      if (!node->name.empty()) top.names_->nodes.insert(node->name);
      for (const auto& output : node->outputs_) {
        if (output) top.names_->values.insert(output->name());
      }
    }
  });
  return *top.names_;
}

std::string Graph::unique_name(std::string_view wanted) { return names().values.unique(wanted); }

std::string Graph::unique_node_name(std::string_view wanted) { return names().nodes.unique(wanted); }

// ---- Order

namespace {

/// The node of `graph` in whose nest a use stands: the user itself, or the If, Loop … that encloses it; null when the
/// use is `graph`'s own output or stands outside.
Node* user_in(const Graph& graph, const Use& use) {
  Node* node = use.node ? use.node : use.graph == &graph ? nullptr : use.graph->parent_node();
  while (node != nullptr && &node->graph() != &graph) node = node->graph().parent_node();
  return node;
}

[[noreturn]] void throw_cycle(const std::vector<Node*>& stuck, const std::vector<std::vector<std::uint32_t>>& users,
                              const std::vector<std::uint32_t>& waiting) {
  // Every stuck node waits for a stuck one: walking backwards over them must come back to a node seen before.
  std::vector<std::uint32_t> waits_for(users.size(), 0);
  for (std::uint32_t i = 0; i < users.size(); ++i) {
    if (waiting[i] == 0) continue;
    for (const std::uint32_t user : users[i]) waits_for[user] = i;
  }
  std::uint32_t at = 0;
  while (waiting[at] == 0) ++at;
  std::vector<std::uint32_t> path;
  std::vector<bool> seen(users.size());
  while (!seen[at]) {
    seen[at] = true;
    path.push_back(at);
    at = waits_for[at];
  }
  std::vector<std::string> names;
  const auto start = std::find(path.begin(), path.end(), at);
  for (auto step = path.end(); step != start && names.size() < 8;) names.push_back(stuck[*--step]->describe());
  throw Error(ErrorCode::conversion, fmt::format("the graph has a cycle: {}", fmt::join(names, " → ")));
}

}  // namespace

bool Graph::sort() {
  std::vector<Node*> order;
  order.reserve(nodes_.size());
  for (const auto& node : nodes_) {
    node->order_ = static_cast<std::uint32_t>(order.size());
    order.push_back(node.get());
  }
  std::vector<std::vector<std::uint32_t>> users(order.size());
  std::vector<std::uint32_t> waiting(order.size(), 0);
  bool sorted = true;
  for (const Node* node : order) {
    for (const auto& output : node->outputs_) {
      if (!output) continue;
      for (const Use& use : output->uses_) {
        const Node* user = user_in(*this, use);
        if (user == nullptr) continue;
        sorted = sorted && node->order_ < user->order_;
        users[node->order_].push_back(user->order_);
        ++waiting[user->order_];
      }
    }
  }
  if (sorted) return false;

  // The smallest ready index first keeps the order that the file has wherever that is possible.
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ready;
  for (std::uint32_t i = 0; i < order.size(); ++i) {
    if (waiting[i] == 0) ready.push(i);
  }
  std::size_t placed = 0;
  while (!ready.empty()) {
    const std::uint32_t index = ready.top();
    ready.pop();
    move_before(*order[index], nullptr);
    ++placed;
    for (const std::uint32_t user : users[index]) {
      if (--waiting[user] == 0) ready.push(user);
    }
  }
  if (placed != order.size()) throw_cycle(order, users, waiting);
  return true;
}

}  // namespace olivine::ir

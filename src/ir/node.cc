#include <fmt/format.h>

#include <algorithm>

#include "ir/graph.h"

namespace olivine::ir {

const Annotations::Content& Annotations::get() const {
  static const Content empty;
  return content_ ? *content_ : empty;
}

Annotations::Content& Annotations::edit() {
  if (!content_) content_ = std::make_unique<Content>();
  return *content_;
}

bool Value::is_graph_output() const {
  return std::any_of(uses_.begin(), uses_.end(), [](const Use& use) { return use.node == nullptr; });
}

void Value::set_initializer(tensor::Tensor tensor) {
  if (!initializer_) initializer_ = std::make_unique<NamedTensor>();
  initializer_->tensor = std::move(tensor);
}

Node::~Node() = default;

void Node::set_input(std::size_t index, Value* value) {
  if (index >= inputs_.size()) resize_inputs(index + 1);
  if (inputs_[index] != nullptr) Graph::remove_use(*inputs_[index], use_slots_[index]);
  inputs_[index] = value;
  if (value != nullptr) {
    use_slots_[index] = static_cast<std::uint32_t>(value->uses_.size());
    value->uses_.push_back({this, nullptr, static_cast<std::uint32_t>(index)});
  }
}

void Node::resize_inputs(std::size_t count) {
  for (std::size_t i = count; i < inputs_.size(); ++i) set_input(i, nullptr);
  inputs_.resize(count, nullptr);
  use_slots_.resize(count, 0);
}

Value* Node::add_output(std::string name, Type type) {
  if (name.empty()) {
    outputs_.push_back(nullptr);
    return nullptr;
  }
  graph_->note_name(name);
  auto value = std::make_unique<Value>(std::move(name), std::move(type));
  value->producer_ = this;
  value->graph_ = graph_;
  value->index_ = static_cast<std::uint32_t>(outputs_.size());
  outputs_.push_back(std::move(value));
  return outputs_.back().get();
}

void Node::remove_output(std::size_t index) {
  outputs_[index].reset();
  while (!outputs_.empty() && outputs_.back() == nullptr) outputs_.pop_back();
}

const Attribute* Node::find(std::string_view wanted) const {
  const auto found =
      std::find_if(attributes_.begin(), attributes_.end(), [&](const Attribute& a) { return a.name == wanted; });
  return found == attributes_.end() ? nullptr : &*found;
}

Attribute* Node::find(std::string_view wanted) { return const_cast<Attribute*>(std::as_const(*this).find(wanted)); }

namespace {

template <typename Visit>
void visit_graphs(const Attribute& attribute, Visit&& visit) {
  if (const auto* graph = std::get_if<std::unique_ptr<Graph>>(&attribute.value)) {
    if (*graph) visit(**graph);
  } else if (const auto* graphs = std::get_if<std::vector<std::unique_ptr<Graph>>>(&attribute.value)) {
    for (const auto& entry : *graphs) visit(*entry);
  }
}

}  // namespace

void Node::set(std::string wanted, AttributeValue value) {
  Attribute* existing = find(wanted);
  if (existing == nullptr) {
    Attribute attribute;
    attribute.name = std::move(wanted);
    attribute.value = std::move(value);
    add(std::move(attribute));
    return;
  }
  visit_graphs(*existing, [](Graph& graph) { graph.drop_all_uses(); });
  existing->value = std::move(value);
  existing->reference.clear();
  visit_graphs(*existing, [this](Graph& graph) { graph.parent_ = this; });
}

void Node::add(Attribute attribute) {
  attributes_.push_back(std::move(attribute));
  visit_graphs(attributes_.back(), [this](Graph& graph) { graph.parent_ = this; });
}

void Node::remove(std::string_view wanted) {
  Attribute* attribute = find(wanted);
  if (attribute == nullptr) return;
  visit_graphs(*attribute, [](Graph& graph) { graph.drop_all_uses(); });
  attributes_.erase(attributes_.begin() + (attribute - attributes_.data()));
}

namespace {

template <typename T>
const T* held(const Attribute* attribute) {
  return attribute == nullptr ? nullptr : std::get_if<T>(&attribute->value);
}

}  // namespace

std::int64_t Node::integer(std::string_view wanted, std::int64_t fallback) const {
  const auto* value = held<std::int64_t>(find(wanted));
  return value ? *value : fallback;
}

float Node::floating(std::string_view wanted, float fallback) const {
  const auto* value = held<float>(find(wanted));
  return value ? *value : fallback;
}

std::string Node::string(std::string_view wanted, std::string fallback) const {
  const auto* value = held<std::string>(find(wanted));
  return value ? *value : fallback;
}

const std::vector<std::int64_t>* Node::integers(std::string_view wanted) const {
  return held<std::vector<std::int64_t>>(find(wanted));
}

const tensor::Tensor* Node::tensor(std::string_view wanted) const {
  const auto* value = held<NamedTensor>(find(wanted));
  return value ? &value->tensor : nullptr;
}

std::vector<Graph*> Node::subgraphs() const {
  std::vector<Graph*> result;
  for (const Attribute& attribute : attributes_) {
    visit_graphs(attribute, [&](Graph& graph) { result.push_back(&graph); });
  }
  return result;
}

std::string Node::describe() const {
  std::vector<std::string> quoted;
  for (const Value* value : inputs_) {
    if (value != nullptr) quoted.push_back("'" + value->name() + "'");
  }
  constexpr std::size_t kShown = 4;
  if (quoted.size() > kShown) {
    quoted.resize(kShown);
    quoted.emplace_back("…");
  }
  const std::string type = domain.empty() ? op_type : domain + "." + op_type;
  const Value* first = output(0);
  const std::string label = !name.empty() ? " '" + name + "'" : first ? " making '" + first->name() + "'" : "";
  return fmt::format("node {}{}{}", type, label,
                     quoted.empty() ? "" : fmt::format(" (inputs {})", fmt::join(quoted, ", ")));
}

Node* Node::next() const {
  const auto next = std::next(position_);
  return next == graph_->nodes_.end() ? nullptr : next->get();
}

Node* Node::previous() const { return position_ == graph_->nodes_.begin() ? nullptr : std::prev(position_)->get(); }

void Node::drop_uses() {
  for (std::size_t i = 0; i < inputs_.size(); ++i) set_input(i, nullptr);
  for (Graph* graph : subgraphs()) graph->drop_all_uses();
}

}  // namespace olivine::ir

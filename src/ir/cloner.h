#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "ir/graph.h"

namespace olivine::ir {

/// Copies parts of a model into another place. Payloads are shared; names stay as they are.
class Cloner {
 public:
  /// In the copies, `from` is `to`. Values from outside of what is copied must be mapped before.
  void map(const Value& from, Value* to) { values_[&from] = to; }
  Value* mapped(const Value* value) const { return value == nullptr ? nullptr : values_.at(value); }

  /// A value from outside, which was not mapped, stays itself.
  Value* mapped_or_same(Value* value) const {
    const auto entry = values_.find(value);
    return entry != values_.end() ? entry->second : value;
  }

  /// Asked for each attribute that takes its value from the function around it: what stands in its place, or null to
  /// leave the attribute out. Without it references are copied.
  std::function<const Attribute*(const Attribute&)> resolve;

  std::unique_ptr<Graph> graph(const Graph& source);
  /// Nothing where `resolve` leaves it out.
  std::optional<Attribute> attribute(const Attribute& source);
  void copy_attributes(const Node& from, Node& to);

 private:
  template <typename T>
  T value(const T& value) {
    return value;
  }
  std::unique_ptr<Graph> value(const std::unique_ptr<Graph>& value) { return graph(*value); }
  std::vector<std::unique_ptr<Graph>> value(const std::vector<std::unique_ptr<Graph>>& values);
  void describe(const Value& source, Value& copy);
  void constants(const Graph& source, Graph& copy);
  void fill(const Graph& source, Graph& copy);

  std::unordered_map<const Value*, Value*> values_;
};

}  // namespace olivine::ir

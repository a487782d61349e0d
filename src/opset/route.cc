#include "opset/route.h"

#include <algorithm>

namespace olivine::opset {
namespace {

using onnx::Parameter;
using onnx::Schema;

bool accepts_all(std::span<const Parameter> from, std::span<const Parameter> to) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (i >= to.size()) return false;
    const auto accepted = [&](const std::string& type) {
      return std::find(to[i].types.begin(), to[i].types.end(), type) != to[i].types.end();
    };
    if (!std::all_of(from[i].types.begin(), from[i].types.end(), accepted)) return false;
    if (from[i].arity == onnx::Arity::optional && to[i].arity == onnx::Arity::single) return false;
  }
  return true;
}

bool knows_all_attributes(const Schema& from, const Schema& to) {
  const std::vector<std::string> names = from.attribute_names();
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) { return to.has_attribute(name); });
}

/// Defaults of `from` that `to` has otherwise.
std::vector<ir::Attribute> changed_defaults(const Schema& from, const Schema& to) {
  std::vector<ir::Attribute> changed;
  for (const std::string& name : from.attribute_names()) {
    if (!to.has_attribute(name)) continue;
    ir::AttributeValue before = from.attribute_default(name);
    if (before.index() == 0 || same_content(before, to.attribute_default(name))) continue;
    changed.emplace_back().name = name;
    changed.back().value = std::move(before);
  }
  return changed;
}

Hop make_hop(const Schema& from, std::optional<Schema> to, Direction direction, std::int64_t opset) {
  const int version = direction == Direction::up ? to->since_version() : from.since_version();
  Hop hop{direction, from, to, opset, find_adapter(from.domain(), from.name(), version, direction), {}, false};
  if (!to) return hop;
  hop.defaults = changed_defaults(from, *to);
  const bool silent = hop.adapter == nullptr || (hop.adapter->adapt == nullptr && !hop.adapter->impossible);
  hop.plain = silent && hop.defaults.empty() && knows_all_attributes(from, *to) &&
              accepts_all(from.inputs(), to->inputs()) && accepts_all(from.outputs(), to->outputs());
  return hop;
}

Route climb(std::string_view op_type, std::string_view domain, std::int64_t from, std::int64_t to) {
  Route route;
  auto schema = onnx::find_standard_schema(op_type, domain, from);
  const auto last = onnx::find_standard_schema(op_type, domain, to);
  // Versions are few: the next one is found by asking for every opset on the way.
  for (std::int64_t opset = from + 1; schema && opset <= to; ++opset) {
    if (last && last->since_version() == schema->since_version()) break;
    auto next = onnx::find_standard_schema(op_type, domain, opset);
    if (!next || next->since_version() == schema->since_version()) continue;
    route.push_back(make_hop(*schema, next, Direction::up, opset));
    schema = next;
  }
  return route;
}

Route descend(std::string_view op_type, std::string_view domain, std::int64_t from, std::int64_t to) {
  Route route;
  auto schema = onnx::find_standard_schema(op_type, domain, from);
  while (schema && schema->since_version() > to) {
    const std::int64_t opset = schema->since_version() - 1;
    auto previous = onnx::find_standard_schema(op_type, domain, opset);
    // What is deprecated there must not be made any more; a node that was of that version already stays.
    if (previous && previous->deprecated()) previous.reset();
    route.push_back(make_hop(*schema, previous, Direction::down, opset));
    schema = previous;
  }
  return route;
}

}  // namespace

bool same_content(const ir::AttributeValue& a, const ir::AttributeValue& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&](const auto& value) {
        using Content = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Content, std::int64_t> || std::is_same_v<Content, float> ||
                      std::is_same_v<Content, std::string> || std::is_same_v<Content, std::vector<std::int64_t>> ||
                      std::is_same_v<Content, std::vector<float>> ||
                      std::is_same_v<Content, std::vector<std::string>>) {
          return value == std::get<Content>(b);
        } else {
          return false;
        }
      },
      a);
}

const Route& Routes::find(std::string_view op_type, std::string_view domain, std::int64_t from, std::int64_t to) {
  key_.assign(op_type).append(1, ' ').append(domain).append(1, ' ').append(std::to_string(from));
  key_.append(1, ' ').append(std::to_string(to));
  const auto [entry, fresh] = routes_.try_emplace(key_);
  if (fresh) entry->second = from < to ? climb(op_type, domain, from, to) : descend(op_type, domain, from, to);
  return entry->second;
}

}  // namespace olivine::opset

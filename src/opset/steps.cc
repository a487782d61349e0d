#include "opset/steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "onnx/onnx.h"

namespace olivine::opset {
namespace {

using onnx::Parameter;
using onnx::Schema;

constexpr int kLowestTarget = 7;

bool same_names(std::span<const Parameter> a, std::span<const Parameter> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Parameter& x, const Parameter& y) {
    return x.arity == y.arity && x.homogeneous == y.homogeneous;
  });
}

bool same_types(std::span<const Parameter> a, std::span<const Parameter> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Parameter& x, const Parameter& y) { return std::ranges::equal(x.types, y.types); });
}

/// Attributes that `schema` has and `other` has not.
std::vector<std::string> extra_attributes(const Schema& schema, const Schema& other) {
  std::vector<std::string> names = schema.attribute_names();
  std::erase_if(names, [&](const std::string& name) { return other.has_attribute(name); });
  return names;
}

bool all_have_defaults(const Schema& schema, const std::vector<std::string>& names) {
  return std::all_of(names.begin(), names.end(),
                     [&](const std::string& name) { return schema.attribute_default(name).index() != 0; });
}

std::optional<Account> by_row(std::string_view domain, std::string_view op_type, int version, Direction direction) {
  const Adapter* adapter = find_adapter(domain, op_type, version, direction);
  if (adapter == nullptr) return std::nullopt;
  const Means means = adapter->impossible ? Means::none : adapter->adapt != nullptr ? Means::adapter : Means::nothing;
  return Account{means, std::string(adapter->summary)};
}

/// What the engine does by itself, going from one version to another.
Account by_engine(const Schema& from, const Schema& to) {
  if (to.deprecated()) return {Means::missing, "it is deprecated"};
  if (!same_names(from.inputs(), to.inputs()) || !same_names(from.outputs(), to.outputs())) {
    return {Means::missing, "inputs or outputs differ"};
  }
  const std::vector<std::string> gone = extra_attributes(from, to);
  if (!all_have_defaults(from, gone)) return {Means::missing, fmt::format("loses {}", fmt::join(gone, ", "))};
  std::vector<std::string> texts;
  if (!gone.empty()) texts.push_back(fmt::format("{} at the default only", fmt::join(gone, ", ")));
  const std::vector<std::string> added = extra_attributes(to, from);
  for (const std::string& name : added) {
    if (to.attribute_required(name)) return {Means::missing, fmt::format("needs {}", name)};
  }
  const bool types = !same_types(from.inputs(), to.inputs()) || !same_types(from.outputs(), to.outputs());
  if (types) texts.emplace_back("types that it does not take are carried by others where that is exact");
  if (texts.empty() && !added.empty()) texts.push_back(fmt::format("{} at the default", fmt::join(added, ", ")));
  if (texts.empty()) return {Means::missing, "nothing differs in the signature"};
  return {Means::automatic, fmt::format("{}", fmt::join(texts, "; "))};
}

Account going_up(std::string_view domain, const Schema& from, const Schema& to) {
  const auto row = by_row(domain, to.name(), to.since_version(), Direction::up);
  return row ? *row : by_engine(from, to);
}

Account going_down(std::string_view domain, const Schema& from, const std::optional<Schema>& to) {
  if (const auto row = by_row(domain, from.name(), from.since_version(), Direction::down)) return *row;
  if (to && !to->deprecated()) return by_engine(from, *to);
  if (from.has_function_body()) return {Means::definition, "the operators that define it"};
  return {Means::missing, "there is none in the older opset"};
}

}  // namespace

std::vector<VersionStep> version_steps(std::string_view domain) {
  const std::vector<Schema> schemas = onnx::standard_schemas(domain);
  const int lowest = domain.empty() ? kLowestTarget : 1;
  std::vector<VersionStep> steps;
  for (std::size_t i = 0; i < schemas.size(); ++i) {
    const Schema& schema = schemas[i];
    const bool is_first = i == 0 || schemas[i - 1].name() != schema.name();
    const std::optional<Schema> before = is_first ? std::nullopt : std::optional(schemas[i - 1]);
    VersionStep step{schema.name(), before ? before->since_version() : 0, schema.since_version(), {}, {}};
    if (before) step.up = going_up(domain, *before, schema);
    const bool goes_down = schema.since_version() > lowest && !schema.deprecated();
    if (goes_down) step.down = going_down(domain, schema, before);
    if (!before) step.up.means = Means::nothing;
    if (!goes_down) step.down.means = Means::nothing;
    if (before || goes_down) steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace olivine::opset

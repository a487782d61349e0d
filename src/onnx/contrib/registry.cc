#include "onnx/contrib/registry.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <shared_mutex>
#include <tuple>
#include <utility>

#include "onnx/contrib/rule.h"

namespace olivine::onnx {
namespace {

using contrib::AttributeFact;
using contrib::Port;
using contrib::Row;
using ::onnx::AttributeProto;
using ::onnx::OpSchema;

constexpr std::string_view kDomain = "com.microsoft";

OpSchema::FormalParameter parameter(const Port& port) {
  return OpSchema::FormalParameter(std::string(port.name), std::string(),
                                   port.is_variable() ? std::string(port.type) : contrib::type_string(port.type),
                                   port.variadic   ? OpSchema::Variadic
                                   : port.optional ? OpSchema::Optional
                                                   : OpSchema::Single,
                                   port.homogeneous, port.variadic.value_or(1));
}

constexpr std::pair<std::string_view, AttributeProto::AttributeType> kKinds[] = {
    {"int", AttributeProto::INT},     {"float", AttributeProto::FLOAT},   {"string", AttributeProto::STRING},
    {"ints", AttributeProto::INTS},   {"floats", AttributeProto::FLOATS}, {"strings", AttributeProto::STRINGS},
    {"graph", AttributeProto::GRAPH}, {"tensor", AttributeProto::TENSOR}};

AttributeProto::AttributeType kind_of(std::string_view kind) {
  for (const auto& [name, value] : kKinds) {
    if (name == kind) return value;
  }
  return AttributeProto::UNDEFINED;
}

template <typename Number>
Number number(std::string_view text) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

OpSchema::Attribute attribute(const AttributeFact& fact) {
  const AttributeProto::AttributeType kind = kind_of(fact.kind);
  if (!fact.fallback) return OpSchema::Attribute(std::string(fact.name), std::string(), kind, fact.required);
  AttributeProto value;
  value.set_name(std::string(fact.name));
  value.set_type(kind);
  if (kind == AttributeProto::INT) value.set_i(number<std::int64_t>(*fact.fallback));
  if (kind == AttributeProto::FLOAT) value.set_f(number<float>(*fact.fallback));
  if (kind == AttributeProto::STRING) value.set_s(std::string(*fact.fallback));
  return OpSchema::Attribute(std::string(fact.name), std::string(), std::move(value));
}

OpSchema schema_of(const Row& row) {
  OpSchema schema;
  schema.SetName(std::string(row.name)).SetDomain(std::string(row.domain)).SinceVersion(row.since);
  if (row.deprecated) schema.Deprecate();
  for (const contrib::Constraint& constraint : row.constraints()) {
    std::vector<std::string> types;
    for (const std::string_view type : constraint.types) types.push_back(contrib::type_string(type));
    schema.TypeConstraint(std::string(constraint.variable), std::move(types), std::string());
  }
  int index = 0;
  for (const Port& port : row.inputs()) schema.Input(index++, parameter(port));
  index = 0;
  for (const Port& port : row.outputs()) schema.Output(index++, parameter(port));
  for (const AttributeFact& fact : row.attributes()) schema.Attr(attribute(fact));
  // A newer ONNX Runtime may know attributes that this table doesn't.
  schema.AllowUncheckedAttributes();
  schema.TypeAndShapeInferenceFunction([&row](::onnx::InferenceContext& node) { contrib::infer({node, row}); });
  schema.Finalize();
  return schema;
}

/// The newest version of an operator up to `version`, or null. The rows are sorted.
const Row* find_row(std::string_view domain, std::string_view name, int version) {
  const auto rows = contrib::rows();
  const auto key = [](const Row& row) { return std::tie(row.domain, row.name, row.since); };
  const auto after = std::upper_bound(rows.begin(), rows.end(), std::tie(domain, name, version),
                                      [&](const auto& wanted, const Row& row) { return wanted < key(row); });
  if (after == rows.begin()) return nullptr;
  const Row& row = *std::prev(after);
  return row.domain == domain && row.name == name ? &row : nullptr;
}

class Registry final : public ::onnx::ISchemaRegistry {
 public:
  // NOLINTNEXTLINE(google-default-arguments): the default is the base's
  const OpSchema* GetSchema(const std::string& name, int version, const std::string& domain) const override {
    const OpSchema* schema = domain == kDomain ? nullptr : ::onnx::OpSchemaRegistry::Schema(name, version, domain);
    if (schema != nullptr) return schema;
    const Row* row = find_row(domain, name, version);
    return row == nullptr ? nullptr : &made(*row);
  }

 private:
  const OpSchema& made(const Row& row) const {
    {
      const std::shared_lock lock(mutex_);
      const auto entry = schemas_.find(&row);
      if (entry != schemas_.end()) return entry->second;
    }
    const std::unique_lock lock(mutex_);
    const auto entry = schemas_.find(&row);
    return entry != schemas_.end() ? entry->second : schemas_.emplace(&row, schema_of(row)).first->second;
  }

  mutable std::shared_mutex mutex_;
  mutable std::map<const Row*, OpSchema> schemas_;
};

}  // namespace

const ::onnx::ISchemaRegistry& schema_registry() {
  static const Registry registry;
  return registry;
}

const OpSchema* standard_schema(std::string_view name, int version, std::string_view domain) {
  return ::onnx::OpSchemaRegistry::Schema(std::string(name), version, std::string(domain));
}

std::vector<const OpSchema*> standard_schemas_of(std::string_view domain) {
  std::map<std::pair<std::string, int>, const OpSchema*> sorted;
  for (const OpSchema& copy : ::onnx::OpSchemaRegistry::get_all_schemas_with_history()) {
    if (copy.domain() != domain) continue;
    sorted.emplace(std::pair(copy.Name(), copy.SinceVersion()),
                   standard_schema(copy.Name(), copy.SinceVersion(), domain));
  }
  std::vector<const OpSchema*> schemas;
  for (const auto& [key, schema] : sorted) schemas.push_back(schema);
  return schemas;
}

std::int64_t newest_version(std::string_view domain) {
  if (domain == kDomain) return 1;
  const auto& versions = ::onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map();
  const auto entry = versions.find(std::string(domain));
  return entry == versions.end() ? 0 : entry->second.second;
}

}  // namespace olivine::onnx

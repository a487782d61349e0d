#include <onnx/defs/schema.h>

#include <charconv>
#include <mutex>
#include <utility>

#include "onnx/contrib/contrib.h"
#include "onnx/contrib/rule.h"

namespace olivine::onnx {
namespace {

using contrib::AttributeFact;
using contrib::Port;
using contrib::Row;
using ::onnx::AttributeProto;
using ::onnx::OpSchema;

constexpr const char* kDomain = "com.microsoft";

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
  return schema;
}

void register_schemas() {
  auto& versions = ::onnx::OpSchemaRegistry::DomainToVersionRange::Instance();
  if (!versions.Map().contains(kDomain)) versions.AddDomainToVersion(kDomain, 1, 1);
  for (const Row& row : contrib::rows()) ::onnx::RegisterSchema(schema_of(row), 0, false, true);
}

}  // namespace

void ensure_contrib_schemas() {
  static std::once_flag once;
  std::call_once(once, register_schemas);
}

}  // namespace olivine::onnx

#include <onnx/common/constants.h>
#include <onnx/defs/schema.h>

#include <map>
#include <mutex>
#include <shared_mutex>

#include "onnx/contrib/registry.h"
#include "onnx/onnx.h"
#include "onnx/protos.h"
#include "onnx/read_parts.h"

namespace olivine::onnx {

struct Schema::Data {
  const ::onnx::OpSchema* schema = nullptr;
  std::vector<Parameter> inputs;
  std::vector<Parameter> outputs;
  std::vector<std::vector<std::string>> type_lists;
};

namespace {

using ::onnx::OpSchema;

Arity arity_of(OpSchema::FormalParameterOption option) {
  switch (option) {
    case OpSchema::Single:
      return Arity::single;
    case OpSchema::Optional:
      return Arity::optional;
    case OpSchema::Variadic:
      return Arity::variadic;
  }
  return Arity::single;
}

std::vector<std::string> type_strings(const OpSchema::FormalParameter& parameter) {
  std::vector<std::string> types;
  for (const auto* type : parameter.GetTypes()) types.push_back(*type);
  std::sort(types.begin(), types.end());
  return types;
}

void add_parameters(const std::vector<OpSchema::FormalParameter>& source, std::vector<Parameter>& out,
                    std::vector<std::vector<std::string>>& type_lists) {
  for (const OpSchema::FormalParameter& parameter : source) {
    type_lists.push_back(type_strings(parameter));
    out.push_back({parameter.GetName(), parameter.GetTypeStr(), arity_of(parameter.GetOption()),
                   parameter.GetIsHomogeneous(), parameter.GetDifferentiationCategory() == OpSchema::Differentiable,
                   type_lists.back()});
  }
}

std::unique_ptr<const Schema::Data> make_data(const OpSchema& schema) {
  auto data = std::make_unique<Schema::Data>();
  data->schema = &schema;
  data->type_lists.reserve(schema.inputs().size() + schema.outputs().size());
  add_parameters(schema.inputs(), data->inputs, data->type_lists);
  add_parameters(schema.outputs(), data->outputs, data->type_lists);
  return data;
}

/// One entry per schema that was asked for; the pointers stay valid for the life of the program.
const Schema::Data* data_of(const OpSchema& schema) {
  static std::shared_mutex mutex;
  static std::map<const OpSchema*, std::unique_ptr<const Schema::Data>> cache;
  {
    const std::shared_lock lock(mutex);
    const auto entry = cache.find(&schema);
    if (entry != cache.end()) return entry->second.get();
  }
  const std::unique_lock lock(mutex);
  auto& entry = cache[&schema];
  if (!entry) entry = make_data(schema);
  return entry.get();
}

const Parameter* parameter_at(const std::vector<Parameter>& parameters, std::size_t index) {
  if (index < parameters.size()) return &parameters[index];
  if (!parameters.empty() && parameters.back().arity == Arity::variadic) return &parameters.back();
  return nullptr;
}

std::string string_of(DataType dtype) { return "tensor(" + std::string(name_of(dtype)) + ")"; }

std::string string_of(const ir::Type& type) {
  const auto element = [](const std::shared_ptr<const ir::Type>& inner) {
    return inner ? string_of(*inner) : std::string();
  };
  if (const auto* tensor = std::get_if<ir::TensorType>(&type.kind)) return string_of(tensor->dtype);
  if (const auto* sparse = std::get_if<ir::SparseTensorType>(&type.kind)) return "sparse_" + string_of(sparse->dtype);
  if (const auto* sequence = std::get_if<ir::SequenceType>(&type.kind))
    return "seq(" + element(sequence->element) + ")";
  if (const auto* optional = std::get_if<ir::OptionalType>(&type.kind))
    return "optional(" + element(optional->element) + ")";
  if (const auto* map = std::get_if<ir::MapType>(&type.kind)) {
    return "map(" + std::string(name_of(map->key)) + "," + element(map->value) + ")";
  }
  return {};
}

}  // namespace

bool Parameter::accepts(const ir::Type& type) const {
  return std::find(types.begin(), types.end(), string_of(type)) != types.end();
}

bool Parameter::accepts(DataType dtype) const {
  return std::find(types.begin(), types.end(), string_of(dtype)) != types.end();
}

std::string_view Schema::name() const { return data_->schema->Name(); }
std::string_view Schema::domain() const { return data_->schema->domain(); }
int Schema::since_version() const { return data_->schema->since_version(); }
bool Schema::deprecated() const { return data_->schema->Deprecated(); }
const Parameter* Schema::input(std::size_t index) const { return parameter_at(data_->inputs, index); }
const Parameter* Schema::output(std::size_t index) const { return parameter_at(data_->outputs, index); }
std::span<const Parameter> Schema::inputs() const { return data_->inputs; }
std::span<const Parameter> Schema::outputs() const { return data_->outputs; }
std::size_t Schema::min_inputs() const { return static_cast<std::size_t>(data_->schema->min_input()); }
std::size_t Schema::max_inputs() const { return static_cast<std::size_t>(data_->schema->max_input()); }

bool Schema::has_attribute(std::string_view name) const {
  return data_->schema->attributes().contains(std::string(name));
}

std::vector<std::string> Schema::attribute_names() const {
  std::vector<std::string> names;
  for (const auto& [name, attribute] : data_->schema->attributes()) names.push_back(name);
  return names;
}

ir::AttributeKind Schema::attribute_kind(std::string_view name) const {
  const auto entry = data_->schema->attributes().find(std::string(name));
  return entry == data_->schema->attributes().end() ? ir::AttributeKind::undefined
                                                    : static_cast<ir::AttributeKind>(entry->second.type);
}

bool Schema::attribute_required(std::string_view name) const {
  const auto entry = data_->schema->attributes().find(std::string(name));
  return entry != data_->schema->attributes().end() && entry->second.required;
}

ir::AttributeValue Schema::attribute_default(std::string_view name) const {
  const auto entry = data_->schema->attributes().find(std::string(name));
  if (entry == data_->schema->attributes().end()) return {};
  const ::onnx::AttributeProto& proto = entry->second.default_value;
  if (!proto.has_name()) return {};
  return read_attribute_value(proto.SerializeAsString());
}

bool Schema::has_function_body() const {
  return data_->schema->HasFunction() || data_->schema->HasContextDependentFunction();
}

std::optional<Schema> find_schema(std::string_view op_type, std::string_view domain, std::int64_t opset) {
  const OpSchema* schema =
      schema_registry().GetSchema(std::string(op_type), static_cast<int>(opset), std::string(domain));
  if (schema == nullptr) return std::nullopt;
  return Schema(data_of(*schema));
}

std::optional<Schema> find_standard_schema(std::string_view op_type, std::string_view domain, std::int64_t opset) {
  const OpSchema* schema = standard_schema(op_type, static_cast<int>(opset), domain);
  if (schema == nullptr) return std::nullopt;
  return Schema(data_of(*schema));
}

std::vector<Schema> standard_schemas(std::string_view domain) {
  std::vector<Schema> schemas;
  for (const OpSchema* schema : standard_schemas_of(domain)) schemas.emplace_back(data_of(*schema));
  return schemas;
}

std::optional<Schema> find_schema(const ir::Node& node, const ir::Model& model, const ir::Function* function) {
  const auto& imports = function ? function->opset_imports : model.opset_imports;
  for (const ir::OpsetImport& import : imports) {
    if (import.domain == node.domain) return find_schema(node.op_type, node.domain, import.version);
  }
  return std::nullopt;
}

std::int64_t newest_opset(std::string_view domain) { return newest_version(domain); }

}  // namespace olivine::onnx

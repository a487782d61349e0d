#include "onnx/contrib/rule.h"

#include <onnx/defs/data_type_utils.h>
#include <onnx/defs/tensor_proto_util.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "onnx/contrib/functions.h"
#include "onnx/contrib/pattern.h"

namespace olivine::onnx::contrib {
namespace {

using ::onnx::TypeProto;

bool is_known(const TypeProto* type) {
  return type != nullptr && type->value_case() != TypeProto::VALUE_NOT_SET &&
         (!type->has_tensor_type() || type->tensor_type().elem_type() != ::onnx::TensorProto::UNDEFINED);
}

const TypeProto* known_input(const Context& context, std::size_t input) {
  if (input >= context.node.getNumInputs()) return nullptr;
  const TypeProto* type = context.node.getInputType(input);
  return is_known(type) ? type : nullptr;
}

// ---- Element types

/// Takes over the kind and the element type, not the shape.
bool follow(const Context& context, std::size_t input, std::size_t output) {
  if (known_input(context, input) == nullptr) return false;
  ::onnx::propagateElemTypeFromInputToOutput(context.node, input, output);
  return true;
}

bool set_type(const Context& context, std::string_view type, std::size_t output) {
  const std::string text = type_string(type);
  *context.node.getOutputType(output) =
      ::onnx::Utils::DataTypeUtils::ToTypeProto(::onnx::Utils::DataTypeUtils::ToType(text));
  return true;
}

bool set_by_source(const Context& context, std::string_view source, std::size_t output) {
  if (source.starts_with('@')) {
    std::size_t input = 0;
    std::from_chars(source.data() + 1, source.data() + source.size(), input);
    return follow(context, input, output);
  }
  if (const std::size_t mark = source.find('?'); mark != std::string_view::npos) {
    return context.integer(source.substr(0, mark)).value_or(0) != 0 &&
           set_type(context, source.substr(mark + 1), output);
  }
  if (const auto dtype = context.integer(source)) {
    context.node.getOutputType(output)->mutable_tensor_type()->set_elem_type(static_cast<std::int32_t>(*dtype));
    return true;
  }
  const auto facts = context.row.attributes();
  const bool attribute = std::any_of(facts.begin(), facts.end(), [&](const auto& fact) { return fact.name == source; });
  return !attribute && set_type(context, source, output);
}

/// The sources of one output: "1=@3,@0 2=float".
std::string_view sources_of(std::string_view types, std::size_t output) {
  for (const std::string_view word : split(types, ' ')) {
    std::size_t index = 0;
    std::from_chars(word.data(), word.data() + word.size(), index);
    if (index == output) return word.substr(word.find('=') + 1);
  }
  return {};
}

/// An output is of one type, or of the type of the inputs with the same variable.
bool set_by_facts(const Context& context, const Port& port, std::size_t output) {
  if (!port.homogeneous) return false;
  const auto constraints = context.row.constraints();
  const auto constraint = std::find_if(constraints.begin(), constraints.end(),
                                       [&](const Constraint& candidate) { return candidate.variable == port.type; });
  if (constraint == constraints.end()) return set_type(context, port.type, output);
  if (constraint->types.size() == 1) return set_type(context, constraint->types[0], output);
  const auto inputs = context.row.inputs();
  for (std::size_t i = 0; i < context.node.getNumInputs() && !inputs.empty(); ++i) {
    const Port& input = inputs[std::min(i, inputs.size() - 1)];
    if (input.type == port.type && input.homogeneous && follow(context, i, output)) return true;
  }
  return false;
}

void set_types(const Context& context, std::string_view types) {
  const auto ports = context.row.outputs();
  for (std::size_t i = 0; i < context.node.getNumOutputs() && !ports.empty(); ++i) {
    if (!context.has_output(i)) continue;
    bool done = false;
    for (const std::string_view source : split(sources_of(types, i), ',')) {
      done = done || set_by_source(context, source, i);
    }
    if (!done) set_by_facts(context, ports[std::min(i, ports.size() - 1)], i);
  }
}

bool channels_last(const Context& context, Layout layout) {
  if (layout == Layout::by_attribute) return context.integer("channels_last").value_or(0) != 0;
  return layout == Layout::channels_last;
}

void set_shapes(const Context& context, const Rule& rule) {
  if (!rule.shapes.empty()) apply_patterns(rule.shapes, context);
  if (rule.function != nullptr) rule.function(context);
  if (rule.like.op_type != nullptr) infer_like(rule.like, channels_last(context, rule.layout), context);
}

/// A search runs its bodies with inputs that it makes; their types are those that the bodies declare.
void infer_bodies(const Context& context) {
  for (const AttributeFact& fact : context.row.attributes()) {
    const std::string name(fact.name);
    const ::onnx::AttributeProto* body = fact.kind == "graph" ? context.node.getAttribute(name) : nullptr;
    if (body == nullptr) continue;
    const std::vector<const TypeProto*> declared(static_cast<std::size_t>(body->g().input_size()), nullptr);
    context.node.getGraphAttributeInferencer(name)->doInferencing(declared, {});
  }
}

}  // namespace

const Shape* Context::shape(std::size_t input) const {
  const TypeProto* type = known_input(*this, input);
  if (type == nullptr || !::onnx::hasShape(*type)) return nullptr;
  if (type->has_tensor_type()) return &type->tensor_type().shape();
  return type->has_sparse_tensor_type() ? &type->sparse_tensor_type().shape() : nullptr;
}

std::optional<std::int64_t> Context::integer(std::string_view attribute) const {
  const ::onnx::AttributeProto* proto = node.getAttribute(std::string(attribute));
  if (proto == nullptr) return row.int_default(attribute);
  return proto->has_i() ? std::optional<std::int64_t>(proto->i()) : std::nullopt;
}

std::optional<std::vector<std::int64_t>> Context::constants(std::size_t input) const {
  if (input >= node.getNumInputs()) return std::nullopt;
  const ::onnx::TensorProto* data = node.getInputData(input);
  if (data != nullptr && data->data_type() == ::onnx::TensorProto::INT64) return ::onnx::ParseData<std::int64_t>(data);
  if (data != nullptr && data->data_type() == ::onnx::TensorProto::INT32) {
    const auto values = ::onnx::ParseData<std::int32_t>(data);
    return std::vector<std::int64_t>(values.begin(), values.end());
  }
  // What data propagation found.
  const Shape* computed = data == nullptr ? node.getSymbolicInput(input) : nullptr;
  if (computed == nullptr) return std::nullopt;
  std::vector<std::int64_t> values;
  for (const Dim& dim : computed->dim()) {
    if (!dim.has_dim_value()) return std::nullopt;
    values.push_back(dim.dim_value());
  }
  return values;
}

std::optional<std::int64_t> Context::constant(std::size_t input, std::size_t index) const {
  const auto values = constants(input);
  return values && index < values->size() ? std::optional<std::int64_t>((*values)[index]) : std::nullopt;
}

bool Context::has_output(std::size_t output) const { return output < node.getNumOutputs() && node.hasOutput(output); }

void Context::set_shape(std::size_t output, const Shape& shape) const {
  if (!has_output(output)) return;
  TypeProto& type = *node.getOutputType(output);
  if (!is_known(&type) || !type.has_tensor_type() || type.tensor_type().has_shape()) return;
  Shape& target = *type.mutable_tensor_type()->mutable_shape();
  target = shape;
  for (Dim& dim : *target.mutable_dim()) {
    if (dim.has_dim_value() && dim.dim_value() < 0) dim = Dim();
  }
}

const Rule* find_rule(std::string_view op_type) {
  const auto table = rules();
  const auto entry =
      std::find_if(table.begin(), table.end(), [&](const Rule& rule) { return rule.op_type == op_type; });
  return entry == table.end() ? nullptr : &*entry;
}

void infer(const Context& context) {
  const Rule* rule = find_rule(context.row.name);
  try {
    set_types(context, rule == nullptr ? std::string_view() : rule->types);
    if (rule != nullptr) set_shapes(context, *rule);
    infer_bodies(context);
  } catch (const Error&) {
    throw;
  } catch (const std::exception&) {
    // Something that the rule did not foresee: the outputs keep what they have by now.
  }
}

}  // namespace olivine::onnx::contrib

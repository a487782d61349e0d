#include "opset/converter.h"
#include "opset/fit.h"

/// The part of the converter that puts nodes between Casts.
namespace olivine::opset {

namespace {

DataType refused_type(const ir::Value* value, const onnx::Parameter& parameter) {
  if (value == nullptr || value->type.tensor() == nullptr) return DataType::undefined;
  const DataType dtype = value->type.tensor()->dtype;
  return dtype == DataType::undefined || parameter.accepts(dtype) ? DataType::undefined : dtype;
}

}  // namespace

/// Types that the schema does not take are cast to others and back, where that changes nothing.
bool Converter::fit_types(ir::Node& node, const onnx::Schema& schema, std::int64_t opset) {
  if (node.is("Cast") || node.is("Constant") || !node.subgraphs().empty()) return false;
  bool any = false;
  for (std::size_t i = 0; i < node.inputs().size(); ++i) {
    const onnx::Parameter* parameter = schema.input(i);
    if (parameter == nullptr) break;
    const DataType dtype = refused_type(node.input(i), *parameter);
    if (dtype != DataType::undefined) any = carry(node, schema, *parameter, dtype, opset) || any;
  }
  return any;
}

/// All inputs and outputs of one type variable change together.
bool Converter::carry(ir::Node& node, const onnx::Schema& schema, const onnx::Parameter& parameter, DataType dtype,
                      std::int64_t opset) {
  const auto carrier = find_carrier(node.op_type, dtype, parameter);
  if (!carrier) return false;
  const std::string variable(parameter.type_variable);
  for (std::size_t i = 0; i < node.inputs().size(); ++i) {
    const onnx::Parameter* other = schema.input(i);
    ir::Value* value = node.input(i);
    if (other == nullptr || other->type_variable != variable || value == nullptr) continue;
    node.set_input(i, cast_before(node, *value, *carrier, opset));
  }
  for (std::size_t i = 0; i < node.output_count(); ++i) {
    const onnx::Parameter* other = schema.output(i);
    if (other != nullptr && other->type_variable == variable && node.output(i) != nullptr) {
      cast_after(node, i, *carrier, opset);
    }
  }
  return true;
}

ir::Value* Converter::cast_before(ir::Node& node, ir::Value& value, DataType dtype, std::int64_t opset) {
  const auto fill = [&](ir::Node& cast) { cast.set("to", static_cast<std::int64_t>(dtype)); };
  return make(node, "Cast", {&value}, 1, fill, opset_beside(node, opset), "").front();
}

void Converter::cast_after(ir::Node& node, std::size_t output, DataType dtype, std::int64_t opset) {
  ir::Value& value = *node.output(output);
  const DataType outer = ir::element_type(value.type);
  ir::Node& cast = node.graph().insert_after(node, "Cast", {});
  cast.set("to", static_cast<std::int64_t>(outer));
  ir::Value* result = cast.add_output(node.graph().unique_name(value.name() + "_cast"), value.type);
  note_made(cast, opset_beside(node, opset));
  hand_over(value, *result);
  std::string name = value.name();
  value.set_name(node.graph().unique_name(name + "_" + std::string(name_of(dtype))));
  result->set_name(std::move(name));
  value.type = ir::with_element_type(value.type, dtype);
  value.listed = false;
  value.annotations = {};
  cast.set_input(0, &value);
}

}  // namespace olivine::opset

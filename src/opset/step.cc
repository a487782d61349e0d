#include "opset/step.h"

#include <fmt/format.h>

#include <algorithm>

#include "opset/converter.h"

namespace olivine::opset {

Step::Step(Converter& converter, ir::Node& node, const onnx::Schema& schema, std::int64_t opset)
    : Builder(converter.known(), opset), converter_(converter), node_(&node), schema_(schema) {}

// ---- Attributes

ir::Value* Step::used_output(std::size_t index) const {
  ir::Value* output = node_->output(index);
  return output != nullptr && !output->uses().empty() ? output : nullptr;
}

const ir::Attribute* Step::given(std::string_view name) const {
  const ir::Attribute* attribute = node_->find(name);
  if (attribute != nullptr && !attribute->reference.empty()) {
    refuse(fmt::format("its attribute '{}' is a parameter of the function that it is in", name));
  }
  return attribute;
}

namespace {

template <typename T>
std::optional<T> read(const ir::Attribute* given, const onnx::Schema& schema, std::string_view name) {
  if (given != nullptr) {
    const T* value = std::get_if<T>(&given->value);
    return value != nullptr ? std::optional<T>(*value) : std::nullopt;
  }
  const ir::AttributeValue fallback = schema.attribute_default(name);
  const T* value = std::get_if<T>(&fallback);
  return value != nullptr ? std::optional<T>(*value) : std::nullopt;
}

}  // namespace

std::int64_t Step::integer(std::string_view name) const {
  return read<std::int64_t>(given(name), schema_, name).value_or(0);
}
float Step::floating(std::string_view name) const { return read<float>(given(name), schema_, name).value_or(0); }
std::string Step::string(std::string_view name) const {
  return read<std::string>(given(name), schema_, name).value_or("");
}
std::optional<Ints> Step::integers(std::string_view name) const { return read<Ints>(given(name), schema_, name); }
std::optional<std::vector<float>> Step::floats(std::string_view name) const {
  return read<std::vector<float>>(given(name), schema_, name);
}

}  // namespace olivine::opset

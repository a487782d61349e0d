#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "opset/adapters/families.h"

/// LabelEncoder of ai.onnx.ml. Trees have a file of their own.
namespace olivine::opset {
namespace {

using Strings = std::vector<std::string>;

constexpr std::string_view kMl = "ai.onnx.ml";

Ints counted(std::size_t size) {
  Ints numbers(size);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

template <typename T>
const T* find(Step& s, std::string_view name) {
  const ir::Attribute* attribute = s.node().find(name);
  if (attribute == nullptr) return nullptr;
  if (!attribute->reference.empty()) {
    s.refuse(fmt::format("its attribute '{}' is a parameter of the function that it is in", name));
  }
  return std::get_if<T>(&attribute->value);
}

// 2: classes are counted from 0, in the one direction or in the other.
void classes_up(Step& s) {
  const Strings* given = find<Strings>(s, "classes_strings");
  const Strings classes = given != nullptr ? *given : Strings{};
  const bool from_strings = s.dtype(s.input(0)) == DataType::string;
  s.node().remove("classes_strings");
  s.node().set(from_strings ? "keys_strings" : "values_strings", classes);
  s.node().set(from_strings ? "values_int64s" : "keys_int64s", counted(classes.size()));
}

void classes_down(Step& s) {
  const bool from_strings = s.dtype(s.input(0)) == DataType::string;
  const Strings* names = find<Strings>(s, from_strings ? "keys_strings" : "values_strings");
  const Ints* numbers = find<Ints>(s, from_strings ? "values_int64s" : "keys_int64s");
  if (names == nullptr || numbers == nullptr || names->size() != numbers->size()) {
    s.refuse("opset 1 maps strings to numbers or back, nothing else");
  }
  Strings classes(names->size());
  Ints seen;
  for (std::size_t i = 0; i < names->size(); ++i) {
    const auto number = static_cast<std::size_t>((*numbers)[i]);
    if (number >= classes.size()) s.refuse("in opset 1 the numbers count from 0 without a gap");
    classes[number] = (*names)[i];
    seen.push_back((*numbers)[i]);
  }
  std::sort(seen.begin(), seen.end());
  if (seen != counted(classes.size())) s.refuse("in opset 1 the numbers count from 0 without a gap");
  for (const char* name : {"keys_strings", "values_strings", "keys_int64s", "values_int64s", "default_float"}) {
    s.node().remove(name);
  }
  s.node().set("classes_strings", std::move(classes));
}

/// A tensor of keys, values or a default as the older version's lists have it.
ir::AttributeValue as_list(Step& s, const tensor::Tensor& tensor) {
  if (tensor.dtype() == DataType::string) return tensor.strings();
  if (tensor.dtype() == DataType::int64) return *tensor::as_int64s(tensor, tensor.element_count());
  if (tensor.dtype() == DataType::float32) {
    const std::vector<double> wide = *tensor::as_doubles(tensor, tensor.element_count());
    return std::vector<float>(wide.begin(), wide.end());
  }
  s.refuse(fmt::format("opset 2 maps strings, int64 and float, not {}", name_of(tensor.dtype())));
}

std::string_view kind_of(DataType dtype) {
  if (dtype == DataType::string) return "string";
  return dtype == DataType::int64 ? "int64" : "float";
}

// 4: tensors in place of lists.
void tensors_down(Step& s) {
  for (const std::string_view name : {"keys", "values"}) {
    const auto attribute = fmt::format("{}_tensor", name);
    const auto* tensor = find<ir::NamedTensor>(s, attribute);
    if (tensor == nullptr) continue;
    ir::AttributeValue list = as_list(s, tensor->tensor);
    s.node().set(fmt::format("{}_{}s", name, kind_of(tensor->tensor.dtype())), std::move(list));
    s.node().remove(attribute);
  }
  if (const auto* fallback = find<ir::NamedTensor>(s, "default_tensor")) {
    const std::string name = fmt::format("default_{}", kind_of(fallback->tensor.dtype()));
    const ir::AttributeValue list = as_list(s, fallback->tensor);
    if (const auto* strings = std::get_if<Strings>(&list)) s.node().set(name, strings->at(0));
    if (const auto* numbers = std::get_if<Ints>(&list)) s.node().set(name, numbers->at(0));
    if (const auto* reals = std::get_if<std::vector<float>>(&list)) s.node().set(name, reals->at(0));
    s.node().remove("default_tensor");
  }
}

constexpr Adapter kAdapters[] = {
    in_domain(kMl, up("LabelEncoder", 2, &classes_up, "classes become keys and values")),
    in_domain(kMl, down("LabelEncoder", 2, &classes_down, "keys and values that count from 0 become classes")),
    in_domain(kMl, down("LabelEncoder", 4, &tensors_down, "tensors become lists")),
};

}  // namespace

std::span<const Adapter> ml_adapters() { return kAdapters; }

}  // namespace olivine::opset

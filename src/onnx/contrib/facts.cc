#include "onnx/contrib/facts.h"

#include <charconv>

namespace olivine::onnx::contrib {
namespace {

constexpr Row kRows[] = {
#include "onnx/contrib/schemas.inc"
};

/// Cuts `text` at the first of `marks`; the rest begins with the mark.
std::string_view cut(std::string_view& text, std::string_view marks) {
  const std::string_view head = text.substr(0, text.find_first_of(marks));
  text.remove_prefix(head.size());
  return head;
}

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::vector<Port> ports(std::string_view text) {
  std::vector<Port> ports;
  for (std::string_view word : split(text, ' ')) {
    Port port;
    port.name = cut(word, ":");
    word.remove_prefix(1);
    port.type = cut(word, "?*!");
    port.optional = word.starts_with('?');
    if (word.starts_with('*')) port.variadic = static_cast<int>(number(word.substr(1)));
    port.homogeneous = !word.ends_with('!');
    ports.push_back(port);
  }
  return ports;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> words;
  std::size_t start = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '(') ++depth;
    if (i < text.size() && text[i] == ')') --depth;
    if (i < text.size() && (text[i] != separator || depth > 0)) continue;
    if (i > start) words.push_back(text.substr(start, i - start));
    start = i + 1;
  }
  return words;
}

std::vector<Port> Row::inputs() const { return ports(input_text); }
std::vector<Port> Row::outputs() const { return ports(output_text); }

std::vector<Constraint> Row::constraints() const {
  std::vector<Constraint> constraints;
  for (std::string_view word : split(constraint_text, ' ')) {
    Constraint constraint;
    constraint.variable = cut(word, "=");
    constraint.types = split(word.substr(1), ',');
    constraints.push_back(std::move(constraint));
  }
  return constraints;
}

std::vector<AttributeFact> Row::attributes() const {
  std::vector<AttributeFact> attributes;
  for (std::string_view word : split(attribute_text, ' ')) {
    AttributeFact attribute;
    attribute.name = cut(word, ":");
    word.remove_prefix(1);
    attribute.kind = cut(word, "!=");
    attribute.required = word.starts_with('!');
    if (word.starts_with('=')) attribute.fallback = word.substr(1);
    attributes.push_back(attribute);
  }
  return attributes;
}

std::optional<std::int64_t> Row::int_default(std::string_view attribute) const {
  for (const AttributeFact& fact : attributes()) {
    if (fact.name == attribute && fact.kind == "int" && fact.fallback) return number(*fact.fallback);
  }
  return std::nullopt;
}

std::span<const Row> rows() { return kRows; }

std::string type_string(std::string_view type) {
  constexpr std::string_view kSparse = "sparse_";
  constexpr std::string_view kSequence = "seq(";
  if (type.starts_with(kSequence)) {
    type.remove_prefix(kSequence.size());
    type.remove_suffix(1);
    return "seq(" + type_string(type) + ")";
  }
  std::string prefix;
  if (type.starts_with(kSparse)) {
    type.remove_prefix(kSparse.size());
    prefix = kSparse;
  }
  return prefix + "tensor(" + std::string(type) + ")";
}

}  // namespace olivine::onnx::contrib

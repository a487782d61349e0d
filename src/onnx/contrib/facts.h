#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What ONNX Runtime declares of its operators, as text that is taken apart when it is asked for.
namespace olivine::onnx::contrib {

/// The words of `text`, in order. A separator inside parentheses does not count; empty words are left out.
std::vector<std::string_view> split(std::string_view text, char separator);

/// An input or output: `name:type`, then `?` for optional, `*N` for variadic of at least N, `!` for heterogeneous.
struct Port {
  std::string_view name;
  std::string_view type;  ///< a variable of the row's constraints, or a type of its own
  bool optional = false;
  std::optional<int> variadic;  ///< the least number
  bool homogeneous = true;

  /// Variables begin with a capital letter.
  bool is_variable() const { return type[0] >= 'A' && type[0] <= 'Z'; }
};

/// `variable=type,type,…`
struct Constraint {
  std::string_view variable;
  std::vector<std::string_view> types;
};

/// `name:kind`, then `!` for required or `=` and the default.
struct AttributeFact {
  std::string_view name;
  std::string_view kind;  ///< "int", "float", "string", "graph", "ints" …
  bool required = false;
  std::optional<std::string_view> fallback;
};

struct Row {
  std::string_view domain;
  std::string_view name;
  int since = 1;
  bool deprecated = false;
  std::string_view input_text;
  std::string_view output_text;
  std::string_view constraint_text;
  std::string_view attribute_text;

  std::vector<Port> inputs() const;
  std::vector<Port> outputs() const;
  std::vector<Constraint> constraints() const;
  std::vector<AttributeFact> attributes() const;
  /// The default of an integer attribute, if it has one.
  std::optional<std::int64_t> int_default(std::string_view attribute) const;
};

std::span<const Row> rows();

/// "float" -> "tensor(float)", "seq(float)" -> "seq(tensor(float))", "sparse_float" -> "sparse_tensor(float)".
std::string type_string(std::string_view type);

}  // namespace olivine::onnx::contrib

#pragma once

#include <any>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/codec.h"

/// Options are plain structs; their fields are declared once, beside the struct. The JSON reader, the JSON Schema, the
/// command's flags, the reference pages and the Python keywords all come from that declaration.
///
///     struct Options { std::optional<bool> keep_io_types; double min_positive_val = 1e-7; };
///     const OptionsSchema kSchema = Declare<Options>()
///         .field("min_positive_val", &Options::min_positive_val, "Smallest magnitude …").range(0, 1)
///         .field("keep_io_types", &Options::keep_io_types, "Leave the types …").alias("keep_io")
///         .exclusive({"op_block_list", "op_include_list"})
///         .done();
namespace olivine::config {

/// A problem with one value; `pointer` is a JSON pointer relative to the options' object.
struct Problem {
  std::string pointer;
  std::string message;
  std::string remedy;
};

struct Field {
  std::string name;
  std::vector<std::string> aliases;
  std::string help;    ///< one sentence
  Json value_schema;   ///< JSON Schema of the value
  Json default_value;  ///< null when there is none
  bool required = false;
  bool flag = false;  ///< a bool, so that `--name` alone means true
  std::function<void(std::any& options, const Json& value, const std::string& pointer, std::vector<Problem>&)> assign;
};

/// What must hold between fields that are given.
struct Rule {
  enum class Kind { exclusive, together, same_length };
  Kind kind;
  std::vector<std::string> fields;
};

/// The declaration of one options struct, with its type erased.
class OptionsSchema {
 public:
  const std::vector<Field>& fields() const { return fields_; }
  const std::vector<Rule>& rules() const { return rules_; }
  /// By name or alias, else null.
  const Field* find(std::string_view name) const;

  /// An options struct from a JSON object. Every problem is appended to `problems`: unknown keys (with "did you mean"),
  /// wrong types, values out of range, broken rules, missing required ones. null values mean "not given".
  std::any read(const Json& object, std::vector<Problem>& problems) const;

  /// The defaults.
  std::any defaults() const { return make_(); }

  /// JSON Schema of the object: properties with descriptions and defaults, aliases included.
  Json json_schema() const;

 private:
  template <typename S>
  friend class Declare;

  void check_rules(const Json& object, std::vector<Problem>& problems) const;
  const Json* given(const Json& object, std::string_view field) const;

  std::vector<Field> fields_;
  std::vector<Rule> rules_;
  std::function<std::any()> make_;
};

template <typename S>
class Declare {
 public:
  Declare() {
    schema_.make_ = [] { return std::any(S{}); };
  }

  /// The member may be of a base of S: options that several passes share.
  template <typename T, typename B>
  requires std::is_base_of_v<B, S> Declare& field(std::string name, T B::*member, std::string help) {
    Field field;
    field.name = std::move(name);
    field.help = std::move(help);
    field.value_schema = Codec<T>::schema();
    field.default_value = Codec<T>::write(S{}.*member);
    field.flag = Codec<T>::schema() == Codec<bool>::schema();
    field.assign = [member](std::any& options, const Json& value, const std::string& pointer,
                            std::vector<Problem>& problems) {
      T parsed{};
      if (const auto wrong = Codec<T>::read(value, parsed)) {
        problems.push_back({pointer, *wrong, {}});
      } else {
        std::any_cast<S&>(options).*member = std::move(parsed);
      }
    };
    schema_.fields_.push_back(std::move(field));
    return *this;
  }

  /// @name About the field declared last
  /// @{
  Declare& alias(std::string name) { return last().aliases.push_back(std::move(name)), *this; }
  Declare& required() { return last().required = true, *this; }
  /// In place of the schema that the C++ type has: for what is declared as Json.
  Declare& schema(Json value_schema) { return last().value_schema = std::move(value_schema), *this; }
  /// Inclusive bounds of a number; for a list (of lists), of its items.
  Declare& range(Json minimum, Json maximum) {
    items()["minimum"] = std::move(minimum);
    items()["maximum"] = std::move(maximum);
    return *this;
  }
  Declare& at_least(Json minimum) { return items()["minimum"] = std::move(minimum), *this; }
  /// The values allowed; for a list, of its items.
  Declare& one_of(std::vector<Json> values) { return items()["enum"] = std::move(values), *this; }
  /// @}

  /// @name Between fields
  /// @{
  Declare& exclusive(std::vector<std::string> names) { return rule(Rule::Kind::exclusive, std::move(names)); }
  Declare& together(std::vector<std::string> names) { return rule(Rule::Kind::together, std::move(names)); }
  Declare& same_length(std::vector<std::string> names) { return rule(Rule::Kind::same_length, std::move(names)); }
  /// @}

  OptionsSchema done() { return std::move(schema_); }

 private:
  Field& last() { return schema_.fields_.back(); }
  Json& items() {
    Json* schema = &last().value_schema;
    while (schema->value("type", Json()) == "array") schema = &(*schema)["items"];
    return *schema;
  }
  Declare& rule(Rule::Kind kind, std::vector<std::string> names) {
    schema_.rules_.push_back({kind, std::move(names)});
    return *this;
  }

  OptionsSchema schema_;
};

}  // namespace olivine::config

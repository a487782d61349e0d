#include "onnx/contrib/pattern.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

namespace olivine::onnx::contrib {
namespace {

constexpr std::string_view kArrow = "->";
constexpr std::string_view kEllipsis = "...";

bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Dim known(std::int64_t value) {
  Dim dim;
  dim.set_dim_value(value);
  return dim;
}

/// A division that leaves a rest says that the model is not what the rule thinks.
Dim quotient(const Dim& a, const Dim& b) {
  if (!b.has_dim_value() || b.dim_value() <= 0) return {};
  if (a.has_dim_value() && a.dim_value() % b.dim_value() != 0) return {};
  return a / b.dim_value();
}

Dim largest(const Dim& a, const Dim& b) {
  if (!a.has_dim_value() || !b.has_dim_value()) return {};
  return known(std::max(a.dim_value(), b.dim_value()));
}

/// Known only with a number on the right; a number on the left and a name on the right do not occur.
Dim sum(const Dim& a, const Dim& b, bool plus) {
  if (!b.has_dim_value()) return {};
  return plus ? a + b.dim_value() : a - b.dim_value();
}

/// One line while it is being read.
class Line {
 public:
  explicit Line(const Context& context) : context_(context) {}

  /// Whether the node is as the left side says; binds the names.
  bool matches(std::string_view left) {
    std::size_t next = 0;
    for (const std::string_view word : split(left, ' ')) {
      if (!matches_word(word, next)) return false;
    }
    return true;
  }

  /// Computes a shape; nothing when it needs an attribute that isn't there.
  std::optional<Shape> shape(std::string_view text) {
    Shape shape;
    for (const std::string_view item : split(text.substr(1, text.size() - 2), ' ')) {
      if (item == kEllipsis) {
        for (const Dim& dim : rest_) *shape.add_dim() = dim;
        continue;
      }
      rest_of_expression_ = item;
      const std::optional<Dim> dim = expression();
      if (!dim) return std::nullopt;
      *shape.add_dim() = *dim;
    }
    return shape;
  }

 private:
  bool matches_word(std::string_view word, std::size_t& next) {
    if (word.starts_with('!')) return !context_.node.hasInput(static_cast<std::size_t>(number(word.substr(1))));
    const std::size_t bracket = word.find('(');
    if (bracket == std::string_view::npos) {
      const std::size_t equal = word.find('=');
      return context_.integer(word.substr(0, equal)) == number(word.substr(equal + 1));
    }
    if (bracket > 0) next = static_cast<std::size_t>(number(word));
    const Shape* shape = context_.shape(next++);
    return shape != nullptr && matches_shape(word.substr(bracket + 1, word.size() - bracket - 2), *shape);
  }

  bool matches_shape(std::string_view pattern, const Shape& shape) {
    const std::vector<std::string_view> items = split(pattern, ' ');
    const auto ellipsis = std::find(items.begin(), items.end(), kEllipsis);
    const int rank = shape.dim_size();
    const int fixed = static_cast<int>(items.size()) - (ellipsis == items.end() ? 0 : 1);
    if (ellipsis == items.end() ? rank != fixed : rank < fixed) return false;
    int index = 0;
    for (auto item = items.begin(); item != items.end(); ++item) {
      if (item != ellipsis) {
        if (!bind(*item, shape.dim(index++))) return false;
        continue;
      }
      rest_.assign(shape.dim().begin() + index, shape.dim().begin() + index + rank - fixed);
      index += rank - fixed;
    }
    return true;
  }

  bool bind(std::string_view name, const Dim& dim) {
    if (name == "_") return true;
    if (is_number(name)) return !dim.has_dim_value() || dim.dim_value() == number(name);
    const auto entry = std::find_if(names_.begin(), names_.end(), [&](const auto& pair) { return pair.first == name; });
    if (entry == names_.end()) {
      names_.emplace_back(name, dim);
    } else if (!entry->second.has_dim_value() && dim.has_dim_value()) {
      entry->second = dim;
    }
    return true;
  }

  // ---- Expressions, from the loosest to the tightest

  std::optional<Dim> expression() {
    std::optional<Dim> left = product();
    while (left) {
      const bool plus = take('+');
      if (!plus && !take('-')) break;
      const std::optional<Dim> right = product();
      if (!right) return std::nullopt;
      left = sum(*left, *right, plus);
    }
    return left;
  }

  std::optional<Dim> product() {
    std::optional<Dim> left = atom();
    while (left) {
      const bool times = take('*');
      if (!times && !take('/')) break;
      const std::optional<Dim> right = atom();
      if (!right) return std::nullopt;
      left = times ? *left * *right : quotient(*left, *right);
    }
    return left;
  }

  std::optional<Dim> atom() {
    if (take('(')) {
      const std::optional<Dim> inner = expression();
      take(')');
      return inner;
    }
    const std::string_view word = rest_of_expression_.substr(0, rest_of_expression_.find_first_of("+-*/(),"));
    rest_of_expression_.remove_prefix(word.size());
    if (word != "max") return size(word);
    take('(');
    const std::optional<Dim> left = expression();
    take(',');
    const std::optional<Dim> right = expression();
    take(')');
    if (!left || !right) return std::nullopt;
    return largest(*left, *right);
  }

  bool take(char c) {
    if (!rest_of_expression_.starts_with(c)) return false;
    rest_of_expression_.remove_prefix(1);
    return true;
  }

  std::optional<Dim> size(std::string_view word) const {
    if (word == "?") return Dim();
    if (is_number(word)) return known(number(word));
    const std::size_t dot = word.find('.');
    const std::size_t element =
        dot == std::string_view::npos ? 0 : static_cast<std::size_t>(number(word.substr(dot + 1)));
    if (word.starts_with('#')) {
      const auto value = context_.constant(static_cast<std::size_t>(number(word.substr(1, dot - 1))), element);
      return value ? known(*value) : Dim();
    }
    if (dot != std::string_view::npos) return list_element(word.substr(0, dot), element);
    for (const auto& [name, dim] : names_) {
      if (name == word) return dim;
    }
    const auto value = context_.integer(word);
    if (!value) return std::nullopt;
    return known(*value);
  }

  std::optional<Dim> list_element(std::string_view attribute, std::size_t index) const {
    const ::onnx::AttributeProto* proto = context_.node.getAttribute(std::string(attribute));
    if (proto == nullptr || static_cast<std::size_t>(proto->ints_size()) <= index) return std::nullopt;
    return known(proto->ints(static_cast<int>(index)));
  }

  const Context& context_;
  std::vector<std::pair<std::string_view, Dim>> names_;
  std::vector<Dim> rest_;
  std::string_view rest_of_expression_;
};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

void apply_line(std::string_view text, const Context& context) {
  const std::size_t arrow = text.find(kArrow);
  Line line(context);
  if (!line.matches(text.substr(0, arrow))) return;
  std::size_t output = 0;
  for (const std::string_view part : split(text.substr(arrow + kArrow.size()), '|')) {
    const std::string_view wanted = trimmed(part);
    if (wanted != "-") {
      if (const auto shape = line.shape(wanted)) context.set_shape(output, *shape);
    }
    ++output;
  }
}

}  // namespace

void apply_patterns(std::string_view text, const Context& context) {
  for (const std::string_view line : split(text, ';')) apply_line(line, context);
}

}  // namespace olivine::onnx::contrib

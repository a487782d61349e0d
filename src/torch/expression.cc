#include <fmt/format.h>

#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <vector>

#include "base/error.h"
#include "torch/program.h"

/// Symbolic sizes come as SymPy writes expressions out: calls of classes with arguments.
namespace olivine::torch {
namespace {

constexpr int kDeepest = 100;

/// How tightly an operator binds.
enum Level { sum = 1, product = 2, power = 3, atom = 4 };

struct Text {
  std::string text;
  Level level = atom;
  std::optional<std::int64_t> number;
};

std::string inside(const Text& part, Level level) { return part.level < level ? "(" + part.text + ")" : part.text; }

Text make_sum(const std::vector<Text>& parts) {
  std::string text;
  for (const Text& part : parts) {
    if (text.empty()) {
      text = part.text;
    } else if (part.text.starts_with('-')) {
      text += " - " + part.text.substr(1);
    } else {
      text += " + " + part.text;
    }
  }
  return {text, sum, {}};
}

Text make_product(const std::vector<Text>& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i == 0 && parts[i].number == -1 && parts.size() > 1) {
      text = "-";
    } else {
      if (!text.empty() && text != "-") text += "*";
      text += inside(parts[i], product);
    }
  }
  return {text, product, {}};
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Text parse() {
    Text whole = expression(0);
    if (at_ != text_.size()) refuse();
    return whole;
  }

 private:
  [[noreturn]] void refuse() const {
    throw Error(ErrorCode::conversion, fmt::format("cannot read the size '{}'", text_.substr(0, 200)));
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_spaces() {
    while (peek() == ' ') ++at_;
  }
  bool take(char wanted) {
    skip_spaces();
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }
  std::string word() {
    skip_spaces();
    const std::size_t start = at_;
    while (std::isalnum(static_cast<unsigned char>(peek())) != 0 || peek() == '_' || peek() == '.') ++at_;
    return std::string(text_.substr(start, at_ - start));
  }
  std::string quoted() {
    const char quote = text_[at_++];
    const std::size_t start = at_;
    while (peek() != quote && peek() != '\0') ++at_;
    std::string content(text_.substr(start, at_ - start));
    if (!take(quote)) refuse();
    return content;
  }

  Text number() {
    const std::size_t start = at_;
    if (peek() == '-') ++at_;
    const std::string digits = word();
    std::string text(text_.substr(start, at_ - start));
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (digits.empty()) refuse();
    if (error != std::errc() || end != text.data() + text.size()) return {text, atom, {}};
    return {text, text.starts_with('-') ? product : atom, value};
  }

  /// Arguments of a call; those with a name (`positive=True`) are assumptions and don't count.
  std::vector<Text> arguments(int depth) {
    std::vector<Text> parts;
    if (!take('(')) refuse();
    while (!take(')')) {
      skip_spaces();
      if (peek() == '\'' || peek() == '"') {
        parts.push_back({quoted(), atom, {}});
      } else {
        Text part = expression(depth + 1);
        if (take('=')) {
          expression(depth + 1);
        } else {
          parts.push_back(std::move(part));
        }
      }
      take(',');
      if (at_ >= text_.size()) refuse();
    }
    return parts;
  }

  Text expression(int depth) {
    if (depth > kDeepest) refuse();
    skip_spaces();
    if (peek() == '-' || std::isdigit(static_cast<unsigned char>(peek())) != 0) return number();
    std::string name = word();
    if (name.empty()) refuse();
    if (peek() != '(') return {name, atom, {}};
    return call(name, arguments(depth));
  }

  Text call(const std::string& name, const std::vector<Text>& parts) {
    if (parts.empty()) refuse();
    if (name == "Symbol" || name == "Integer" || name == "Float") return parts.front();
    if (name == "Add") return make_sum(parts);
    if (name == "Mul") return make_product(parts);
    static const std::map<std::string, std::string_view, std::less<>> infix = {{"FloorDiv", "//"}, {"CleanDiv", "//"},
                                                                               {"Mod", "%"},       {"PythonMod", "%"},
                                                                               {"Rational", "/"},  {"IntTrueDiv", "/"}};
    const auto found = infix.find(name);
    if (found != infix.end() && parts.size() == 2) {
      return {inside(parts[0], product) + std::string(found->second) + inside(parts[1], power), product, {}};
    }
    if (name == "Pow" && parts.size() == 2) return {inside(parts[0], atom) + "**" + inside(parts[1], atom), power, {}};
    std::vector<std::string> texts;
    for (const Text& part : parts) texts.push_back(part.text);
    return {fmt::format("{}({})", name, fmt::join(texts, ", ")), atom, {}};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

ir::Dim parse_expression(std::string_view text) {
  Text parsed = Parser(text).parse();
  if (parsed.number) return ir::Dim(*parsed.number);
  return ir::Dim(std::move(parsed.text));
}

}  // namespace olivine::torch

#include "config/json_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <unordered_map>

namespace olivine::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

class Scanner {
 public:
  Scanner(std::string_view text, int depth_limit, const JsonSyntaxError& syntax_error)
      : text_(text), depth_limit_(depth_limit), syntax_error_(syntax_error) {}

  JsonScan scan() {
    if (text_.starts_with(kByteOrderMark)) position_ = kByteOrderMark.size();
    skip_blanks();
    if (at_end()) fail("the document is empty");
    scan_.root.offset = position_;
    value(scan_.root);
    skip_blanks();
    if (!at_end()) fail("something follows the end of the document");
    return std::move(scan_);
  }

 private:
  bool at_end() const { return position_ >= text_.size(); }
  char current() const { return text_[position_]; }
  bool take(char wanted) {
    if (at_end() || current() != wanted) return false;
    ++position_;
    return true;
  }

  [[noreturn]] void fail_at(std::size_t offset, std::string message) const {
    throw syntax_error_(offset, std::move(message));
  }
  [[noreturn]] void fail(std::string message) const { fail_at(position_, std::move(message)); }

  void skip_blanks() {
    while (!at_end()) {
      if (std::string_view(" \t\r\n").find(current()) != std::string_view::npos) {
        ++position_;
      } else if (text_.substr(position_, 2) == "//") {
        position_ = std::min(text_.find('\n', position_), text_.size());
      } else if (text_.substr(position_, 2) == "/*") {
        const std::size_t end = text_.find("*/", position_ + 2);
        if (end == std::string_view::npos) fail("the comment that begins here is not closed");
        position_ = end + 2;
      } else {
        return;
      }
    }
  }

  void value(JsonPlace& place) {
    if (path_.size() >= static_cast<std::size_t>(depth_limit_)) {
      fail(fmt::format("more than {} levels of nesting", depth_limit_));
    }
    switch (current()) {
      case '{':
        return object(place);
      case '[':
        return list(place);
      case '"':
        string();
        return;
      default:
        return word();
    }
  }

  void object(JsonPlace& place) {
    const std::size_t start = position_++;
    std::unordered_map<std::string, std::size_t> offsets;
    std::size_t comma = start;
    while (next_element(start, '}', place.children.empty(), comma)) {
      JsonPlace member;
      member.offset = position_;
      if (current() != '"') fail("expected a key in double quotes");
      member.key = string();
      path_.push_back(member.key);
      const auto [first, is_new] = offsets.try_emplace(member.key, member.offset);
      if (!is_new) note_duplicate(member.offset, first->second);
      skip_blanks();
      if (!take(':')) fail("expected ':' after the key");
      skip_blanks();
      if (at_end()) fail_open(start, '}');
      value(member);
      path_.pop_back();
      place.children.push_back(std::move(member));
    }
  }

  void list(JsonPlace& place) {
    const std::size_t start = position_++;
    std::size_t comma = start;
    while (next_element(start, ']', place.children.empty(), comma)) {
      JsonPlace item;
      item.offset = position_;
      path_.push_back(std::to_string(place.children.size()));
      value(item);
      path_.pop_back();
      place.children.push_back(std::move(item));
    }
  }

  void note_duplicate(std::size_t offset, std::size_t first_offset) {
    constexpr std::size_t kEnough = 20;
    if (scan_.duplicates.size() == kEnough) return;
    std::string pointer;
    for (const std::string& token : path_) pointer = child_pointer(pointer, token);
    scan_.duplicates.push_back({std::move(pointer), offset, first_offset});
  }

  /// Moves to the next member or item; false at the closing bracket.
  bool next_element(std::size_t start, char closing, bool first, std::size_t& comma) {
    skip_blanks();
    if (at_end()) fail_open(start, closing);
    if (first) return !take(closing);
    if (take(closing)) return false;
    comma = position_;
    if (!take(',')) fail(fmt::format("expected ',' or '{}'", closing));
    skip_blanks();
    if (at_end()) fail_open(start, closing);
    if (current() == closing) fail_at(comma, fmt::format("a comma before the closing '{}': drop it", closing));
    return true;
  }

  [[noreturn]] void fail_open(std::size_t start, char closing) const {
    fail_at(start, fmt::format("this '{}' has no '{}': the text ends before", closing == '}' ? '{' : '[', closing));
  }

  /// The decoded string.
  std::string string() {
    const std::size_t start = position_++;
    bool escaped = false;
    for (; !at_end() && current() != '"'; ++position_) {
      if (current() == '\n') break;
      if (current() != '\\') continue;
      escaped = true;
      ++position_;
    }
    if (at_end() || current() == '\n') fail_at(start, "this string is not closed in its line");
    ++position_;
    const std::string_view quoted = text_.substr(start, position_ - start);
    const auto decoded = nlohmann::json::parse(quoted, nullptr, false);
    if (decoded.is_discarded()) {
      fail_at(start, escaped ? "this string has an escape that JSON doesn't know ('\\' itself is written '\\\\')"
                             : "this string holds bytes that JSON doesn't allow (control characters, or not UTF-8)");
    }
    return decoded.get<std::string>();
  }

  /// A number, true, false or null.
  void word() {
    const std::size_t start = position_;
    const auto belongs = [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.' || c == '_';
    };
    while (!at_end() && belongs(static_cast<unsigned char>(current()))) ++position_;
    const std::string_view word = text_.substr(start, position_ - start);
    if (word.empty()) fail_at(start, current() == '\'' ? "strings stand in double quotes" : "expected a value");
    if (nlohmann::json::accept(word)) return;
    const auto [python, json] = *std::find_if(std::begin(kPythonWords), std::end(kPythonWords) - 1,
                                              [&](const auto& pair) { return pair.first == word; });
    fail_at(start, python.empty() ? fmt::format("'{}' is no JSON value", word)
                                  : fmt::format("'{}' is no JSON value: write {}", word, json));
  }

  static constexpr std::pair<std::string_view, std::string_view> kPythonWords[] = {
      {"True", "true"}, {"False", "false"}, {"None", "null"}, {"", ""}};

  std::string_view text_;
  int depth_limit_;
  const JsonSyntaxError& syntax_error_;
  std::vector<std::string> path_;  ///< keys and indices down to the current value
  std::size_t position_ = 0;
  JsonScan scan_;
};

}  // namespace

JsonScan scan_json(std::string_view text, int depth_limit, const JsonSyntaxError& syntax_error) {
  return Scanner(text, depth_limit, syntax_error).scan();
}

std::string child_pointer(std::string_view parent, std::string_view key) {
  std::string result(parent);
  result += '/';
  for (const char c : key) {
    if (c == '~') {
      result += "~0";
    } else if (c == '/') {
      result += "~1";
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace olivine::config

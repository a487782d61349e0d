#include "config/json_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace olivine::config {
namespace {

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

std::size_t line_start(std::string_view text, std::size_t offset) {
  const std::size_t newline = text.substr(0, offset).rfind('\n');
  return newline == std::string_view::npos ? 0 : newline + 1;
}

/// The source line with a caret under the column; a long line is cut to the part around it.
std::string picture(std::string_view text, std::size_t offset, std::size_t line_number) {
  constexpr std::size_t kBefore = 60;
  constexpr std::size_t kAfter = 30;
  std::size_t begin = line_start(text, offset);
  std::size_t end = std::min(text.find_first_of("\r\n", offset), text.size());
  if (offset - begin > kBefore) begin = offset - kBefore;
  if (end - offset > kAfter) end = offset + kAfter;
  while (begin < offset && !starts_character(text[begin])) ++begin;
  while (end < text.size() && end > offset && !starts_character(text[end])) --end;
  std::string caret;
  for (const char c : text.substr(begin, offset - begin)) {
    if (starts_character(c)) caret += c == '\t' ? '\t' : ' ';
  }
  const std::string number = std::to_string(line_number);
  return fmt::format("\n  {} | {}\n  {} | {}^", number, text.substr(begin, end - begin),
                     std::string(number.size(), ' '), caret);
}

std::string unescaped(std::string_view token) {
  std::string result;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size()) {
      result += token[++i] == '1' ? '/' : '~';
    } else {
      result += token[i];
    }
  }
  return result;
}

const JsonPlace* child(const JsonPlace& parent, const std::string& token) {
  const auto member = std::find_if(parent.children.begin(), parent.children.end(),
                                   [&](const JsonPlace& place) { return place.key == token; });
  if (member != parent.children.end()) return &*member;
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  if (error != std::errc() || end != token.data() + token.size() || index >= parent.children.size()) return nullptr;
  return parent.children[index].key.empty() ? &parent.children[index] : nullptr;
}

}  // namespace

JsonDocument JsonDocument::parse(std::string text, std::string name) {
  JsonDocument document;
  document.text_ = std::move(text);
  document.name_ = std::move(name);
  JsonScan scan = scan_json(document.text_, kDepthLimit, [&](std::size_t offset, std::string message) {
    const Location location = document.location_of(offset);
    return Error(ErrorCode::config, std::move(message) + picture(document.text_, offset, location.line))
        .prepend(fmt::format("{}:{}:{}", document.name_, location.line, location.column));
  });
  document.place_ = std::move(scan.root);
  ErrorList errors;
  for (const JsonDuplicate& duplicate : scan.duplicates) {
    errors.add(Error(ErrorCode::config,
                     fmt::format("given twice, first in line {}", document.location_of(duplicate.first_offset).line))
                   .remedy("drop one")
                   .prepend(duplicate.pointer)
                   .prepend(fmt::format("{}:{}", document.name_, document.location_of(duplicate.offset).line)));
  }
  errors.throw_if_any();
  document.root_ = Json::parse(document.text_, nullptr, true, true);
  return document;
}

Location JsonDocument::location_of(std::size_t offset) const {
  const std::string_view before = std::string_view(text_).substr(0, offset);
  const std::string_view in_line = before.substr(line_start(text_, offset));
  return {static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1,
          static_cast<std::size_t>(std::count_if(in_line.begin(), in_line.end(), starts_character)) + 1};
}

Location JsonDocument::locate(std::string_view pointer) const {
  const JsonPlace* place = &place_;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    const JsonPlace* next = child(*place, unescaped(pointer.substr(0, end)));
    if (next == nullptr) break;
    place = next;
    pointer.remove_prefix(end);
  }
  return location_of(place->offset);
}

Error JsonDocument::error(std::string_view pointer, std::string message, std::string_view remedy,
                          ErrorCode code) const {
  return Error(code, std::move(message))
      .remedy(remedy)
      .prepend(pointer)
      .prepend(fmt::format("{}:{}", name_, locate(pointer).line));
}

void JsonDocument::report(std::string_view pointer, const std::vector<Problem>& problems, ErrorList& errors) const {
  for (const Problem& problem : problems) {
    // An OptionsSchema speaks of its own keys, as they are written: "/" + key.
    const std::string place =
        problem.pointer.empty() ? std::string(pointer) : child_pointer(pointer, problem.pointer.substr(1));
    errors.add(error(place, problem.message, problem.remedy));
  }
}

}  // namespace olivine::config

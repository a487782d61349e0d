#include "huggingface/json.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"
#include "config/json_scan.h"

namespace olivine::huggingface {
namespace {

/// The same error as one of the model's.
Error of_the_model(const Error& error) {
  Error same(ErrorCode::conversion, error.message());
  for (auto place = error.path().rbegin(); place != error.path().rend(); ++place) same.prepend(*place);
  same.remedy(error.remedy());
  return same;
}

/// Python's json writes what JSON has no number for as words; longer ones first.
constexpr std::array<std::string_view, 3> kNotFinite = {"-Infinity", "Infinity", "NaN"};

std::string quote_not_finite(std::string text) {
  if (text.find("Infinity") == std::string::npos && text.find("NaN") == std::string::npos) return text;
  std::string quoted;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size();) {
    if (in_string && text[i] == '\\') {
      quoted.append(text, i, 2);
      i += 2;
      continue;
    }
    if (text[i] == '"') in_string = !in_string;
    const std::string_view rest = std::string_view(text).substr(i);
    std::string_view word;
    for (const std::string_view candidate : kNotFinite) {
      if (!in_string && word.empty() && rest.starts_with(candidate)) word = candidate;
    }
    if (word.empty()) {
      quoted += text[i++];
    } else {
      quoted += fmt::format("\"{}\"", word);
      i += word.size();
    }
  }
  return quoted;
}

}  // namespace

config::JsonDocument parse_document(std::string text, std::string name) {
  try {
    return config::JsonDocument::parse(quote_not_finite(std::move(text)), std::move(name));
  } catch (const Error& error) {
    throw of_the_model(error);
  }
}

nlohmann::json parse_large(std::string_view text, const std::string& name) {
  const auto error = [&](std::size_t offset, std::string message) {
    return Error(ErrorCode::conversion, fmt::format("byte {}: {}", offset, message)).prepend(name);
  };
  const config::JsonScan scan = config::scan_json(text, config::JsonDocument::kDepthLimit, error);
  if (!scan.duplicates.empty()) {
    const config::JsonDuplicate& first = scan.duplicates.front();
    throw error(first.offset, fmt::format("the key {} is given twice", first.pointer));
  }
  return nlohmann::json::parse(text, nullptr, true, true);
}

}  // namespace olivine::huggingface

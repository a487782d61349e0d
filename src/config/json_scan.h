#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

/// Where everything stands in a JSON text: what a parser that makes values throws away.
namespace olivine::config {

/// A value's place: of its key where it is a member of an object, of the value itself elsewhere.
struct JsonPlace {
  std::string key;         ///< a member's key; empty for items of a list
  std::size_t offset = 0;  ///< in bytes
  std::vector<JsonPlace> children;
};

/// A key that its object has already.
struct JsonDuplicate {
  std::string pointer;
  std::size_t offset;
  std::size_t first_offset;
};

struct JsonScan {
  JsonPlace root;
  std::vector<JsonDuplicate> duplicates;
};

/// Makes the error for a place: the caller knows the document's name and can draw the line.
using JsonSyntaxError = std::function<Error(std::size_t offset, std::string message)>;

/// Checks the text's structure (JSON with `//` and `/* */` comments, at most `depth_limit` levels of nesting) and
/// notes the places. Throws what `syntax_error` makes.
JsonScan scan_json(std::string_view text, int depth_limit, const JsonSyntaxError& syntax_error);

/// `parent` + "/" + `key`, escaped as RFC 6901 asks.
std::string child_pointer(std::string_view parent, std::string_view key);

}  // namespace olivine::config

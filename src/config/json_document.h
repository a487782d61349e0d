#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/codec.h"
#include "config/json_scan.h"
#include "config/options.h"

namespace olivine::config {

/// Line and column, both from 1; columns count characters.
struct Location {
  std::size_t line = 1;
  std::size_t column = 1;
};

/// A JSON text that remembers where everything stands, so that an error about a value names its line.
class JsonDocument {
 public:
  /// Deeper nesting is an error: nothing that we read needs it, and it would exhaust the stack.
  static constexpr int kDepthLimit = 128;

  /// Parses JSON with `//` and `/* */` comments. `name` is how errors call the document: a file's path, a flag.
  /// Error[config] for bad syntax (with the line and a caret under the place) and for keys given twice (all of them).
  static JsonDocument parse(std::string text, std::string name);

  const std::string& name() const { return name_; }
  const Json& root() const { return root_; }

  /// Where a value stands (its key, if it has one). A pointer to something that isn't there means its innermost
  /// enclosing value that is.
  Location locate(std::string_view pointer) const;

  /// `flow.json:12 /passes/fp16/keep_io_type: unknown option; did you mean keep_io_types?`
  Error error(std::string_view pointer, std::string message, std::string_view remedy = {},
              ErrorCode code = ErrorCode::config) const;

  /// The same for what an OptionsSchema found in the object at `pointer`.
  void report(std::string_view pointer, const std::vector<Problem>& problems, ErrorList& errors) const;

 private:
  Location location_of(std::size_t offset) const;

  std::string text_;
  std::string name_;
  Json root_;
  JsonPlace place_;
};

}  // namespace olivine::config

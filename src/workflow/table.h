#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace olivine::workflow {

/// A table for people: columns padded to their widest cell, two blanks between them.
class TextTable {
 public:
  enum class Align { left, right };

  explicit TextTable(std::vector<Align> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  /// Each line begins with `indent` and ends with a newline.
  std::string text(std::string_view indent = "") const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Breaks a text into lines of at most `width` characters, at blanks.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

}  // namespace olivine::workflow

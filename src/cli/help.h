#pragma once

#include <CLI/App.hpp>
#include <CLI/FormatterFwd.hpp>
#include <string>

namespace olivine::cli {

/// Lines of help are at most this wide.
inline constexpr std::size_t kHelpWidth = 100;

/// The group of the flags that every command has; it comes last.
inline constexpr const char* kCommonOptions = "Common options";

/// One command's help: usage, description, options by group, footer (examples), wrapped to kHelpWidth.
class HelpFormatter : public CLI::FormatterBase {
 public:
  explicit HelpFormatter(std::string usage) : usage_(std::move(usage)) {}
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;

 private:
  std::string usage_;
};

/// The help of `olivine` itself.
std::string main_help();

/// Whether the flag is followed by a value.
bool takes_value(const CLI::Option& option);

}  // namespace olivine::cli

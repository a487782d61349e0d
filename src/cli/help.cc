#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "workflow/table.h"

namespace olivine::cli {
namespace {

constexpr std::size_t kColumn = 30;

/// A name in the left column and its text, wrapped, in the right one.
std::string entry(const std::string& name, std::string_view text) {
  std::string result = "  " + name;
  const bool own_line = result.size() + 2 > kColumn;
  if (own_line) result += '\n';
  bool first = true;
  for (const std::string& line : workflow::wrap(text, kHelpWidth - kColumn)) {
    const std::size_t written = first && !own_line ? result.size() : 0;
    result += std::string(kColumn - written, ' ') + line + '\n';
    first = false;
  }
  if (first && !own_line) result += '\n';
  return result;
}

std::string paragraphs(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.empty()) result += '\n';
    // What is indented (an example) stands as it is.
    if (line.starts_with(' ')) {
      result += fmt::format("{}\n", line);
    } else {
      for (const std::string& part : workflow::wrap(line, kHelpWidth)) result += part + '\n';
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

std::string names_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  const std::string value = option.get_type_name();
  if (names.empty()) return value;
  const std::string text = fmt::format("{}", fmt::join(names, ", "));
  if (!takes_value(option)) return text;
  return text + (option.get_expected_min() == 0 ? fmt::format("[={}]", value) : " " + value);
}

}  // namespace

bool takes_value(const CLI::Option& option) { return option.get_expected_max() > 0 && option.get_type_size_max() > 0; }

std::string HelpFormatter::make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const {
  std::string text = fmt::format("Usage: {}\n\n{}", usage_, paragraphs(app->get_description()));
  std::vector<std::string> groups = app->get_groups();
  std::stable_partition(groups.begin(), groups.end(), [](const std::string& group) { return group != kCommonOptions; });
  for (const std::string& group : groups) {
    if (group.empty()) continue;
    std::string entries;
    for (const CLI::Option* option : app->get_options()) {
      if (option->get_group() == group) entries += entry(names_of(*option), option->get_description());
    }
    if (!entries.empty()) text += fmt::format("\n{}:\n{}", group, entries);
  }
  if (!app->get_footer().empty()) text += "\n" + paragraphs(app->get_footer());
  return text;
}

std::string main_help() {
  std::string text =
      "Usage: olivine COMMAND [options]\n\n"
      "Converts ONNX models to the form that a device wants, by running Olive's workflow files, and\n"
      "proves with ONNX Runtime that the result computes what went in.\n\nCommands:\n";
  for (const Command* command : all_commands()) {
    if (!command->hidden) text += entry(std::string(command->name), command->summary);
  }
  text +=
      "\nolivine COMMAND --help tells more of each. Exit codes: 0 done, 1 internal error, 2 the\n"
      "configuration, 3 the model cannot be converted, 4 verification failed, 5 input or output,\n"
      "130 interrupted.\n";
  return text;
}

}  // namespace olivine::cli

#include "cli/completion.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/suggest.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/help.h"
#include "passes/pass.h"

namespace olivine::cli {
namespace {

std::vector<std::string> pass_names() {
  std::vector<std::string> names;
  for (const passes::Pass* pass : passes::all_passes()) names.emplace_back(pass->name);
  return names;
}

/// "a|b|c" in a flag's help is a choice of words, and PASS one of the passes.
std::vector<std::string> values_of(const std::string& placeholder) {
  if (placeholder == "PASS") return pass_names();
  std::vector<std::string> values;
  std::size_t start = 0;
  while (start < placeholder.size()) {
    const std::size_t end = std::min(placeholder.find('|', start), placeholder.size());
    values.push_back(placeholder.substr(start, end - start));
    start = end + 1;
  }
  // A capital letter is a kind of value ("N", "TEXT"), not a word to type.
  std::erase_if(values, [](const std::string& value) { return value.front() >= 'A' && value.front() <= 'Z'; });
  return values.size() > 1 ? values : std::vector<std::string>();
}

/// As much of a description as a shell has room for.
std::string first_clause(const std::string& text) {
  std::size_t end = text.ends_with('.') ? text.size() - 1 : text.size();
  for (const std::string_view mark : {". ", "; ", " (", ": "}) end = std::min(end, text.find(mark));
  return text.substr(0, end);
}

void add_flags(const CLI::App& app, CommandInfo& info) {
  for (const CLI::Option* option : app.get_options()) {
    FlagInfo flag;
    for (const std::string& name : option->get_snames()) flag.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) flag.names.push_back("--" + name);
    if (flag.names.empty()) {
      if (info.words.empty()) info.words = values_of(option->get_type_name());
      continue;
    }
    const auto same = [&](const FlagInfo& other) { return other.names == flag.names; };
    if (std::any_of(info.flags.begin(), info.flags.end(), same)) continue;
    flag.help = first_clause(option->get_description());
    flag.takes_value = takes_value(*option) && option->get_expected_min() > 0;
    if (flag.takes_value) flag.values = values_of(option->get_type_name());
    info.flags.push_back(std::move(flag));
  }
}

Action declare_completion(CLI::App& app, Console& console, const Arguments&) {
  auto shell = std::make_shared<std::string>();
  app.description("Prints the completion script of a shell.");
  app.footer(
      "Example:\n  source <(olivine completion bash)\n  olivine completion zsh > ~/.zfunc/_olivine\n"
      "  olivine completion fish > ~/.config/fish/completions/olivine.fish");
  app.add_option("shell", *shell, "The shell.")->type_name("bash|zsh|fish");
  return [shell, &console] {
    using Writer = std::string (*)(const std::vector<CommandInfo>&);
    constexpr std::pair<std::string_view, Writer> kShells[] = {
        {"bash", bash_completion}, {"zsh", zsh_completion}, {"fish", fish_completion}};
    const auto found =
        std::find_if(std::begin(kShells), std::end(kShells), [&](const auto& row) { return row.first == *shell; });
    if (found == std::end(kShells)) {
      throw Error(ErrorCode::config,
                  shell->empty() ? "no shell is given" : fmt::format("there is no completion for '{}'", *shell))
          .remedy("the shells are bash, zsh and fish");
    }
    console.print(found->second(command_infos()));
    return 0;
  };
}

}  // namespace

std::vector<CommandInfo> command_infos() {
  std::vector<CommandInfo> infos;
  for (const Command* command : all_commands()) {
    if (command->hidden) continue;
    CommandInfo info{std::string(command->name), std::string(command->summary), {}, {}};
    Console console;
    add_flags(*declare(*command, console, {}).app, info);
    if (command->name == "run-pass") {
      for (const std::string& pass : pass_names()) {
        Console other;
        add_flags(*declare(*command, other, {"--pass-name", pass}).app, info);
      }
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

extern const Command kCompletion = {"completion", "Print the completion script of a shell.", "bash|zsh|fish [options]",
                                    false, declare_completion};

}  // namespace olivine::cli

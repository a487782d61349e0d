#include <fmt/format.h>

#include "cli/completion.h"

namespace olivine::cli {
namespace {

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

std::vector<std::string> names_of(const std::vector<CommandInfo>& commands) {
  std::vector<std::string> names;
  for (const CommandInfo& command : commands) names.push_back(command.name);
  return names;
}

/// For single quotes in a shell.
std::string quoted(std::string_view text, std::string_view escaped_quote) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += escaped_quote;
    } else {
      result += c;
    }
  }
  return result + "'";
}

std::string zsh_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':') result += '\\';
    result += c;
  }
  return result;
}

std::string bash_values(const CommandInfo& command) {
  std::string text;
  for (const FlagInfo& flag : command.flags) {
    if (!flag.takes_value) continue;
    const std::string reply = flag.values.empty() ? "compgen -f -- \"$cur\""
                                                  : fmt::format("compgen -W '{}' -- \"$cur\"", joined(flag.values));
    for (const std::string& name : flag.names)
      text += fmt::format("    '{} {}') COMPREPLY=($({})); return;;\n", command.name, name, reply);
  }
  return text;
}

}  // namespace

std::string bash_completion(const std::vector<CommandInfo>& commands) {
  std::string text = fmt::format(
      "# bash completion for olivine\n"
      "_olivine() {{\n"
      "  local cur=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}} flags='' words=''\n"
      "  COMPREPLY=()\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W '{}' -- \"$cur\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"$command ${{COMP_WORDS[COMP_CWORD-1]}}\" in\n",
      joined(names_of(commands)));
  for (const CommandInfo& command : commands) text += bash_values(command);
  text += "  esac\n  case \"$command\" in\n";
  for (const CommandInfo& command : commands) {
    std::vector<std::string> flags;
    for (const FlagInfo& flag : command.flags) flags.insert(flags.end(), flag.names.begin(), flag.names.end());
    text += fmt::format("    '{}') flags='{}'; words='{}';;\n", command.name, joined(flags), joined(command.words));
  }
  return text +
         "  esac\n"
         "  case \"$cur\" in\n"
         "    -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"));;\n"
         "    *) if [ -n \"$words\" ]; then COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")); else "
         "COMPREPLY=($(compgen -f -- \"$cur\")); fi;;\n"
         "  esac\n"
         "}\n"
         "complete -o filenames -F _olivine olivine\n";
}

std::string zsh_completion(const std::vector<CommandInfo>& commands) {
  std::string text = "#compdef olivine\n# zsh completion for olivine\n_olivine() {\n  local -a commands=(\n";
  for (const CommandInfo& command : commands) {
    text += fmt::format("    {}\n", quoted(command.name + ":" + zsh_text(command.summary), "'\\''"));
  }
  text += "  )\n  if (( CURRENT == 2 )); then _describe command commands; return; fi\n";
  text += "  local command=$words[2]\n  shift words; (( CURRENT-- ))\n  case $command in\n";
  for (const CommandInfo& command : commands) {
    text += fmt::format("    {}) _arguments -s", command.name);
    for (const FlagInfo& flag : command.flags) {
      for (const std::string& name : flag.names) {
        std::string spec = fmt::format("*{}[{}]", name, zsh_text(flag.help));
        if (flag.takes_value)
          spec += flag.values.empty() ? ":value:_files" : fmt::format(":value:({})", joined(flag.values));
        text += " \\\n      " + quoted(spec, "'\\''");
      }
    }
    const std::string words = command.words.empty() ? "_files" : fmt::format("({})", joined(command.words));
    text += fmt::format(" \\\n      '*:argument:{}';;\n", words);
  }
  // As a file in $fpath the text is the function's body, else it is sourced.
  return text +
         "  esac\n}\n"
         "if [ \"$funcstack[1]\" = _olivine ]; then _olivine \"$@\"; else compdef _olivine olivine; fi\n";
}

std::string fish_completion(const std::vector<CommandInfo>& commands) {
  std::string text = "# fish completion for olivine\n";
  const std::string none = fmt::format("not __fish_seen_subcommand_from {}", joined(names_of(commands)));
  for (const CommandInfo& command : commands) {
    text += fmt::format("complete -c olivine -f -n {} -a {} -d {}\n", quoted(none, "\\'"), command.name,
                        quoted(command.summary, "\\'"));
  }
  for (const CommandInfo& command : commands) {
    const std::string here = quoted("__fish_seen_subcommand_from " + command.name, "\\'");
    if (!command.words.empty())
      text += fmt::format("complete -c olivine -f -n {} -a '{}'\n", here, joined(command.words));
    for (const FlagInfo& flag : command.flags) {
      text += fmt::format("complete -c olivine -n {}", here);
      for (const std::string& name : flag.names) {
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (flag.takes_value) text += flag.values.empty() ? " -r" : fmt::format(" -x -a '{}'", joined(flag.values));
      text += fmt::format(" -d {}\n", quoted(flag.help, "\\'"));
    }
  }
  return text;
}

}  // namespace olivine::cli

#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The `olivine` command: a thin face of the library. A subcommand is a file with one descriptor, listed in table.cc.
namespace olivine::cli {

class Console;

using Arguments = std::vector<std::string>;

/// Does the work once the flags are parsed; the exit code.
using Action = std::function<int()>;

struct Command {
  std::string_view name;
  std::string_view summary;    ///< a clause for the list of commands
  std::string_view arguments;  ///< what stands behind the name in the usage line: "WORKFLOW [options]"
  bool hidden = false;
  /// Declares flags on `app`, whose values live in the action that is returned. `arguments` are those behind the name:
  /// what flags there are may depend on them.
  Action (*declare)(CLI::App& app, Console& console, const Arguments& arguments);
};

/// Every command, in the order of the help.
std::span<const Command* const> all_commands();
const Command* find_command(std::string_view name);

/// The value that `--flag VALUE` or `--flag=VALUE` has among the arguments, before they are parsed.
std::string peek(const Arguments& arguments, std::string_view flag);

/// An app for one command, with its flags and the common ones.
struct DeclaredCommand {
  std::unique_ptr<CLI::App> app;
  Action action;
};
DeclaredCommand declare(const Command& command, Console& console, const Arguments& arguments);

/// Parses and runs. Errors of usage are Error[config].
int run_command(const Command& command, Console& console, Arguments arguments);

}  // namespace olivine::cli

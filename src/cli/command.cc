#include "cli/command.h"

#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Error.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

#include "base/error.h"
#include "base/suggest.h"
#include "cli/console.h"
#include "cli/help.h"

namespace olivine::cli {
namespace {

std::string with_hyphens(std::string_view name) {
  std::string result(name);
  std::replace(result.begin(), result.end(), '_', '-');
  return result;
}

/// Flags may be written with underscores, as Olive's are.
void normalize(Arguments& arguments) {
  for (std::string& argument : arguments) {
    if (argument == "--") return;
    if (!argument.starts_with("--")) continue;
    const std::size_t end = std::min(argument.find('='), argument.size());
    argument = with_hyphens(std::string_view(argument).substr(0, end)) + argument.substr(end);
  }
}

[[noreturn]] void refuse_extra(const CLI::App& app, const std::string& extra) {
  if (!extra.starts_with('-') || extra.size() < 2) {
    throw Error(ErrorCode::config, fmt::format("{} takes no argument '{}'", app.get_name(), extra))
        .remedy(fmt::format("{} --help shows what it takes", app.get_name()));
  }
  const std::string flag = extra.substr(0, extra.find('='));
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  const std::string remedy = did_you_mean(flag, known);
  throw Error(ErrorCode::config, fmt::format("{} has no flag {}", app.get_name(), flag))
      .remedy(remedy.empty() ? fmt::format("{} --help lists the flags", app.get_name()) : remedy);
}

}  // namespace

std::string peek(const Arguments& arguments, std::string_view flag) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == flag) return i + 1 < arguments.size() ? arguments[i + 1] : std::string();
    if (arguments[i].starts_with(flag) && arguments[i].substr(flag.size()).starts_with('=')) {
      return arguments[i].substr(flag.size() + 1);
    }
  }
  return {};
}

DeclaredCommand declare(const Command& command, Console& console, const Arguments& arguments) {
  const std::string name = fmt::format("olivine {}", command.name);
  DeclaredCommand result{std::make_unique<CLI::App>("", name), {}};
  CLI::App& app = *result.app;
  app.formatter(std::make_shared<HelpFormatter>(fmt::format("{} {}", name, command.arguments)));
  app.allow_extras();
  app.get_help_ptr()->description("Show this help and stop.")->group(kCommonOptions);
  result.action = command.declare(app, console, arguments);
  console.declare(app);
  return result;
}

int run_command(const Command& command, Console& console, Arguments arguments) {
  normalize(arguments);
  const DeclaredCommand declared = declare(command, console, arguments);
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  try {
    declared.app->parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    console.print(declared.app->help());
    return 0;
  } catch (const CLI::ParseError& error) {
    throw Error(ErrorCode::config, error.what()).prepend(declared.app->get_name());
  }
  const std::vector<std::string> extras = declared.app->remaining();
  if (!extras.empty()) refuse_extra(*declared.app, extras.front());
  console.apply();
  return declared.action();
}

}  // namespace olivine::cli

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>

#include "base/error.h"
#include "base/suggest.h"
#include "base/threads.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/help.h"

namespace olivine::cli {
namespace {

/// The first signal asks for an orderly end; the second one ends the process.
void watch_signals() {
  struct sigaction action = {};
  action.sa_handler = [](int) { request_cancel(); };
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  // A file that reaches the user's limit is an error of the write, not the end of the process.
  std::signal(SIGXFSZ, SIG_IGN);
}

int run_main(Arguments arguments, Console& console) {
  if (arguments.empty()) {
    console.print_error(main_help());
    return static_cast<int>(ErrorCode::config);
  }
  std::string name = arguments.front();
  arguments.erase(arguments.begin());
  if (name == "--help" || name == "-h" || name == "help") {
    const Command* topic = arguments.empty() ? nullptr : find_command(arguments.front());
    console.print(topic == nullptr ? main_help() : declare(*topic, console, arguments).app->help());
    return 0;
  }
  if (name == "--version") name = "version";
  const Command* command = find_command(name);
  if (command != nullptr) return run_command(*command, console, std::move(arguments));
  std::vector<std::string> names;
  for (const Command* known : all_commands()) {
    if (!known->hidden) names.emplace_back(known->name);
  }
  const std::string remedy = did_you_mean(name, names);
  throw Error(ErrorCode::config, fmt::format("there is no command '{}'", name))
      .remedy(remedy.empty() ? fmt::format("the commands are {}", fmt::join(names, ", ")) : remedy);
}

}  // namespace
}  // namespace olivine::cli

namespace {

int guarded_main(int count, char** values) {
  using namespace olivine;
  cli::watch_signals();
  cli::Console console;
  try {
    return cli::run_main(cli::Arguments(values + (count > 0 ? 1 : 0), values + count), console);
  } catch (const Error& error) {
    console.print_error(error.what());
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    console.print_error("error[internal]: out of memory");
  } catch (const std::exception& error) {
    console.print_error(fmt::format("error[internal]: {}; this is a bug of olivine", error.what()));
  }
  return static_cast<int>(ErrorCode::internal);
}

}  // namespace

int main(int count, char** values) {
  const int code = guarded_main(count, values);
  // Everything is written and closed by now. Taking apart onnx's three thousand schemas would cost a tenth of a short
  // run.
  std::fflush(nullptr);
  std::_Exit(code);
}

#include "base/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/threads.h"

extern char** environ;

namespace olivine {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kGlance{100};  ///< how long a cancel may go unnoticed
constexpr std::chrono::milliseconds kMercy{2000};  ///< between asking a process to end and ending it
constexpr std::size_t kErrorsKept = std::size_t{64} << 10;

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int get() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_;
};

struct Pipe {
  Pipe() : ends(make()), out(ends[0]), in(ends[1]) {}

  static std::array<int, 2> make() {
    std::array<int, 2> made{};
    if (::pipe2(made.data(), O_CLOEXEC) != 0) throw Error(ErrorCode::io, "no more pipes can be opened");
    return made;
  }

  std::array<int, 2> ends;
  Descriptor out;
  Descriptor in;
};

/// posix_spawn's two sets of instructions.
class Instructions {
 public:
  Instructions() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    // A group of its own: a key on the terminal reaches us alone, and we end the whole group.
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGXFSZ, SIGPIPE}) sigaddset(&signals, signal);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
  }
  Instructions(const Instructions&) = delete;
  Instructions& operator=(const Instructions&) = delete;
  ~Instructions() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  void redirect(int from, int to) { ::posix_spawn_file_actions_adddup2(&actions_, from, to); }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::vector<std::string> merged_environment(const std::vector<std::string>& over) {
  std::vector<std::string> merged = over;
  const auto name_of = [](std::string_view entry) { return entry.substr(0, entry.find('=')); };
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const bool overruled = std::any_of(over.begin(), over.end(),
                                       [&](const std::string& other) { return name_of(other) == name_of(*entry); });
    if (!overruled) merged.emplace_back(*entry);
  }
  return merged;
}

std::vector<char*> raw(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// The process, which doesn't outlive this object.
class Child {
 public:
  Child(const ProcessOptions& options, int input, int output, int errors) {
    Instructions instructions;
    instructions.redirect(input, STDIN_FILENO);
    instructions.redirect(output, STDOUT_FILENO);
    instructions.redirect(errors, STDERR_FILENO);
    std::vector<std::string> arguments = options.arguments;
    std::vector<std::string> environment = merged_environment(options.environment);
    const int failed = ::posix_spawnp(&pid_, arguments.front().c_str(), instructions.actions(),
                                      instructions.attributes(), raw(arguments).data(), raw(environment).data());
    if (failed != 0) {
      pid_ = -1;
      throw Error(ErrorCode::io, fmt::format("cannot be started: {}", std::strerror(failed)))
          .prepend(options.arguments.front());
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { end(); }

  void end() {
    if (pid_ < 0) return;
    ::kill(-pid_, SIGTERM);
    for (const auto deadline = Clock::now() + kMercy; Clock::now() < deadline;) {
      if (reaped(WNOHANG)) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ::kill(-pid_, SIGKILL);
    reaped(0);
  }

  /// Whether it has ended; with the flag 0 it waits for that.
  bool reaped(int flags) {
    if (pid_ < 0) return true;
    if (::waitpid(pid_, &status_, flags) != pid_) return false;
    // What it started and left behind goes, too.
    ::kill(-std::exchange(pid_, -1), SIGKILL);
    return true;
  }

  int exit_code() const { return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128; }
  int signal() const { return WIFSIGNALED(status_) ? WTERMSIG(status_) : 0; }

 private:
  pid_t pid_ = -1;
  int status_ = 0;
};

/// Reads what is there; false at the end.
template <typename Take>
bool pump(Descriptor& from, Take&& take) {
  std::array<char, 4096> buffer;
  const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
  if (count < 0 && errno == EINTR) return true;
  if (count <= 0) return from.close(), false;
  take(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
  return true;
}

void keep_tail(std::string& text, std::string_view more) {
  text += more;
  if (text.size() > 2 * kErrorsKept) text.erase(0, text.size() - kErrorsKept);
}

}  // namespace

ProcessResult run_process(const ProcessOptions& options) {
  Pipe input;
  Pipe output;
  Pipe errors;
  Child child(options, input.out.get(), output.in.get(), errors.in.get());
  input.out.close();
  output.in.close();
  errors.in.close();

  ProcessResult result;
  const auto began = Clock::now();
  while (output.out.is_open() || errors.out.is_open()) {
    throw_if_cancelled();
    if (options.patience && Clock::now() - began > *options.patience) {
      result.timed_out = true;
      break;
    }
    std::array<pollfd, 2> waiting = {pollfd{output.out.get(), POLLIN, 0}, pollfd{errors.out.get(), POLLIN, 0}};
    if (::poll(waiting.data(), waiting.size(), static_cast<int>(kGlance.count())) <= 0) {
      // Something that it left running may hold the pipes open after its end.
      if (child.reaped(WNOHANG)) break;
      continue;
    }
    if (waiting[0].revents != 0) {
      pump(output.out, [&](std::string_view text) {
        if (options.on_output) options.on_output(text);
      });
    }
    if (waiting[1].revents != 0) pump(errors.out, [&](std::string_view text) { keep_tail(result.errors, text); });
  }
  if (result.timed_out) {
    child.end();
  } else {
    while (!child.reaped(WNOHANG)) {
      throw_if_cancelled();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  if (result.errors.size() > kErrorsKept) result.errors.erase(0, result.errors.size() - kErrorsKept);
  result.exit_code = child.exit_code();
  result.signal = child.signal();
  return result;
}

std::string environment_variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace olivine

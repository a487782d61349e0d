#include "runtime/locate.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <utility>

extern char** environ;

namespace olivine::runtime {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// `libonnxruntime.so`, or the first `libonnxruntime.so.*` by name. The providers' libraries have other names.
std::optional<fs::path> library_directly_in(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name == "libonnxruntime.so" || name.starts_with("libonnxruntime.so.")) found.push_back(entry->path());
  }
  if (found.empty()) return std::nullopt;
  return *std::min_element(found.begin(), found.end());
}

/// `prefix/lib/python3.*/site-packages/onnxruntime`, for the newest Python that has it.
std::optional<fs::path> package_under(const fs::path& prefix) {
  std::error_code error;
  std::vector<fs::path> versions;
  for (fs::directory_iterator entry(prefix / "lib", error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().filename().string().starts_with("python3")) versions.push_back(entry->path());
  }
  std::sort(versions.rbegin(), versions.rend());
  for (const fs::path& version : versions) {
    for (const char* const packages : {"site-packages", "dist-packages"}) {
      if (auto library = library_in(version / packages)) return library;
    }
  }
  return std::nullopt;
}

std::optional<fs::path> own_environment() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return std::nullopt;
  return package_under(program.parent_path().parent_path());
}

std::string interpreter() {
  const std::string chosen = environment("OLIVINE_PYTHON");
  return chosen.empty() ? "python3" : chosen;
}

std::optional<fs::path> in_search_path(const std::string& program) {
  if (program.find('/') != std::string::npos) return fs::path(program);
  const std::string path = environment("PATH");
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const fs::path candidate = fs::path(path.substr(begin, end - begin)) / program;
    if (end > begin && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  return std::nullopt;
}

/// Without starting it: a virtual environment's `bin/python3` is a link, so the place of the link comes first.
std::optional<fs::path> beside_interpreter() {
  const auto program = in_search_path(interpreter());
  if (!program) return std::nullopt;
  if (auto library = package_under(program->parent_path().parent_path())) return library;
  std::error_code error;
  const fs::path target = fs::canonical(*program, error);
  return error ? std::nullopt : package_under(target.parent_path().parent_path());
}

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int get() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_;
};

/// Reads until the other end is closed, `limit` bytes were read or the time is up.
std::string drain(int descriptor, std::size_t limit, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::string text;
  std::array<char, 4096> buffer;
  while (text.size() < limit) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wait{descriptor, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0) break;
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text;
}

/// Standard output of a program, or nothing when it cannot be started; its errors are thrown away.
std::optional<std::string> output_of(std::vector<std::string> arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  Descriptor out(ends[0]);
  Descriptor in(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::vector<char*> raw;
  for (std::string& argument : arguments) raw.push_back(argument.data());
  raw.push_back(nullptr);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, raw.front(), &actions, nullptr, raw.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return std::nullopt;
  in.close();
  std::string text = drain(out.get(), 1 << 16, std::chrono::seconds(20));
  out.close();
  ::kill(child, SIGTERM);  // It has said what it had to say, or hangs.
  ::waitpid(child, nullptr, 0);
  return text;
}

/// Asks the interpreter where the package lies, without importing it: that would cost a second. The current folder is
/// taken off its search path, so that a folder called `onnxruntime` beside a model isn't mistaken for the package.
std::optional<fs::path> known_to_interpreter() {
  constexpr std::string_view kScript =
      "import sys\n"
      "sys.path = [p for p in sys.path if p]\n"
      "from importlib.util import find_spec\n"
      "found = find_spec('onnxruntime')\n"
      "print('\\n'.join(found.submodule_search_locations or []) if found else '')\n";
  const auto text = output_of({interpreter(), "-c", std::string(kScript)});
  if (!text) return std::nullopt;
  for (std::size_t begin = 0; begin < text->size();) {
    const std::size_t end = std::min(text->find('\n', begin), text->size());
    if (end > begin) {
      if (auto library = library_in(text->substr(begin, end - begin))) return library;
    }
    begin = end + 1;
  }
  return std::nullopt;
}

fs::path file_or_inside(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return path;
  return library_in(path).value_or(path / "libonnxruntime.so");
}

}  // namespace

std::optional<fs::path> library_in(const fs::path& folder) {
  for (const char* const inner : {"", "lib", "capi", "onnxruntime/capi"}) {
    if (auto library = library_directly_in(folder / inner)) return library;
  }
  return std::nullopt;
}

std::vector<Candidate> library_candidates(const fs::path& requested) {
  std::vector<Candidate> places;
  const auto add = [&](std::string name, auto find, bool binding = false) {
    places.push_back({std::move(name), std::move(find), binding});
  };
  if (!requested.empty()) {
    add(
        "the path given", [requested] { return std::optional(file_or_inside(requested)); }, true);
    return places;
  }
  if (const std::string named = environment("OLIVINE_ORT_LIBRARY"); !named.empty()) {
    add(
        "OLIVINE_ORT_LIBRARY", [named] { return std::optional(file_or_inside(named)); }, true);
    return places;
  }
  for (const char* const name : {"libonnxruntime.so.1", "libonnxruntime.so"}) {
    add(fmt::format("the system's {}", name), [name] { return std::optional(fs::path(name)); });
  }
  if (environment("OLIVINE_PYTHON").empty()) {
    if (const std::string active = environment("VIRTUAL_ENV"); !active.empty()) {
      add(fmt::format("the virtual environment {}", active), [active] { return package_under(active); });
    }
    add("the environment of this program", own_environment);
  }
  add(fmt::format("the packages beside {}", interpreter()), beside_interpreter);
  add(fmt::format("the packages that {} imports", interpreter()), known_to_interpreter);
  return places;
}

}  // namespace olivine::runtime

#include "writer/staging.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>

#include "base/error.h"

namespace olivine::writer {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kReplaced = ".replaced";

[[noreturn]] void fail(const fs::path& path, std::string_view action, int reason) {
  throw Error(ErrorCode::io, fmt::format("cannot {}: {}", action, std::strerror(reason))).prepend(path.string());
}

/// With symbolic links resolved as far as the path exists: what is renamed is the folder itself, not a link to it.
fs::path resolved(const fs::path& target) {
  std::error_code error;
  fs::path path = fs::weakly_canonical(fs::absolute(target), error);
  if (error) fail(target, "find the output folder", error.value());
  return path.has_filename() ? path : path.parent_path();
}

void make_folder(const fs::path& path, std::string_view action) {
  if (::mkdir(path.c_str(), 0777) != 0) fail(path, action, errno);
}

/// Renaming from a sibling into the folder would cross file systems, or the sibling cannot be made.
bool must_stage_within(const fs::path& target) {
  struct stat own {};
  struct stat parent {};
  if (::stat(target.c_str(), &own) != 0 || ::stat(target.parent_path().c_str(), &parent) != 0) return false;
  return own.st_dev != parent.st_dev || ::access(target.parent_path().c_str(), W_OK) != 0;
}

std::string random_suffix() {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::random_device random;
  std::string suffix;
  for (int i = 0; i < 6; ++i) suffix += kLetters[random() % kLetters.size()];
  return suffix;
}

fs::path make_temporary(const fs::path& target) {
  const bool within = must_stage_within(target);
  const fs::path place = within ? target : target.parent_path();
  const std::string name = within ? "" : target.filename().string();
  while (true) {
    fs::path folder = place / fmt::format(".{}{}tmp-{}", name, name.empty() ? "" : ".", random_suffix());
    if (::mkdir(folder.c_str(), 0777) == 0) return folder;
    if (errno != EEXIST) fail(place, "create a temporary folder in it", errno);
  }
}

bool is_there(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

}  // namespace

/// One file that takes its namesake's place, and can be taken back.
class Staging::Replacement {
 public:
  Replacement(fs::path from, fs::path to, fs::path aside)
      : from_(std::move(from)), to_(std::move(to)), aside_(std::move(aside)) {
    if (fs::is_directory(fs::symlink_status(to_))) fail(to_, "replace it", EISDIR);
    if (is_there(to_)) {
      if (::rename(to_.c_str(), aside_.c_str()) != 0) fail(to_, "move the former file aside", errno);
      had_former_ = true;
    }
    if (::rename(from_.c_str(), to_.c_str()) == 0) return;
    const int reason = errno;
    if (had_former_) ::rename(aside_.c_str(), to_.c_str());
    fail(to_, "put the file in place", reason);
  }

  void take_back() noexcept {
    if (::rename(to_.c_str(), from_.c_str()) == 0 && had_former_) ::rename(aside_.c_str(), to_.c_str());
  }

 private:
  fs::path from_;
  fs::path to_;
  fs::path aside_;
  bool had_former_ = false;
};

Staging::Staging(const fs::path& target) : target_(resolved(target)) {
  std::error_code error;
  const fs::file_status status = fs::status(target_, error);
  if (fs::exists(status) && !fs::is_directory(status)) fail(target_, "write a folder there", ENOTDIR);
  try {
    create_parents();
    folder_ = make_temporary(target_);
  } catch (...) {
    for (auto parent = created_parents_.rbegin(); parent != created_parents_.rend(); ++parent) ::rmdir(parent->c_str());
    throw;
  }
}

Staging::~Staging() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
  if (published_) return;
  // rmdir leaves a folder that someone else has begun to use.
  for (auto parent = created_parents_.rbegin(); parent != created_parents_.rend(); ++parent) ::rmdir(parent->c_str());
}

void Staging::create_parents() {
  std::vector<fs::path> missing;
  for (fs::path parent = target_.parent_path(); !is_there(parent) && parent != parent.parent_path();
       parent = parent.parent_path()) {
    missing.push_back(parent);
  }
  for (auto parent = missing.rbegin(); parent != missing.rend(); ++parent) {
    make_folder(*parent, "create the folder");
    created_parents_.push_back(*parent);
  }
}

void Staging::publish(std::span<const std::string> names) {
  // Renaming onto an empty folder works too, but would lose its permissions.
  if (!is_there(target_) && ::rename(folder_.c_str(), target_.c_str()) == 0) {
    published_ = true;
    return;
  }
  if (!is_there(target_)) fail(target_, "rename the finished folder to it", errno);
  replace_files(names);
  published_ = true;
}

void Staging::replace_files(std::span<const std::string> names) {
  const fs::path aside = folder_ / kReplaced;
  make_folder(aside, "create a folder for the files that are replaced");
  std::vector<Replacement> done;
  done.reserve(names.size());
  try {
    for (const std::string& name : names) done.emplace_back(folder_ / name, target_ / name, aside / name);
  } catch (...) {
    for (auto replacement = done.rbegin(); replacement != done.rend(); ++replacement) replacement->take_back();
    throw;
  }
}

}  // namespace olivine::writer

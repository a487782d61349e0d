#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace olivine::writer {

/// A temporary folder that takes the place of what it was made for, or vanishes.
///
/// It stands beside the target folder, so that renaming is possible and atomic; only where that cannot be (the target
/// is a mount point, or its parent is not writable) it is a hidden folder within. Parents that don't exist are created.
/// The destructor removes what `publish` has not moved, and the parents that were created unless something was
/// published.
class Staging {
 public:
  /// Error[io] when `target` exists and is no folder, or the temporary folder cannot be made.
  explicit Staging(const std::filesystem::path& target);
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging();

  const std::filesystem::path& folder() const { return folder_; }

  /// Puts the files `names` into the target. A target that doesn't exist is the temporary folder renamed, in one step.
  /// Into one that exists the files are renamed one by one, in the order given, each replacing its namesake; if one
  /// cannot be, those before it are taken back and their namesakes restored, as far as the system allows.
  void publish(std::span<const std::string> names);

 private:
  class Replacement;

  void create_parents();
  void replace_files(std::span<const std::string> names);

  std::filesystem::path target_;
  std::filesystem::path folder_;
  std::vector<std::filesystem::path> created_parents_;  ///< outermost first
  bool published_ = false;
};

}  // namespace olivine::writer

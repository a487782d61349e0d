#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace olivine {

/// An open file. Every failure is an Error[io] that names the path and the system's reason.
class File {
 public:
  static File open_read(const std::filesystem::path& path);
  /// Creates a file that must not exist yet.
  static File create(const std::filesystem::path& path);

  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const;

  /// Reads exactly `out.size()` bytes; a file that ends before is an error ("was it truncated while being read?").
  void read_at(std::uint64_t offset, std::span<std::byte> out) const;
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes) const;
  /// Copies within the kernel where it can, else through a buffer.
  void copy_from(const File& source, std::uint64_t source_offset, std::uint64_t offset, std::uint64_t bytes) const;
  void truncate(std::uint64_t size) const;
  /// Closes and reports a deferred write error (a full disk on a network file system).
  void close();

 private:
  friend class MappedFile;
  File(int descriptor, std::filesystem::path path) : descriptor_(descriptor), path_(std::move(path)) {}

  int descriptor_ = -1;
  std::filesystem::path path_;
};

/// A read-only mapping of a whole file, shared by everything that points into it. Payload bytes are better read through
/// `file()`: a mapping counts as resident memory and faults when the file shrinks.
class MappedFile {
 public:
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);

  explicit MappedFile(File file);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const File& file() const { return file_; }
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  File file_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The whole file as text. Error[io] if it cannot be read or is larger than `limit` bytes.
std::string read_text_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 30);

/// Puts a text into a file, in the place of what it held. Error[io] if it cannot be written.
void write_text_file(const std::filesystem::path& path, std::string_view text);

bool is_there(const std::filesystem::path& path);

/// An existing path: as given (relative to the current directory, as in Olive), else relative to the workflow file's
/// `folder`. Error[io] when neither exists.
std::filesystem::path find_path(const std::string& given, const std::filesystem::path& folder);

}  // namespace olivine

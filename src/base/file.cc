#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>
#include <vector>

#include "base/error.h"

namespace olivine {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view action, int reason) {
  Error error(ErrorCode::io, fmt::format("cannot {}: {}", action, std::strerror(reason)));
  error.prepend(path.string());
  if (reason == ENOSPC || reason == EDQUOT) error.remedy("free some space or choose another output folder");
  throw error;
}

int open_or_fail(const std::filesystem::path& path, int flags, std::string_view action) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(path, action, errno);
  return descriptor;
}

}  // namespace

File File::open_read(const std::filesystem::path& path) {
  File file(open_or_fail(path, O_RDONLY, "open"), path);
  struct stat status {};
  if (::fstat(file.descriptor_, &status) != 0) fail(path, "open", errno);
  if (S_ISDIR(status.st_mode)) fail(path, "read", EISDIR);
  if (!S_ISREG(status.st_mode)) throw Error(ErrorCode::io, "not a regular file").prepend(path.string());
  return file;
}

File File::create(const std::filesystem::path& path) {
  return File(open_or_fail(path, O_RDWR | O_CREAT | O_EXCL, "create"), path);
}

File::File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::uint64_t File::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) fail(path_, "read the size", errno);
  return static_cast<std::uint64_t>(status.st_size);
}

void File::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t count = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path_, "read", errno);
    if (count == 0) {
      throw Error(ErrorCode::io, fmt::format("ends at byte {}, {} bytes early", offset, out.size()))
          .prepend(path_.string())
          .remedy("was it changed while it was being read?");
    }
    offset += static_cast<std::uint64_t>(count);
    out = out.subspan(static_cast<std::size_t>(count));
  }
}

void File::write_at(std::uint64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path_, "write", errno);
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void File::copy_from(const File& source, std::uint64_t source_offset, std::uint64_t offset, std::uint64_t bytes) const {
  while (bytes > 0) {
    auto from = static_cast<off_t>(source_offset);
    auto to = static_cast<off_t>(offset);
    const ssize_t count = ::copy_file_range(source.descriptor_, &from, descriptor_, &to, bytes, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    source_offset += static_cast<std::uint64_t>(count);
    offset += static_cast<std::uint64_t>(count);
    bytes -= static_cast<std::uint64_t>(count);
  }
  // Other file systems, old kernels and a source that ends early: the plain way, which also words the error.
  std::vector<std::byte> buffer(std::min<std::uint64_t>(bytes, 1 << 18));
  while (bytes > 0) {
    const auto block = std::span(buffer).first(std::min<std::uint64_t>(bytes, buffer.size()));
    source.read_at(source_offset, block);
    write_at(offset, block);
    source_offset += block.size();
    offset += block.size();
    bytes -= block.size();
  }
}

void File::truncate(std::uint64_t size) const {
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) fail(path_, "set the size", errno);
}

void File::close() {
  const int descriptor = std::exchange(descriptor_, -1);
  if (descriptor >= 0 && ::close(descriptor) != 0) fail(path_, "write", errno);
}

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  return std::make_shared<const MappedFile>(File::open_read(path));
}

MappedFile::MappedFile(File file) : file_(std::move(file)), size_(file_.size()) {
  if (size_ == 0) return;
  void* const address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file_.descriptor_, 0);
  if (address == MAP_FAILED) fail(file_.path(), "map", errno);
  data_ = static_cast<const std::byte*>(address);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

std::string read_text_file(const std::filesystem::path& path, std::uint64_t limit) {
  const File file = File::open_read(path);
  const std::uint64_t size = file.size();
  if (size > limit)
    throw Error(ErrorCode::io, fmt::format("has {} bytes, more than {}", size, limit)).prepend(path.string());
  std::string text(size, '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

void write_text_file(const std::filesystem::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw Error(ErrorCode::io, "cannot be written").prepend(path.string());
}

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

std::filesystem::path find_path(const std::string& given, const std::filesystem::path& folder) {
  if (given.empty()) throw Error(ErrorCode::config, "the path is empty");
  if (is_there(given)) return given;
  const bool elsewhere = std::filesystem::path(given).is_relative() && !folder.empty();
  if (elsewhere && is_there(folder / given)) return folder / given;
  throw Error(ErrorCode::io,
              fmt::format("there is no '{}'{}", given,
                          elsewhere ? fmt::format(", neither in the current directory nor in '{}'", folder.string())
                                    : std::string()));
}

}  // namespace olivine

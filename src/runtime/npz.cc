#include <fmt/format.h>
#include <unzip.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "runtime/npy.h"

namespace olivine::runtime {
namespace {

struct Close {
  void operator()(void* archive) const { ::unzClose(archive); }
};
using Archive = std::unique_ptr<void, Close>;

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorCode::io, std::move(message)).remedy("write it again with numpy.savez");
}

/// Reads as far as the data goes, whatever length the archive claims.
std::vector<std::byte> read_entry(unzFile archive, std::uint64_t announced) {
  if (::unzOpenCurrentFile(archive) != UNZ_OK) refuse("is packed in a way that is not read, or encrypted");
  std::vector<std::byte> bytes;
  std::array<std::byte, 1 << 16> buffer;
  int count = 0;
  while ((count = ::unzReadCurrentFile(archive, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0) {
    if (bytes.size() + static_cast<std::size_t>(count) > announced) break;
    bytes.insert(bytes.end(), buffer.begin(), buffer.begin() + count);
  }
  const int closed = ::unzCloseCurrentFile(archive);
  if (count != 0 || bytes.size() != announced) refuse("is cut off or damaged");
  if (closed != UNZ_OK) refuse("is damaged: its checksum differs");
  return bytes;
}

std::string entry_name(unzFile archive, unz_file_info64& info) {
  if (::unzGetCurrentFileInfo64(archive, &info, nullptr, 0, nullptr, 0, nullptr, 0) != UNZ_OK) {
    refuse("its table of contents is damaged");
  }
  std::string name(info.size_filename, '\0');
  if (::unzGetCurrentFileInfo64(archive, &info, name.data(), name.size(), nullptr, 0, nullptr, 0) != UNZ_OK) {
    refuse("its table of contents is damaged");
  }
  return name;
}

std::vector<std::pair<std::string, tensor::Tensor>> read_entries(unzFile archive) {
  std::vector<std::pair<std::string, tensor::Tensor>> arrays;
  int state = ::unzGoToFirstFile(archive);
  for (; state == UNZ_OK; state = ::unzGoToNextFile(archive)) {
    unz_file_info64 info{};
    std::string name = entry_name(archive, info);
    if (!name.ends_with(".npy")) refuse(fmt::format("holds '{}', which is no array", name));
    name.resize(name.size() - 4);
    tensor::Tensor array = with_place(name, [&] { return parse_npy(read_entry(archive, info.uncompressed_size)); });
    arrays.emplace_back(std::move(name), std::move(array));
  }
  if (state != UNZ_END_OF_LIST_OF_FILE) refuse("its table of contents is damaged");
  return arrays;
}

}  // namespace

std::vector<std::pair<std::string, tensor::Tensor>> read_npz(const std::filesystem::path& path) {
  File::open_read(path).close();  // for the system's reason when it can't be opened
  return with_place(path.string(), [&] {
    const Archive archive(::unzOpen64(path.c_str()));
    if (archive == nullptr) refuse("not a .npz archive");
    return read_entries(archive.get());
  });
}

}  // namespace olivine::runtime

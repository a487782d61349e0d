#include "torch/archive.h"

#include <fmt/format.h>
#include <unzip.h>
#include <zlib.h>

#include <algorithm>
#include <set>

#include "base/error.h"

namespace olivine::torch {
namespace {

/// What deflate makes of n bytes is at most about 1,032 n: more is announced only by an archive that is a trap.
constexpr std::uint64_t kLargestRatio = 1040;
constexpr unsigned kLongestName = 4096;

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorCode::conversion, std::move(message)).remedy("save it again with torch.export.save");
}

struct Close {
  void operator()(void* archive) const { ::unzClose(archive); }
};

}  // namespace

Archive Archive::open(const std::filesystem::path& path, std::string_view kind) {
  Archive archive(MappedFile::open(path));
  with_place(path.string(), [&] { archive.read_directory(kind); });
  return archive;
}

void Archive::read_directory(std::string_view kind) {
  const std::unique_ptr<void, Close> zip(::unzOpen64(file_->path().c_str()));
  if (zip == nullptr) refuse(fmt::format("not a {}: it has no zip directory, or is cut off", kind));
  std::unordered_map<std::string, Entry> found;
  std::set<std::string> folders;
  int state = ::unzGoToFirstFile(zip.get());
  for (; state == UNZ_OK; state = ::unzGoToNextFile(zip.get())) {
    unz_file_info64 info{};
    if (::unzGetCurrentFileInfo64(zip.get(), &info, nullptr, 0, nullptr, 0, nullptr, 0) != UNZ_OK) break;
    if (info.size_filename > kLongestName) refuse("its table of contents is damaged");
    std::string name(info.size_filename, '\0');
    ::unzGetCurrentFileInfo64(zip.get(), nullptr, name.data(), name.size(), nullptr, 0, nullptr, 0);
    if ((info.flag & 1) != 0) refuse(fmt::format("its entry '{}' is encrypted", name));
    if (info.compression_method != 0 && info.compression_method != Z_DEFLATED) {
      refuse(fmt::format("its entry '{}' is packed in a way that is not read", name));
    }
    folders.insert(name.substr(0, name.find('/')));
    Entry entry;
    if (::unzOpenCurrentFile2(zip.get(), nullptr, nullptr, 1) != UNZ_OK) {
      refuse(fmt::format("its entry '{}' is damaged", name));
    }
    entry.data = ::unzGetCurrentFileZStreamPos64(zip.get());
    ::unzCloseCurrentFile(zip.get());
    entry.packed = info.compressed_size;
    entry.size = info.uncompressed_size;
    entry.is_stored = info.compression_method == 0;
    found.emplace(std::move(name), entry);
  }
  if (state != UNZ_END_OF_LIST_OF_FILE) refuse("its table of contents is damaged");
  // All entries are in one folder, which bears the archive's name.
  const std::size_t prefix = folders.size() == 1 && !found.contains(*folders.begin()) ? folders.begin()->size() + 1 : 0;
  for (auto& [name, entry] : found) {
    if (name.size() > prefix) entries_.emplace(name.substr(prefix), entry);
  }
}

const Archive::Entry& Archive::entry(std::string_view name) const {
  const auto found = entries_.find(std::string(name));
  if (found == entries_.end()) refuse(fmt::format("it has no entry '{}'", name));
  const Entry& entry = found->second;
  const std::uint64_t end = file_->bytes().size();
  if (entry.data > end || entry.packed > end - entry.data || (entry.is_stored && entry.packed != entry.size)) {
    refuse(fmt::format("its entry '{}' goes beyond the end of the file", name));
  }
  if (entry.size / kLargestRatio > entry.packed) {
    refuse(fmt::format("its entry '{}' claims to hold {} bytes in {}", name, entry.size, entry.packed));
  }
  return entry;
}

std::string Archive::inflate(const Entry& entry, std::string_view name) const {
  std::string out(entry.size, '\0');
  z_stream stream{};
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw Error(ErrorCode::internal, "zlib does not start");
  const std::byte* in = file_->bytes().data() + entry.data;
  std::uint64_t taken = 0;
  std::uint64_t made = 0;
  int state = Z_OK;
  constexpr std::uint64_t kStep = std::uint64_t{1} << 30;
  while (state == Z_OK) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in + taken));
    stream.avail_in = static_cast<uInt>(std::min(kStep, entry.packed - taken));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + made);
    stream.avail_out = static_cast<uInt>(std::min(kStep, entry.size - made));
    const uInt in_before = stream.avail_in;
    const uInt out_before = stream.avail_out;
    state = ::inflate(&stream, Z_NO_FLUSH);
    taken += in_before - stream.avail_in;
    made += out_before - stream.avail_out;
    if (state == Z_OK && in_before == stream.avail_in && out_before == stream.avail_out) break;
  }
  ::inflateEnd(&stream);
  if (state != Z_STREAM_END || made != entry.size) refuse(fmt::format("its entry '{}' is damaged", name));
  return out;
}

std::string Archive::text(std::string_view name, std::uint64_t limit) const {
  const Entry& found = entry(name);
  if (found.size > limit) refuse(fmt::format("its entry '{}' is larger than {} bytes", name, limit));
  if (!found.is_stored) return inflate(found, name);
  std::string out(found.size, '\0');
  file_->file().read_at(found.data, std::as_writable_bytes(std::span(out)));
  return out;
}

tensor::Tensor Archive::bytes(std::string_view name) const {
  const Entry& found = entry(name);
  const tensor::Dims dims = {static_cast<std::int64_t>(found.size)};
  if (found.is_stored) return tensor::from_file(DataType::uint8, dims, {file_, found.data, found.size});
  const std::string inflated = inflate(found, name);
  return tensor::from_values<char>(DataType::uint8, dims, inflated);
}

}  // namespace olivine::torch

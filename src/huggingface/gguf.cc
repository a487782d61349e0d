#include "huggingface/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "huggingface/gguf_blocks.h"

namespace olivine::huggingface {
namespace {

using config::Json;

constexpr std::string_view kMagic = "GGUF";
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kLargestAlignment = std::uint64_t{1} << 20;
constexpr std::uint32_t kMostDims = 4;
/// Of all lists together: a vocabulary with scores and merges has half a million.
constexpr std::uint64_t kMostItems = std::uint64_t{1} << 23;
constexpr int kDeepestList = 4;

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorCode::conversion, std::move(message)).remedy("the file is damaged, or no GGUF file");
}

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t position() const { return position_; }

  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - position_) refuse(fmt::format("it ends within {} bytes at {}", count, position_));
    const char* const start = reinterpret_cast<const char*>(bytes_.data()) + position_;
    position_ += count;
    return {start, count};
  }
  template <typename T>
  T number() {
    T value{};
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string text() { return std::string(take(number<std::uint64_t>())); }

  Json value(std::uint32_t type, int depth = 0);

 private:
  Json list(int depth);

  std::span<const std::byte> bytes_;
  std::uint64_t position_ = 0;
  std::uint64_t items_ = 0;
};

/// GGUF's numbers of value types, in order; 9 is a list.
constexpr std::uint32_t kList = 9;
constexpr std::array<Json (*)(Reader&), 13> kValues = {{
    [](Reader& reader) -> Json { return reader.number<std::uint8_t>(); },
    [](Reader& reader) -> Json { return reader.number<std::int8_t>(); },
    [](Reader& reader) -> Json { return reader.number<std::uint16_t>(); },
    [](Reader& reader) -> Json { return reader.number<std::int16_t>(); },
    [](Reader& reader) -> Json { return reader.number<std::uint32_t>(); },
    [](Reader& reader) -> Json { return reader.number<std::int32_t>(); },
    [](Reader& reader) -> Json { return reader.number<float>(); },
    [](Reader& reader) -> Json { return reader.number<std::uint8_t>() != 0; },
    [](Reader& reader) -> Json { return reader.text(); },
    nullptr,
    [](Reader& reader) -> Json { return reader.number<std::uint64_t>(); },
    [](Reader& reader) -> Json { return reader.number<std::int64_t>(); },
    [](Reader& reader) -> Json { return reader.number<double>(); },
}};

Json Reader::value(std::uint32_t type, int depth) {
  if (type == kList) return list(depth);
  if (type >= kValues.size()) refuse(fmt::format("its metadata have a value of type {}", type));
  return kValues[type](*this);
}

Json Reader::list(int depth) {
  const auto type = number<std::uint32_t>();
  const auto count = number<std::uint64_t>();
  items_ += std::min(count, kMostItems);
  if (items_ >= kMostItems || depth >= kDeepestList) refuse("its metadata have more lists than a model needs");
  Json items = Json::array();
  for (std::uint64_t i = 0; i < count; ++i) items.push_back(value(type, depth + 1));
  return items;
}

struct Entry {
  GgufTensor tensor;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

Entry read_entry(Reader& reader) {
  Entry entry;
  entry.tensor.name = reader.text();
  return with_place(fmt::format("tensor '{}'", entry.tensor.name), [&] {
    const auto rank = reader.number<std::uint32_t>();
    if (rank > kMostDims) refuse(fmt::format("it has {} dimensions", rank));
    for (std::uint32_t i = 0; i < rank; ++i) entry.tensor.dims.push_back(reader.number<std::int64_t>());
    std::ranges::reverse(entry.tensor.dims);
    if (entry.tensor.dims.empty()) entry.tensor.dims.push_back(1);
    entry.tensor.type = reader.number<std::uint32_t>();
    entry.offset = reader.number<std::uint64_t>();
    return entry;
  });
}

/// Dims of the tensor's bytes: the last one counts those of a row.
tensor::Dims byte_dims(const GgufTensor& tensor) {
  const GgmlType* const type = find_ggml_type(tensor.type);
  if (type == nullptr) refuse(fmt::format("its type {} is unknown", tensor.type));
  tensor::Dims dims = tensor.dims;
  if (dims.back() < 0 || dims.back() % type->elements != 0) {
    refuse(fmt::format("its rows have {} elements, no multiple of {}'s {}", dims.back(), type->name, type->elements));
  }
  if (__builtin_mul_overflow(dims.back() / type->elements, type->bytes, &dims.back())) refuse("its rows are too long");
  return dims;
}

std::uint64_t alignment_of(const Json& metadata) {
  const auto found = metadata.find("general.alignment");
  if (found == metadata.end()) return kDefaultAlignment;
  if (!found->is_number_unsigned()) refuse("its alignment is no number");
  const auto alignment = found->get<std::uint64_t>();
  if (alignment == 0 || alignment > kLargestAlignment || alignment % 8 != 0) {
    refuse(fmt::format("its alignment is {}", alignment));
  }
  return alignment;
}

void read_metadata(Reader& reader, std::uint64_t count, Json& metadata) {
  // Ordered JSON searches an object from its start: a set knows the keys faster.
  std::set<std::string> keys;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string key = reader.text();
    if (!keys.insert(key).second) refuse(fmt::format("its metadata have '{}' twice", key));
    const auto type = reader.number<std::uint32_t>();
    metadata.get_ref<Json::object_t&>().push_back({std::move(key), reader.value(type)});
  }
}

void read_tensors(Reader& reader, std::uint64_t count, const std::shared_ptr<const MappedFile>& mapped,
                  GgufFile& file) {
  std::vector<Entry> entries;
  std::set<std::string> names;
  for (std::uint64_t i = 0; i < count; ++i) {
    entries.push_back(read_entry(reader));
    const std::string& name = entries.back().tensor.name;
    if (!names.insert(name).second) refuse(fmt::format("it has the tensor '{}' twice", name));
  }
  const std::uint64_t alignment = alignment_of(file.metadata);
  const std::uint64_t start = (reader.position() + alignment - 1) / alignment * alignment;
  const std::uint64_t size = mapped->bytes().size();
  for (Entry& entry : entries) {
    with_place(fmt::format("tensor '{}'", entry.tensor.name), [&] {
      tensor::Dims dims = byte_dims(entry.tensor);
      const std::uint64_t bytes = tensor::Tensor(DataType::uint8, dims, nullptr).byte_size();
      if (entry.offset % alignment != 0) refuse(fmt::format("its offset {} is not aligned", entry.offset));
      if (start > size || entry.offset > size - start || bytes > size - start - entry.offset) {
        refuse(fmt::format("its {} bytes at {} go beyond the end of the file", bytes, entry.offset));
      }
      entry.tensor.bytes = tensor::from_file(DataType::uint8, std::move(dims), {mapped, start + entry.offset, bytes});
    });
    file.tensors.push_back(std::move(entry.tensor));
  }
}

void read(const std::shared_ptr<const MappedFile>& mapped, GgufFile& file) {
  Reader reader(mapped->bytes());
  if (reader.take(kMagic.size()) != kMagic) refuse("it doesn't begin with 'GGUF'");
  const auto version = reader.number<std::uint32_t>();
  if (version != 2 && version != 3) {
    throw Error(ErrorCode::conversion,
                (version & 0xFFFF) == 0 ? std::string("it is big-endian") : fmt::format("it is of version {}", version))
        .remedy("versions 2 and 3, little-endian, are read");
  }
  const auto tensors = reader.number<std::uint64_t>();
  const auto keys = reader.number<std::uint64_t>();
  file.metadata = Json::object();
  read_metadata(reader, keys, file.metadata);
  read_tensors(reader, tensors, mapped, file);
}

GgufFile read_one(const std::filesystem::path& path) {
  GgufFile file;
  file.place = path.string();
  const auto mapped = MappedFile::open(path);
  with_place(file.place, [&] { read(mapped, file); });
  return file;
}

/// All parts of a model that was split: "x-00001-of-00003.gguf" and so on. The first has the metadata.
GgufFile read_parts(const std::filesystem::path& path, std::int64_t count) {
  constexpr std::string_view kExtension = ".gguf";
  const std::string name = path.filename().string();
  const std::string ending = fmt::format("-of-{:05}{}", count, kExtension);
  const std::size_t digits = 6;  // with the hyphen
  if (!name.ends_with(ending) || name.size() < ending.size() + digits) {
    throw Error(ErrorCode::conversion,
                fmt::format("it is one of {} parts, but its name doesn't end with '{}'", count, ending))
        .remedy("give the parts the names that llama.cpp gave them");
  }
  const std::string stem = name.substr(0, name.size() - ending.size() - digits);
  GgufFile whole;
  std::set<std::string> names;
  for (std::int64_t part = 1; part <= count; ++part) {
    GgufFile file = read_one(path.parent_path() / fmt::format("{}-{:05}{}", stem, part, ending));
    if (part == 1) {
      whole.metadata = std::move(file.metadata);
      whole.place = file.place;
    }
    for (GgufTensor& tensor : file.tensors) {
      if (!names.insert(tensor.name).second) refuse(fmt::format("the tensor '{}' is in two parts", tensor.name));
      whole.tensors.push_back(std::move(tensor));
    }
  }
  return whole;
}

}  // namespace

GgufFile read_gguf(const std::filesystem::path& path) {
  GgufFile file = read_one(path);
  const auto count = file.metadata.find("split.count");
  if (count == file.metadata.end() || !count->is_number_integer() || *count <= 1) return file;
  return with_place(file.place, [&] { return read_parts(path, count->get<std::int64_t>()); });
}

std::string gguf_type_name(std::uint32_t type) {
  const GgmlType* const found = find_ggml_type(type);
  return found == nullptr ? fmt::format("type {}", type) : std::string(found->name);
}

}  // namespace olivine::huggingface

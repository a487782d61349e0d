#include "huggingface/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "huggingface/json.h"

namespace olivine::huggingface {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLengthBytes = 8;
/// The format's own limit.
constexpr std::uint64_t kLongestHeader = 100'000'000;
constexpr std::string_view kMetadata = "__metadata__";

constexpr std::array<std::pair<std::string_view, DataType>, 22> kTypes = {{
    {"BOOL", DataType::boolean},
    {"U8", DataType::uint8},
    {"I8", DataType::int8},
    {"U16", DataType::uint16},
    {"I16", DataType::int16},
    {"U32", DataType::uint32},
    {"I32", DataType::int32},
    {"U64", DataType::uint64},
    {"I64", DataType::int64},
    {"F4", DataType::float4e2m1},
    {"F6_E2M3", DataType::float6e2m3},
    {"F6_E3M2", DataType::float6e3m2},
    {"F8_E4M3", DataType::float8e4m3fn},
    {"F8_E4M3FNUZ", DataType::float8e4m3fnuz},
    {"F8_E5M2", DataType::float8e5m2},
    {"F8_E5M2FNUZ", DataType::float8e5m2fnuz},
    {"F8_E8M0", DataType::float8e8m0},
    {"F16", DataType::float16},
    {"BF16", DataType::bfloat16},
    {"F32", DataType::float32},
    {"F64", DataType::float64},
    {"C64", DataType::complex64},
}};

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorCode::conversion, std::move(message)).remedy("the file is damaged, or no safetensors file");
}

struct Entry {
  std::string name;
  DataType dtype = DataType::undefined;
  tensor::Dims dims;
  std::uint64_t begin = 0;  ///< from the end of the header
  std::uint64_t end = 0;
};

const Json& member(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) refuse(fmt::format("it has no '{}'", key));
  return *found;
}

DataType read_type(const Json& value) {
  if (!value.is_string()) refuse("its dtype is no string");
  const auto& name = value.get_ref<const std::string&>();
  const auto* const found = std::ranges::find(kTypes, name, &std::pair<std::string_view, DataType>::first);
  if (found != kTypes.end()) return found->second;
  throw Error(ErrorCode::conversion, fmt::format("its dtype '{}' is none that is read", name));
}

/// A list of non-negative integers of 63 bits.
std::vector<std::int64_t> read_numbers(const Json& value, const char* what) {
  if (!value.is_array()) refuse(fmt::format("its {} is no list", what));
  std::vector<std::int64_t> numbers;
  for (const Json& number : value) {
    if (!number.is_number_unsigned() || number.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
      refuse(fmt::format("its {} holds {}, which is no size", what, number.dump()));
    }
    numbers.push_back(number.get<std::int64_t>());
  }
  return numbers;
}

Entry read_entry(const std::string& name, const Json& value) {
  if (!value.is_object()) refuse("its entry is no object");
  Entry entry{name, read_type(member(value, "dtype")), read_numbers(member(value, "shape"), "shape")};
  const std::vector<std::int64_t> offsets = read_numbers(member(value, "data_offsets"), "data_offsets");
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    refuse(fmt::format("its data_offsets are {}, no begin and end", member(value, "data_offsets").dump()));
  }
  entry.begin = static_cast<std::uint64_t>(offsets[0]);
  entry.end = static_cast<std::uint64_t>(offsets[1]);
  return entry;
}

std::string tensor_place(const std::string& name) { return fmt::format("tensor '{}'", name); }

std::vector<Entry> read_entries(const Json& header) {
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == kMetadata) continue;
    with_place(tensor_place(name), [&, &name = name, &value = value] { entries.push_back(read_entry(name, value)); });
  }
  std::ranges::stable_sort(entries, {}, [](const Entry& entry) { return std::pair(entry.begin, entry.end); });
  return entries;
}

std::map<std::string, std::string> read_metadata(const Json& header) {
  std::map<std::string, std::string> metadata;
  const auto found = header.find(kMetadata);
  if (found == header.end()) return metadata;
  if (!found->is_object()) refuse("its __metadata__ is no object");
  for (const auto& [key, value] : found->items()) {
    if (!value.is_string()) refuse(fmt::format("its __metadata__ has '{}', which is no string", key));
    metadata.emplace(key, value.get<std::string>());
  }
  return metadata;
}

/// The payloads follow each other from the first byte behind the header to the last of the file.
void check_order(const std::vector<Entry>& entries, std::uint64_t bytes) {
  std::uint64_t position = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != position) {
      refuse(fmt::format("tensor '{}' begins at byte {}, {} the end of the one before at {}", entry.name, entry.begin,
                         entry.begin < position ? "before" : "a hole behind", position));
    }
    position = entry.end;
  }
  if (position > bytes) refuse(fmt::format("its tensors take {} bytes, but {} follow the header", position, bytes));
  if (position < bytes) refuse(fmt::format("{} bytes follow its last tensor", bytes - position));
}

std::uint64_t header_length(std::span<const std::byte> bytes) {
  if (bytes.size() < kLengthBytes) refuse(fmt::format("it has {} bytes, less than a header's length", bytes.size()));
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > kLongestHeader || length > bytes.size() - kLengthBytes) {
    refuse(fmt::format("its header claims {} bytes in a file of {}", length, bytes.size()));
  }
  return length;
}

SafetensorsFile read_file(const std::shared_ptr<const MappedFile>& file) {
  const std::uint64_t length = header_length(file->bytes());
  std::string text(length, '\0');
  file->file().read_at(kLengthBytes, std::as_writable_bytes(std::span(text)));
  const Json header = parse_large(text, "header");
  if (!header.is_object()) refuse("its header is no object");
  const std::vector<Entry> entries = read_entries(header);
  const std::uint64_t start = kLengthBytes + length;
  check_order(entries, file->bytes().size() - start);
  SafetensorsFile result{{}, read_metadata(header)};
  for (const Entry& entry : entries) {
    with_place(tensor_place(entry.name), [&] {
      result.tensors.emplace(
          entry.name, tensor::from_file(entry.dtype, entry.dims, {file, start + entry.begin, entry.end - entry.begin}));
    });
  }
  return result;
}

}  // namespace

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return with_place(path.string(), [&] { return read_file(file); });
}

}  // namespace olivine::huggingface

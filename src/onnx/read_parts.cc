#include "onnx/read_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "onnx/fields.h"
#include "onnx/wire.h"

namespace olivine::onnx {
namespace {

using wire::bytes;
using wire::fixed32;
using wire::fixed64;
using wire::varint;

constexpr int kMaxTypeDepth = 32;

ir::Dim read_dim(std::string_view message) {
  ir::Dim dim;
  std::string denotation;
  for (wire::Reader reader(message); reader.next();) {
    switch (reader.key()) {
      case varint(field::dim::value):
        dim = ir::Dim(reader.integer());
        break;
      case bytes(field::dim::symbol): {
        // Exporters write an empty symbol for "unknown".
        std::string symbol = reader.text();
        dim = symbol.empty() ? ir::Dim() : ir::Dim(std::move(symbol));
        break;
      }
      case bytes(field::dim::denotation):
        denotation = reader.text();
        break;
      default: {
        std::string dropped;
        reader.keep(dropped);
      }
    }
  }
  dim.denotation = std::move(denotation);
  return dim;
}

ir::Shape read_shape(std::string_view message) {
  ir::Shape shape;
  std::string dropped;
  for (wire::Reader reader(message); reader.next();) {
    if (reader.key() == bytes(field::shape::dim)) {
      shape.push_back(read_dim(reader.view()));
    } else {
      reader.keep(dropped);
    }
  }
  return shape;
}

template <typename TensorLike>
TensorLike read_tensor_type(std::string_view message) {
  TensorLike type;
  std::string dropped;
  for (wire::Reader reader(message); reader.next();) {
    switch (reader.key()) {
      case varint(field::tensor_type::elem_type):
        type.dtype = static_cast<DataType>(reader.integer32());
        break;
      case bytes(field::tensor_type::shape):
        type.shape = read_shape(reader.view());
        break;
      default:
        reader.keep(dropped);
    }
  }
  data_type_info(type.dtype);
  return type;
}

std::shared_ptr<const ir::Type> read_element(std::string_view message, int depth) {
  std::string dropped;
  for (wire::Reader reader(message); reader.next();) {
    if (reader.key() == bytes(field::tensor_type::elem_type)) {
      return std::make_shared<const ir::Type>(read_type(reader.view(), depth + 1));
    }
    reader.keep(dropped);
  }
  return nullptr;
}

ir::MapType read_map_type(std::string_view message, int depth) {
  ir::MapType type;
  std::string dropped;
  for (wire::Reader reader(message); reader.next();) {
    switch (reader.key()) {
      case varint(field::map_type::key_type):
        type.key = static_cast<DataType>(reader.integer32());
        break;
      case bytes(field::map_type::value_type):
        type.value = std::make_shared<const ir::Type>(read_type(reader.view(), depth + 1));
        break;
      default:
        reader.keep(dropped);
    }
  }
  data_type_info(type.key);
  return type;
}

ir::OpaqueType read_opaque_type(std::string_view message) {
  ir::OpaqueType type;
  std::string dropped;
  for (wire::Reader reader(message); reader.next();) {
    switch (reader.key()) {
      case bytes(field::opaque_type::domain):
        type.domain = reader.text();
        break;
      case bytes(field::opaque_type::name):
        type.name = reader.text();
        break;
      default:
        reader.keep(dropped);
    }
  }
  return type;
}

}  // namespace

ir::Type read_type(std::string_view message, int depth) {
  if (depth > kMaxTypeDepth) throw Error(ErrorCode::conversion, "a type is nested more than 32 deep");
  ir::Type type;
  for (wire::Reader reader(message); reader.next();) {
    switch (reader.key()) {
      case bytes(field::type::tensor):
        type.kind = read_tensor_type<ir::TensorType>(reader.view());
        break;
      case bytes(field::type::sparse_tensor):
        type.kind = read_tensor_type<ir::SparseTensorType>(reader.view());
        break;
      case bytes(field::type::sequence):
        type.kind = ir::SequenceType{read_element(reader.view(), depth)};
        break;
      case bytes(field::type::optional):
        type.kind = ir::OptionalType{read_element(reader.view(), depth)};
        break;
      case bytes(field::type::map):
        type.kind = read_map_type(reader.view(), depth);
        break;
      case bytes(field::type::opaque):
        type.kind = read_opaque_type(reader.view());
        break;
      case bytes(field::type::denotation):
        type.denotation = reader.text();
        break;
      default:
        reader.keep(type.unknown_fields);
    }
  }
  return type;
}

void read_entry(std::string_view message, ir::Metadata& out) {
  auto& [key, value] = out.emplace_back();
  std::string dropped;
  for (wire::Reader reader(message); reader.next();) {
    switch (reader.key()) {
      case bytes(field::entry::key):
        key = reader.text();
        break;
      case bytes(field::entry::value):
        value = reader.text();
        break;
      default:
        reader.keep(dropped);
    }
  }
}

// ---- Tensors

namespace {

/// A TensorProto as it stands in the file, before its data field is chosen.
struct RawTensor {
  std::string name;
  std::int32_t data_type = 0;
  tensor::Dims dims;
  std::optional<std::string_view> raw_data;
  std::vector<std::string_view> packed;  ///< pieces of the one typed field that is used
  std::vector<std::int64_t> integers;    ///< the same, given one by one
  std::string fixed;                     ///< floats and doubles given one by one
  std::uint32_t typed_field = 0;
  std::vector<std::string> strings;
  ir::Metadata external;
  bool is_external = false;
  ir::Annotations annotations;
};

void note_typed_field(RawTensor& raw, std::uint32_t number) {
  if (raw.typed_field != 0 && raw.typed_field != number) throw Error(ErrorCode::conversion, "has data in two fields");
  raw.typed_field = number;
}

template <typename T>
void append_fixed(RawTensor& raw, std::uint32_t number, T value) {
  note_typed_field(raw, number);
  raw.fixed.append(reinterpret_cast<const char*>(&value), sizeof value);
}

RawTensor scan_tensor(std::string_view message) {
  RawTensor raw;
  for (wire::Reader reader(message); reader.next();) {
    switch (reader.key()) {
      case bytes(field::tensor::dims):
        wire::append_varints(reader.view(), raw.dims);
        break;
      case varint(field::tensor::dims):
        raw.dims.push_back(reader.integer());
        break;
      case varint(field::tensor::data_type):
        raw.data_type = reader.integer32();
        break;
      case bytes(field::tensor::float_data):
      case bytes(field::tensor::double_data):
      case bytes(field::tensor::int32_data):
      case bytes(field::tensor::int64_data):
      case bytes(field::tensor::uint64_data):
        note_typed_field(raw, reader.key() >> 3U);
        raw.packed.push_back(reader.view());
        break;
      case varint(field::tensor::int32_data):
      case varint(field::tensor::int64_data):
      case varint(field::tensor::uint64_data):
        note_typed_field(raw, reader.key() >> 3U);
        raw.integers.push_back(reader.integer());
        break;
      case fixed32(field::tensor::float_data):
        append_fixed(raw, field::tensor::float_data, reader.floating());
        break;
      case fixed64(field::tensor::double_data):
        append_fixed(raw, field::tensor::double_data, reader.floating64());
        break;
      case bytes(field::tensor::string_data):
        raw.strings.push_back(reader.text());
        break;
      case bytes(field::tensor::name):
        raw.name = reader.text();
        break;
      case bytes(field::tensor::raw_data):
        raw.raw_data = reader.view();
        break;
      case bytes(field::tensor::doc_string):
        raw.annotations.edit().doc_string = reader.text();
        break;
      case bytes(field::tensor::external_data):
        read_entry(reader.view(), raw.external);
        break;
      case varint(field::tensor::data_location):
        raw.is_external = reader.integer() == 1;
        break;
      case bytes(field::tensor::metadata_props):
        read_entry(reader.view(), raw.annotations.edit().metadata);
        break;
      default:
        reader.keep(raw.annotations.edit().unknown_fields);
    }
  }
  return raw;
}

/// Tensors up to this size are copied at once: reading a shape or an axis must not cost a system call.
constexpr std::size_t kEagerBytes = 2048;

std::vector<std::byte> copied(std::string_view view) {
  const auto begin = reinterpret_cast<const std::byte*>(view.data());
  return {begin, begin + view.size()};
}

bool stays_in_file(std::string_view view, const Origin& origin) { return origin.file() && view.size() > kEagerBytes; }

tensor::FileSlice slice_of(std::string_view view, const Origin& origin) {
  const auto* const begin = reinterpret_cast<const char*>(origin.file()->bytes().data());
  return {origin.file(), static_cast<std::uint64_t>(view.data() - begin), view.size()};
}

std::uint64_t checked_count(const tensor::Dims& dims) {
  std::uint64_t count = 1;
  for (const std::int64_t dim : dims) {
    if (dim < 0) throw Error(ErrorCode::conversion, fmt::format("has the negative dimension {}", dim));
    if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(dim), &count)) {
      throw Error(ErrorCode::conversion, "has more elements than 64 bits can count");
    }
  }
  return count;
}

std::uint64_t expected_bytes(DataType dtype, const tensor::Dims& dims) {
  const auto size = packed_bytes(dtype, checked_count(dims));
  if (!size) throw Error(ErrorCode::conversion, "has more bytes than 64 bits can count");
  return *size;
}

tensor::Tensor from_view(DataType dtype, tensor::Dims dims, std::string_view view, const Origin& origin) {
  const std::uint64_t expected = expected_bytes(dtype, dims);
  if (view.size() != expected) {
    throw Error(ErrorCode::conversion, fmt::format("holds {} bytes, but its shape [{}] of {} needs {}", view.size(),
                                                   fmt::join(dims, ","), name_of(dtype), expected));
  }
  if (stays_in_file(view, origin)) return tensor::from_file(dtype, std::move(dims), slice_of(view, origin));
  return tensor::from_bytes(dtype, std::move(dims), copied(view));
}

std::uint64_t parse_number(const std::string& text, std::string_view key) {
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) {
    throw Error(ErrorCode::conversion, fmt::format("has the external data {} '{}', which is not a number", key, text));
  }
  return value;
}

tensor::Tensor external_tensor(const RawTensor& raw, DataType dtype, Origin& origin) {
  std::string location;
  std::uint64_t offset = 0;
  const std::uint64_t expected = expected_bytes(dtype, raw.dims);
  std::uint64_t length = expected;
  for (const auto& [key, value] : raw.external) {
    if (key == "location") location = value;
    if (key == "offset") offset = parse_number(value, key);
    if (key == "length") length = parse_number(value, key);
  }
  if (dtype == DataType::string) throw Error(ErrorCode::conversion, "holds strings, which cannot be external data");
  if (length != expected) {
    throw Error(ErrorCode::conversion, fmt::format("has {} bytes of external data, but its shape [{}] of {} needs {}",
                                                   length, fmt::join(raw.dims, ","), name_of(dtype), expected));
  }
  const auto file = origin.external(location);
  const std::uint64_t size = file->bytes().size();
  if (offset > size || length > size - offset) {
    throw Error(ErrorCode::conversion,
                fmt::format("wants bytes {} to {} of the external data '{}', which has {} bytes", offset,
                            static_cast<unsigned __int128>(offset) + length > ~std::uint64_t{0} ? ~std::uint64_t{0}
                                                                                                : offset + length,
                            location, size))
        .remedy("is the file truncated, or another model's?");
  }
  if (length <= kEagerBytes) {
    std::vector<std::byte> bytes(length);
    file->file().read_at(offset, bytes);
    return tensor::from_bytes(dtype, raw.dims, std::move(bytes));
  }
  return tensor::from_file(dtype, raw.dims, {file, offset, length});
}

/// Which typed field holds a type's elements (onnx.proto's rule).
std::uint32_t typed_field_for(DataType dtype) {
  switch (dtype) {
    case DataType::float32:
    case DataType::complex64:
      return field::tensor::float_data;
    case DataType::float64:
    case DataType::complex128:
      return field::tensor::double_data;
    case DataType::int64:
      return field::tensor::int64_data;
    case DataType::uint32:
    case DataType::uint64:
      return field::tensor::uint64_data;
    default:
      return field::tensor::int32_data;
  }
}

/// Each number becomes the low bits of one element, or for types under 8 bits of one packed byte; float 6 alone has one
/// number an element and packs four of them into three bytes.
std::vector<std::byte> packed_integers(DataType dtype, const std::vector<std::int64_t>& numbers) {
  std::vector<std::byte> bytes;
  const int bits = bit_width(dtype);
  if (bits == 6) {
    bytes.resize((numbers.size() * 6 + 7) / 8);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const auto value = static_cast<std::uint32_t>(numbers[i] & 0x3f) << (i * 6 % 8);
      bytes[i * 6 / 8] |= static_cast<std::byte>(value);
      if (value > 0xff) bytes[i * 6 / 8 + 1] |= static_cast<std::byte>(value >> 8U);
    }
    return bytes;
  }
  const std::size_t width = bits < 8 ? 1 : static_cast<std::size_t>(bits) / 8;
  bytes.resize(numbers.size() * width);
  for (std::size_t i = 0; i < numbers.size(); ++i) std::memcpy(bytes.data() + i * width, &numbers[i], width);
  return bytes;
}

tensor::Tensor typed_tensor(const RawTensor& raw, DataType dtype, const Origin& origin) {
  if (raw.typed_field != typed_field_for(dtype)) {
    throw Error(ErrorCode::conversion,
                fmt::format("has its {} elements in a field meant for another type", name_of(dtype)));
  }
  const bool fixed = raw.typed_field == field::tensor::float_data || raw.typed_field == field::tensor::double_data;
  const bool one_piece = raw.packed.size() == 1 && raw.integers.empty() && raw.fixed.empty();
  if (fixed) {
    if (one_piece) return from_view(dtype, raw.dims, raw.packed.front(), origin);
    std::string joined = raw.fixed;
    for (const std::string_view piece : raw.packed) joined.append(piece);
    return from_view(dtype, raw.dims, joined, Origin(nullptr, {}));
  }
  if (one_piece && stays_in_file(raw.packed.front(), origin) && bit_width(dtype) != 6) {
    return tensor::from_varints(dtype, raw.dims, slice_of(raw.packed.front(), origin));
  }
  std::vector<std::int64_t> numbers = raw.integers;
  for (const std::string_view piece : raw.packed) wire::append_varints(piece, numbers);
  const std::vector<std::byte> packed = packed_integers(dtype, numbers);
  return from_view(dtype, raw.dims, {reinterpret_cast<const char*>(packed.data()), packed.size()}, Origin(nullptr, {}));
}

tensor::Tensor tensor_of(const RawTensor& raw, Origin& origin) {
  const DataTypeInfo* info = find_data_type(raw.data_type);
  if (info == nullptr || info->dtype == DataType::undefined) {
    throw Error(ErrorCode::conversion,
                fmt::format("has the element type {}, which ONNX does not define", raw.data_type));
  }
  if (raw.is_external) return external_tensor(raw, info->dtype, origin);
  const std::uint64_t count = checked_count(raw.dims);
  if (info->dtype == DataType::string) {
    if (raw.strings.size() != count) {
      throw Error(ErrorCode::conversion, fmt::format("holds {} strings, but its shape [{}] needs {}",
                                                     raw.strings.size(), fmt::join(raw.dims, ","), count));
    }
    return tensor::Tensor(raw.dims, raw.strings);
  }
  if (raw.raw_data && raw.typed_field != 0 && !raw.raw_data->empty())
    throw Error(ErrorCode::conversion, "has data in two fields");
  if (raw.typed_field != 0) return typed_tensor(raw, info->dtype, origin);
  return from_view(info->dtype, raw.dims, raw.raw_data.value_or(std::string_view()), origin);
}

}  // namespace

ir::NamedTensor read_tensor(std::string_view message, Origin& origin) {
  RawTensor raw = scan_tensor(message);
  ir::NamedTensor result;
  result.tensor = with_place(fmt::format("tensor '{}'", raw.name), [&] { return tensor_of(raw, origin); });
  result.name = std::move(raw.name);
  result.annotations = std::move(raw.annotations);
  return result;
}

ir::SparseTensor read_sparse_tensor(std::string_view message, Origin& origin) {
  ir::SparseTensor sparse;
  for (wire::Reader reader(message); reader.next();) {
    switch (reader.key()) {
      case bytes(field::sparse_tensor::values):
        sparse.values = read_tensor(reader.view(), origin);
        break;
      case bytes(field::sparse_tensor::indices):
        sparse.indices = read_tensor(reader.view(), origin);
        break;
      case bytes(field::sparse_tensor::dims):
        wire::append_varints(reader.view(), sparse.dims);
        break;
      case varint(field::sparse_tensor::dims):
        sparse.dims.push_back(reader.integer());
        break;
      default:
        reader.keep(sparse.unknown_fields);
    }
  }
  checked_count(sparse.dims);
  return sparse;
}

// ---- External data

std::shared_ptr<const MappedFile> Origin::external(const std::string& location) {
  namespace fs = std::filesystem;
  const auto known = opened_.find(location);
  if (known != opened_.end()) return known->second;
  const auto refuse = [&](std::string_view why) {
    return Error(ErrorCode::conversion, fmt::format("names the external data '{}', which {}", location, why));
  };
  if (folder_.empty()) throw refuse("cannot be found: the model was not read from a file");
  const fs::path relative(location);
  if (location.empty() || location.find('\0') != std::string::npos) throw refuse("is not a file name");
  if (relative.is_absolute()) throw refuse("is an absolute path");
  if (std::find(relative.begin(), relative.end(), "..") != relative.end()) throw refuse("leaves the model's folder");
  std::error_code problem;
  const fs::path base = fs::canonical(folder_, problem);
  const fs::path real = fs::canonical(folder_ / relative, problem);
  if (problem) throw refuse("is not there: " + problem.message()).remedy("put it beside the model");
  const auto [base_end, unused] = std::mismatch(base.begin(), base.end(), real.begin(), real.end());
  if (base_end != base.end()) throw refuse("is a link that leaves the model's folder").remedy("copy the file there");
  return opened_[location] = MappedFile::open(real);
}

}  // namespace olivine::onnx

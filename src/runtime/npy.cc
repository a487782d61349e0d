#include "runtime/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "base/dtype.h"
#include "base/error.h"
#include "base/file.h"

namespace olivine::runtime {
namespace {

using Bytes = std::span<const std::byte>;

[[noreturn]] void refuse(std::string message, std::string_view remedy = {}) {
  throw Error(ErrorCode::io, "not a usable NumPy array: " + std::move(message)).remedy(remedy);
}

std::uint64_t little_endian(Bytes bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<std::uint64_t>(bytes[i]);
  return value;
}

/// The header's text, and what follows it.
std::pair<std::string_view, Bytes> split(Bytes bytes) {
  constexpr std::string_view kMagic = "\x93NUMPY";
  const auto text = std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMagic) || bytes.size() < 10) refuse("it does not begin as one does");
  const auto version = static_cast<unsigned>(bytes[6]);
  if (version < 1 || version > 3) refuse(fmt::format("format version {}", version), "versions 1 to 3 are read");
  const std::size_t width = version == 1 ? 2 : 4;
  const std::size_t begin = 8 + width;
  if (bytes.size() < begin) refuse("its header is cut off");
  const std::uint64_t length = little_endian(bytes.subspan(8, width));
  if (length > bytes.size() - begin) refuse("its header is cut off");
  return {text.substr(begin, length), bytes.subspan(begin + length)};
}

/// The header is a Python dictionary with three known keys.
struct Header {
  std::string descr;
  bool fortran_order = false;
  tensor::Dims shape;
};

class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  Header parse() {
    Header header;
    bool has_descr = false;
    bool has_order = false;
    bool has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr") {
        if (peek() == '[') refuse("it has fields (a structured dtype)", "save each field as an array of its own");
        header.descr = string();
        has_descr = true;
      } else if (key == "fortran_order") {
        header.fortran_order = boolean();
        has_order = true;
      } else if (key == "shape") {
        header.shape = shape();
        has_shape = true;
      } else {
        refuse(fmt::format("its header has an unknown key '{}'", key));
      }
      if (!accept(',') && peek() != '}') bad();
    }
    if (!has_descr || !has_order || !has_shape) refuse("its header lacks 'descr', 'fortran_order' or 'shape'");
    return header;
  }

 private:
  [[noreturn]] static void bad() { refuse("its header cannot be understood"); }

  void skip_blanks() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n' || text_.front() == '\t')) {
      text_.remove_prefix(1);
    }
  }
  char peek() {
    skip_blanks();
    return text_.empty() ? '\0' : text_.front();
  }
  bool accept(char wanted) {
    if (peek() != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) bad();
  }
  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') bad();
    const std::size_t end = text_.find(quote, 1);
    if (end == std::string_view::npos) bad();
    std::string value(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return value;
  }
  bool boolean() {
    skip_blanks();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>("True", true), {"False", false}}) {
      if (!text_.starts_with(word)) continue;
      text_.remove_prefix(word.size());
      return value;
    }
    bad();
  }
  tensor::Dims shape() {
    tensor::Dims dims;
    expect('(');
    while (!accept(')')) {
      skip_blanks();
      std::int64_t size = 0;
      const auto [end, problem] = std::from_chars(text_.data(), text_.data() + text_.size(), size);
      if (problem != std::errc() || size < 0) bad();
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      accept('L');  // Python 2 wrote it
      dims.push_back(size);
      if (!accept(',') && peek() != ')') bad();
    }
    return dims;
  }

  std::string_view text_;
};

struct Descr {
  char order = '|';
  char kind = '\0';
  std::uint64_t size = 0;  ///< bytes; for 'U' characters
};

Descr parse_descr(const std::string& text) {
  Descr descr;
  if (text.size() >= 3) {
    descr.order = text[0];
    descr.kind = text[1];
    const char* const end = text.data() + text.size();
    if (std::from_chars(text.data() + 2, end, descr.size).ptr == end) return descr;
  }
  if (text == "|O" || text == "O") {
    refuse("it holds pickled Python objects, which are never run", "convert it with .astype() before saving");
  }
  refuse(fmt::format("its dtype '{}' cannot be understood", text));
}

struct NumericType {
  char kind;
  std::uint64_t size;
  DataType dtype;
};
constexpr NumericType kNumericTypes[] = {
    {'f', 2, DataType::float16},   {'f', 4, DataType::float32},    {'f', 8, DataType::float64},
    {'i', 1, DataType::int8},      {'i', 2, DataType::int16},      {'i', 4, DataType::int32},
    {'i', 8, DataType::int64},     {'u', 1, DataType::uint8},      {'u', 2, DataType::uint16},
    {'u', 4, DataType::uint32},    {'u', 8, DataType::uint64},     {'b', 1, DataType::boolean},
    {'c', 8, DataType::complex64}, {'c', 16, DataType::complex128}};

DataType numeric_type(const Descr& descr, const std::string& text) {
  for (const NumericType& type : kNumericTypes) {
    if (type.kind == descr.kind && type.size == descr.size) return type.dtype;
  }
  if (descr.kind == 'V') {
    refuse(
        fmt::format("its dtype '{}' says only how many bytes an element has (bfloat16 and float 8 are saved so)", text),
        "save it as float32: .astype('float32')");
  }
  refuse(fmt::format("ONNX has no type like its dtype '{}'", text), "convert it with .astype() before saving");
}

std::uint64_t count_of(const tensor::Dims& dims) {
  std::uint64_t count = 1;
  for (const std::int64_t size : dims) {
    if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(size), &count)) refuse("its shape overflows");
  }
  return count;
}

void require_bytes(Bytes bytes, std::uint64_t count, std::uint64_t size) {
  std::uint64_t needed = 0;
  if (__builtin_mul_overflow(count, size, &needed) || needed > bytes.size()) {
    refuse(fmt::format("it is cut off: {} elements of {} bytes are announced, {} bytes are there", count, size,
                       bytes.size()));
  }
}

void append_utf8(std::string& text, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6);
    put(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  } else {
    if (point > 0x10ffff) refuse("it holds characters that Unicode does not have");
    put(0xf0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3f));
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  }
}

/// 'U': UTF-32 padded with zeros; 'S': bytes padded with zeros.
std::string string_element(Bytes bytes, char kind) {
  const std::size_t width = kind == 'U' ? 4 : 1;
  std::string text;
  std::size_t zeros = 0;  // inner ones belong to the text, the last ones are padding
  for (std::size_t i = 0; i < bytes.size(); i += width) {
    const auto point = static_cast<std::uint32_t>(little_endian(bytes.subspan(i, width)));
    if (point == 0) {
      ++zeros;
      continue;
    }
    text.append(zeros, '\0');
    zeros = 0;
    if (kind == 'U') {
      append_utf8(text, point);
    } else {
      text.push_back(static_cast<char>(point));
    }
  }
  return text;
}

/// Row-major positions of elements that are stored column-major.
std::vector<std::string> from_fortran_order(std::vector<std::string> stored, const tensor::Dims& dims) {
  std::vector<std::string> ordered;
  ordered.reserve(stored.size());
  tensor::Dims index(dims.size(), 0);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    std::size_t position = 0;
    for (std::size_t axis = dims.size(); axis-- > 0;) {
      position = position * static_cast<std::size_t>(dims[axis]) + static_cast<std::size_t>(index[axis]);
    }
    ordered.push_back(std::move(stored[position]));
    for (std::size_t axis = dims.size(); axis-- > 0;) {
      if (++index[axis] < dims[axis]) break;
      index[axis] = 0;
    }
  }
  return ordered;
}

tensor::Tensor string_tensor(const Header& header, const Descr& descr, Bytes bytes) {
  const std::uint64_t count = count_of(header.shape);
  std::uint64_t size = descr.size;
  if (descr.kind == 'U' && __builtin_mul_overflow(size, std::uint64_t{4}, &size)) refuse("its dtype overflows");
  require_bytes(bytes, count, size);
  if (size == 0 && count > (1 << 20)) refuse("it announces more empty strings than are credible");
  std::vector<std::string> strings;
  strings.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i)
    strings.push_back(string_element(bytes.subspan(i * size, size), descr.kind));
  if (header.fortran_order) strings = from_fortran_order(std::move(strings), header.shape);
  return tensor::Tensor(header.shape, std::move(strings));
}

}  // namespace

tensor::Tensor parse_npy(std::vector<std::byte> file) {
  const auto [text, bytes] = split(file);
  Header header = HeaderParser(text).parse();
  const Descr descr = parse_descr(header.descr);
  if (descr.order == '>') {
    refuse("it is big-endian", "save it in the machine's order: .astype(array.dtype.newbyteorder('<'))");
  }
  if (descr.kind == 'U' || descr.kind == 'S') return string_tensor(header, descr, bytes);
  const DataType dtype = numeric_type(descr, header.descr);
  const std::uint64_t count = count_of(header.shape);
  require_bytes(bytes, count, descr.size);
  const auto payload = bytes.first(count * descr.size);
  file = std::vector<std::byte>(payload.begin(), payload.end());
  if (!header.fortran_order) return tensor::from_bytes(dtype, std::move(header.shape), std::move(file));
  std::reverse(header.shape.begin(), header.shape.end());
  return tensor::transpose(tensor::from_bytes(dtype, std::move(header.shape), std::move(file)), {});
}

tensor::Tensor read_npy(const std::filesystem::path& path) {
  const File file = File::open_read(path);
  std::vector<std::byte> bytes(file.size());
  file.read_at(0, bytes);
  return with_place(path.string(), [&] { return parse_npy(std::move(bytes)); });
}

}  // namespace olivine::runtime

#include "onnx/tensor_file.h"

#include <fmt/format.h>

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "onnx/read_parts.h"
#include "onnx/wire.h"

namespace olivine::onnx {
namespace {

using wire::bytes;
using wire::varint;

constexpr int kMaxDepth = 32;

/// Field numbers of onnx-data.proto. Sequence and optional have the same kinds of content, numbered alike.
namespace content {
enum : std::uint32_t { name = 1, elem_type = 2, tensor = 3, sparse_tensor = 4, sequence = 5, map = 6, optional = 7 };
}
namespace map {
enum : std::uint32_t { name = 1, key_type = 2, keys = 3, string_keys = 4, values = 5 };
}

class ValueReader {
 public:
  explicit ValueReader(Origin& origin) : origin_(origin) {}

  NamedValue tensor(std::string_view message) {
    ir::NamedTensor named = read_tensor(message, origin_);
    return {std::move(named.name), std::move(named.tensor)};
  }

  NamedValue sequence(std::string_view message) {
    NamedValue result;
    tensor::Sequence sequence;
    contents(message, result.name, sequence.items);
    result.value = std::move(sequence);
    return result;
  }

  NamedValue optional(std::string_view message) {
    NamedValue result;
    std::vector<tensor::AnyValue> items;
    contents(message, result.name, items);
    if (items.size() > 1) throw Error(ErrorCode::conversion, "an optional holds more than one value");
    if (!items.empty()) result.value = std::move(items.front());
    return result;
  }

  NamedValue map(std::string_view message) {
    NamedValue result;
    std::vector<std::int64_t> keys;
    std::vector<std::string> string_keys;
    std::vector<tensor::AnyValue> values;
    auto key_type = DataType::int64;
    std::string dropped;
    for (wire::Reader reader(message); reader.next();) {
      switch (reader.key()) {
        case bytes(map::name):
          result.name = reader.text();
          break;
        case varint(map::key_type):
          key_type = static_cast<DataType>(reader.integer32());
          break;
        case bytes(map::keys):
          wire::append_varints(reader.view(), keys);
          break;
        case varint(map::keys):
          keys.push_back(reader.integer());
          break;
        case bytes(map::string_keys):
          string_keys.push_back(reader.text());
          break;
        case bytes(map::values): {
          std::string unnamed;
          contents(reader.view(), unnamed, values);
          break;
        }
        default:
          reader.keep(dropped);
      }
    }
    data_type_info(key_type);
    result.value = assemble(key_type, keys, std::move(string_keys), values);
    return result;
  }

 private:
  void contents(std::string_view message, std::string& name, std::vector<tensor::AnyValue>& items) {
    if (++depth_ > kMaxDepth) throw Error(ErrorCode::conversion, "values are nested more than 32 deep");
    std::string dropped;
    for (wire::Reader reader(message); reader.next();) {
      switch (reader.key()) {
        case bytes(content::name):
          name = reader.text();
          break;
        case bytes(content::tensor):
          items.push_back(tensor(reader.view()).value);
          break;
        case bytes(content::sequence):
          items.push_back(sequence(reader.view()).value);
          break;
        case bytes(content::map):
          items.push_back(map(reader.view()).value);
          break;
        case bytes(content::optional):
          items.push_back(optional(reader.view()).value);
          break;
        case bytes(content::sparse_tensor):
          throw Error(ErrorCode::conversion, "holds a sparse tensor, which cannot be fed");
        default:
          reader.keep(dropped);
      }
    }
    --depth_;
  }

  /// ONNX's map values are tensors of one element each; they become one tensor.
  static tensor::Map assemble(DataType key_type, const std::vector<std::int64_t>& keys,
                              std::vector<std::string> string_keys, const std::vector<tensor::AnyValue>& values) {
    const std::size_t count = key_type == DataType::string ? string_keys.size() : keys.size();
    if (values.size() != count) {
      throw Error(ErrorCode::conversion, fmt::format("a map has {} keys and {} values", count, values.size()));
    }
    const auto dim = static_cast<std::int64_t>(count);
    tensor::Map result;
    result.keys = key_type == DataType::string ? tensor::Tensor({dim}, std::move(string_keys))
                                               : tensor::cast(tensor::from_int64s(keys), key_type);
    std::vector<tensor::Tensor> parts;
    for (const auto& value : values) {
      const tensor::Tensor* const tensor = value.tensor();
      if (tensor == nullptr || tensor->element_count() != 1 || tensor->dtype() == DataType::string) {
        throw Error(ErrorCode::conversion, "a map's value is not one number");
      }
      parts.push_back(tensor::reshape(*tensor, {1}));
    }
    if (!parts.empty()) result.values = tensor::concat(parts, 0);
    return result;
  }

  Origin& origin_;
  int depth_ = 0;
};

NamedValue read_as(const ir::Type& type, std::string_view message, Origin& origin) {
  ValueReader reader(origin);
  if (std::holds_alternative<ir::SequenceType>(type.kind)) return reader.sequence(message);
  if (std::holds_alternative<ir::OptionalType>(type.kind)) return reader.optional(message);
  if (std::holds_alternative<ir::MapType>(type.kind)) return reader.map(message);
  return reader.tensor(message);
}

}  // namespace

NamedValue read_value_file(const std::filesystem::path& path, const ir::Type& type) {
  return with_place(path.string(), [&] {
    const auto file = MappedFile::open(path);
    const auto folder = path.parent_path().empty() ? std::filesystem::path(".") : path.parent_path();
    Origin origin(file, folder);
    const auto message = file->bytes();
    try {
      return read_as(type, {reinterpret_cast<const char*>(message.data()), message.size()}, origin);
    } catch (const protozero::exception& damage) {
      throw Error(ErrorCode::conversion, fmt::format("is not a value in ONNX's format: {}", damage.what()))
          .remedy("is it truncated, or of another kind than the input?");
    }
  });
}

tensor::Tensor read_tensor_file(const std::filesystem::path& path) {
  return *read_value_file(path, ir::tensor_type(DataType::float32)).value.tensor();
}

}  // namespace olivine::onnx

#include "runtime/ort_value.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <utility>

#include "base/file.h"

namespace olivine::runtime {
namespace {

/// ORT numbers element types as ONNX does up to float4e2m1; the later ones came to it in another order.
struct RenumberedType {
  DataType dtype;
  std::int32_t number;
};
constexpr std::int32_t kLastCommonNumber = 23;
constexpr RenumberedType kRenumbered[] = {{DataType::uint2, 24}, {DataType::int2, 25}, {DataType::float8e8m0, 26}};

ONNXTensorElementDataType ort_type(DataType dtype) {
  const auto number = static_cast<std::int32_t>(dtype);
  if (number <= kLastCommonNumber) return static_cast<ONNXTensorElementDataType>(number);
  for (const RenumberedType& type : kRenumbered) {
    if (type.dtype == dtype) return static_cast<ONNXTensorElementDataType>(type.number);
  }
  throw Error(ErrorCode::config, fmt::format("ONNX Runtime has no tensors of {}", name_of(dtype)));
}

DataType from_ort_type(ONNXTensorElementDataType type) {
  const auto number = static_cast<std::int32_t>(type);
  for (const RenumberedType& renumbered : kRenumbered) {
    if (renumbered.number == number) return renumbered.dtype;
  }
  if (number > kLastCommonNumber) {
    throw Error(ErrorCode::verification, fmt::format("ONNX Runtime's element type {} is not known", number));
  }
  return data_type_info(static_cast<DataType>(number)).dtype;
}

bool suits(const std::byte* address, DataType dtype) {
  const int bytes = bit_width(dtype) / 8;
  const auto alignment = static_cast<std::uintptr_t>(bytes <= 1 ? 1 : std::min(bytes, 8));
  return reinterpret_cast<std::uintptr_t>(address) % alignment == 0;
}

tensor::Tensor tensor_from_ort(const Ort::Value& value) {
  const auto info = value.GetTensorTypeAndShapeInfo();
  const DataType dtype = from_ort_type(info.GetElementType());
  tensor::Dims dims = info.GetShape();
  const std::size_t count = info.GetElementCount();
  if (dtype == DataType::string) {
    std::vector<std::string> strings(count);
    for (std::size_t i = 0; i < count; ++i) strings[i] = value.GetStringTensorElement(i);
    return tensor::Tensor(std::move(dims), std::move(strings));
  }
  std::vector<std::byte> bytes(packed_bytes(dtype, count).value());
  if (!bytes.empty()) std::memcpy(bytes.data(), value.GetTensorRawData(), bytes.size());
  return tensor::from_bytes(dtype, std::move(dims), std::move(bytes));
}

ir::Shape shape_from_ort(const Ort::ConstTensorTypeAndShapeInfo& info) {
  const std::vector<std::int64_t> sizes = info.GetShape();
  std::vector<const char*> symbols(sizes.size());
  info.GetSymbolicDimensions(symbols.data(), symbols.size());
  ir::Shape shape(sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] >= 0) {
      shape[i] = ir::Dim(sizes[i]);
    } else if (symbols[i] != nullptr && *symbols[i] != '\0') {
      shape[i] = ir::Dim(std::string(symbols[i]));
    }
  }
  return shape;
}

std::shared_ptr<const ir::Type> shared(ir::Type type) { return std::make_shared<const ir::Type>(std::move(type)); }

}  // namespace

Payload payload_of(const tensor::Tensor& tensor) {
  const auto source = tensor.source();
  if (const auto bytes = source->in_memory()) return {*bytes, source};
  if (const tensor::FileSlice* const slice = source->file_slice()) {
    const auto bytes = slice->file->bytes().subspan(slice->offset, slice->bytes);
    if (suits(bytes.data(), tensor.dtype())) return {bytes, slice->file};
  }
  auto owned = std::make_shared<const std::vector<std::byte>>(tensor::evaluate(tensor));
  return {*owned, owned};
}

Ort::Value wrap(const tensor::Tensor& tensor, const Payload& payload) {
  // ORT wants an address even for no bytes, and takes a mutable one that it only reads from.
  static std::byte nothing{};
  auto* const data = payload.bytes.empty() ? &nothing : const_cast<std::byte*>(payload.bytes.data());
  static const Ort::MemoryInfo memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  return Ort::Value::CreateTensor(memory, data, payload.bytes.size(), tensor.dims().data(), tensor.dims().size(),
                                  ort_type(tensor.dtype()));
}

Ort::Value RunValues::make(const tensor::Tensor& tensor) {
  if (tensor.dtype() == DataType::string) {
    Ort::AllocatorWithDefaultOptions allocator;
    Ort::Value value =
        Ort::Value::CreateTensor(allocator, tensor.dims().data(), tensor.dims().size(), ort_type(DataType::string));
    std::vector<const char*> strings;
    for (const std::string& text : tensor.strings()) strings.push_back(text.c_str());
    value.FillStringTensor(strings.data(), strings.size());
    return value;
  }
  payloads_.push_back(payload_of(tensor));
  return wrap(tensor, payloads_.back());
}

Ort::Value RunValues::make(const tensor::AnyValue& value) {
  if (const auto* const tensor = value.tensor()) return make(*tensor);
  if (const auto* const map = value.map()) return Ort::Value::CreateMap(make(map->keys), make(map->values));
  const auto* const sequence = value.sequence();
  if (sequence == nullptr) {
    throw Error(ErrorCode::config, "an optional without content cannot be given to ONNX Runtime")
        .remedy("give it a tensor");
  }
  if (sequence->items.empty()) {
    throw Error(ErrorCode::config, "an empty sequence cannot be given to ONNX Runtime").remedy("give it an element");
  }
  std::vector<Ort::Value> items;
  for (const auto& item : sequence->items) items.push_back(make(item));
  return Ort::Value::CreateSequence(items);
}

tensor::AnyValue from_ort(const Ort::Value& value) {
  if (!value.HasValue()) return {};
  const ONNXType kind = value.GetTypeInfo().GetONNXType();
  Ort::AllocatorWithDefaultOptions allocator;
  switch (kind) {
    case ONNX_TYPE_TENSOR:
      return tensor_from_ort(value);
    case ONNX_TYPE_MAP:
      return tensor::Map{tensor_from_ort(value.GetValue(0, allocator)), tensor_from_ort(value.GetValue(1, allocator))};
    case ONNX_TYPE_SEQUENCE: {
      tensor::Sequence sequence;
      for (std::size_t i = 0; i < value.GetCount(); ++i) {
        sequence.items.push_back(from_ort(value.GetValue(static_cast<int>(i), allocator)));
      }
      return sequence;
    }
    default:
      throw Error(ErrorCode::verification, "a sparse tensor or an opaque value cannot be compared");
  }
}

ir::Type type_from_ort(const Ort::TypeInfo& info) {
  ir::Type type;
  switch (info.GetONNXType()) {
    case ONNX_TYPE_TENSOR: {
      const auto tensor = info.GetTensorTypeAndShapeInfo();
      return ir::tensor_type(from_ort_type(tensor.GetElementType()), shape_from_ort(tensor));
    }
    case ONNX_TYPE_SPARSETENSOR: {
      const auto tensor = info.GetTensorTypeAndShapeInfo();
      type.kind = ir::SparseTensorType{from_ort_type(tensor.GetElementType()), shape_from_ort(tensor)};
      return type;
    }
    case ONNX_TYPE_SEQUENCE:
      type.kind = ir::SequenceType{shared(type_from_ort(info.GetSequenceTypeInfo().GetSequenceElementType()))};
      return type;
    case ONNX_TYPE_OPTIONAL:
      type.kind = ir::OptionalType{shared(type_from_ort(info.GetOptionalTypeInfo().GetOptionalElementType()))};
      return type;
    case ONNX_TYPE_MAP: {
      const auto map = info.GetMapTypeInfo();
      type.kind = ir::MapType{from_ort_type(map.GetMapKeyType()), shared(type_from_ort(map.GetMapValueType()))};
      return type;
    }
    default:
      return type;
  }
}

}  // namespace olivine::runtime

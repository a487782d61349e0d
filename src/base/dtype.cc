#include "base/dtype.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "base/error.h"

namespace olivine {
namespace {

constexpr std::array<DataTypeInfo, 29> kTypes = {{
    {DataType::undefined, "undefined", "undefined", 0, false, false},
    {DataType::float32, "float", "float32", 32, true, false},
    {DataType::uint8, "uint8", "uint8", 8, false, true},
    {DataType::int8, "int8", "int8", 8, false, true},
    {DataType::uint16, "uint16", "uint16", 16, false, true},
    {DataType::int16, "int16", "int16", 16, false, true},
    {DataType::int32, "int32", "int32", 32, false, true},
    {DataType::int64, "int64", "int64", 64, false, true},
    {DataType::string, "string", "string", 0, false, false},
    {DataType::boolean, "bool", "boolean", 8, false, false},
    {DataType::float16, "float16", "half", 16, true, false},
    {DataType::float64, "double", "float64", 64, true, false},
    {DataType::uint32, "uint32", "uint32", 32, false, true},
    {DataType::uint64, "uint64", "uint64", 64, false, true},
    {DataType::complex64, "complex64", "complex64", 64, false, false},
    {DataType::complex128, "complex128", "complex128", 128, false, false},
    {DataType::bfloat16, "bfloat16", "bf16", 16, true, false},
    {DataType::float8e4m3fn, "float8e4m3fn", "float8_e4m3fn", 8, true, false},
    {DataType::float8e4m3fnuz, "float8e4m3fnuz", "float8_e4m3fnuz", 8, true, false},
    {DataType::float8e5m2, "float8e5m2", "float8_e5m2", 8, true, false},
    {DataType::float8e5m2fnuz, "float8e5m2fnuz", "float8_e5m2fnuz", 8, true, false},
    {DataType::uint4, "uint4", "uint4", 4, false, true},
    {DataType::int4, "int4", "int4", 4, false, true},
    {DataType::float4e2m1, "float4e2m1", "float4_e2m1", 4, true, false},
    {DataType::float8e8m0, "float8e8m0", "float8_e8m0", 8, true, false},
    {DataType::uint2, "uint2", "uint2", 2, false, true},
    {DataType::int2, "int2", "int2", 2, false, true},
    {DataType::float6e2m3, "float6e2m3", "float6_e2m3", 6, true, false},
    {DataType::float6e3m2, "float6e3m2", "float6_e3m2", 6, true, false},
}};

std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

}  // namespace

const DataTypeInfo* find_data_type(std::int32_t number) {
  if (number < 0 || static_cast<std::size_t>(number) >= kTypes.size()) return nullptr;
  return &kTypes[static_cast<std::size_t>(number)];
}

const DataTypeInfo& data_type_info(DataType dtype) {
  const DataTypeInfo* info = find_data_type(static_cast<std::int32_t>(dtype));
  if (info == nullptr) {
    throw Error(ErrorCode::conversion,
                "element type " + std::to_string(static_cast<std::int32_t>(dtype)) + " is not one that ONNX defines");
  }
  return *info;
}

std::string_view name_of(DataType dtype) { return data_type_info(dtype).name; }

std::optional<DataType> parse_data_type(std::string_view name) {
  const std::string wanted = lowered(name);
  const auto row = std::find_if(kTypes.begin() + 1, kTypes.end(), [&](const DataTypeInfo& info) {
    return info.name == wanted || info.long_name == wanted;
  });
  if (row != kTypes.end()) return row->dtype;
  if (wanted == "fp32") return DataType::float32;
  if (wanted == "fp16") return DataType::float16;
  return std::nullopt;
}

std::optional<std::uint64_t> packed_bytes(DataType dtype, std::uint64_t count) {
  std::uint64_t bits = 0;
  if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(bit_width(dtype)), &bits)) return std::nullopt;
  return bits / 8 + (bits % 8 != 0 ? 1 : 0);
}

}  // namespace olivine

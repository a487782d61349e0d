#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace olivine {

/// Element types, numbered as `onnx.TensorProto.DataType` numbers them.
enum class DataType : std::int32_t {
  undefined = 0,
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  string = 8,
  boolean = 9,
  float16 = 10,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
  complex64 = 14,
  complex128 = 15,
  bfloat16 = 16,
  float8e4m3fn = 17,
  float8e4m3fnuz = 18,
  float8e5m2 = 19,
  float8e5m2fnuz = 20,
  uint4 = 21,
  int4 = 22,
  float4e2m1 = 23,
  float8e8m0 = 24,
  uint2 = 25,
  int2 = 26,
  float6e2m3 = 27,
  float6e3m2 = 28,
};

struct DataTypeInfo {
  DataType dtype;
  std::string_view name;       ///< as the onnx text format writes it: "float", "float16", "int4"
  std::string_view long_name;  ///< NumPy's and PyTorch's word where it differs: "float32", "float64"
  int bits;                    ///< of one element in `raw_data`; 0 for strings
  bool is_float;               ///< a real floating-point type of any width
  bool is_integer;             ///< a signed or unsigned integer of any width; bool is none
};

/// The table's row, or nothing for a number that ONNX does not define.
const DataTypeInfo* find_data_type(std::int32_t number);

/// Throws Error[conversion] for a number that ONNX does not define.
const DataTypeInfo& data_type_info(DataType dtype);

std::string_view name_of(DataType dtype);

/// Accepts the onnx name ("float"), the long name ("float32") and the enum's own ("FLOAT"), in any letter case.
std::optional<DataType> parse_data_type(std::string_view name);

/// Bits of one element in `raw_data`; 0 for strings.
inline int bit_width(DataType dtype) { return data_type_info(dtype).bits; }
inline bool is_float(DataType dtype) { return data_type_info(dtype).is_float; }
inline bool is_integer(DataType dtype) { return data_type_info(dtype).is_integer; }

/// Bytes of `count` elements packed as `raw_data` packs them; nothing when the product overflows.
std::optional<std::uint64_t> packed_bytes(DataType dtype, std::uint64_t count);

}  // namespace olivine

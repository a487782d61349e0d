#pragma once

#include <cstdint>
#include <string_view>

#include "base/dtype.h"

/// ggml's element types. Only for this room.
namespace olivine::huggingface {

/// How the blocks of a quantized type are read. A group is a scale's elements.
struct GgmlBlocks {
  int bits;            ///< of a code here: 4 or 8
  std::int64_t group;  ///< elements
  bool has_offsets;    ///< value = code * scale - offset; without them (code - 2^(bits - 1)) * scale
  /// All codes of a block, one a byte. In blocks with offsets the codes of a group whose scale is zero are zero.
  void (*codes)(const std::uint8_t* block, std::uint8_t* out);
  /// Scale and offset of each group; `offsets` may be null.
  void (*scales)(const std::uint8_t* block, float* scales, float* offsets);
};

struct GgmlType {
  std::uint32_t number;
  std::string_view name;
  std::int64_t elements;                 ///< of a block
  std::int64_t bytes;                    ///< of a block
  DataType dtype = DataType::undefined;  ///< of a plain type
  const GgmlBlocks* blocks = nullptr;    ///< of a quantized type that is read
};

/// Null for a number that ggml doesn't have.
const GgmlType* find_ggml_type(std::uint32_t number);

}  // namespace olivine::huggingface

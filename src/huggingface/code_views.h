#pragma once

#include <array>
#include <cstdint>

#include "tensor/tensor.h"

/// Expressions over the codes of quantized weights. Only for this room.
namespace olivine::huggingface {

/// The same bytes under another type and other dims; an element of the wider type is whole elements of the narrower
/// one.
tensor::Tensor view_as(const tensor::Tensor& input, DataType to, tensor::Dims dims);

/// Each code replaced by the table's: types of at most 8 bits, which may differ in width.
tensor::Tensor map_codes(const tensor::Tensor& input, DataType to, const std::array<std::uint8_t, 256>& table);

/// Along the last axis element i becomes `columns` elements' i / times: [.., G] -> [.., columns].
tensor::Tensor repeat_columns(const tensor::Tensor& input, std::int64_t times, std::int64_t columns);

/// The last axis filled up with zeros to `columns`.
tensor::Tensor pad_columns(const tensor::Tensor& input, std::int64_t columns);

/// int8 as uint8 (or int4 as uint4): half of the range is added.
tensor::Tensor to_unsigned(const tensor::Tensor& input);

/// The type of unsigned codes of 2, 4 or 8 bits.
DataType code_type(int bits);

/// Leading dims of [..., N, K], and what is behind them.
std::int64_t row_count(const tensor::Tensor& tensor);
tensor::Dims with_last(tensor::Dims dims, std::int64_t last);

}  // namespace olivine::huggingface

#include <fmt/format.h>

#include "huggingface/code_views.h"
#include "huggingface/quantization/format.h"

namespace olivine::huggingface {
namespace {

using tensor::Tensor;

constexpr std::int64_t kPerWord = 8;

/// int32 [R, C / 8] to [C, R] of uint4. A word's codes, from the low bits up, are those of columns 0, 2, 4, 6, 1, 3, 5,
/// 7: a matrix [2, 4] whose transposition is in order.
Tensor unpacked_columns(const Tensor& words) {
  const std::int64_t rows = words.dims()[0];
  const std::int64_t columns = words.dims()[1] * kPerWord;
  const Tensor codes = view_as(words, DataType::uint4, {rows, words.dims()[1], 2, 4});
  return tensor::reshape(tensor::transpose(codes, {1, 3, 2, 0}), {columns, rows});
}

/// qweight [K, N / 8], qzeros [G, N / 8], scales [G, N].
void unpack_module(PackedModule& module, std::int64_t group_size) {
  const Tensor words = module.take_matrix(".qweight", DataType::int32);
  QuantizedMatrix matrix;
  matrix.block = group_size > 0 ? group_size : words.dims()[0];
  matrix.codes = unpacked_columns(words);
  matrix.scales = tensor::transpose(module.take_matrix(".scales"), {});
  if (const auto zeros = module.find(".qzeros"); zeros) {
    if (zeros->dims().size() != 2 || zeros->dtype() != DataType::int32) {
      throw Error(ErrorCode::conversion, "its qzeros are no matrix of int32");
    }
    matrix.zero_points = unpacked_columns(*zeros);
  }
  module.put(".weight", std::move(matrix));
}

void unpack(Checkpoint& checkpoint, const Settings& settings) {
  const auto bits = settings.get<std::int64_t>(settings.has("bits") ? "bits" : "w_bit", 4);
  if (bits != 4) throw settings.error("bits", fmt::format("{} bits are not read", bits), "4 are");
  const auto version = settings.get<std::string>("version", "gemm");
  if (version != "gemm" && version != "GEMM") {
    throw settings.error("version", fmt::format("the packing '{}' is not read", version), "'gemm' is");
  }
  const auto group_size = settings.get<std::int64_t>(settings.has("group_size") ? "group_size" : "q_group_size", 128);
  for_each_module(checkpoint, ".qweight", [&](PackedModule& module) { unpack_module(module, group_size); });
}

}  // namespace

extern const QuantizationFormat kAwq = {"awq", unpack};

}  // namespace olivine::huggingface

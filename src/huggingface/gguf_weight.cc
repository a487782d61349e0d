#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/error.h"
#include "huggingface/code_views.h"
#include "huggingface/gguf.h"
#include "huggingface/gguf_blocks.h"
#include "huggingface/quantized_matrix.h"
#include "kernels/packing.h"
#include "tensor/scratch.h"

namespace olivine::huggingface {
namespace {

using tensor::Scratch;
using tensor::Tensor;

/// Blocks from the one that holds item `first` on, where a block has `items`.
struct BlockRange {
  std::uint64_t first;
  std::uint64_t count;
  std::uint64_t skipped;  ///< items of the first block before the wanted one

  BlockRange(std::uint64_t item, std::uint64_t items_wanted, std::uint64_t items)
      : first(item / items), count((item + items_wanted + items - 1) / items - first), skipped(item % items) {}
};

class BlockSource : public tensor::Source {
 protected:
  BlockSource(const GgufTensor& tensor, const GgmlType& type) : bytes_(tensor.bytes), type_(&type) {}

  const GgmlBlocks& blocks() const { return *type_->blocks; }
  std::uint64_t elements() const { return static_cast<std::uint64_t>(type_->elements); }
  std::uint64_t block_bytes() const { return static_cast<std::uint64_t>(type_->bytes); }

  /// Calls `visit(block)` for each.
  template <typename Visit>
  void for_each(const BlockRange& range, Visit&& visit) const {
    Scratch raw(range.count * block_bytes());
    bytes_.read(range.first * block_bytes(), range.count * block_bytes(), raw.data());
    const auto* block = reinterpret_cast<const std::uint8_t*>(raw.data());
    for (std::uint64_t i = 0; i < range.count; ++i, block += block_bytes()) visit(block);
  }

 private:
  Tensor bytes_;
  const GgmlType* type_;
};

class CodeSource final : public BlockSource {
 public:
  CodeSource(const GgufTensor& tensor, const GgmlType& type) : BlockSource(tensor, type) {}

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    if (count == 0) return;
    const BlockRange range(first, count, elements());
    Scratch codes(range.count * elements());
    auto* const numbers = reinterpret_cast<std::uint8_t*>(codes.data());
    auto* next = numbers;
    for_each(range, [&](const std::uint8_t* block) {
      blocks().codes(block, next);
      next += elements();
    });
    kernels::pack_codes(blocks().bits, numbers + range.skipped, out, count);
  }
};

class ScaleSource final : public BlockSource {
 public:
  ScaleSource(const GgufTensor& tensor, const GgmlType& type, bool is_offset)
      : BlockSource(tensor, type), is_offset_(is_offset) {}

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    if (count == 0) return;
    const std::uint64_t groups = elements() / static_cast<std::uint64_t>(blocks().group);
    const BlockRange range(first, count, groups);
    std::vector<float> scales(range.count * groups);
    std::vector<float> offsets(range.count * groups);
    std::uint64_t at = 0;
    for_each(range, [&](const std::uint8_t* block) {
      blocks().scales(block, scales.data() + at, offsets.data() + at);
      at += groups;
    });
    const std::vector<float>& wanted = is_offset_ ? offsets : scales;
    std::copy_n(reinterpret_cast<const std::byte*>(wanted.data() + range.skipped), count * sizeof(float), out);
  }

 private:
  bool is_offset_;
};

}  // namespace

Weight gguf_weight(const GgufTensor& tensor) {
  const GgmlType* const type = find_ggml_type(tensor.type);
  if (type != nullptr && type->dtype != DataType::undefined) {
    return {view_as(tensor.bytes, type->dtype, tensor.dims), "", nullptr};
  }
  if (type == nullptr || type->blocks == nullptr) {
    throw Error(ErrorCode::conversion,
                fmt::format("tensor '{}' is {}, which is not read", tensor.name, gguf_type_name(tensor.type)))
        .remedy("quantize the model to Q4_0, Q8_0, Q4_K_M or Q6_K, or convert the original checkpoint");
  }
  const GgmlBlocks& blocks = *type->blocks;
  QuantizedMatrix matrix;
  matrix.bits = blocks.bits;
  matrix.block = blocks.group;
  tensor::Dims dims = tensor.dims;
  if (dims.size() == 1) dims.insert(dims.begin(), 1);
  matrix.codes = Tensor(code_type(blocks.bits), dims, std::make_shared<const CodeSource>(tensor, *type));
  const tensor::Dims groups = with_last(dims, dims.back() / blocks.group);
  matrix.scales = Tensor(DataType::float32, groups, std::make_shared<const ScaleSource>(tensor, *type, false));
  if (blocks.has_offsets) {
    matrix.offsets = Tensor(DataType::float32, groups, std::make_shared<const ScaleSource>(tensor, *type, true));
  }
  Tensor values = tensor::reshape(dequantize(matrix), tensor.dims);
  return {std::move(values), "", std::make_shared<const QuantizedMatrix>(std::move(matrix))};
}

}  // namespace olivine::huggingface

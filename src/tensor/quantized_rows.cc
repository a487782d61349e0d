#include "tensor/quantized_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "kernels/float_kernels.h"
#include "tensor/expressions.h"
#include "tensor/scratch.h"

namespace olivine::tensor {
namespace {

constexpr std::uint64_t kRowsOfTile = 64;
/// Elements that are read and worked on together: they stay in the processor's cache.
constexpr std::uint64_t kChunk = std::uint64_t{1} << 16;

/// Rows of k elements to read together: what the source prefers, else so many that they stay in the cache.
std::uint64_t rows_together(const Tensor& weight, std::uint64_t k) {
  const std::uint64_t preferred = weight.source() ? weight.source()->preferred_elements() : 0;
  return std::max<std::uint64_t>(1, std::max(preferred, kChunk) / std::max<std::uint64_t>(k, 1));
}

void to_floats(DataType from, const std::byte* in, float* out, std::size_t count) {
  if (from == DataType::float32) return static_cast<void>(std::memcpy(out, in, count * sizeof(float)));
  kernels::decode_halves(from, reinterpret_cast<const std::uint16_t*>(in), out, count);
}

}  // namespace

QuantizedRows::QuantizedRows(Tensor weight, const kernels::BlockFormat& format, bool k_quant)
    : weight_(std::move(weight)),
      format_(format),
      k_quant_(k_quant),
      rows_(static_cast<std::uint64_t>(weight_.dims()[0])),
      k_(static_cast<std::uint64_t>(weight_.dims()[1])),
      blocks_(format.blocks(k_)),
      chunk_rows_(rows_together(weight_, k_)),
      tile_rows_((chunk_rows_ + kRowsOfTile - 1) / kRowsOfTile * kRowsOfTile),
      all_parts_(format.symmetric ? 3 : 7),
      shelf_(rows_ / tile_rows_ + 1) {}

std::shared_ptr<const TileParameters> QuantizedRows::shelved(std::uint64_t tile) const {
  const std::lock_guard lock(mutex_);
  return shelf_[tile].parameters;
}

void QuantizedRows::shelve(std::uint64_t tile, std::shared_ptr<const TileParameters> parameters) const {
  const std::lock_guard lock(mutex_);
  shelf_[tile].parameters = std::move(parameters);
}

void QuantizedRows::handed_out(std::uint64_t tile, Part part) const {
  const std::lock_guard lock(mutex_);
  Slot& slot = shelf_[tile];
  slot.handed |= static_cast<unsigned>(part);
  if (slot.handed == all_parts_) slot = {};
}

std::shared_ptr<TileParameters> QuantizedRows::blank(std::uint64_t tile) const {
  auto parameters = std::make_shared<TileParameters>();
  const std::uint64_t blocks = (tile_end(tile) - tile * tile_rows_) * blocks_;
  parameters->scales.resize(blocks);
  parameters->zero_points.resize(blocks);
  return parameters;
}

std::shared_ptr<const TileParameters> QuantizedRows::parameters(std::uint64_t tile) const {
  if (auto found = shelved(tile)) return found;
  const auto made = blank(tile);
  for_floats(tile * tile_rows_, tile_end(tile), 0, k_,
             [&](std::uint64_t row, const float* values) { work_out_row(row, values, *made); });
  shelve(tile, made);
  return made;
}

void QuantizedRows::for_codes(std::uint64_t first, std::uint64_t end, std::uint64_t begin, std::uint64_t count,
                              const RowBody& body) const {
  const std::uint64_t tile = first / tile_rows_;
  auto known = shelved(tile);
  if (!known && first == tile * tile_rows_ && end == tile_end(tile) && count == k_) return code_whole_tile(tile, body);
  if (!known) known = parameters(tile);
  std::vector<std::uint8_t> codes(count);
  for_floats(first, end, begin, count,
             [&](std::uint64_t row, const float* values) { code_row(row, begin, count, values, *known, codes, body); });
}

void QuantizedRows::code_whole_tile(std::uint64_t tile, const RowBody& body) const {
  const auto made = blank(tile);
  std::vector<std::uint8_t> codes(k_);
  for_floats(tile * tile_rows_, tile_end(tile), 0, k_, [&](std::uint64_t row, const float* values) {
    work_out_row(row, values, *made);
    code_row(row, 0, k_, values, *made, codes, body);
  });
  shelve(tile, made);
}

void QuantizedRows::for_floats(std::uint64_t first, std::uint64_t end, std::uint64_t begin, std::uint64_t count,
                               const FloatsBody& body) const {
  const DataType dtype = weight_.dtype();
  const std::uint64_t width = static_cast<std::uint64_t>(bit_width(dtype)) / 8;
  const std::uint64_t together = count == k_ ? std::min(chunk_rows_, end - first) : 1;
  Scratch bytes(together * count * width);
  Scratch floats(count * sizeof(float));
  auto* const values = reinterpret_cast<float*>(floats.data());
  for (std::uint64_t row = first; row < end; row += together) {
    const std::uint64_t rows = std::min(together, end - row);
    weight_.read(row * k_ + begin, rows * count, bytes.data());
    for (std::uint64_t i = 0; i < rows; ++i) {
      to_floats(dtype, bytes.data() + i * count * width, values, count);
      body(row + i, values);
    }
  }
}

void QuantizedRows::work_out_row(std::uint64_t row, const float* values, TileParameters& tile) const {
  const std::uint64_t at = row % tile_rows_ * blocks_;
  const auto method = k_quant_ ? kernels::k_quant_parameters : kernels::range_parameters;
  const auto state = method(format_, values, k_, tile.scales.data() + at, tile.zero_points.data() + at);
  if (state != kernels::RowState::fine) refuse(state, row, values);
}

void QuantizedRows::code_row(std::uint64_t row, std::uint64_t begin, std::uint64_t count, const float* values,
                             const TileParameters& tile, std::vector<std::uint8_t>& codes, const RowBody& body) const {
  const std::uint64_t at = row % tile_rows_ * blocks_;
  const std::uint64_t from = at + begin / format_.block;
  kernels::block_codes(format_, values, count, tile.scales.data() + from, tile.zero_points.data() + from, codes.data());
  body(row, codes.data(), tile.zero_points.data() + at);
}

void QuantizedRows::refuse(kernels::RowState state, std::uint64_t row, const float* values) const {
  const auto trouble = [&](const std::string& what, std::string_view remedy) {
    return Error(ErrorCode::conversion,
                 fmt::format("quantizing {}: {}", describe(weight_.dtype(), weight_.dims()), what))
        .remedy(remedy);
  };
  if (state == kernels::RowState::not_finite) {
    const auto place = std::find_if(values, values + k_, [](float value) { return !std::isfinite(value); }) - values;
    throw trouble(fmt::format("element [{},{}] is {}", row, place, values[place]),
                  "a weight that isn't finite has no codes; repair it or leave it unquantized");
  }
  for (std::uint64_t b = 0; b < blocks_; ++b) {
    float scale = 0;
    std::uint8_t zero_point = 0;
    const std::uint64_t start = b * format_.block;
    const auto count = std::min<std::uint64_t>(format_.block, k_ - start);
    if (kernels::range_parameters(format_, values + start, count, &scale, &zero_point) == kernels::RowState::fine) {
      continue;
    }
    throw trouble(
        fmt::format("the block from element [{},{}] spans a range that {} scale can't express", row, start,
                    name_of(format_.scale) == "float" ? "no float" : "a " + std::string(name_of(format_.scale))),
        "take scales of a wider type or leave the weight unquantized");
  }
  throw trouble(fmt::format("row {} has a block whose scale isn't finite", row), "leave the weight unquantized");
}

}  // namespace olivine::tensor

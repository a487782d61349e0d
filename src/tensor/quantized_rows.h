#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "kernels/block_quantize.h"
#include "tensor/tensor.h"

/// What the tensors of a quantized weight share. Only for this room.
namespace olivine::tensor {

/// Scales and zero points of the rows of a tile, `blocks` a row.
struct TileParameters {
  std::vector<float> scales;
  std::vector<std::uint8_t> zero_points;
};

/// A weight [rows, k] and its quantization. Rows are worked on in tiles, which hold a multiple of 64 rows: so a whole
/// number of tiles is a whole number of bytes in every layout.
class QuantizedRows {
 public:
  /// The parts that tiles are handed out as.
  enum class Part : std::uint8_t { codes = 1, scales = 2, zero_points = 4 };
  /// Takes a row's number, the codes that were asked for and the zero points of the whole row.
  using RowBody = std::function<void(std::uint64_t, const std::uint8_t*, const std::uint8_t*)>;

  QuantizedRows(Tensor weight, const kernels::BlockFormat& format, bool k_quant);

  const kernels::BlockFormat& format() const { return format_; }
  bool k_quant() const { return k_quant_; }
  std::uint64_t rows() const { return rows_; }
  std::uint64_t k() const { return k_; }
  std::uint64_t blocks() const { return blocks_; }
  std::uint64_t tile_rows() const { return tile_rows_; }

  /// A tile's parameters, from the shelf or worked out and put there.
  std::shared_ptr<const TileParameters> parameters(std::uint64_t tile) const;

  /// Calls `body` for each row of [first, end), all of one tile, with the codes of elements [begin, begin + count);
  /// `begin` is the start of a block.
  void for_codes(std::uint64_t first, std::uint64_t end, std::uint64_t begin, std::uint64_t count,
                 const RowBody& body) const;

  /// Says that the last element of a tile's part was read. When that is so for all parts, the tile leaves the shelf.
  void handed_out(std::uint64_t tile, Part part) const;

 private:
  using FloatsBody = std::function<void(std::uint64_t, const float*)>;
  struct Slot {
    std::shared_ptr<const TileParameters> parameters;
    unsigned handed = 0;
  };

  std::shared_ptr<const TileParameters> shelved(std::uint64_t tile) const;
  void shelve(std::uint64_t tile, std::shared_ptr<const TileParameters> parameters) const;
  std::shared_ptr<TileParameters> blank(std::uint64_t tile) const;
  void code_whole_tile(std::uint64_t tile, const RowBody& body) const;
  /// Calls `body(row, values)` for each row of [first, end), read as many together as the source likes.
  void for_floats(std::uint64_t first, std::uint64_t end, std::uint64_t begin, std::uint64_t count,
                  const FloatsBody& body) const;
  void work_out_row(std::uint64_t row, const float* values, TileParameters& tile) const;
  void code_row(std::uint64_t row, std::uint64_t begin, std::uint64_t count, const float* values,
                const TileParameters& tile, std::vector<std::uint8_t>& codes, const RowBody& body) const;
  [[noreturn]] void refuse(kernels::RowState state, std::uint64_t row, const float* values) const;

  std::uint64_t tile_end(std::uint64_t tile) const { return std::min(rows_, (tile + 1) * tile_rows_); }

  Tensor weight_;
  kernels::BlockFormat format_;
  bool k_quant_;
  std::uint64_t rows_;
  std::uint64_t k_;
  std::uint64_t blocks_;
  std::uint64_t chunk_rows_;
  std::uint64_t tile_rows_;
  unsigned all_parts_;
  mutable std::mutex mutex_;
  mutable std::vector<Slot> shelf_;
};

}  // namespace olivine::tensor

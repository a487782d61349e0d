#include <fmt/format.h>

#include "huggingface/code_views.h"
#include "huggingface/quantization/format.h"

namespace olivine::huggingface {
namespace {

using tensor::Tensor;

struct Options {
  int bits = 4;
  std::int64_t group_size = 128;  ///< -1: one group a row
  bool is_symmetric = false;
  bool zero_points_lack_one = true;  ///< checkpoint_format "gptq"; "gptq_v2" stores them as they are
};

Options read_options(const Settings& settings) {
  Options options;
  options.bits = static_cast<int>(settings.get<std::int64_t>("bits"));
  if (code_type(options.bits) == DataType::undefined) {
    throw settings.error("bits", fmt::format("{} bits are not read", options.bits), "2, 4 and 8 are");
  }
  options.group_size = settings.get<std::int64_t>("group_size", 128);
  options.is_symmetric = settings.get<bool>("sym", false);
  const auto format = settings.get<std::string>("checkpoint_format", "gptq");
  if (format != "gptq" && format != "gptq_v2") {
    throw settings.error("checkpoint_format", fmt::format("'{}' is not read", format), "gptq and gptq_v2 are");
  }
  options.zero_points_lack_one = format == "gptq";
  return options;
}

std::array<std::uint8_t, 256> one_more(int bits) {
  std::array<std::uint8_t, 256> table{};
  for (unsigned code = 0; code < table.size(); ++code) {
    table[code] = static_cast<std::uint8_t>((code + 1) & ((1U << bits) - 1));
  }
  return table;
}

bool is_in_order(const Tensor& group_index, std::int64_t block) {
  const auto index = tensor::as_int64s(group_index, group_index.element_count());
  if (!index) throw Error(ErrorCode::conversion, "its g_idx are no integers");
  for (std::size_t k = 0; k < index->size(); ++k) {
    if ((*index)[k] != static_cast<std::int64_t>(k) / block) return false;
  }
  return true;
}

/// Some modules may have another size of groups than the config says ("dynamic"): as many as there are scales.
std::int64_t block_of(std::int64_t columns, std::int64_t groups, const Options& options) {
  const std::int64_t block = options.group_size > 0 ? options.group_size : columns;
  const bool is_configured = (columns - 1) / block + 1 == groups;
  return is_configured || groups <= 0 || columns % groups != 0 ? block : columns / groups;
}

/// The same for the bits: qzeros has N * bits / 32 words a group.
int bits_of(const Tensor& words, const Tensor& zero_words, const Options& options) {
  const std::int64_t rows = words.dims()[1];
  for (const int bits : {options.bits, 2, 4, 8}) {
    if (zero_words.dims()[1] == (rows - 1) / (32 / bits) + 1) return bits;
  }
  throw Error(ErrorCode::conversion,
              fmt::format("its qzeros have {} words for {} columns, which is neither 2, 4 nor 8 bits",
                          zero_words.dims()[1], rows));
}

/// qweight int32 [K * bits / 32, N]: codes of a column follow each other in a word from the low bits up.
/// qzeros int32 [G, N * bits / 32], the same along the columns; scales [G, N]; g_idx [K].
void unpack_module(PackedModule& module, const Options& options) {
  const Tensor words = module.take_matrix(".qweight", DataType::int32);
  const Tensor zero_words = module.take_matrix(".qzeros", DataType::int32);
  const Tensor scales = module.take_matrix(".scales");
  QuantizedMatrix matrix;
  matrix.bits = bits_of(words, zero_words, options);
  const std::int64_t per_word = 32 / matrix.bits;
  const std::int64_t columns = words.dims()[0] * per_word;
  const std::int64_t rows = words.dims()[1];
  const std::int64_t groups = zero_words.dims()[0];
  matrix.block = block_of(columns, groups, options);
  const DataType type = code_type(matrix.bits);
  matrix.codes = view_as(tensor::transpose(words, {}), type, {rows, columns});
  matrix.scales = tensor::transpose(scales, {});
  Tensor zeros = view_as(zero_words, type, {groups, zero_words.dims()[1] * per_word});
  zeros = tensor::slice(zeros, 1, 0, rows);
  if (options.zero_points_lack_one) zeros = map_codes(zeros, type, one_more(matrix.bits));
  if (!options.is_symmetric || !all_codes_are(zeros, static_cast<std::uint8_t>(1U << (matrix.bits - 1)))) {
    matrix.zero_points = tensor::transpose(zeros, {});
  }
  const auto group_index = module.find(".g_idx");
  if (group_index && !is_in_order(*group_index, matrix.block)) matrix.group_index = group_index;
  module.put(".weight", std::move(matrix));
}

void unpack(Checkpoint& checkpoint, const Settings& settings) {
  const Options options = read_options(settings);
  for_each_module(checkpoint, ".qweight", [&](PackedModule& module) { unpack_module(module, options); });
}

}  // namespace

extern const QuantizationFormat kGptq = {"gptq", unpack};

}  // namespace olivine::huggingface

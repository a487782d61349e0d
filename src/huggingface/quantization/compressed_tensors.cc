#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "huggingface/code_views.h"
#include "huggingface/quantization/format.h"

namespace olivine::huggingface {
namespace {

using tensor::Tensor;

constexpr std::array<std::string_view, 6> kFormats = {"dense",           "pack-quantized",  "int-quantized",
                                                      "naive-quantized", "float-quantized", "mixed-precision"};
constexpr std::array<std::string_view, 3> kActivationScales = {".input_scale", ".input_zero_point", ".output_scale"};

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return a / b + (a % b != 0 ? 1 : 0); }

/// What `config_groups` say of weights. Which group a module belongs to is told by its tensors' shapes.
struct Scheme {
  int bits = 8;
  std::int64_t group_size = 0;           ///< 0: a scale for each row, or for all
  std::vector<std::int64_t> block_size;  ///< [rows, columns] of "block" strategy
};

std::vector<Scheme> read_schemes(const Settings& settings) {
  std::vector<Scheme> schemes;
  const auto groups = settings.find_section("config_groups");
  if (!groups) return schemes;
  for (const auto& [name, value] : groups->json().items()) {
    const auto weights = groups->section(name).find_section("weights");
    if (!weights) continue;
    Scheme scheme;
    scheme.bits = static_cast<int>(weights->get<std::int64_t>("num_bits", 8));
    scheme.group_size = std::max<std::int64_t>(weights->get<std::int64_t>("group_size", 0), 0);
    if (weights->has("block_structure") && weights->json().at("block_structure").is_array()) {
      scheme.block_size = weights->get<std::vector<std::int64_t>>("block_structure");
    }
    schemes.push_back(std::move(scheme));
  }
  return schemes;
}

/// The scales as [N, G], whichever way one a tensor or one a row is written.
Tensor scale_matrix(const Tensor& scales, std::int64_t rows) {
  if (scales.element_count() == 1) {
    return tensor::reshape(repeat_columns(tensor::reshape(scales, {1, 1}), rows, rows), {rows, 1});
  }
  if (scales.dims() == tensor::Dims{rows}) return tensor::reshape(scales, {rows, 1});
  if (scales.dims().size() != 2 || scales.dims()[0] != rows || scales.dims()[1] == 0) {
    throw Error(ErrorCode::conversion,
                fmt::format("its scales have shape [{}], which fits no {} rows", fmt::join(scales.dims(), ","), rows));
  }
  return scales;
}

class Unpacker {
 public:
  explicit Unpacker(const Settings& settings) : schemes_(read_schemes(settings)) {}

  /// weight_packed int32 [N, ceil(K * bits / 32)]: signed codes to which half of the range was added, from the low bits
  /// up; weight_shape [2]; weight_scale [N, G]; weight_zero_point int32 [ceil(N * bits / 32), G], packed along N.
  void unpack_packed(PackedModule& module) const {
    const Tensor words = module.take(".weight_packed");
    if (words.dtype() != DataType::int32 || words.dims().size() != 2) {
      throw Error(ErrorCode::conversion, "its weight_packed is no matrix of int32").remedy("4-bit floats are not read");
    }
    const auto shape = tensor::as_int64s(module.take(".weight_shape"));
    if (!shape || shape->size() != 2 || (*shape)[0] != words.dims()[0] || (*shape)[0] <= 0 || (*shape)[1] <= 0) {
      throw Error(ErrorCode::conversion, "its weight_shape doesn't fit its weight_packed");
    }
    const std::int64_t rows = (*shape)[0];
    const std::int64_t columns = (*shape)[1];
    const int bits = bits_of(words.dims()[1], columns);
    const std::int64_t per_word = 32 / bits;
    QuantizedMatrix matrix;
    matrix.bits = bits;
    const Tensor padded = view_as(words, code_type(bits), {rows, words.dims()[1] * per_word});
    matrix.codes = tensor::slice(padded, 1, 0, columns);
    set_scales(module, matrix, rows, columns);
    if (auto zeros = module.find(".weight_zero_point")) {
      matrix.zero_points = zeros->dtype() == DataType::int32 ? unpacked_rows(*zeros, bits, rows, matrix)
                                                             : to_unsigned(scale_matrix(*zeros, rows));
    }
    if (auto index = module.find(".weight_g_idx"); index && !is_trivial(*index, matrix.block)) {
      matrix.group_index = index;
    }
    module.put(".weight", std::move(matrix));
  }

  /// weight int8 [N, K], or a float of 8 bits; weight_scale; weight_zero_point int8.
  void unpack_plain(PackedModule& module) const {
    const Tensor weight = module.take_matrix(".weight");
    if (is_float(weight.dtype())) {
      std::vector<std::int64_t> block;
      for (const Scheme& scheme : schemes_) {
        if (!scheme.block_size.empty()) block = scheme.block_size;
      }
      module.put(".weight", scaled_float8(weight, module.take(".weight_scale"), block));
      (void)module.find(".weight_zero_point");
      return;
    }
    if (weight.dtype() != DataType::int8) {
      throw Error(ErrorCode::conversion, fmt::format("its weight is {}, expected int8", name_of(weight.dtype())));
    }
    QuantizedMatrix matrix;
    matrix.bits = 8;
    matrix.codes = to_unsigned(weight);
    set_scales(module, matrix, weight.dims()[0], weight.dims()[1]);
    if (const auto zeros = module.find(".weight_zero_point")) {
      matrix.zero_points = to_unsigned(scale_matrix(*zeros, weight.dims()[0]));
    }
    module.put(".weight", std::move(matrix));
  }

 private:
  int bits_of(std::int64_t words, std::int64_t columns) const {
    for (const Scheme& scheme : schemes_) {
      if (code_type(scheme.bits) != DataType::undefined && ceil_div(columns, 32 / scheme.bits) == words) {
        return scheme.bits;
      }
    }
    throw Error(ErrorCode::conversion,
                fmt::format("{} words for {} columns are none of its config_groups' bits", words, columns));
  }

  void set_scales(PackedModule& module, QuantizedMatrix& matrix, std::int64_t rows, std::int64_t columns) const {
    matrix.scales = scale_matrix(module.take(".weight_scale"), rows);
    const std::int64_t groups = matrix.scales.dims()[1];
    matrix.block = columns;
    if (groups == 1) return;
    const auto scheme = std::ranges::find_if(schemes_, [&](const Scheme& candidate) {
      return candidate.group_size > 0 && candidate.bits == matrix.bits &&
             ceil_div(columns, candidate.group_size) == groups;
    });
    if (scheme == schemes_.end()) {
      throw Error(ErrorCode::conversion,
                  fmt::format("{} scales for {} columns are none of its config_groups' sizes", groups, columns));
    }
    matrix.block = scheme->group_size;
  }

  static Tensor unpacked_rows(const Tensor& words, int bits, std::int64_t rows, const QuantizedMatrix& matrix) {
    const std::int64_t groups = matrix.scales.dims()[1];
    const std::int64_t per_word = 32 / bits;
    if (words.dims() != tensor::Dims{ceil_div(rows, per_word), groups}) {
      throw Error(ErrorCode::conversion, fmt::format("its zero points have shape [{}], expected [{},{}]",
                                                     fmt::join(words.dims(), ","), ceil_div(rows, per_word), groups));
    }
    const Tensor by_group =
        view_as(tensor::transpose(words, {}), code_type(bits), {groups, words.dims()[0] * per_word});
    return tensor::transpose(tensor::slice(by_group, 1, 0, rows), {});
  }

  /// Before they are known, all are -1.
  static bool is_trivial(const Tensor& index, std::int64_t block) {
    const auto groups = tensor::as_int64s(index, index.element_count());
    if (!groups) throw Error(ErrorCode::conversion, "its weight_g_idx are no integers");
    for (std::size_t k = 0; k < groups->size(); ++k) {
      if ((*groups)[k] != -1 && (*groups)[k] != static_cast<std::int64_t>(k) / block) return false;
    }
    return true;
  }

  std::vector<Scheme> schemes_;
};

void unpack(Checkpoint& checkpoint, const Settings& settings) {
  const auto format = settings.get<std::string>("format", "dense");
  if (std::ranges::find(kFormats, format) == kFormats.end()) {
    throw settings.error("format", fmt::format("'{}' is not read", format),
                         fmt::format("these are: {}", fmt::join(kFormats, ", ")));
  }
  if (const auto sparsity = settings.find_section("sparsity_config");
      sparsity && sparsity->get<std::string>("format", "dense") != "dense") {
    throw sparsity->error("format", "sparse weights are not read");
  }
  const Unpacker unpacker(settings);
  for_each_module(checkpoint, ".weight_packed", [&](PackedModule& module) { unpacker.unpack_packed(module); });
  for_each_module(checkpoint, ".weight_scale", [&](PackedModule& module) { unpacker.unpack_plain(module); });
  for (const std::string_view suffix : kActivationScales) {
    for_each_module(checkpoint, suffix, [&](PackedModule& module) { (void)module.find(suffix); });
  }
}

}  // namespace

extern const QuantizationFormat kCompressedTensors = {"compressed-tensors", unpack};

}  // namespace olivine::huggingface

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "huggingface/checkpoint.h"
#include "huggingface/quantized_matrix.h"
#include "huggingface/settings.h"

/// What the readers of quantized checkpoints share. Only for this folder and quantization.cc.
namespace olivine::huggingface {

/// One quantization method. Its reader replaces the tensors of all modules.
struct QuantizationFormat {
  std::string_view method;  ///< `quant_method`
  void (*unpack)(Checkpoint& checkpoint, const Settings& settings);
};

/// The tensors that hold one module's weight. They are taken out of the checkpoint.
class PackedModule {
 public:
  PackedModule(Checkpoint& checkpoint, std::string name) : checkpoint_(checkpoint), name_(std::move(name)) {}

  const std::string& name() const { return name_; }

  /// Takes the tensor `name + suffix`, if there is one.
  std::optional<tensor::Tensor> find(std::string_view suffix);
  /// The same where it must be there. Error[conversion] else, and when the dtype isn't that.
  tensor::Tensor take(std::string_view suffix, std::optional<DataType> dtype = std::nullopt);
  /// With this rank, else Error[conversion].
  tensor::Tensor take_matrix(std::string_view suffix, std::optional<DataType> dtype = std::nullopt);

  /// The module's weight from now on.
  void put(std::string_view suffix, tensor::Tensor tensor);
  void put(std::string_view suffix, QuantizedMatrix matrix);

 private:
  Checkpoint& checkpoint_;
  std::string name_;
  std::string file_;
};

/// Calls `unpack(module)` for each tensor that ends with `suffix`; its errors name the checkpoint and the module. All
/// are thrown at once.
void for_each_module(Checkpoint& checkpoint, std::string_view suffix, const std::function<void(PackedModule&)>& unpack);

/// An 8-bit float weight [N, K] times its scales, lazily in float32: one scale, one for each row, or one for each block
/// of `block` = {rows, columns}.
tensor::Tensor scaled_float8(const tensor::Tensor& weight, const tensor::Tensor& scales,
                             const std::vector<std::int64_t>& block);

/// True when every element of an integer tensor of at most 8 bits is that code. Reads it.
bool all_codes_are(const tensor::Tensor& codes, std::uint8_t code);

}  // namespace olivine::huggingface

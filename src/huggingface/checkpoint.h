#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "tensor/tensor.h"

namespace olivine::huggingface {

struct QuantizedMatrix;

/// A tensor of a checkpoint.
struct Weight {
  tensor::Tensor tensor;                             ///< lazy; of a quantized weight the float32 values
  std::string file;                                  ///< which file it comes from, for errors
  std::shared_ptr<const QuantizedMatrix> quantized;  ///< the same values as codes and scales, if the file has them
};

/// The tensors of a model by name, wherever they come from: one file or many, plain or quantized, merged or not.
/// Copying shares the sources.
class Checkpoint {
 public:
  using Weights = std::map<std::string, Weight, std::less<>>;

  /// Opens what `path` is: a `.safetensors` file, an `.index.json`, a file of torch.save (`.bin`, `.pt`, `.pth`), or a
  /// folder, in which `model.safetensors`, its index, `pytorch_model.bin` and its index are looked for, in this order,
  /// and after them a single other `.safetensors` file. No payload is read.
  ///
  /// Error[io] when there is none (it lists what was looked for) or a shard is missing. Error[conversion] when an index
  /// names a file that leaves the folder or a tensor that its file doesn't hold, when two shards hold a tensor that the
  /// index doesn't list, and for what the files' readers refuse.
  static Checkpoint open(const std::filesystem::path& path);

  Checkpoint() = default;
  /// `place` is how errors call it: a path.
  explicit Checkpoint(std::string place) : place_(std::move(place)) {}

  const std::string& place() const { return place_; }
  const Weights& weights() const { return weights_; }

  bool contains(std::string_view name) const { return weights_.find(name) != weights_.end(); }
  /// Null when there is none.
  const Weight* find(std::string_view name) const;
  /// Error[conversion] when there is none; it names those that are near.
  const Weight& at(std::string_view name) const;
  /// The same, of these dims: else Error[conversion] "tensor 'x' of FILE has shape [2,3], expected [3,2]".
  const Weight& at(std::string_view name, const tensor::Dims& expected) const;

  /// Adds or replaces.
  void set(std::string name, Weight weight);
  void erase(std::string_view name);

 private:
  std::string place_;
  Weights weights_;
};

/// Throws Error[conversion] "tensor 'x' of FILE has shape [2,3], expected [3,2]" when the shapes differ.
void expect_shape(std::string_view name, const Weight& weight, const tensor::Dims& expected);

}  // namespace olivine::huggingface

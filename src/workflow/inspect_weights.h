#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/codec.h"
#include "workflow/table.h"

/// What models and checkpoints tell of their tensors alike.
namespace olivine::workflow {

struct WeightSummary {
  struct Weights {
    std::size_t tensors = 0;
    std::uint64_t elements = 0;
    std::uint64_t bytes = 0;
  };
  struct Tensor {
    std::string name;
    std::string dtype;
    std::vector<std::int64_t> dims;
    std::uint64_t bytes = 0;
  };

  std::map<std::string, Weights> weights;  ///< by dtype
  std::uint64_t weight_bytes = 0;
  std::vector<Tensor> largest;
};

/// Counts tensors and keeps the `count` largest; ties go by name.
class WeightTally {
 public:
  explicit WeightTally(std::size_t count) : count_(count) {}
  void add(WeightSummary::Tensor tensor, std::uint64_t elements);
  WeightSummary summary() const;

 private:
  std::size_t count_;
  WeightSummary summary_;  ///< the largest are a heap, the smallest on top
};

/// A title and a table below it; nothing for an empty table.
std::string section(std::string_view title, const TextTable& table);
/// "weights by dtype" and "largest tensors".
std::string weights_text(const WeightSummary& summary);
/// Sets "weights", "weight_bytes" and "largest_tensors".
void add_to_json(const WeightSummary& summary, config::Json& json);

}  // namespace olivine::workflow

#include "runtime/random_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "runtime/random.h"

namespace olivine::runtime {
namespace {

// ---- What an integer input picks from

struct IndexUse {
  std::string_view op_type;
  std::string_view domain;
  std::uint32_t indices;
  std::uint32_t table;
  const char* axis;  ///< attribute; null: the first axis
};
constexpr IndexUse kIndexUses[] = {{"Gather", "", 1, 0, "axis"},
                                   {"GatherElements", "", 1, 0, "axis"},
                                   {"ScatterElements", "", 1, 0, "axis"},
                                   {"GatherBlockQuantized", "com.microsoft", 1, 0, "gather_axis"},
                                   {"EmbedLayerNormalization", "com.microsoft", 0, 2, nullptr},
                                   {"EmbedLayerNormalization", "com.microsoft", 1, 4, nullptr}};

/// Operators whose output holds the numbers of their first input.
constexpr std::string_view kCarriers[] = {"Cast",    "Identity", "Reshape",   "Unsqueeze", "Squeeze",
                                          "Flatten", "Expand",   "Transpose", "Slice",     "Tile"};
/// Operators whose first input has the shape of their output.
constexpr std::string_view kSameShape[] = {"Cast", "Identity", "DequantizeLinear", "QuantizeLinear"};

template <typename List>
bool one_of(const ir::Node& node, const List& list) {
  return node.domain.empty() && std::find(std::begin(list), std::end(list), node.op_type) != std::end(list);
}

std::optional<std::int64_t> extent(const ir::Value* table, std::int64_t axis) {
  for (int steps = 0; table != nullptr && steps < 16; ++steps) {
    const tensor::Tensor* constant = table->initializer();
    const ir::Node* const producer = table->producer();
    if (constant == nullptr && producer != nullptr && producer->is("Constant")) constant = producer->tensor("value");
    if (constant != nullptr) {
      const auto rank = static_cast<std::int64_t>(constant->dims().size());
      const std::int64_t at = axis < 0 ? axis + rank : axis;
      if (at < 0 || at >= rank) return std::nullopt;
      return constant->dims()[static_cast<std::size_t>(at)];
    }
    if (const ir::TensorType* const type = table->type.tensor(); type != nullptr && type->shape) {
      const auto rank = static_cast<std::int64_t>(type->shape->size());
      const std::int64_t at = axis < 0 ? axis + rank : axis;
      if (at >= 0 && at < rank && (*type->shape)[static_cast<std::size_t>(at)].is_value()) {
        return (*type->shape)[static_cast<std::size_t>(at)].value();
      }
    }
    table = producer != nullptr && one_of(*producer, kSameShape) ? producer->input(0) : nullptr;
  }
  return std::nullopt;
}

std::optional<std::int64_t> bound_of_use(const ir::Use& use) {
  for (const IndexUse& known : kIndexUses) {
    if (!use.node->is(known.op_type, known.domain) || use.index != known.indices) continue;
    const std::int64_t axis = known.axis == nullptr ? 0 : use.node->integer(known.axis, 0);
    return extent(use.node->input(known.table), axis);
  }
  return std::nullopt;
}

// ---- Tensors of random elements

bool is_mask(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower.find("mask") != std::string::npos;
}

std::uint64_t count_of(const tensor::Dims& dims) {
  std::uint64_t count = 1;
  for (const std::int64_t size : dims) {
    if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(size), &count)) count = UINT64_MAX;
  }
  if (count > (std::uint64_t{1} << 33)) {
    throw Error(ErrorCode::config, fmt::format("its shape [{}] is too large for random values", fmt::join(dims, ",")))
        .remedy("give smaller sizes, or the values in a file");
  }
  return count;
}

/// Rows of ones with zeros at their ends; the first row and at least the first half of the others are ones.
std::vector<float> mask_rows(const tensor::Dims& dims, std::uint64_t count, Random& random) {
  const std::uint64_t length = dims.empty() ? 1 : static_cast<std::uint64_t>(dims.back());
  std::vector<float> values(count, 1.0F);
  for (std::uint64_t begin = length; length > 1 && begin < count; begin += length) {
    const std::uint64_t zeros = random.below(length / 2 + 1);
    std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(begin + length - zeros), zeros, 0.0F);
  }
  return values;
}

std::vector<float> normal_values(std::uint64_t count, Random& random) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

std::vector<std::int64_t> integer_values(std::uint64_t count, std::int64_t bound, Random& random) {
  std::vector<std::int64_t> values(count);
  for (std::int64_t& value : values) {
    value = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(std::max<std::int64_t>(bound, 1))));
  }
  return values;
}

tensor::Tensor string_values(const tensor::Dims& dims, std::uint64_t count, Random& random) {
  std::vector<std::string> words(count);
  for (std::string& word : words) word = fmt::format("word{}", random.below(10));
  return tensor::Tensor(dims, std::move(words));
}

tensor::Tensor rounded(const tensor::Tensor& tensor, DataType dtype) {
  if (tensor.dtype() == dtype) return tensor;
  return tensor::from_bytes(dtype, tensor.dims(), tensor::evaluate(tensor::cast(tensor, dtype)));
}

tensor::Tensor complex_values(DataType dtype, const tensor::Dims& dims, std::uint64_t count, Random& random) {
  const auto parts = normal_values(2 * count, random);
  if (dtype == DataType::complex64) return tensor::from_values<float>(dtype, dims, parts);
  const std::vector<double> wide(parts.begin(), parts.end());
  return tensor::from_values<double>(dtype, dims, wide);
}

std::int64_t integer_bound(DataType dtype, std::optional<std::int64_t> index) {
  const int bits = bit_width(dtype);
  const std::int64_t natural = dtype == DataType::uint8 ? 256 : 10;
  const bool is_signed = dtype == DataType::int4 || dtype == DataType::int2;
  const std::int64_t fits = bits >= 8 ? INT64_MAX : std::int64_t{1} << (is_signed ? bits - 1 : bits);
  const std::int64_t holds = dtype == DataType::int8 ? 128 : dtype == DataType::uint8 ? 256 : fits;
  return std::min(index.value_or(natural), holds);
}

tensor::Tensor random_tensor(DataType dtype, const tensor::Dims& dims, bool mask, std::optional<std::int64_t> index,
                             Random& random) {
  const std::uint64_t count = count_of(dims);
  if (dtype == DataType::string) return string_values(dims, count, random);
  if (dtype == DataType::complex64 || dtype == DataType::complex128) return complex_values(dtype, dims, count, random);
  if (mask) return rounded(tensor::from_values<float>(DataType::float32, dims, mask_rows(dims, count, random)), dtype);
  if (is_float(dtype)) {
    return rounded(tensor::from_values<float>(DataType::float32, dims, normal_values(count, random)), dtype);
  }
  const std::int64_t bound = dtype == DataType::boolean ? 2 : integer_bound(dtype, index);
  return rounded(tensor::from_values<std::int64_t>(DataType::int64, dims, integer_values(count, bound, random)), dtype);
}

class Generator {
 public:
  Generator(const Pair& input, const Sizes& sizes, std::uint64_t seed)
      : sizes_(sizes), random_(seed, input.any().name()), mask_(is_mask(input.any().name())) {
    for (const ir::Value* const value : {input.a, input.b}) {
      const auto bound = value == nullptr ? std::nullopt : index_bound(*value);
      if (bound) index_ = std::min(index_.value_or(*bound), *bound);
    }
  }

  tensor::AnyValue value(const ir::Type& type, const tensor::Dims* dims) {
    if (const ir::TensorType* const tensor = type.tensor()) {
      const auto own = dims != nullptr ? *dims : sizes_.of(tensor->shape.value_or(ir::Shape()));
      return random_tensor(tensor->dtype, own, mask_, index_, random_);
    }
    if (const auto* const sequence = std::get_if<ir::SequenceType>(&type.kind); sequence && sequence->element) {
      tensor::Sequence items;
      for (int i = 0; i < 3; ++i) items.items.push_back(value(*sequence->element, nullptr));
      return items;
    }
    if (const auto* const optional = std::get_if<ir::OptionalType>(&type.kind); optional && optional->element) {
      return value(*optional->element, nullptr);
    }
    throw Error(ErrorCode::config, fmt::format("no random values are made for the type {}", ir::to_string(type)))
        .remedy("give the values in a file");
  }

 private:
  const Sizes& sizes_;
  Random random_;
  bool mask_;
  std::optional<std::int64_t> index_;
};

}  // namespace

std::optional<std::int64_t> index_bound(const ir::Value& input) {
  std::optional<std::int64_t> bound;
  std::unordered_set<const ir::Value*> seen = {&input};
  std::vector<const ir::Value*> waiting = {&input};
  while (!waiting.empty()) {
    const ir::Value* const value = waiting.back();
    waiting.pop_back();
    for (const ir::Use& use : value->uses()) {
      if (use.node == nullptr) continue;
      if (const auto found = bound_of_use(use)) bound = std::min(bound.value_or(*found), *found);
      const ir::Value* const carried = use.index == 0 && one_of(*use.node, kCarriers) ? use.node->output(0) : nullptr;
      if (carried != nullptr && seen.insert(carried).second) waiting.push_back(carried);
    }
  }
  return bound;
}

tensor::AnyValue random_value(const Pair& input, const tensor::Dims& dims, const Sizes& sizes, std::uint64_t seed) {
  return with_place("input " + input.any().name(),
                    [&] { return Generator(input, sizes, seed).value(input.any().type, &dims); });
}

}  // namespace olivine::runtime

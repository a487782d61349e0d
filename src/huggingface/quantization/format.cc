#include "huggingface/quantization/format.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/packing.h"
#include "tensor/scratch.h"

namespace olivine::huggingface {
namespace {

using tensor::Scratch;
using tensor::Tensor;

class ScaledSource final : public tensor::Source {
 public:
  /// `scale_columns`: scales in a row of their matrix.
  ScaledSource(const Tensor& weight, const Tensor& scales, std::uint64_t block_rows, std::uint64_t block_columns,
               std::uint64_t scale_columns)
      : weight_(tensor::cast(weight, DataType::float32)),
        scales_(tensor::cast(scales, DataType::float32)),
        columns_(static_cast<std::uint64_t>(weight.dims()[1])),
        block_rows_(block_rows),
        block_columns_(block_columns),
        scale_columns_(scale_columns) {}

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    weight_.read(first, count, out);
    auto* const values = reinterpret_cast<float*>(out);
    std::vector<float> scales(scale_columns_);
    for (std::uint64_t done = 0; done < count;) {
      const std::uint64_t row = (first + done) / columns_;
      std::uint64_t column = (first + done) % columns_;
      const std::uint64_t end = std::min(columns_, column + count - done);
      scales_.read(row / block_rows_ * scale_columns_, scale_columns_, reinterpret_cast<std::byte*>(scales.data()));
      for (; column < end; ++column) values[done++] *= scales[column / block_columns_];
    }
  }

 private:
  Tensor weight_;
  Tensor scales_;
  std::uint64_t columns_;
  std::uint64_t block_rows_;
  std::uint64_t block_columns_;
  std::uint64_t scale_columns_;
};

[[noreturn]] void refuse(std::string message) { throw Error(ErrorCode::conversion, std::move(message)); }

std::string text(const tensor::Dims& dims) { return fmt::format("[{}]", fmt::join(dims, ",")); }

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return a / b + (a % b != 0 ? 1 : 0); }

}  // namespace

std::optional<Tensor> PackedModule::find(std::string_view suffix) {
  const std::string full = name_ + std::string(suffix);
  const Weight* const weight = checkpoint_.find(full);
  if (weight == nullptr) return std::nullopt;
  Tensor tensor = weight->tensor;
  file_ = weight->file;
  checkpoint_.erase(full);
  return tensor;
}

Tensor PackedModule::take(std::string_view suffix, std::optional<DataType> dtype) {
  auto tensor = find(suffix);
  if (!tensor) refuse(fmt::format("it has no '{}'", suffix.substr(1)));
  if (dtype && tensor->dtype() != *dtype) {
    refuse(fmt::format("its '{}' is {}, expected {}", suffix.substr(1), name_of(tensor->dtype()), name_of(*dtype)));
  }
  return *tensor;
}

Tensor PackedModule::take_matrix(std::string_view suffix, std::optional<DataType> dtype) {
  Tensor tensor = take(suffix, dtype);
  if (tensor.dims().size() != 2 || tensor.element_count() == 0) {
    refuse(fmt::format("its '{}' has shape {}, which is no matrix", suffix.substr(1), text(tensor.dims())));
  }
  return tensor;
}

void PackedModule::put(std::string_view suffix, Tensor tensor) {
  checkpoint_.set(name_ + std::string(suffix), {std::move(tensor), file_, nullptr});
}

void PackedModule::put(std::string_view suffix, QuantizedMatrix matrix) {
  Tensor values = dequantize(matrix);
  checkpoint_.set(name_ + std::string(suffix),
                  {std::move(values), file_, std::make_shared<const QuantizedMatrix>(std::move(matrix))});
}

void for_each_module(Checkpoint& checkpoint, std::string_view suffix,
                     const std::function<void(PackedModule&)>& unpack) {
  std::vector<std::string> names;
  for (const auto& [name, weight] : checkpoint.weights()) {
    if (name.ends_with(suffix)) names.push_back(name.substr(0, name.size() - suffix.size()));
  }
  ErrorList errors;
  for (const std::string& name : names) {
    try {
      PackedModule module(checkpoint, name);
      unpack(module);
    } catch (Error& error) {
      errors.add(error.prepend(name).prepend(checkpoint.place()));
    }
  }
  errors.throw_if_any();
}

Tensor scaled_float8(const Tensor& weight, const Tensor& scales, const std::vector<std::int64_t>& block) {
  if (weight.dims().size() != 2 || !is_float(weight.dtype()) || !is_float(scales.dtype())) {
    refuse(fmt::format("its weight {} has scales {}, which are not read", text(weight.dims()), text(scales.dims())));
  }
  const std::int64_t rows = weight.dims()[0];
  const std::int64_t columns = weight.dims()[1];
  const auto made = [&](std::int64_t block_rows, std::int64_t block_columns, std::int64_t scale_columns) {
    const auto at_least_one = [](std::int64_t value) {
      return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 1));
    };
    return Tensor(DataType::float32, weight.dims(),
                  std::make_shared<const ScaledSource>(weight, scales, at_least_one(block_rows),
                                                       at_least_one(block_columns), at_least_one(scale_columns)));
  };
  if (scales.element_count() == 1) return made(rows, columns, 1);
  if (block.size() == 2 && block[0] > 0 && block[1] > 0 &&
      scales.dims() == tensor::Dims{ceil_div(rows, block[0]), ceil_div(columns, block[1])}) {
    return made(block[0], block[1], scales.dims()[1]);
  }
  const bool is_by_row = scales.dims() == tensor::Dims{rows} || scales.dims() == tensor::Dims{rows, 1};
  if (is_by_row) return made(1, columns, 1);
  refuse(fmt::format("its scales have shape {}, which fits neither the rows nor the blocks [{}] of {}",
                     text(scales.dims()), fmt::join(block, ","), text(weight.dims())));
}

bool all_codes_are(const Tensor& codes, std::uint8_t code) {
  const int bits = bit_width(codes.dtype());
  const std::uint64_t block = codes.block();
  for (std::uint64_t first = 0; first < codes.element_count(); first += block) {
    const std::uint64_t count = std::min(block, codes.element_count() - first);
    Scratch packed((count * static_cast<std::uint64_t>(bits) + 7) / 8);
    codes.read(first, count, packed.data());
    std::vector<std::uint8_t> unpacked(count);
    kernels::unpack_codes(bits, packed.data(), 0, unpacked.data(), count);
    if (!std::ranges::all_of(unpacked, [&](std::uint8_t c) { return c == code; })) return false;
  }
  return true;
}

}  // namespace olivine::huggingface

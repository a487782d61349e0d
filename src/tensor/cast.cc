#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/float_formats.h"
#include "kernels/convert.h"
#include "tensor/expressions.h"
#include "tensor/scratch.h"
#include "tensor/tensor.h"

namespace olivine::tensor {
namespace {

bool has_limits(const CastOptions& options) { return options.max_finite != 0 || options.min_positive != 0; }

int value_bits(DataType integer) {
  const bool is_signed = name_of(integer).front() == 'i';
  return bit_width(integer) - (is_signed ? 1 : 0);
}
bool is_signed_integer(DataType dtype) { return is_integer(dtype) && name_of(dtype).front() == 'i'; }

bool float_holds_float(const FloatFormat& from, const FloatFormat& to) {
  const bool infinities = from.nan != NanKind::ieee || to.nan == NanKind::ieee;
  const bool nan = from.nan == NanKind::none || to.nan != NanKind::none;
  const bool negative_zero =
      !from.is_signed || from.nan == NanKind::negative_zero || (to.is_signed && to.nan != NanKind::negative_zero);
  // The smallest step of the values near zero, as a power of two.
  const auto step = [](const FloatFormat& format) {
    return (format.is_signed ? 1 : 0) - format.bias - format.mantissa_bits;
  };
  const auto largest = [](const FloatFormat& format) { return decode_float(format.dtype, format.max_code); };
  return infinities && nan && negative_zero && to.mantissa_bits >= from.mantissa_bits && step(to) <= step(from) &&
         largest(to) >= largest(from) && (to.is_signed || !from.is_signed);
}

bool float_holds_integer(DataType from, const FloatFormat& to) {
  const int bits = from == DataType::boolean ? 1 : value_bits(from);
  const double end = static_cast<double>(std::uint64_t{1} << (bits - 1)) * 2;
  return to.is_signed && to.mantissa_bits + 1 >= bits && decode_float(to.dtype, to.max_code) >= end &&
         decode_float(to.dtype, 1) <= 1;
}

/// Cast(Cast(x, B), C) -> Cast(x, C) when B holds every value of x. Limits are compared in float or in double, as the
/// type that they meet asks for; a merge must not change which.
bool can_merge(const CastSource& inner, const CastOptions& outer) {
  return !has_limits(inner.options()) && is_exact_cast(inner.input().dtype(), inner.to()) &&
         (!has_limits(outer) || (is_float(inner.to()) && inner.to() != DataType::float64));
}

}  // namespace

bool is_exact_cast(DataType from, DataType to) {
  if (from == to) return true;
  if (!kernels::can_convert(from, to)) return false;
  const FloatFormat* const to_float = find_float_format(to);
  if (const FloatFormat* const from_float = find_float_format(from)) {
    return to_float != nullptr && float_holds_float(*from_float, *to_float);
  }
  if (to_float != nullptr) return float_holds_integer(from, *to_float);
  if (from == DataType::boolean) return true;
  if (to == DataType::boolean) return false;
  return value_bits(to) >= value_bits(from) && (is_signed_integer(to) || !is_signed_integer(from));
}

void CastSource::read(std::uint64_t first, std::uint64_t count, std::byte* out) const {
  const DataType from = input_.dtype();
  const auto from_bits = static_cast<std::uint64_t>(bit_width(from));
  const auto to_bits = static_cast<std::uint64_t>(bit_width(to_));
  const kernels::ConvertOptions options{options_.saturate, options_.max_finite, options_.min_positive};
  const auto memory = input_.source()->in_memory();
  const std::uint64_t block =
      std::max(std::min(block_elements(from), block_elements(to_)), input_.source()->preferred_elements());
  kernels::ConvertCounts counts;
  for (std::uint64_t done = 0; done < count; done += block) {
    const std::uint64_t size = std::min(block, count - done);
    const std::uint64_t from_bit = (first + done) * from_bits;
    std::byte* const target = out + done * to_bits / 8;
    if (memory && from_bit % 8 == 0) {
      counts += kernels::convert(from, to_, memory->data() + from_bit / 8, target, size, options);
    } else {
      Scratch scratch(bytes_of(bit_width(from), size));
      input_.read(first + done, size, scratch.data());
      counts += kernels::convert(from, to_, scratch.data(), target, size, options);
    }
  }
  if (options_.counters == nullptr) return;
  options_.counters->clamped.fetch_add(counts.clamped, std::memory_order_relaxed);
  options_.counters->flushed.fetch_add(counts.flushed, std::memory_order_relaxed);
}

const CastSource* as_cast(const Tensor& tensor) {
  const auto* const source = dynamic_cast<const CastSource*>(tensor.source().get());
  // A bitcast shares the source under another type.
  return source != nullptr && source->to() == tensor.dtype() ? source : nullptr;
}

const CastSource* as_like_casts(std::span<const Tensor> tensors) {
  const CastSource* const first = as_cast(tensors.front());
  const bool alike = first != nullptr && std::all_of(tensors.begin(), tensors.end(), [&](const Tensor& tensor) {
                       const CastSource* const other = as_cast(tensor);
                       return other != nullptr && other->input().dtype() == first->input().dtype() &&
                              other->options() == first->options();
                     });
  return alike ? first : nullptr;
}

Tensor cast(const Tensor& input, DataType to, CastOptions options) {
  if (input.dtype() == to && !(has_limits(options) && is_float(to))) return input;
  if (!kernels::can_convert(input.dtype(), to)) {
    throw Error(ErrorCode::conversion,
                "cannot cast " + describe(input.dtype(), input.dims()) + " to " + std::string(name_of(to)));
  }
  if (const CastSource* const inner = as_cast(input); inner != nullptr && can_merge(*inner, options)) {
    // What lies below the cast may have had other dims of the same count.
    return cast(reshape(inner->input(), input.dims()), to, std::move(options));
  }
  return {to, input.dims(), std::make_shared<const CastSource>(input, to, std::move(options))};
}

}  // namespace olivine::tensor

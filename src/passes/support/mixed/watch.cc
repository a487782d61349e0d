#include "passes/support/mixed/watch.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/threads.h"

namespace olivine::passes::mixed {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 14;
constexpr std::size_t kSample = 256;       ///< elements of one pass
constexpr std::size_t kSamples = 8 * 256;  ///< of all passes
constexpr double kThreeDigits = 1.0 / 256;

template <typename Body>
void for_each_block(std::size_t count, const Body& body) {
  const std::size_t blocks = (count + kBlock - 1) / kBlock;
  const auto run = [&](std::size_t block) { body(block, block * kBlock, std::min(kBlock, count - block * kBlock)); };
  if (blocks == 1) return run(0);
  parallel_for(blocks, run);
}

/// Elements of a sample: evenly spread, the same ones whenever a tensor of that size passes.
std::size_t stride_of(std::size_t count) { return std::max<std::size_t>(count / kSample, 1); }

void add(Seen& total, const Seen& part) {
  total.largest = std::max(total.largest, part.largest);
  total.squares += part.squares;
  total.not_finite += part.not_finite;
  total.overflows += part.overflows;
  total.underflows += part.underflows;
  total.rounding_squares += part.rounding_squares;
  total.twin_squares += part.twin_squares;
  total.twin_breaks += part.twin_breaks;
}

/// One element, what rounding makes of it, and what the twin made in its place.
void look_at(Seen& seen, float value, float rounded) {
  if (!std::isfinite(value)) {
    ++seen.not_finite;
    return;
  }
  const double exact = value;
  seen.largest = std::max(seen.largest, std::abs(exact));
  if (!std::isfinite(rounded)) {
    ++seen.overflows;
    return;
  }
  seen.squares += exact * exact;
  const double error = rounded - exact;
  seen.rounding_squares += error * error;
  if (std::abs(error) > kThreeDigits * std::abs(exact)) ++seen.underflows;
}

void look_at_twin(Seen& seen, float value, float rounded, float twin) {
  if (!std::isfinite(value) || !std::isfinite(rounded)) return;
  if (!std::isfinite(twin)) {
    ++seen.twin_breaks;
    return;
  }
  const double error = static_cast<double>(twin) - static_cast<double>(value);
  seen.twin_squares += error * error;
}

/// A mean square relative to the values; 1 at most, and where an element is lost.
double relative(double errors, double squares, std::uint64_t lost) {
  if (lost != 0) return 1;
  if (errors == 0) return 0;
  return squares == 0 ? 1 : std::min(errors / squares, 1.0);
}

void copy(std::span<const float> in, std::span<float> out) {
  if (in.data() == out.data()) return;
  for_each_block(in.size(), [&](std::size_t, std::size_t first, std::size_t count) {
    std::memcpy(out.data() + first, in.data() + first, count * sizeof(float));
  });
}

}  // namespace

double Seen::rounding() const { return relative(rounding_squares, squares, 0); }
double Seen::twin() const { return relative(twin_squares, squares, twin_breaks); }
double Strayed::error() const { return relative(errors, squares, broken); }

Watch::Watch(DataType target, const std::vector<Place>& places, const kernels::ConvertOptions& limits)
    : target_(target),
      places_(places),
      limits_(limits),
      seen_(places.size()),
      samples_(places.size()),
      strayed_(places.size()) {}

void Watch::start(Mode mode) {
  mode_ = mode;
  if (mode == Mode::attempt) {
    strayed_.assign(places_.size(), {});
    judged_.assign(places_.size(), 0);
    return;
  }
  seen_.assign(places_.size(), {});
  if (mode == Mode::observe) samples_.assign(places_.size(), {});
}

void Watch::pass(std::int64_t id, std::span<const float> in, std::span<const float> second, std::span<float> out) {
  throw_if_cancelled();
  const auto index = static_cast<std::size_t>(id);
  if (in.empty()) return;
  if (index >= places_.size()) {
    const std::size_t twin = index - places_.size();
    return observe(twin_inputs_.at(twin), in, {}, twin_constants_[twin], out);
  }
  if (mode_ == Mode::attempt) {
    narrow_[index] ? round(in, out, places_[index].constant) : copy(in, out);
    return judge(index, out);
  }
  if (mode_ == Mode::compare) observe(seen_[index], in, second, places_[index].constant, {});
  if (mode_ == Mode::observe) {
    seen_[index].elements += in.size();
    keep_sample(index, in);
  }
  copy(in, out);
}

std::vector<std::int64_t> Watch::dims(std::int64_t id) {
  return places_.at(static_cast<std::size_t>(id)).stored->dims();
}

void Watch::give(std::int64_t id, std::span<float> out) {
  tensor::evaluate_into(*places_.at(static_cast<std::size_t>(id)).stored, std::as_writable_bytes(out));
  pass(id, out, {}, out);
}

void Watch::observe(Seen& seen, std::span<const float> in, std::span<const float> second, bool constant,
                    std::span<float> rounded) const {
  std::vector<Seen> parts((in.size() + kBlock - 1) / kBlock);
  for_each_block(in.size(), [&](std::size_t block, std::size_t first, std::size_t count) {
    std::array<float, kBlock> scratch;
    const std::span<const float> values = in.subspan(first, count);
    // `rounded` may be the memory of `in`.
    round(values, std::span(scratch).first(count), constant);
    Seen& part = parts[block];
    for (std::size_t i = 0; i < count; ++i) look_at(part, values[i], scratch[i]);
    for (std::size_t i = 0; i < count && !second.empty(); ++i)
      look_at_twin(part, values[i], scratch[i], second[first + i]);
    if (!rounded.empty()) std::memcpy(rounded.data() + first, scratch.data(), count * sizeof(float));
  });
  for (const Seen& part : parts) add(seen, part);
  seen.elements += in.size();
  ++seen.passes;
}

void Watch::round(std::span<const float> in, std::span<float> out, bool constant) const {
  const kernels::ConvertOptions options = constant ? limits_ : kernels::ConvertOptions();
  for_each_block(in.size(), [&](std::size_t, std::size_t first, std::size_t count) {
    std::array<std::byte, kBlock * 2> narrow;
    kernels::convert(DataType::float32, target_, reinterpret_cast<const std::byte*>(in.data() + first), narrow.data(),
                     count, options);
    kernels::convert(target_, DataType::float32, narrow.data(), reinterpret_cast<std::byte*>(out.data() + first),
                     count);
  });
}

void Watch::keep_sample(std::size_t place, std::span<const float> in) {
  std::vector<float>& sample = samples_[place];
  for (std::size_t i = 0; i < in.size() && sample.size() < kSamples; i += stride_of(in.size())) {
    sample.push_back(in[i]);
    if (!std::isfinite(in[i])) ++seen_[place].not_finite;
  }
}

void Watch::judge(std::size_t place, std::span<const float> in) {
  const std::vector<float>& sample = samples_[place];
  std::size_t& at = judged_[place];
  Strayed& strayed = strayed_[place];
  for (std::size_t i = 0; i < in.size() && at < sample.size(); i += stride_of(in.size()), ++at) {
    if (!std::isfinite(sample[at])) continue;
    if (!std::isfinite(in[i])) {
      ++strayed.broken;
      continue;
    }
    const double exact = sample[at];
    const double error = in[i] - exact;
    strayed.squares += exact * exact;
    strayed.errors += error * error;
  }
}

}  // namespace olivine::passes::mixed

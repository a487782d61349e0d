#include "runtime/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"

namespace olivine::runtime {
namespace {

constexpr std::uint64_t kBlock = 1 << 15;

/// Two tensors of the same shape.
struct Leaf {
  const tensor::Tensor* a;
  const tensor::Tensor* b;
};

std::string shape_text(const tensor::Dims& dims) { return fmt::format("[{}]", fmt::join(dims, ",")); }

std::string dtype_text(const tensor::AnyValue& value) {
  if (const auto* const tensor = value.tensor()) return std::string(name_of(tensor->dtype()));
  if (const auto* const map = value.map()) {
    return fmt::format("map({},{})", name_of(map->keys.dtype()), name_of(map->values.dtype()));
  }
  const auto* const sequence = value.sequence();
  if (sequence == nullptr) return "none";
  return fmt::format("seq({})", sequence->items.empty() ? "" : dtype_text(sequence->items.front()));
}

std::string value_shape(const tensor::AnyValue& value) {
  if (const auto* const tensor = value.tensor()) return shape_text(tensor->dims());
  if (const auto* const map = value.map()) return shape_text(map->keys.dims());
  const auto* const sequence = value.sequence();
  if (sequence == nullptr) return "";
  std::vector<std::string> shapes;
  for (const auto& item : sequence->items) shapes.push_back(value_shape(item));
  return fmt::format("{{{}}}", fmt::join(shapes, " "));
}

/// Pairs up the tensors of two values; says what is in the way, if anything.
std::string collect(const tensor::AnyValue& a, const tensor::AnyValue& b, std::vector<Leaf>& leaves) {
  if (a.content.index() != b.content.index()) {
    return fmt::format("one is {}, the other {}", dtype_text(a), dtype_text(b));
  }
  const auto add = [&](const tensor::Tensor& x, const tensor::Tensor& y) -> std::string {
    const auto text = [](const tensor::Tensor& t) { return t.dtype() == DataType::string; };
    if (x.dims() != y.dims())
      return fmt::format("shapes differ: {} and {}", shape_text(x.dims()), shape_text(y.dims()));
    if (text(x) != text(y)) return fmt::format("types differ: {} and {}", name_of(x.dtype()), name_of(y.dtype()));
    leaves.push_back({&x, &y});
    return {};
  };
  if (a.tensor() != nullptr) return add(*a.tensor(), *b.tensor());
  if (a.map() != nullptr) {
    std::string problem = add(a.map()->keys, b.map()->keys);
    return problem.empty() ? add(a.map()->values, b.map()->values) : problem;
  }
  if (a.sequence() == nullptr) return {};
  const auto& items_a = a.sequence()->items;
  const auto& items_b = b.sequence()->items;
  if (items_a.size() != items_b.size()) {
    return fmt::format("sequences of {} and {} elements", items_a.size(), items_b.size());
  }
  for (std::size_t i = 0; i < items_a.size(); ++i) {
    std::string problem = collect(items_a[i], items_b[i], leaves);
    if (!problem.empty()) return fmt::format("element {}: {}", i, problem);
  }
  return {};
}

bool is_exact(DataType dtype) { return is_integer(dtype) || dtype == DataType::boolean; }

/// Complex numbers as twice as many real ones, the rest as it is: what can be cast to float64.
tensor::Tensor real_parts(const tensor::Tensor& tensor) {
  const bool narrow = tensor.dtype() == DataType::complex64;
  if (!narrow && tensor.dtype() != DataType::complex128) return tensor;
  const auto count = static_cast<std::int64_t>(2 * tensor.element_count());
  return tensor::from_bytes(narrow ? DataType::float32 : DataType::float64, {count}, tensor::evaluate(tensor));
}

/// Reads a tensor as float64, block by block.
class Doubles {
 public:
  explicit Doubles(const tensor::Tensor& tensor) : tensor_(tensor::cast(real_parts(tensor), DataType::float64)) {}

  std::uint64_t size() const { return tensor_.element_count(); }
  const std::vector<double>& block(std::uint64_t first) {
    values_.resize(std::min(kBlock, size() - first));
    tensor_.read(first, values_.size(), reinterpret_cast<std::byte*>(values_.data()));
    return values_;
  }

 private:
  tensor::Tensor tensor_;
  std::vector<double> values_;
};

struct Size {
  double root_mean_square = 0;
  double peak = 0;
};

Size size_of(const std::vector<Leaf>& leaves) {
  double squares = 0;
  double peak = 0;
  std::uint64_t count = 0;
  for (const Leaf& leaf : leaves) {
    if (leaf.a->dtype() == DataType::string) continue;
    Doubles values(*leaf.a);
    for (std::uint64_t first = 0; first < values.size(); first += kBlock) {
      for (const double value : values.block(first)) {
        if (!std::isfinite(value)) continue;
        squares += value * value;
        peak = std::max(peak, std::abs(value));
        ++count;
      }
    }
  }
  return {count == 0 ? 0 : std::sqrt(squares / static_cast<double>(count)), peak};
}

/// Sums over the elements of one run.
struct Sums {
  double max_absolute = 0;
  double max_relative = 0;
  double errors = 0;
  double product = 0;
  double square_a = 0;
  double square_b = 0;
  std::uint64_t mismatches = 0;
  std::uint64_t far = 0;
  std::uint64_t elements = 0;

  double cosine() const {
    if (square_a == 0 && square_b == 0) return 1;
    if (square_a == 0 || square_b == 0) return 0;
    return product / (std::sqrt(square_a) * std::sqrt(square_b));
  }
};

class Comparer {
 public:
  Comparer(double absolute, double relative) : absolute_(absolute), relative_(relative) {}

  void strings(const Leaf& leaf) {
    const auto& a = leaf.a->strings();
    const auto& b = leaf.b->strings();
    for (std::size_t i = 0; i < a.size(); ++i) sums_.mismatches += a[i] == b[i] ? 0 : 1;
    sums_.elements += a.size();
  }

  void numbers(const Leaf& leaf) {
    const bool exact = is_exact(leaf.a->dtype()) && is_exact(leaf.b->dtype());
    Doubles a(*leaf.a);
    Doubles b(*leaf.b);
    for (std::uint64_t first = 0; first < a.size(); first += kBlock) {
      const std::vector<double>& block_a = a.block(first);
      const std::vector<double>& block_b = b.block(first);
      for (std::size_t i = 0; i < block_a.size(); ++i) number(block_a[i], block_b[i], exact);
    }
    sums_.elements += a.size();
    // float64 holds integers up to 2^53 only.
    if (exact && bit_width(leaf.a->dtype()) == 64 && bit_width(leaf.b->dtype()) == 64) large_integers(leaf);
  }

  const Sums& sums() const { return sums_; }

 private:
  void number(double a, double b, bool exact) {
    if (a == b || (std::isnan(a) && std::isnan(b))) {
      if (std::isfinite(a)) add_products(a, b);
      return;
    }
    if (!std::isfinite(a) || !std::isfinite(b)) {
      ++sums_.mismatches;
      ++sums_.far;
      sums_.max_absolute = std::numeric_limits<double>::infinity();
      sums_.max_relative = std::numeric_limits<double>::infinity();
      return;
    }
    add_products(a, b);
    const double error = std::abs(a - b);
    const double tiny = std::max(absolute_, std::numeric_limits<double>::min());
    sums_.errors += error;
    sums_.max_absolute = std::max(sums_.max_absolute, error);
    sums_.max_relative = std::max(sums_.max_relative, error / std::max(std::abs(a), tiny));
    const double allowed = absolute_ + relative_ * std::abs(a);
    if (exact || error > allowed) ++sums_.mismatches;
    if (error > 10 * allowed) ++sums_.far;
  }

  void add_products(double a, double b) {
    sums_.product += a * b;
    sums_.square_a += a * a;
    sums_.square_b += b * b;
  }

  /// Those that differ although they are equal as float64.
  void large_integers(const Leaf& leaf) {
    constexpr double kExact = 9007199254740992.0;
    const auto bytes_a = tensor::evaluate(*leaf.a);
    const auto bytes_b = tensor::evaluate(*leaf.b);
    if (bytes_a == bytes_b) return;
    Doubles a(*leaf.a);
    Doubles b(*leaf.b);
    for (std::uint64_t first = 0; first < a.size(); first += kBlock) {
      const std::vector<double>& block_a = a.block(first);
      const std::vector<double>& block_b = b.block(first);
      for (std::size_t i = 0; i < block_a.size(); ++i) {
        if (block_a[i] != block_b[i] || std::abs(block_a[i]) < kExact) continue;
        const std::size_t at = (first + i) * 8;
        if (!std::equal(bytes_a.begin() + static_cast<std::ptrdiff_t>(at),
                        bytes_a.begin() + static_cast<std::ptrdiff_t>(at + 8),
                        bytes_b.begin() + static_cast<std::ptrdiff_t>(at))) {
          ++sums_.mismatches;
        }
      }
    }
  }

  double absolute_;
  double relative_;
  Sums sums_;
};

}  // namespace

OutputComparison compare_values(const tensor::AnyValue& a, const tensor::AnyValue& b, const Limits& limits) {
  OutputComparison result;
  result.dtype_a = dtype_text(a);
  result.dtype_b = dtype_text(b);
  result.shape = value_shape(a);
  std::vector<Leaf> leaves;
  result.problem = collect(a, b, leaves);
  if (!result.problem.empty()) {
    result.passed = false;
    return result;
  }
  const Size size = size_of(leaves);
  result.absolute_tolerance = limits.absolute_for(size.root_mean_square, size.peak);
  Comparer comparer(result.absolute_tolerance, limits.relative);
  for (const Leaf& leaf : leaves) {
    leaf.a->dtype() == DataType::string ? comparer.strings(leaf) : comparer.numbers(leaf);
  }
  const Sums& sums = comparer.sums();
  result.max_absolute_error = sums.max_absolute;
  result.mean_absolute_error = sums.elements == 0 ? 0 : sums.errors / static_cast<double>(sums.elements);
  result.max_relative_error = sums.max_relative;
  result.cosine = sums.cosine();
  result.mismatches = sums.mismatches;
  result.far_mismatches = sums.far;
  result.elements = sums.elements;
  result.passed = sums.mismatches == 0;
  return result;
}

void merge(OutputComparison& total, const OutputComparison& run) {
  if (total.elements == 0 && total.problem.empty() && total.shape.empty()) {
    const std::string name = std::move(total.name);
    total = run;
    total.name = name;
    return;
  }
  if (run.max_absolute_error > total.max_absolute_error) total.shape = run.shape;
  const auto weight = static_cast<double>(total.elements + run.elements);
  if (weight > 0) {
    total.mean_absolute_error = (total.mean_absolute_error * static_cast<double>(total.elements) +
                                 run.mean_absolute_error * static_cast<double>(run.elements)) /
                                weight;
  }
  total.max_absolute_error = std::max(total.max_absolute_error, run.max_absolute_error);
  total.max_relative_error = std::max(total.max_relative_error, run.max_relative_error);
  total.absolute_tolerance = std::max(total.absolute_tolerance, run.absolute_tolerance);
  total.cosine = std::min(total.cosine, run.cosine);
  total.mismatches += run.mismatches;
  total.far_mismatches += run.far_mismatches;
  total.elements += run.elements;
  if (total.problem.empty()) total.problem = run.problem;
  total.passed = total.passed && run.passed;
}

}  // namespace olivine::runtime

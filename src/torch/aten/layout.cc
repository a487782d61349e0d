#include "torch/aten/layout.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <numeric>

namespace olivine::torch {
namespace {

/// The infix that parse_expression writes, in numbers.
class Sampler {
 public:
  explicit Sampler(std::string_view text) : text_(text) {}

  std::optional<std::int64_t> whole() {
    const std::int64_t value = sum(0);
    skip_spaces();
    return is_understood_ && at_ == text_.size() ? std::optional(value) : std::nullopt;
  }

 private:
  static constexpr int kDeepest = 100;

  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(std::string_view wanted) {
    skip_spaces();
    if (!text_.substr(at_).starts_with(wanted)) return false;
    at_ += wanted.size();
    return true;
  }
  std::int64_t give_up() {
    is_understood_ = false;
    at_ = text_.size();
    return 1;
  }

  std::int64_t sum(int depth) {
    if (depth > kDeepest) return give_up();
    std::int64_t value = take("-") ? wrap(0, product(depth), '-') : product(depth);
    while (is_understood_) {
      if (take("+")) {
        value = wrap(value, product(depth), '+');
      } else if (take("-")) {
        value = wrap(value, product(depth), '-');
      } else {
        break;
      }
    }
    return value;
  }

  std::int64_t product(int depth) {
    std::int64_t value = atom(depth);
    while (is_understood_) {
      if (take("**")) return give_up();
      if (take("*")) {
        value = wrap(value, atom(depth), '*');
      } else if (take("//")) {
        value = divided(value, atom(depth), true);
      } else if (take("%")) {
        value = divided(value, atom(depth), false);
      } else if (take("/")) {
        return give_up();
      } else {
        break;
      }
    }
    return value;
  }

  /// Numbers wrap around: only equality is asked for.
  static std::int64_t wrap(std::int64_t a, std::int64_t b, char op) {
    const auto x = static_cast<std::uint64_t>(a);
    const auto y = static_cast<std::uint64_t>(b);
    if (op == '*') return static_cast<std::int64_t>(x * y);
    return static_cast<std::int64_t>(op == '+' ? x + y : x - y);
  }

  std::int64_t divided(std::int64_t a, std::int64_t b, bool is_quotient) {
    if (b == 0 || b == -1) return give_up();
    const std::int64_t remainder = ((a % b) + b) % b;
    return is_quotient ? (a - remainder) / b : remainder;
  }

  std::int64_t atom(int depth) {
    skip_spaces();
    if (take("(")) {
      const std::int64_t value = sum(depth + 1);
      return take(")") ? value : give_up();
    }
    if (take("-")) return wrap(0, atom(depth + 1), '-');
    const std::size_t start = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_')) {
      ++at_;
    }
    const std::string_view word = text_.substr(start, at_ - start);
    if (word.empty()) return give_up();
    if (std::isdigit(static_cast<unsigned char>(word.front())) != 0) {
      std::int64_t value = 0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
      return error == std::errc() && end == word.data() + word.size() ? value : give_up();
    }
    if (take("(")) return call(word, depth);
    std::uint64_t hash = 1469598103934665603U;
    for (const char letter : word) hash = (hash ^ static_cast<unsigned char>(letter)) * 1099511628211U;
    hash = (hash ^ (hash >> 32U)) * 0xff51afd7ed558ccdU;  // short names differ in few bits
    return static_cast<std::int64_t>(1009 + (hash >> 44U));
  }

  std::int64_t call(std::string_view name, int depth) {
    std::int64_t value = sum(depth + 1);
    while (take(",")) {
      const std::int64_t other = sum(depth + 1);
      if (name == "Max") {
        value = std::max(value, other);
      } else if (name == "Min") {
        value = std::min(value, other);
      } else {
        return give_up();
      }
    }
    return take(")") && (name == "Max" || name == "Min") ? value : give_up();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool is_understood_ = true;
};

/// Sizes and strides of the axes that have more than one element.
struct Layout {
  Ints axes;
  Ints sizes;
  Ints strides;
  bool is_empty = false;
};

std::optional<Layout> layout_of(const TensorMeta& meta) {
  if (meta.sizes.size() != meta.strides.size()) return std::nullopt;
  Layout layout;
  for (std::size_t i = 0; i < meta.sizes.size(); ++i) {
    const auto size = sample(meta.sizes[i]);
    const auto stride = sample(meta.strides[i]);
    if (!size || !stride) return std::nullopt;
    layout.is_empty = layout.is_empty || *size == 0;
    if (*size == 1) continue;
    layout.axes.push_back(static_cast<std::int64_t>(i));
    layout.sizes.push_back(*size);
    layout.strides.push_back(*stride);
  }
  return layout;
}

}  // namespace

std::optional<std::int64_t> sample(const ir::Dim& dim) {
  if (dim.is_value()) return dim.value();
  if (!dim.is_symbol()) return std::nullopt;
  return Sampler(dim.symbol()).whole();
}

std::optional<Ints> dense_order(const TensorMeta& meta) {
  const auto layout = layout_of(meta);
  if (!layout) return std::nullopt;
  Ints order(meta.sizes.size());
  std::iota(order.begin(), order.end(), 0);
  if (layout->is_empty) return order;
  const auto stride_of = [&](std::int64_t axis) {
    const auto found = std::ranges::find(layout->axes, axis);
    return found == layout->axes.end() ? 0 : layout->strides[static_cast<std::size_t>(found - layout->axes.begin())];
  };
  std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) { return stride_of(a) > stride_of(b); });
  std::uint64_t expected = 1;
  for (auto axis = order.rbegin(); axis != order.rend(); ++axis) {
    const auto found = std::ranges::find(layout->axes, *axis);
    if (found == layout->axes.end()) continue;
    const auto index = static_cast<std::size_t>(found - layout->axes.begin());
    if (layout->strides[index] != static_cast<std::int64_t>(expected)) return std::nullopt;
    expected *= static_cast<std::uint64_t>(layout->sizes[index]);
  }
  return order;
}

bool is_contiguous(const TensorMeta& meta) {
  const auto layout = layout_of(meta);
  if (!layout) return true;
  if (layout->is_empty) return true;
  std::uint64_t expected = 1;
  for (std::size_t i = layout->sizes.size(); i-- > 0;) {
    if (layout->strides[i] != static_cast<std::int64_t>(expected)) return false;
    expected *= static_cast<std::uint64_t>(layout->sizes[i]);
  }
  return true;
}

bool reshape_aliases(Call& c) { return is_contiguous(c.meta("self")) || !is_contiguous(c.result()); }

bool contiguous_aliases(Call& c) { return is_contiguous(c.meta("self")); }

}  // namespace olivine::torch

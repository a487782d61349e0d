#include "runtime/sizes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include "base/error.h"
#include "base/suggest.h"

namespace olivine::runtime {
namespace {

/// Different sizes for different axes, so that axes that were mixed up don't go unnoticed.
constexpr std::int64_t kSizes[] = {2, 3, 4};
constexpr std::int64_t kLong = 16;
constexpr std::int64_t kPicture = 64;
constexpr std::int64_t kVolume = 16;

const std::optional<ir::Shape>* shape_of(const ir::Value* value) {
  if (value == nullptr) return nullptr;
  const ir::TensorType* const type = value->type.tensor();
  return type != nullptr && type->shape ? &type->shape : nullptr;
}

/// Exporters write -1 and "?" for a size that they don't know.
ir::Dim normalized(const ir::Dim& dim) {
  const bool unknown = (dim.is_value() && dim.value() < 0) || (dim.is_symbol() && dim.symbol() == "?");
  return unknown ? ir::Dim() : dim;
}

/// One axis of an input as the two models give it.
struct Axis {
  std::string key;  ///< "INPUT:AXIS"
  ir::Dim a;
  ir::Dim b;

  std::optional<std::int64_t> fixed() const {
    if (a.is_value()) return a.value();
    if (b.is_value()) return b.value();
    return std::nullopt;
  }
  std::vector<std::string> symbols() const {
    std::vector<std::string> names;
    for (const ir::Dim* const dim : {&a, &b}) {
      if (dim->is_symbol()) names.push_back(dim->symbol());
    }
    return names;
  }
};

std::vector<Axis> axes_of(const Pair& pair) {
  const auto* const a = shape_of(pair.a);
  const auto* const b = shape_of(pair.b);
  const std::string& name = pair.any().name();
  if (a != nullptr && b != nullptr && (*a)->size() != (*b)->size()) {
    throw Error(ErrorCode::config, fmt::format("has the shape {} in one model and {} in the other", ir::to_string(**a),
                                               ir::to_string(**b)))
        .prepend("input " + name);
  }
  // Without a shape a matrix is the best guess; other types than tensors have no axes of their own.
  const std::size_t guess = pair.any().type.tensor() != nullptr ? 2 : 0;
  std::vector<Axis> axes(a != nullptr ? (*a)->size() : b != nullptr ? (*b)->size() : guess);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    axes[i].key = fmt::format("{}:{}", name, i);
    if (a != nullptr) axes[i].a = normalized((**a)[i]);
    if (b != nullptr) axes[i].b = normalized((**b)[i]);
    if (axes[i].a.is_value() && axes[i].b.is_value() && axes[i].a.value() != axes[i].b.value()) {
      throw Error(ErrorCode::config, fmt::format("axis {} has {} elements in one model and {} in the other", i,
                                                 axes[i].a.value(), axes[i].b.value()))
          .prepend("input " + name);
    }
  }
  return axes;
}

/// The open axes of a picture or a volume that are its height, width and depth.
bool is_spatial(const std::vector<Axis>& axes, std::size_t axis) {
  const auto open = [&](std::size_t i) { return !axes[i].fixed(); };
  const auto channels = [&](std::size_t i) { return open(i) || *axes[i].fixed() <= 4; };
  if (axes.size() < 4 || axis == 0) return false;
  const bool last = !open(axes.size() - 1) && *axes.back().fixed() <= 4;
  if (last && open(1) && open(2)) return axis < axes.size() - 1;
  if (axis == 1) return false;
  if (channels(1)) return true;
  return open(2) && open(3);
}

std::int64_t default_size(const std::vector<Axis>& axes, std::size_t axis, bool long_axes) {
  if (is_spatial(axes, axis)) return axes.size() == 4 ? kPicture : kVolume;
  // A signal: channels first, its length open.
  if (axes.size() == 3 && axis == 2 && axes[1].fixed()) return kPicture;
  if (long_axes && axis > 0) return kLong;
  return kSizes[std::min<std::size_t>(axis, std::size(kSizes) - 1)];
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// "past_sequence_length + 1": exporters name a dimension by what it is the sum of.
std::optional<std::int64_t> sum(const std::string& symbol, const std::map<std::string, std::int64_t>& bound) {
  if (symbol.find('+') == std::string::npos) return std::nullopt;
  std::int64_t total = 0;
  for (std::size_t begin = 0; begin <= symbol.size();) {
    const std::size_t end = std::min(symbol.find('+', begin), symbol.size());
    const std::string term(trimmed(std::string_view(symbol).substr(begin, end - begin)));
    std::int64_t value = 0;
    const auto [stop, problem] = std::from_chars(term.data(), term.data() + term.size(), value);
    if (problem != std::errc() || stop != term.data() + term.size()) {
      const auto found = bound.find(term);
      if (found == bound.end()) return std::nullopt;
      value = found->second;
    }
    total += value;
    begin = end + 1;
  }
  return total;
}

/// A decoder's mask covers what was there before and what is new: total = past + new.
std::optional<std::int64_t> total_length(const std::string& symbol, const std::map<std::string, std::int64_t>& bound) {
  const auto has = [](const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; };
  if (!has(symbol, "total") || !has(symbol, "seq")) return std::nullopt;
  std::optional<std::int64_t> past;
  std::optional<std::int64_t> fresh;
  for (const auto& [name, size] : bound) {
    if (!has(name, "seq") || has(name, "total") || has(name, "max") || has(name, "+")) continue;
    (has(name, "past") ? past : fresh) = size;
  }
  if (!past || !fresh) return std::nullopt;
  return *past + *fresh;
}

/// Symbols that follow from others, once these have a size.
bool is_derived(const std::string& symbol, const std::set<std::string>& symbols) {
  if (symbol.find('+') != std::string::npos) return true;
  std::map<std::string, std::int64_t> any;
  for (const std::string& name : symbols) any.emplace(name, 1);
  return total_length(symbol, any).has_value();
}

void check_requested(const std::vector<std::vector<Axis>>& inputs,
                     const std::map<std::string, std::int64_t>& requested) {
  std::vector<std::string> known;
  for (const auto& axes : inputs) {
    for (const Axis& axis : axes) {
      known.push_back(axis.key);
      for (std::string& symbol : axis.symbols()) known.push_back(std::move(symbol));
    }
  }
  for (const auto& [name, size] : requested) {
    const std::string place = fmt::format("dim {}={}", name, size);
    if (size < 0) throw Error(ErrorCode::config, "a size cannot be negative").prepend(place);
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::set<std::string> symbols;
    for (const std::string& text : known) {
      if (text.find(':') == std::string::npos) symbols.insert(text);
    }
    const std::string guess = did_you_mean(name, known);
    throw Error(ErrorCode::config, "no input has a dimension of this name")
        .prepend(place)
        .remedy(!guess.empty()    ? guess
                : symbols.empty() ? "no dimension of theirs has a name; write INPUT:AXIS=SIZE"
                                  : fmt::format("they have {}", fmt::join(symbols, ", ")));
  }
}

void check_against(const Axis& axis, std::int64_t fixed, const std::map<std::string, std::int64_t>& requested) {
  std::vector<std::string> names = axis.symbols();
  names.push_back(axis.key);
  for (const std::string& name : names) {
    const auto found = requested.find(name);
    if (found == requested.end() || found->second == fixed) continue;
    throw Error(ErrorCode::config, fmt::format("a model fixes {} to {}", axis.key, fixed))
        .prepend(fmt::format("dim {}={}", name, found->second));
  }
}

/// Gives every symbol a size, in the order of how good the reason for it is.
class Binder {
 public:
  Binder(const std::vector<std::vector<Axis>>& inputs, const std::map<std::string, std::int64_t>& requested,
         bool long_axes)
      : bound(requested), inputs_(inputs), long_axes_(long_axes) {
    for_each_axis([&](const std::vector<Axis>& axes, std::size_t i) {
      const auto fixed = axes[i].fixed();
      if (fixed) check_against(axes[i], *fixed, requested);
      for (const std::string& symbol : axes[i].symbols()) {
        symbols_.insert(symbol);
        if (fixed) bound.try_emplace(symbol, *fixed);
      }
    });
    share_between_models();
    assume_defaults();
    assume_sums();
  }

  /// The size of an axis; a default for one without a symbol is noted.
  std::int64_t size(const std::vector<Axis>& axes, std::size_t i) {
    if (axes[i].fixed()) return *axes[i].fixed();
    if (const auto asked = bound.find(axes[i].key); asked != bound.end()) return asked->second;
    if (const auto names = axes[i].symbols(); !names.empty()) return bound.at(names.front());
    const std::int64_t size = default_size(axes, i, long_axes_);
    assumed.push_back(fmt::format("{} = {}", axes[i].key, size));
    return size;
  }

  std::map<std::string, std::int64_t> bound;
  std::vector<std::string> assumed;

 private:
  template <typename Visit>
  void for_each_axis(const Visit& visit) {
    for (const auto& axes : inputs_) {
      for (std::size_t i = 0; i < axes.size(); ++i) visit(axes, i);
    }
  }

  void assume(const std::string& symbol, std::int64_t size, std::string_view why) {
    if (bound.try_emplace(symbol, size).second) assumed.push_back(fmt::format("{} = {}{}", symbol, size, why));
  }

  /// A symbol of one model names the same dimension as the other model's symbol in its place.
  void share_between_models() {
    for_each_axis([&](const std::vector<Axis>& axes, std::size_t i) {
      const auto names = axes[i].symbols();
      for (const std::string& name : names) {
        const auto found = bound.find(name);
        if (found == bound.end()) continue;
        for (const std::string& other : names) bound.try_emplace(other, found->second);
      }
    });
  }

  void assume_defaults() {
    for_each_axis([&](const std::vector<Axis>& axes, std::size_t i) {
      for (const std::string& symbol : axes[i].symbols()) {
        if (!is_derived(symbol, symbols_)) assume(symbol, default_size(axes, i, long_axes_), "");
      }
    });
  }

  void assume_sums() {
    for_each_axis([&](const std::vector<Axis>& axes, std::size_t i) {
      for (const std::string& symbol : axes[i].symbols()) {
        auto size = sum(symbol, bound);
        if (!size) size = total_length(symbol, bound);
        assume(symbol, size.value_or(default_size(axes, i, long_axes_)), size ? " (a sum)" : "");
      }
    });
  }

  const std::vector<std::vector<Axis>>& inputs_;
  const bool long_axes_;
  std::set<std::string> symbols_;
};

}  // namespace

Sizes::Sizes(const std::vector<Pair>& inputs, const std::map<std::string, std::int64_t>& requested, bool long_axes) {
  std::vector<std::vector<Axis>> all;
  for (const Pair& pair : inputs) all.push_back(axes_of(pair));
  check_requested(all, requested);
  Binder binder(all, requested, long_axes);
  for (const auto& axes : all) {
    tensor::Dims dims;
    for (std::size_t i = 0; i < axes.size(); ++i) dims.push_back(binder.size(axes, i));
    dims_.push_back(std::move(dims));
  }
  bound_ = std::move(binder.bound);
  assumed_ = std::move(binder.assumed);
}

tensor::Dims Sizes::of(const ir::Shape& shape) const {
  tensor::Dims dims;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const ir::Dim dim = normalized(shape[i]);
    const auto found = dim.is_symbol() ? bound_.find(dim.symbol()) : bound_.end();
    dims.push_back(dim.is_value()          ? dim.value()
                   : found != bound_.end() ? found->second
                                           : kSizes[std::min<std::size_t>(i, std::size(kSizes) - 1)]);
  }
  return dims;
}

}  // namespace olivine::runtime

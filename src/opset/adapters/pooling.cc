#include <algorithm>
#include <limits>

#include "opset/adapters/families.h"

/// Pooling: over windows, and over all that is there.
namespace olivine::opset {
namespace {

// ---- Windows

/// What a node says of one spatial axis.
struct Window {
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t begin = 0;  ///< padding
  std::int64_t end = 0;
  std::optional<std::int64_t> length;

  std::int64_t extent() const { return dilation * (kernel - 1) + 1; }
  bool is_dilated() const { return dilation != 1 && kernel != 1; }

  // A window may start before the end of what is padded with `end`, but not behind the input. So
  // ceil((length + begin + end - extent) / stride) windows after the first, without those that start at
  // length + begin or later, are floor((length + begin + e - extent) / stride) with e as below.
  std::int64_t whole_end() const { return std::min(end + stride - 1, extent() - 1); }

  std::int64_t floored(std::int64_t length, std::int64_t end) const {
    return (length + begin + end - extent()) / stride + 1;
  }
};

using Windows = std::vector<Window>;

bool is_same_padded(const Step& s) { return s.string("auto_pad").starts_with("SAME"); }

/// Explicit padding, or none at all.
Windows windows_of(const Step& s) {
  const auto kernel = s.integers("kernel_shape");
  if (!kernel) s.refuse("it has no kernel_shape");
  const std::size_t rank = kernel->size();
  const Ints strides = s.integers("strides").value_or(Ints(rank, 1));
  const Ints dilations = s.integers("dilations").value_or(Ints(rank, 1));
  Ints pads = s.integers("pads").value_or(Ints(2 * rank, 0));
  if (s.string("auto_pad") == "VALID") pads.assign(2 * rank, 0);
  if (strides.size() != rank || dilations.size() != rank || pads.size() != 2 * rank) {
    s.refuse("its attributes are of different lengths");
  }
  Windows windows;
  for (std::size_t i = 0; i < rank; ++i) {
    windows.push_back({(*kernel)[i], strides[i], dilations[i], pads[i], pads[rank + i],
                       s.find_dim(s.input(0), static_cast<std::int64_t>(i) + 2)});
  }
  return windows;
}

Ints pads_of(const Windows& windows) {
  Ints pads;
  for (const Window& window : windows) pads.push_back(window.begin);
  for (const Window& window : windows) pads.push_back(window.end);
  return pads;
}

ir::Value* pad(Step& s, ir::Value* x, const Windows& windows, double value) {
  Ints pads(2, 0);
  for (const Window& window : windows) pads.push_back(window.begin);
  pads.insert(pads.end(), 2, 0);
  for (const Window& window : windows) pads.push_back(window.end);
  if (std::ranges::all_of(pads, [](std::int64_t n) { return n == 0; })) return x;
  if (s.opset() < 11) return s.emit("Pad", {x}, {{"pads", pads}, {"value", static_cast<float>(value)}});
  return s.emit("Pad", {x, s.ints(pads), s.number_like(value, x)});
}

// ---- ceil_mode

/// Whether older versions, which let windows start behind the input, infer one more.
bool drops_windows(const Window& window) {
  if (window.end + window.stride <= window.extent()) return false;
  if (!window.length) return true;
  const std::int64_t all = window.floored(*window.length, window.end + window.stride - 1);
  return all != window.floored(*window.length, window.whole_end());
}

void set_pads(Step& s, const Windows& windows) {
  s.node().remove("auto_pad");
  s.node().set("pads", pads_of(windows));
}

/// Says ceil_mode by padding.
void floor_windows(Step& s, Windows windows) {
  s.node().remove("ceil_mode");
  if (is_same_padded(s)) return;
  // Where padding counts, that of ceil_mode does not.
  const bool counts = s.schema().name() == "AveragePool" && s.integer("count_include_pad") != 0 &&
                      std::ranges::any_of(windows, [](const Window& w) { return w.whole_end() > w.end; });
  Windows padded = windows;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    padded[i].end = std::min(windows[i].end, windows[i].whole_end());
    windows[i].end = windows[i].whole_end() - (counts ? padded[i].end : 0);
    if (counts) windows[i].begin = 0;
  }
  if (counts) {
    s.node().set_input(0, pad(s, s.input(0), padded, 0));
    s.node().set("count_include_pad", std::int64_t{0});
  }
  set_pads(s, windows);
}

// ---- dilations

/// Where in the padded input each output's window takes its elements, as int64[outputs, kernel].
ir::Value* places(Step& s, const Window& window, std::int64_t axis) {
  Ints taps;
  for (std::int64_t k = 0; k < window.kernel; ++k) taps.push_back(k * window.dilation);
  ir::Value* length = s.size(s.input(0), axis);
  const std::int64_t more = window.begin + window.end - window.extent();
  if (window.length && *window.length + more < 0) s.refuse("its windows are wider than its input");
  ir::Value* gaps = s.emit("Div", {s.emit("Add", {length, s.ints({more})}), s.ints({window.stride})});
  ir::Value* starts = s.emit("Mul", {s.range(s.emit("Add", {gaps, s.ints({1})})), s.ints({window.stride})});
  return s.emit("Add", {s.unsqueeze(starts, {1}), s.ints(taps)});
}

/// How many elements each window has between `from` and `to` in the padded input, as float[outputs].
ir::Value* count(Step& s, ir::Value* places, ir::Value* from, ir::Value* to) {
  ir::Value* inside = s.emit("And", {s.emit("Not", {s.emit("Less", {places, from})}), s.emit("Less", {places, to})});
  return s.reduce("ReduceSum", s.cast(inside, DataType::float32), {1}, false);
}

/// The elements of all windows: [N, C, outputs, kernel, outputs, kernel …].
struct Unfolded {
  ir::Value* elements;
  ir::Value* counts;  ///< of an average; broadcasts with the output
  Ints reduced;       ///< the kernels' axes
};

Unfolded unfold(Step& s, Windows windows, double padding) {
  const bool averages = s.schema().name() == "AveragePool";
  const bool includes = averages && s.integer("count_include_pad") != 0;
  const bool ceil = s.integer("ceil_mode") != 0;
  if (is_same_padded(s)) s.refuse("what auto_pad means together with dilations is not defined");
  Windows given = windows;
  for (Window& window : windows) window.end = ceil ? window.whole_end() : window.end;
  Unfolded result{pad(s, s.input(0), windows, padding), nullptr, {}};
  const auto rank = static_cast<std::int64_t>(windows.size());
  for (std::int64_t i = rank - 1; i >= 0; --i) {
    const Window& window = windows[static_cast<std::size_t>(i)];
    const Window& told = given[static_cast<std::size_t>(i)];
    ir::Value* indices = places(s, window, i + 2);
    result.elements = s.emit("Gather", {result.elements, indices}, {{"axis", i + 2}});
    result.reduced.insert(result.reduced.begin(), 3 + 2 * i);
    if (!averages) continue;
    ir::Value* from = s.integer_scalar(includes ? 0 : told.begin);
    const std::int64_t around = includes ? told.begin + told.end : told.begin;
    ir::Value* to = s.emit("Add", {s.size(s.input(0), i + 2), s.ints({around})});
    Ints dims(static_cast<std::size_t>(rank - i), 1);
    dims.front() = -1;
    ir::Value* counts = s.reshape(count(s, indices, from, to), dims);
    result.counts = result.counts == nullptr ? counts : s.emit("Mul", {result.counts, counts});
  }
  return result;
}

ir::Value* max_of(Step& s, const Windows& windows) {
  if (s.used_output(1) != nullptr) s.refuse("in this opset there are no Indices of elements that lie apart");
  const Unfolded unfolded = unfold(s, windows, -std::numeric_limits<double>::infinity());
  return s.reduce("ReduceMax", unfolded.elements, unfolded.reduced, false);
}

ir::Value* average_of(Step& s, const Windows& windows) {
  const Unfolded unfolded = unfold(s, windows, 0);
  ir::Value* sum = s.reduce("ReduceSum", unfolded.elements, unfolded.reduced, false);
  return s.emit("Div", {sum, s.cast(unfolded.counts, s.dtype(sum))});
}

ir::Value* norm_of(Step& s, const Windows& windows) {
  const std::int64_t p = s.integer("p");
  const Unfolded unfolded = unfold(s, windows, 0);
  if (p == 1 || p == 2) return s.reduce(p == 1 ? "ReduceL1" : "ReduceL2", unfolded.elements, unfolded.reduced, false);
  ir::Value* magnitude = s.emit("Abs", {unfolded.elements});
  ir::Value* powers = s.emit("Pow", {magnitude, s.number_like(static_cast<double>(p), magnitude)});
  ir::Value* sum = s.reduce("ReduceSum", powers, unfolded.reduced, false);
  return s.emit("Pow", {sum, s.number_like(1.0 / static_cast<double>(p), sum)});
}

/// Before this version there were no dilations, and, with `also_ceil`, no ceil_mode.
template <ir::Value* (*reduce)(Step&, const Windows&), bool also_ceil>
void undilate(Step& s) {
  const Windows windows = windows_of(s);
  if (std::ranges::any_of(windows, &Window::is_dilated)) return s.replace({reduce(s, windows)});
  s.node().remove("dilations");
  if (also_ceil && s.integer("ceil_mode") != 0) floor_windows(s, windows);
}

/// Padding must be narrower than the kernel, however far its elements lie apart.
template <ir::Value* (*reduce)(Step&, const Windows&)>
void windows_22_down(Step& s) {
  if (s.integer("ceil_mode") == 0 || is_same_padded(s)) return;
  const Windows windows = windows_of(s);
  if (std::ranges::none_of(windows, drops_windows)) return;
  if (std::ranges::any_of(windows, [](const Window& w) { return w.whole_end() >= w.kernel; })) {
    return s.replace({reduce(s, windows)});
  }
  floor_windows(s, windows);
}

void average_10_down(Step& s) {
  if (s.integer("ceil_mode") != 0) floor_windows(s, windows_of(s));
}

// Opset 7 does not tell where its maxima stand.
void without_indices(Step& s) {
  if (s.used_output(1) != nullptr) s.refuse("before opset 8 MaxPool has no output Indices");
  if (s.node().output(1) != nullptr) s.node().remove_output(1);
  s.node().remove("storage_order");
}

// ---- Before opset 2

void whole_p(Step& s) {
  const float p = s.floating("p");
  if (p != static_cast<float>(static_cast<std::int64_t>(p))) s.refuse("its p is no whole number");
  s.node().set("p", static_cast<std::int64_t>(p));
}

constexpr std::string_view kFloored =
    "where ceil_mode leaves windows out, it is said by padding, or the windows' elements are gathered and reduced";
constexpr std::string_view kUnfolded = "with dilations the windows' elements are gathered and reduced";
constexpr std::string_view kUnfoldedToo =
    "ceil_mode is said by padding; with dilations the windows' elements are gathered and reduced";
constexpr std::string_view kDefaults = "the same, with the default of strides written down";
constexpr std::string_view kWholeP = "p becomes an integer";

constexpr Adapter kAdapters[] = {
    down("AveragePool", 22, &windows_22_down<&average_of>, kFloored),
    down("AveragePool", 19, &undilate<&average_of, false>, kUnfolded),
    same_up("AveragePool", 11, kDefaults),
    same_down("AveragePool", 11, kDefaults),
    down("AveragePool", 10, &average_10_down, "ceil_mode is said by padding"),
    down("MaxPool", 22, &windows_22_down<&max_of>, kFloored),
    same_up("MaxPool", 11, kDefaults),
    same_down("MaxPool", 11, kDefaults),
    down("MaxPool", 10, &undilate<&max_of, true>, kUnfoldedToo),
    same_up("MaxPool", 8, "also tells where its maxima stand"),
    down("MaxPool", 8, &without_indices, "without the output Indices"),
    down("LpPool", 22, &windows_22_down<&norm_of>, kFloored),
    down("LpPool", 18, &undilate<&norm_of, true>, kUnfoldedToo),
    same_up("LpPool", 11, kDefaults),
    same_down("LpPool", 11, kDefaults),
    up("LpPool", 2, &whole_p, kWholeP),
    up("GlobalLpPool", 2, &whole_p, kWholeP),
    impossible_down("MaxUnpool", 9, "no operator of opset 8 puts elements where indices say"),
    same_up("MaxUnpool", 11, kDefaults),
    same_down("MaxUnpool", 11, kDefaults),
};

}  // namespace

std::span<const Adapter> pooling_adapters() { return kAdapters; }

}  // namespace olivine::opset

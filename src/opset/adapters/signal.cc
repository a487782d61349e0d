#include <cmath>
#include <numbers>

#include "opset/adapters/families.h"

/// Fourier transforms, and what is made to go with them.
namespace olivine::opset {
namespace {

/// A matrix of more elements is computed when the model runs.
constexpr std::int64_t kStoredElements = std::int64_t{1} << 20;
constexpr double kTau = 2 * std::numbers::pi;

/// int64[1] of an integer scalar.
ir::Value* one_element(Step& s, ir::Value* scalar) { return s.reshape(s.cast(scalar, DataType::int64), {1}); }

// ---- The transform as a matrix
//
// y[k] = sum of x[n] e^(-2 pi i n k / N), with +2 pi i and divided by N where it is inverse; x is cut or filled with
// zeros to N. One-sided, of real x, it ends at k = N / 2; its inverse takes that half, in which all but the first and,
// for an even N, the last stand for two, and makes real numbers. As complex numbers are pairs of the last axis, all
// this is a matrix [n * parts, k * parts].

struct Transform {
  bool inverse = false;
  bool onesided = false;
  std::int64_t parts = 1;  ///< of x: 1 or 2

  bool to_real() const { return inverse && onesided; }
  std::int64_t results() const { return to_real() ? 1 : 2; }
  double sign() const { return inverse ? 1 : -1; }
};

/// int64[1]: of the axis, of the transform, and of the result's axis.
struct Lengths {
  ir::Value* input;
  ir::Value* points;
  ir::Value* output;
  bool cuts;  ///< `points` may be fewer than `input`
};

ir::Value* half(Step& s, ir::Value* points) {
  return s.emit("Add", {s.emit("Div", {points, s.ints({2})}), s.ints({1})});
}

Lengths lengths_of(Step& s, const Transform& t, ir::Value* input, ir::Value* points) {
  const bool given = points != nullptr;
  if (!given) {
    points = t.to_real() ? s.emit("Mul", {s.emit("Sub", {input, s.ints({1})}), s.ints({2})}) : input;
  }
  return {input, points, t.onesided && !t.inverse ? half(s, points) : points, given};
}

/// From any other number of bins than N / 2 + 1, implementations don't agree on the real numbers.
bool is_whole_half(const Step& s, const Transform& t, const Lengths& lengths) {
  const auto input = s.find_ints(lengths.input);
  const auto points = s.find_ints(lengths.points);
  return !t.to_real() || !input || !points || input->front() == points->front() / 2 + 1;
}

ir::Value* stored_matrix(Step& s, const Transform& t, const Lengths& lengths, DataType dtype) {
  const auto input = s.find_number(lengths.input);
  const auto points = s.find_number(lengths.points);
  if (!input || !points || *points < 1) return nullptr;
  const auto rows = static_cast<std::int64_t>(*input);
  const auto size = static_cast<std::int64_t>(*points);
  const std::int64_t columns = t.onesided && !t.inverse ? size / 2 + 1 : size;
  if (rows * columns * t.parts * t.results() > kStoredElements) return nullptr;
  std::vector<double> matrix;
  for (std::int64_t n = 0; n < rows; ++n) {
    double factor = t.inverse ? 1.0 / static_cast<double>(size) : 1.0;
    if (t.to_real() && n != 0 && 2 * n != size) factor *= 2;
    if (n >= (t.to_real() ? size / 2 + 1 : size)) factor = 0;
    for (std::int64_t part = 0; part < t.parts; ++part) {
      for (std::int64_t k = 0; k < columns; ++k) {
        const double angle = t.sign() * kTau * static_cast<double>(n * k % size) / static_cast<double>(size);
        matrix.push_back(factor * (part == 0 ? std::cos(angle) : -std::sin(angle)));
        if (t.results() == 2) matrix.push_back(factor * (part == 0 ? std::sin(angle) : std::cos(angle)));
      }
    }
  }
  return s.reals(matrix, {rows * t.parts, columns * t.results()}, dtype);
}

/// The factor of each row, as [n, 1], or of all.
ir::Value* row_factors(Step& s, const Transform& t, const Lengths& lengths, ir::Value* n, DataType dtype) {
  ir::Value* factor = nullptr;
  const auto times = [&](ir::Value* other) { factor = factor == nullptr ? other : s.emit("Mul", {factor, other}); };
  if (t.inverse) times(s.emit("Div", {s.number(1, dtype), s.cast(lengths.points, dtype)}));
  if (t.to_real()) {
    ir::Value* middle = s.emit("Equal", {s.emit("Add", {n, n}), lengths.points});
    ir::Value* single = s.emit("Or", {middle, s.emit("Equal", {n, s.ints({0})})});
    times(s.emit("Sub", {s.number(2, dtype), s.cast(single, dtype)}));
  }
  if (lengths.cuts) {
    ir::Value* count = t.to_real() ? half(s, lengths.points) : lengths.points;
    times(s.cast(s.emit("Less", {n, count}), dtype));
  }
  return factor;
}

ir::Value* computed_matrix(Step& s, const Transform& t, const Lengths& lengths, DataType dtype) {
  ir::Value* n = s.unsqueeze(s.range(lengths.input), {1});
  ir::Value* product = s.emit("Mul", {n, s.range(lengths.output)});
  ir::Value* rounds = s.emit("Mul", {s.emit("Div", {product, lengths.points}), lengths.points});
  ir::Value* turns = s.emit("Div", {s.cast(s.emit("Sub", {product, rounds}), dtype), s.cast(lengths.points, dtype)});
  ir::Value* angle = s.emit("Mul", {turns, s.number(t.sign() * kTau, dtype)});
  ir::Value* cosine = s.emit("Cos", {angle});
  ir::Value* sine = s.emit("Sin", {angle});
  if (ir::Value* factor = row_factors(s, t, lengths, n, dtype)) {
    cosine = s.emit("Mul", {cosine, factor});
    sine = s.emit("Mul", {sine, factor});
  }
  const auto row = [&](ir::Value* real, ir::Value* imaginary) {
    if (t.results() == 1) return s.unsqueeze(real, {1});
    return s.unsqueeze(s.concat({s.unsqueeze(real, {2}), s.unsqueeze(imaginary, {2})}, 2), {1});
  };
  ir::Value* rows = row(cosine, sine);
  if (t.parts == 2) rows = s.concat({rows, row(s.emit("Neg", {sine}), cosine)}, 1);
  return s.emit("Flatten", {rows}, {{"axis", 2}});
}

/// `points` is int64[1], or null for as many as there are.
ir::Value* transformed(Step& s, ir::Value* x, std::int64_t axis, ir::Value* points, Transform t) {
  const DataType dtype = s.dtype(x);
  const std::int64_t rank = s.rank(x);
  const auto parts = s.find_dim(x, rank - 1);
  if (!parts) s.refuse("whether its input is complex is not known");
  t.parts = *parts;
  const DataType wide = bit_width(dtype) < 32 ? DataType::float32 : dtype;
  const Lengths lengths = lengths_of(s, t, s.size(x, axis), points);
  if (!is_whole_half(s, t, lengths)) s.refuse("what a one-sided inverse makes of another half is not defined");
  ir::Value* matrix = stored_matrix(s, t, lengths, wide);
  if (matrix == nullptr) matrix = computed_matrix(s, t, lengths, wide);
  Ints order;
  for (std::int64_t i = 0; i < rank; ++i) order.push_back(i);
  std::swap(order[static_cast<std::size_t>(axis)], order[static_cast<std::size_t>(rank - 2)]);
  const bool turned = axis != rank - 2;
  x = s.cast(x, wide);
  if (turned) x = s.transpose(x, order);
  Ints dims(static_cast<std::size_t>(rank - 2), 0);
  dims.push_back(-1);
  ir::Value* y = s.emit("MatMul", {s.reshape(x, dims), matrix});
  dims.push_back(t.results());
  y = s.reshape(y, dims);
  return s.cast(turned ? s.transpose(y, order) : y, dtype);
}

// ---- DFT

Transform transform_of(const Step& s) {
  return {s.schema().name() == "DFT" && s.integer("inverse") != 0, s.integer("onesided") != 0};
}

void dft_20_up(Step& s) {
  ir::Value* axis = s.integer_scalar(s.integer("axis"));
  s.node().remove("axis");
  s.node().set_input(2, axis);
}

// Along axis 1 of [before, axis, after, parts].
void dft_along_computed_axis(Step& s) {
  ir::Value* x = s.input(0);
  const std::int64_t rank = s.rank(x);
  const Transform t = transform_of(s);
  ir::Value* axis = one_element(s, s.input(2));
  ir::Value* from_end = s.emit("Less", {axis, s.ints({0})});
  axis = s.emit("Where", {from_end, s.emit("Add", {axis, s.ints({rank})}), axis});
  ir::Value* shape = s.shape(x);
  ir::Value* before = s.emit("Slice", {shape, s.ints({0}), axis});
  ir::Value* after = s.emit("Slice", {shape, s.emit("Add", {axis, s.ints({1})}), s.ints({rank - 1})});
  const auto count = [&](ir::Value* sizes) { return s.reduce("ReduceProd", s.concat({s.ints({1}), sizes}, 0), {}); };
  ir::Value* length = s.emit("Gather", {shape, axis}, {{"axis", 0}});
  ir::Value* flat = s.emit("Reshape", {x, s.concat({count(before), length, count(after), s.size(x, rank - 1)}, 0)});
  ir::Value* y = s.emit("DFT", {flat, s.input(1)},
                        {{"axis", 1}, {"inverse", t.inverse ? 1 : 0}, {"onesided", t.onesided ? 1 : 0}});
  s.replace_by("Reshape", {y, s.concat({before, s.size(y, 1), after, s.ints({t.results()})}, 0)});
}

void dft_20_down(Step& s) {
  std::int64_t axis = -2;
  if (s.input(2) != nullptr) {
    const auto known = s.find_ints(s.input(2));
    if (!known || known->size() != 1) return dft_along_computed_axis(s);
    axis = known->front();
  }
  s.node().resize_inputs(s.input(1) != nullptr ? 2 : 1);
  s.node().set("axis", axis);
}

void dft_17_down(Step& s) {
  const std::int64_t axis = s.positive_axis(s.integer("axis"), s.rank(s.input(0)));
  ir::Value* points = s.input(1) == nullptr ? nullptr : one_element(s, s.input(1));
  s.replace({transformed(s, s.input(0), axis, points, transform_of(s))});
}

// ---- STFT

// Frames are gathered as [batch, frame, place, parts] and transformed.
void stft_17_down(Step& s) {
  ir::Value* signal = s.input(0);
  if (s.rank(signal) == 2) signal = s.unsqueeze(signal, {2});
  ir::Value* window = s.input(2);
  if (window == nullptr && s.input(3) == nullptr) s.refuse("it has neither a window nor a frame length");
  ir::Value* step = one_element(s, s.input(1));
  ir::Value* length = s.input(3) != nullptr ? one_element(s, s.input(3)) : s.size(window, 0);
  ir::Value* gaps = s.emit("Div", {s.emit("Sub", {s.size(signal, 1), length}), step});
  ir::Value* starts = s.emit("Mul", {s.range(s.emit("Add", {gaps, s.ints({1})})), step});
  ir::Value* places = s.emit("Add", {s.unsqueeze(starts, {1}), s.range(length)});
  ir::Value* frames = s.emit("Gather", {signal, places}, {{"axis", 1}});
  if (window != nullptr) frames = s.emit("Mul", {frames, s.unsqueeze(window, {1})});
  s.replace({transformed(s, frames, 2, nullptr, transform_of(s))});
}

// ---- Windows

// a0 - a1 cos(2 pi n / N) + a2 cos(4 pi n / N), where N is the size, or one less where it is symmetric.
struct Coefficients {
  double a0;
  double a1;
  double a2;
};

constexpr Coefficients kHann = {0.5, 0.5, 0};
constexpr Coefficients kHamming = {25.0 / 46, 21.0 / 46, 0};
constexpr Coefficients kBlackman = {0.42, 0.5, 0.08};

ir::Value* stored_window(Step& s, const Coefficients& a, std::int64_t size, bool periodic, DataType dtype) {
  std::vector<double> values;
  const auto period = static_cast<double>(periodic ? size : size - 1);
  for (std::int64_t n = 0; n < size; ++n) {
    const double angle = kTau * static_cast<double>(n) / period;
    values.push_back(a.a0 - a.a1 * std::cos(angle) + a.a2 * std::cos(2 * angle));
  }
  return s.reals(values, {size}, dtype);
}

ir::Value* computed_window(Step& s, const Coefficients& a, ir::Value* size, bool periodic, DataType dtype) {
  ir::Value* period = periodic ? size : s.emit("Sub", {size, s.ints({1})});
  ir::Value* step = s.emit("Div", {s.number(kTau, dtype), s.cast(period, dtype)});
  ir::Value* angle = s.emit("Mul", {s.cast(s.range(size), dtype), step});
  ir::Value* first = s.emit("Mul", {s.emit("Cos", {angle}), s.number(a.a1, dtype)});
  ir::Value* sum = s.emit("Sub", {s.number(a.a0, dtype), first});
  if (a.a2 == 0) return sum;
  ir::Value* twice = s.emit("Cos", {s.emit("Add", {angle, angle})});
  return s.emit("Add", {sum, s.emit("Mul", {twice, s.number(a.a2, dtype)})});
}

template <const Coefficients& a>
void window_17_down(Step& s) {
  const auto dtype = static_cast<DataType>(s.integer("output_datatype"));
  const bool periodic = s.integer("periodic") != 0;
  const DataType wide = dtype == DataType::float64 ? dtype : DataType::float32;
  const auto size = s.find_number(s.input(0));
  const bool stored = size && *size >= 0 && *size <= static_cast<double>(kStoredElements);
  s.replace({s.cast(stored ? stored_window(s, a, static_cast<std::int64_t>(*size), periodic, wide)
                           : computed_window(s, a, one_element(s, s.input(0)), periodic, wide),
                    dtype)});
}

// ---- MelWeightMatrix

/// Where triangles begin, peak and end: int64[bins + 2]. mel(f) = 2595 log10(1 + f / 700), of which there are bins + 2
/// steps from the lower to the upper edge; each lies at spectrogram bin floor((dft_length + 1) * f / sample_rate).
ir::Value* mel_places(Step& s, ir::Value* bins) {
  constexpr double kScale = 2595;
  constexpr double kCorner = 700;
  const auto known = [&](std::size_t index) { return s.find_number(s.input(index)); };
  if (known(0) && known(1) && known(2) && known(3) && known(4)) {
    const auto mel = [](double f) { return kScale * std::log10(1 + f / kCorner); };
    const double low = mel(*known(3));
    const double step = (mel(*known(4)) - low) / (*known(0) + 2);
    Ints places;
    for (double i = 0; i < *known(0) + 2; ++i) {
      const double hertz = kCorner * (std::pow(10, (low + i * step) / kScale) - 1);
      places.push_back(static_cast<std::int64_t>(std::floor((*known(1) + 1) * hertz / *known(2))));
    }
    return s.ints(places);
  }
  const auto real = [&](double value) { return s.number(value, DataType::float64); };
  const auto input = [&](std::size_t index) { return s.cast(s.input(index), DataType::float64); };
  const auto mel = [&](ir::Value* f) {
    ir::Value* argument = s.emit("Add", {s.emit("Div", {f, real(kCorner)}), real(1)});
    return s.emit("Mul", {s.emit("Log", {argument}), real(kScale / std::numbers::ln10)});
  };
  ir::Value* low = mel(input(3));
  ir::Value* count = s.emit("Add", {bins, s.ints({2})});
  ir::Value* step = s.emit("Div", {s.emit("Sub", {mel(input(4)), low}), s.cast(count, DataType::float64)});
  ir::Value* mels = s.emit("Add", {s.emit("Mul", {s.cast(s.range(count), DataType::float64), step}), low});
  ir::Value* power = s.emit("Pow", {real(10), s.emit("Div", {mels, real(kScale)})});
  ir::Value* hertz = s.emit("Mul", {s.emit("Sub", {power, real(1)}), real(kCorner)});
  ir::Value* scaled = s.emit("Mul", {s.emit("Add", {input(1), real(1)}), hertz});
  return s.cast(s.emit("Div", {scaled, input(2)}), DataType::int64);
}

// Triangles: up from `begin` to `peak`, where it is 1, and down to `end`.
void mel_17_down(Step& s) {
  ir::Value* bins = one_element(s, s.input(0));
  ir::Value* places = mel_places(s, bins);
  const auto real = [&](ir::Value* value) { return s.cast(value, DataType::float32); };
  ir::Value* one = s.number(1, DataType::float32);
  ir::Value* each = s.range(bins);
  const auto place = [&](std::int64_t offset) {
    ir::Value* index = offset == 0 ? each : s.emit("Add", {each, s.ints({offset})});
    return real(s.emit("Gather", {places, index}, {{"axis", 0}}));
  };
  ir::Value* begin = place(0);
  ir::Value* peak = place(1);
  ir::Value* end = place(2);
  ir::Value* row = real(s.unsqueeze(s.range(half(s, one_element(s, s.input(1)))), {1}));
  const auto slope = [&](ir::Value* distance, ir::Value* width) {
    return s.emit("Div", {distance, s.emit("Max", {width, one})});
  };
  ir::Value* width = s.emit("Sub", {peak, begin});
  // A triangle of no width to the left is 1 at its peak.
  ir::Value* upright = real(s.emit("Less", {width, one}));
  ir::Value* up = s.emit("Add", {slope(s.emit("Sub", {row, begin}), width), upright});
  ir::Value* down = slope(s.emit("Sub", {end, row}), s.emit("Sub", {end, peak}));
  ir::Value* weights = s.emit("Where", {s.emit("Less", {peak, row}), down, up});
  s.replace({s.cast(s.emit("Relu", {weights}), static_cast<DataType>(s.integer("output_datatype")))});
}

constexpr std::string_view kMatrix = "a product with a matrix of sines and cosines";
constexpr std::string_view kWindow = "a sum of cosines, or a constant where the size is known";

constexpr Adapter kAdapters[] = {
    up("DFT", 20, &dft_20_up, "axis becomes an input"),
    down("DFT", 20, &dft_20_down, "axis becomes an attribute, by a reshape where it is not known"),
    down("DFT", 17, &dft_17_down, kMatrix),
    down("STFT", 17, &stft_17_down, "frames are gathered and multiplied by a matrix of sines and cosines"),
    down("HannWindow", 17, &window_17_down<kHann>, kWindow),
    down("HammingWindow", 17, &window_17_down<kHamming>, kWindow),
    down("BlackmanWindow", 17, &window_17_down<kBlackman>, kWindow),
    down("MelWeightMatrix", 17, &mel_17_down, "triangles are computed"),
};

}  // namespace

std::span<const Adapter> signal_adapters() { return kAdapters; }

}  // namespace olivine::opset

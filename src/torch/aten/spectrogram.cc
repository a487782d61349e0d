#include <array>
#include <cmath>

#include "torch/aten/complex.h"
#include "torch/aten/families.h"
#include "torch/aten/fourier.h"
#include "torch/aten/products.h"
#include "torch/promote.h"

/// Spectra of short frames of a signal, and back.
namespace olivine::torch {
namespace {

struct Frames {
  std::int64_t length;  ///< of a frame, and of its transform
  std::int64_t hop;
  std::int64_t bins;
  bool onesided;
  double scale;       ///< of the transform, by `normalized`
  ir::Value* window;  ///< as long as a frame
};

/// A window shorter than the frame stands in its middle.
ir::Value* window_of(Call& c, std::int64_t frame, DataType dtype) {
  const std::int64_t length = c.integer("win_length", frame);
  ir::Value* window = c.find_tensor("window");
  window = window != nullptr ? c.cast(window, dtype) : c.filled(c.ints({length}), Number(1.0), dtype);
  if (length == frame) return window;
  const std::int64_t before = (frame - length) / 2;
  return c.emit("Pad", {window, c.ints({before, frame - length - before}), c.number(0, dtype)});
}

Frames frames_of(Call& c, DataType dtype, bool inverse) {
  if (c.has("window") && c.is_complex("window")) c.refuse("its window is complex");
  Frames frames{};
  frames.length = c.integer("n_fft");
  frames.hop = c.integer("hop_length", frames.length / 4);
  frames.onesided = inverse || c.flag("onesided", true);
  frames.bins = frames.onesided ? frames.length / 2 + 1 : frames.length;
  const FourierScale usual = inverse ? FourierScale::by_length : FourierScale::none;
  frames.scale = fourier_factor(c.flag("normalized", false) ? FourierScale::by_root : usual, frames.length);
  frames.window = window_of(c, frames.length, dtype);
  return frames;
}

/// A matrix of `rows` waves, each a frame long, under the window: as a convolution's kernel.
ir::Value* kernel_of(Call& c, const Frames& frames, const std::vector<double>& waves, DataType dtype) {
  ir::Value* kernel = c.reals(waves, {2 * frames.bins, 1, frames.length}, dtype);
  return c.has("window") || c.has("win_length") ? times(c, kernel, frames.window) : kernel;
}

std::vector<double> turned(const std::vector<double>& matrix, std::int64_t rows) {
  const auto columns = static_cast<std::int64_t>(matrix.size()) / rows;
  std::vector<double> result(matrix.size());
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      result[static_cast<std::size_t>(j * rows + i)] = matrix[static_cast<std::size_t>(i * columns + j)];
    }
  }
  return result;
}

/// [batch, length] -> [batch, bins, frames, 2], all of it by one convolution: each channel is a wave under the window.
ir::Value* by_convolution(Call& c, ir::Value* signal, const Frames& frames) {
  const std::vector<double> waves =
      turned(analysis_matrix(frames.length, frames.bins, false, frames.scale), frames.length);
  ir::Value* kernel = kernel_of(c, frames, waves, c.dtype(signal));
  ir::Value* spectra = c.emit("Conv", {c.unsqueeze(signal, {1}), kernel}, {{"strides", Ints{frames.hop}}});
  ir::Value* sizes = c.concat({c.size(signal, 0), c.ints({frames.bins, 2}), c.size(spectra, 2)}, 0);
  return c.transpose(c.reshape_to(spectra, sizes), {0, 1, 3, 2});
}

ir::Value* by_operator(Call& c, ir::Value* signal, const Frames& frames) {
  ir::Value* spectra = c.emit(
      "STFT", {c.unsqueeze(signal, {2}), c.integer_scalar(frames.hop), frames.window, c.integer_scalar(frames.length)},
      {{"onesided", frames.onesided ? 1 : 0}});
  if (frames.scale != 1) spectra = times(c, spectra, c.number(frames.scale, c.dtype(spectra)));
  return c.transpose(spectra, {0, 2, 1, 3});
}

ir::Value* centred(Call& c, ir::Value* signal, std::int64_t frame) {
  const std::string mode = c.string("pad_mode", "reflect");
  const char* own = mode == "replicate" ? "edge" : mode == "circular" ? "wrap" : mode.c_str();
  const std::int64_t half = frame / 2;
  return c.emit("Pad", {signal, c.ints({half, half}), nullptr, c.ints({1})}, {{"mode", own}});
}

ir::Value* stft(Call& c) {
  ir::Value* signal = c.tensor("self");
  if (c.is_complex("self")) c.refuse("its signal is complex");
  if (c.flag("align_to_window", false)) c.refuse("its frames are aligned to the window");
  const DataType dtype = c.dtype(signal);
  const Frames frames = frames_of(c, dtype, false);
  const bool is_single = c.rank(signal) == 1;
  if (is_single) signal = c.unsqueeze(signal, {0});
  if (c.target().ends_with(".center") && c.flag("center", true)) signal = centred(c, signal, frames.length);
  // Runtimes lose digits in transforms of other lengths, and convolve single precision only.
  const bool has_operator = is_fast_length(frames.length) || dtype == DataType::float64;
  ir::Value* spectra = has_operator ? by_operator(c, signal, frames) : by_convolution(c, signal, frames);
  return is_single ? c.squeeze(spectra, {0}) : spectra;
}

// ---- Back

/// Frames [batch, waves, frames] laid over each other with a hop between them: [batch, length].
ir::Value* overlapped(Call& c, ir::Value* frames, ir::Value* kernel, std::int64_t hop) {
  return c.squeeze(c.emit("ConvTranspose", {frames, kernel}, {{"strides", Ints{hop}}}), {1});
}

ir::Value* istft(Call& c) {
  if (c.flag("return_complex", false)) c.refuse("its result is complex");
  ir::Value* spectra = c.tensor("self");
  const bool is_single = c.rank(spectra) == 3;
  if (is_single) spectra = c.unsqueeze(spectra, {0});
  const DataType dtype = c.dtype(spectra);
  // Of a whole spectrum PyTorch too takes the half that the other should mirror.
  const std::int64_t bins = c.integer("n_fft") / 2 + 1;
  if (c.find_dim(spectra, 1) != bins) spectra = c.slice(spectra, 1, 0, bins);
  const Frames frames = frames_of(c, dtype, true);
  ir::Value* count = c.size(spectra, 2);
  ir::Value* sizes = c.concat({c.size(spectra, 0), c.ints({2 * frames.bins}), count}, 0);
  ir::Value* channels = c.reshape_to(c.transpose(spectra, {0, 1, 3, 2}), sizes);
  const std::vector<double> waves = synthesis_matrix(frames.length, frames.bins, true, frames.scale);
  ir::Value* signal = overlapped(c, channels, kernel_of(c, frames, waves, dtype), frames.hop);
  // How much of the window each sample has got.
  ir::Value* ones = c.filled(c.concat({c.ints({1, 1}), count}, 0), Number(1.0), dtype);
  ir::Value* squares = c.reshape(times(c, frames.window, frames.window), {1, 1, frames.length});
  ir::Value* envelope = overlapped(c, ones, squares, frames.hop);

  ir::Value* whole = c.emit(
      "Add", {c.ints({frames.length}), c.emit("Mul", {c.emit("Sub", {count, c.ints({1})}), c.ints({frames.hop})})});
  const std::int64_t start = c.flag("center", true) ? frames.length / 2 : 0;
  ir::Value* end = c.has("length") ? c.ints({start + c.integer("length")}) : c.emit("Sub", {whole, c.ints({start})});
  const auto cut = [&](ir::Value* value) { return c.emit("Slice", {value, c.ints({start}), end, c.ints({1})}); };
  ir::Value* result = c.emit("Div", {cut(signal), cut(envelope)});
  if (c.has("length")) {
    ir::Value* missing = c.emit("Max", {c.emit("Sub", {end, whole}), c.ints({0})});
    if (c.find_ints(missing) != Ints{0}) {
      result = c.emit("Pad", {result, c.concat({c.ints({0}), missing}, 0), c.number(0, dtype), c.ints({1})});
    }
  }
  return is_single ? c.squeeze(result, {0}) : result;
}

constexpr std::array kOps = {
    op("aten.stft.default", stft),
    op("aten.stft.center", stft),
    complex_too(op("aten.istft.default", istft)),
};

}  // namespace

Ops spectrogram_ops() { return kOps; }

}  // namespace olivine::torch

#include "huggingface/quantization.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "huggingface/quantization/format.h"

namespace olivine::huggingface {

extern const QuantizationFormat kAwq;
extern const QuantizationFormat kCompressedTensors;
extern const QuantizationFormat kFbgemmFp8;
extern const QuantizationFormat kFp8;
extern const QuantizationFormat kGptq;
extern const QuantizationFormat kMxfp4;

namespace {

constexpr std::array<const QuantizationFormat*, 6> kFormats = {&kAwq,  &kCompressedTensors, &kFbgemmFp8, &kFp8, &kGptq,
                                                               &kMxfp4};

}  // namespace

std::vector<std::string_view> quantization_methods() {
  std::vector<std::string_view> names;
  for (const QuantizationFormat* format : kFormats) names.push_back(format->method);
  return names;
}

void unpack_quantized(Checkpoint& checkpoint, const Settings& config) {
  auto settings = config.find_section("quantization_config");
  if (!settings) settings = config.find_section("compression_config");
  if (!settings) return;
  const auto method = settings->get<std::string>("quant_method");
  const auto* const format = std::ranges::find(kFormats, method, &QuantizationFormat::method);
  if (format == kFormats.end()) {
    throw settings->error("quant_method", fmt::format("weights quantized by '{}' are not read", method),
                          fmt::format("these are: {}", fmt::join(quantization_methods(), ", ")));
  }
  (*format)->unpack(checkpoint, *settings);
}

}  // namespace olivine::huggingface

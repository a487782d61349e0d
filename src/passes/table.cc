#include <algorithm>
#include <array>
#include <cctype>

#include "passes/pass.h"

namespace olivine::passes {

// Each is defined in the file of its name; docs/add-a-pass.md tells the steps.
extern const Pass kOnnxConversion;
extern const Pass kOnnxOpVersionConversion;
extern const Pass kOnnxFloatToFloat16;
extern const Pass kOnnxIODataTypeConverter;
extern const Pass kOrtMixedPrecision;
extern const Pass kDynamicToFixedShape;

namespace {

constexpr std::array kPasses = {
    &kOnnxConversion,          &kOnnxOpVersionConversion, &kOnnxFloatToFloat16,
    &kOnnxIODataTypeConverter, &kOrtMixedPrecision,       &kDynamicToFixedShape,
};

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

std::span<const Pass* const> all_passes() { return kPasses; }

const Pass* find_pass(std::string_view name) {
  const auto found = std::find_if(kPasses.begin(), kPasses.end(),
                                  [&](const Pass* pass) { return same_ignoring_case(pass->name, name); });
  return found == kPasses.end() ? nullptr : *found;
}

}  // namespace olivine::passes

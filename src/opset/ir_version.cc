#include <algorithm>
#include <array>

#include "opset/convert.h"

namespace olivine::opset {
namespace {

/// The first entry is IR version 3.
constexpr std::int64_t kFirst = 3;
constexpr std::array<std::int64_t, 11> kNewestOpset = {8, 9, 10, 11, 14, 18, 20, 22, 23, 25, 26};

}  // namespace

std::int64_t newest_opset_of_ir(std::int64_t ir_version) {
  const std::int64_t index = std::clamp<std::int64_t>(ir_version - kFirst, 0, kNewestOpset.size() - 1);
  return kNewestOpset[static_cast<std::size_t>(index)];
}

std::int64_t oldest_ir_of_opset(std::int64_t opset) {
  const auto entry = std::lower_bound(kNewestOpset.begin(), kNewestOpset.end(), opset);
  const std::int64_t last = static_cast<std::int64_t>(kNewestOpset.size()) - 1;
  return kFirst + std::min<std::int64_t>(entry - kNewestOpset.begin(), last);
}

}  // namespace olivine::opset

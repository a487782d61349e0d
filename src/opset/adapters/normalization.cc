#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> normalization_adapters() { return {}; }

}  // namespace olivine::opset

#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> constant_adapters() { return {}; }

}  // namespace olivine::opset

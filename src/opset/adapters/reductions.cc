#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> reduction_adapters() { return {}; }

}  // namespace olivine::opset

#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> pooling_adapters() { return {}; }

}  // namespace olivine::opset

#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> elementwise_adapters() { return {}; }

}  // namespace olivine::opset

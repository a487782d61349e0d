#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> shape_adapters() { return {}; }

}  // namespace olivine::opset

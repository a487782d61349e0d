#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> ml_adapters() { return {}; }

}  // namespace olivine::opset

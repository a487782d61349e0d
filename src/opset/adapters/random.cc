#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> random_adapters() { return {}; }

}  // namespace olivine::opset

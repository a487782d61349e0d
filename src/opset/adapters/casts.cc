#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> cast_adapters() { return {}; }

}  // namespace olivine::opset

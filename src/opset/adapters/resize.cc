#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> resize_adapters() { return {}; }

}  // namespace olivine::opset

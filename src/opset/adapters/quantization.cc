#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> quantization_adapters() { return {}; }

}  // namespace olivine::opset

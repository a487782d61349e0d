#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> attention_adapters() { return {}; }

}  // namespace olivine::opset

#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> string_adapters() { return {}; }

}  // namespace olivine::opset

#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> recurrent_adapters() { return {}; }

}  // namespace olivine::opset

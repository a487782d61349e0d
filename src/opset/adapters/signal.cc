#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> signal_adapters() { return {}; }

}  // namespace olivine::opset

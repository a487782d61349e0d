#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> control_flow_adapters() { return {}; }

}  // namespace olivine::opset

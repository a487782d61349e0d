#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> sampling_adapters() { return {}; }

}  // namespace olivine::opset

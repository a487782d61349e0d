#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> convolution_adapters() { return {}; }

}  // namespace olivine::opset

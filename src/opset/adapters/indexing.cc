#include "opset/adapters/families.h"

namespace olivine::opset {

std::span<const Adapter> indexing_adapters() { return {}; }

}  // namespace olivine::opset

#pragma once

#include <string_view>

namespace olivine::workflow {

/// "0.1.0": of the project.
std::string_view version();

}  // namespace olivine::workflow

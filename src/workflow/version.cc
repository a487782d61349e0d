#include "workflow/version.h"

namespace olivine::workflow {

std::string_view version() { return OLIVINE_VERSION; }

}  // namespace olivine::workflow

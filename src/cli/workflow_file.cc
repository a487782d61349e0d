#include "cli/workflow_file.h"

#include "base/error.h"
#include "base/file.h"

namespace olivine::cli {

workflow::Workflow WorkflowFile::read(const workflow::Overrides& overrides) const {
  constexpr std::uint64_t kLimit = std::uint64_t{16} << 20;
  const std::filesystem::path file = path;
  if (path.empty())
    throw Error(ErrorCode::config, "no workflow file is given").remedy("name one: olivine run flow.json");
  if (file.extension() == ".yaml" || file.extension() == ".yml") {
    throw Error(ErrorCode::config, "workflows in YAML are not read").prepend(path).remedy("write it as JSON");
  }
  const auto document = config::JsonDocument::parse(read_text_file(file, kLimit), path);
  return workflow::read_workflow(document, file.parent_path(), overrides);
}

}  // namespace olivine::cli

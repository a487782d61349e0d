#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "cli/command.h"
#include "cli/console.h"
#include "workflow/reference.h"

namespace olivine::cli {
namespace {

Action declare_docs(CLI::App& app, Console&, const Arguments&) {
  auto folder = std::make_shared<std::string>();
  app.description("Writes the reference pages into a folder.");
  app.add_option("folder", *folder, "Where to.")->type_name("FOLDER");
  return [folder] {
    if (folder->empty()) throw Error(ErrorCode::config, "no folder is given").remedy("olivine docs docs/reference");
    std::filesystem::create_directories(*folder);
    for (const workflow::Page& page : workflow::reference_pages()) {
      const std::filesystem::path path = std::filesystem::path(*folder) / page.name;
      std::ofstream file(path, std::ios::binary);
      file << page.text;
      file.close();
      if (!file) throw Error(ErrorCode::io, "cannot write the page").prepend(path.string());
    }
    return 0;
  };
}

}  // namespace

extern const Command kDocs = {"docs", "Write the reference pages.", "FOLDER", true, declare_docs};

}  // namespace olivine::cli

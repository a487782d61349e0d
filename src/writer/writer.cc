#include "writer/writer.h"

#include <fmt/format.h>

#include <set>
#include <span>

#include "base/error.h"
#include "base/file.h"
#include "writer/payload.h"
#include "writer/plan.h"
#include "writer/staging.h"

namespace olivine::writer {
namespace {

namespace fs = std::filesystem;

Written describe(const Plan& plan, const fs::path& model_path) {
  Written written{model_path, {}, 0, plan.notices};
  for (const PlannedFile& file : plan.files) {
    written.files.push_back({file.name, file.bytes});
    written.bytes += file.bytes;
  }
  return written;
}

/// The data before the model: until the model is renamed, nothing refers to what is new.
std::vector<std::string> names_in_order(const Plan& plan) {
  std::vector<std::string> names;
  for (const PlannedFile& file : std::span(plan.files).subspan(1)) names.push_back(file.name);
  names.push_back(plan.files.front().name);
  return names;
}

void write_text(const fs::path& folder, const FileToWrite& file) {
  const fs::path name(file.name);
  if (name.empty() || name != name.filename()) {
    throw Error(ErrorCode::internal, fmt::format("'{}' is no plain file name", file.name));
  }
  File out = File::create(folder / name);
  out.write_at(0, std::as_bytes(std::span(file.text)));
  out.close();
}

}  // namespace

Written write_folder(const ir::Model& model, const fs::path& folder, const ExternalDataOptions& options,
                     const LastFiles& last_files, const Progress& progress) {
  const Plan plan = make_plan(model, "model.onnx", options);
  Staging staging(folder);
  with_place(folder.string(), [&] { write_files(staging.folder(), plan.files, progress); });
  Written written = describe(plan, folder / "model.onnx");
  std::vector<std::string> names = names_in_order(plan);
  if (last_files) {
    for (const FileToWrite& file : last_files(written)) {
      write_text(staging.folder(), file);
      names.push_back(file.name);
    }
  }
  staging.publish(names);
  return written;
}

Written write_file(const ir::Model& model, const fs::path& path, const ExternalDataOptions& options,
                   const Progress& progress) {
  if (!path.has_filename()) throw Error(ErrorCode::config, "names no file").prepend(path.string());
  const Plan plan = make_plan(model, path.filename().string(), options);
  Staging staging(path.has_parent_path() ? path.parent_path() : fs::path("."));
  with_place(path.string(), [&] { write_files(staging.folder(), plan.files, progress); });
  staging.publish(names_in_order(plan));
  return describe(plan, path);
}

}  // namespace olivine::writer

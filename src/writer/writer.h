#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/log.h"
#include "config/options.h"
#include "ir/graph.h"

/// The door out: nothing else in Olivine writes a model. Everything is made in a temporary sibling, then renamed.
namespace olivine::writer {

struct ExternalDataOptions {
  bool save_as_external_data = false;
  bool all_tensors_to_one_file = true;
  std::string external_data_name;      ///< empty: the model's file name + ".data"
  std::int64_t size_threshold = 1024;  ///< bytes from which a tensor leaves the model file
  bool convert_attribute = false;      ///< attribute tensors may leave too
};

struct FileToWrite {
  std::string name;  ///< relative to the folder
  std::string text;
};

struct WrittenFile {
  std::string name;  ///< relative to the folder
  std::uint64_t bytes = 0;
};

struct Written {
  std::filesystem::path model_path;  ///< where it is once everything is in place
  std::vector<WrittenFile> files;    ///< the model, then its data; without the last files
  std::uint64_t bytes = 0;           ///< of all of these
  std::vector<std::string> notices;
};

/// Bytes done and bytes in all; called from the writing threads now and then.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// Files whose text is known only once the payloads are written: run.json, model_config.json.
using LastFiles = std::function<std::vector<FileToWrite>(const Written&)>;

/// Writes `folder`/model.onnx, its external data and the last files: into a sibling that takes the folder's place when
/// it is whole. Files of other names that were in `folder` before stay. On failure the old state is back and nothing
/// else is left.
Written write_folder(const ir::Model& model, const std::filesystem::path& folder, const ExternalDataOptions& options,
                     const LastFiles& last_files, const Progress& progress = {});

/// Writes just one `.onnx` file (and `NAME.onnx.data` where external data is asked for or needed).
Written write_file(const ir::Model& model, const std::filesystem::path& path, const ExternalDataOptions& options,
                   const Progress& progress = {});

}  // namespace olivine::writer

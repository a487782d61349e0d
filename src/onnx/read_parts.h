#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "ir/graph.h"

/// The leaves of onnx.proto: types, metadata, tensors.
namespace olivine::onnx {

/// The file or the bytes that a model is read from, and the folder of its external data.
class Origin {
 public:
  /// `file` is null for a model in memory; `folder` is empty where external data is not allowed.
  Origin(std::shared_ptr<const MappedFile> file, std::filesystem::path folder)
      : file_(std::move(file)), folder_(std::move(folder)) {}

  const std::shared_ptr<const MappedFile>& file() const { return file_; }
  /// Opens (once) the file of an external tensor. Refuses absolute paths, `..` and links that lead out of the folder.
  std::shared_ptr<const MappedFile> external(const std::string& location);

 private:
  std::shared_ptr<const MappedFile> file_;
  std::filesystem::path folder_;
  std::map<std::string, std::shared_ptr<const MappedFile>> opened_;
};

ir::Type read_type(std::string_view message, int depth = 0);
/// Reads a StringStringEntryProto into a list.
void read_entry(std::string_view message, ir::Metadata& out);
ir::NamedTensor read_tensor(std::string_view message, Origin& origin);
ir::SparseTensor read_sparse_tensor(std::string_view message, Origin& origin);

/// "ai.onnx" is "" in the IR.
inline std::string normalized_domain(std::string domain) { return domain == "ai.onnx" ? std::string() : domain; }

}  // namespace olivine::onnx

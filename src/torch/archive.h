#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/file.h"
#include "tensor/tensor.h"

namespace olivine::torch {

/// A `.pt2` file: a zip archive whose entries are, by torch's custom, stored uncompressed, so that a weight is a slice
/// of the file. Compressed entries are inflated when they are asked for.
class Archive {
 public:
  /// Error[io] when the file cannot be opened, Error[conversion] when it is no zip archive or a damaged one.
  /// `kind` is what the second calls the file.
  static Archive open(const std::filesystem::path& path, std::string_view kind = ".pt2 archive");

  /// Whether there is an entry, by its name without the folder that the whole archive is in.
  bool contains(std::string_view name) const { return entries_.contains(std::string(name)); }
  /// The entry's bytes as text. Error[conversion] when it is missing, damaged or larger than `limit`.
  std::string text(std::string_view name, std::uint64_t limit = std::uint64_t{1} << 30) const;
  /// The entry's bytes as a tensor's source: where it is stored uncompressed, a slice of the file.
  tensor::Tensor bytes(std::string_view name) const;

 private:
  struct Entry {
    std::uint64_t data = 0;  ///< where its bytes start in the file
    std::uint64_t packed = 0;
    std::uint64_t size = 0;
    bool is_stored = true;
  };

  explicit Archive(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {}
  void read_directory(std::string_view kind);
  const Entry& entry(std::string_view name) const;
  std::string inflate(const Entry& entry, std::string_view name) const;

  std::shared_ptr<const MappedFile> file_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace olivine::torch

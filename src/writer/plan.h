#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "onnx/onnx.h"
#include "writer/writer.h"

/// What is to be written, decided before the first byte is.
namespace olivine::writer {

struct PlannedPiece {
  std::uint64_t offset = 0;
  onnx::Piece piece;
};

std::uint64_t size_of(const onnx::Piece& piece);

/// A file as pieces in order; between them there may be gaps, which are zeros.
struct PlannedFile {
  std::string name;
  std::vector<PlannedPiece> pieces;
  std::uint64_t bytes = 0;
};

struct Plan {
  std::vector<PlannedFile> files;  ///< the model, then its data
  std::vector<std::string> notices;
};

/// Protobuf reads no message beyond this.
inline constexpr std::uint64_t kLargestMessage = (std::uint64_t{1} << 31) - 1;

/// Serializes the model and places its tensors. A model that would be larger than `largest` becomes external by itself,
/// with a notice: initializers, and the tensors of attributes only if that isn't enough. Errors: Error[config] for
/// options that cannot be, Error[conversion] for a graph that is too large even so.
Plan make_plan(const ir::Model& model, const std::string& model_name, const ExternalDataOptions& options,
               std::uint64_t largest = kLargestMessage);

}  // namespace olivine::writer

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "ir/graph.h"

/// Lists of opset imports.
namespace olivine::opset {

inline std::optional<std::int64_t> version_in(const std::vector<ir::OpsetImport>& imports, std::string_view domain) {
  for (const ir::OpsetImport& import : imports) {
    if (import.domain == domain) return import.version;
  }
  return std::nullopt;
}

/// Nothing happens where the domain is not imported.
inline void set_version(std::vector<ir::OpsetImport>& imports, std::string_view domain, std::int64_t version) {
  for (ir::OpsetImport& import : imports) {
    if (import.domain == domain) import.version = version;
  }
}

}  // namespace olivine::opset

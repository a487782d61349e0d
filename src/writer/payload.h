#pragma once

#include <filesystem>
#include <span>

#include "writer/plan.h"
#include "writer/writer.h"

namespace olivine::writer {

/// Creates the planned files in `folder` and fills them: block by block, by all threads, at known places. Memory is a
/// few blocks a thread. Throws Error[io] for what cannot be written, Error[interrupted] between two blocks after a
/// request, and what reading the tensors throws; files may then be left half written.
void write_files(const std::filesystem::path& folder, std::span<const PlannedFile> files, const Progress& progress);

}  // namespace olivine::writer

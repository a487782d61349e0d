#pragma once

#include "base/log.h"
#include "runtime/library.h"
#include "runtime/session.h"

namespace olivine::runtime {

/// Adds the execution provider that `options` asks for, its libraries registered before. Error[config] for a provider
/// that the library doesn't have (with those it has) or whose options it refuses, Error[io] for a plug-in library that
/// cannot be loaded.
void append_provider(Ort::SessionOptions& session, const SessionOptions& options, Library& library);

}  // namespace olivine::runtime

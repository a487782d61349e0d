#include <algorithm>
#include <array>

#include "cli/command.h"

namespace olivine::cli {

// Each is defined in the file of its name.
extern const Command kRun;
extern const Command kRunPass;
extern const Command kCaptureOnnxGraph;
extern const Command kConvert;
extern const Command kValidate;
extern const Command kPasses;
extern const Command kSchema;
extern const Command kInspect;
extern const Command kCompare;
extern const Command kCompletion;
extern const Command kVersion;
extern const Command kDocs;

namespace {

constexpr std::array kCommands = {
    &kRun,    &kRunPass, &kCaptureOnnxGraph, &kConvert,    &kValidate, &kPasses,
    &kSchema, &kInspect, &kCompare,          &kCompletion, &kVersion,  &kDocs,
};

}  // namespace

std::span<const Command* const> all_commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  const auto found =
      std::find_if(kCommands.begin(), kCommands.end(), [&](const Command* command) { return command->name == name; });
  return found == kCommands.end() ? nullptr : *found;
}

}  // namespace olivine::cli

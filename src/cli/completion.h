#pragma once

#include <string>
#include <vector>

/// Shell completion, made from the commands' declared flags.
namespace olivine::cli {

struct FlagInfo {
  std::vector<std::string> names;  ///< "-m", "--model"
  std::string help;
  bool takes_value = false;
  std::vector<std::string> values;  ///< what the value can be; empty: a path or anything
};

struct CommandInfo {
  std::string name;
  std::string summary;
  std::vector<FlagInfo> flags;
  std::vector<std::string> words;  ///< what its first argument can be; empty: a path
};

/// All commands that are not hidden; run-pass with the flags of every pass.
std::vector<CommandInfo> command_infos();

std::string bash_completion(const std::vector<CommandInfo>& commands);
std::string zsh_completion(const std::vector<CommandInfo>& commands);
std::string fish_completion(const std::vector<CommandInfo>& commands);

}  // namespace olivine::cli

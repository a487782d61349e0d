#pragma once

#include <CLI/App.hpp>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.h"

namespace olivine::cli {

/// "--keep-io-types" for keep_io_types.
std::string flag_name(std::string_view option);

/// The JSON that a flag's texts mean for a value of that schema; text that doesn't fit stays a string, so that the
/// declaration's own check words the error.
config::Json value_of(const config::Json& schema, const std::vector<std::string>& texts);

/// One flag per option of a declaration. A list's flag is repeated or given JSON, an object's takes NAME=VALUE.
class OptionFlags {
 public:
  OptionFlags(CLI::App& app, const config::OptionsSchema& schema, const std::string& group,
              std::initializer_list<std::string_view> without = {});

  /// The options that were given, by their names.
  config::Json given() const;

 private:
  struct Flag {
    const config::Field* field;
    CLI::Option* option;
    std::vector<std::string> texts;
    bool on = false;
  };
  void declare(CLI::App& app, Flag& flag, const std::string& group);

  std::vector<std::unique_ptr<Flag>> flags_;  ///< CLI11 keeps pointers into them
};

}  // namespace olivine::cli

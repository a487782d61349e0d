#pragma once

#include <any>
#include <vector>

#include "config/options.h"
#include "passes/pass.h"
#include "writer/writer.h"

namespace olivine::workflow {

/// What the options of one pass came to.
struct PassOptions {
  std::any options;  ///< of the pass's own struct
  writer::ExternalDataOptions external_data;
  config::Json effective = config::Json::object();  ///< every option with its value, defaults included
  std::vector<std::string> external_data_given;     ///< the keys of `external_data` that were given
  std::vector<config::Problem> problems;
};

/// Reads the pass's own options and those that all passes share from one object. As in Olive the text "DEFAULT_VALUE"
/// is an option that isn't given, and "SEARCHABLE_VALUES" is refused: nothing searches here.
PassOptions read_pass_options(const passes::Pass& pass, const config::Json& given);

/// The pass of that name in any letter case. If there is none, `problem` says so, with the nearest name.
const passes::Pass* find_pass(const std::string& name, config::Problem& problem);

}  // namespace olivine::workflow

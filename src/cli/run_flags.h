#pragma once

#include <CLI/App.hpp>
#include <string>

#include "cli/console.h"
#include "workflow/runner.h"

namespace olivine::cli {

/// The flags of the commands that run passes, and the running itself.
class RunFlags {
 public:
  void declare(CLI::App& app);
  /// Runs and tells what was written. Throws the failure of a verification once --report has been written.
  int run(const workflow::Workflow& workflow, Console& console) const;

 private:
  bool dry_run_ = false;
  bool check_passes_ = false;
  std::string dump_after_;
  std::string report_;
};

}  // namespace olivine::cli

#pragma once

#include <string>
#include <vector>

#include "config/options.h"
#include "passes/pass.h"

/// Texts for people, made from the declarations.
namespace olivine::workflow {

struct Page {
  std::string name;  ///< of the file: "passes.md"
  std::string text;  ///< Markdown
};

/// The reference pages of docs/reference: a page for workflows and one for each pass, with a page that lists them.
std::vector<Page> reference_pages();

/// A line per pass: name and summary.
std::string passes_text();

/// A pass with every option of its own and those that all passes share.
std::string pass_text(const passes::Pass& pass);

config::Json passes_json();

}  // namespace olivine::workflow

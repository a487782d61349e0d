#pragma once

#include <span>
#include <string>
#include <string_view>

namespace olivine {

/// The candidate closest to `name` by edit distance (letter case and `-`/`_` ignored), as "did you mean NAME?", or an
/// empty string when none is near: farther than a third of the longer word.
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);

}  // namespace olivine

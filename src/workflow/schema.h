#pragma once

#include <string>

#include "config/codec.h"

namespace olivine::workflow {

/// The JSON Schema (draft 7) of workflows: every key, pass, option and alias.
config::Json workflow_schema();

/// A JSON Schema's type in a few words: "integer", "true or false, or a list of texts", "one of all, basic".
std::string describe_type(const config::Json& schema);

/// The bounds of a number: "0 to 4", "at least 0"; empty without any.
std::string describe_range(const config::Json& schema);

/// A default value for people; empty for none, for an empty text and for an empty list or object.
std::string describe_default(const config::Json& value);

}  // namespace olivine::workflow

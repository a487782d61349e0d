#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "config/json_document.h"

/// JSON as the files of a model hold it: their errors are the model's (Error[conversion]), not the workflow's.
namespace olivine::huggingface {

/// A small file: config.json and the like. Python writes Infinity and NaN as words that JSON doesn't know: they become
/// the strings "Infinity", "-Infinity" and "NaN". `name` is how errors call the text.
config::JsonDocument parse_document(std::string text, std::string name);

/// A text whose objects may have a hundred thousand members: headers, indices, vocabularies. Keys are sorted; a key
/// given twice is an error.
nlohmann::json parse_large(std::string_view text, const std::string& name);

}  // namespace olivine::huggingface

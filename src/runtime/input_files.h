#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/matching.h"
#include "tensor/any_value.h"

namespace olivine::runtime {

/// Values by the inputs' names (A's, where A has the input).
using InputSet = std::map<std::string, tensor::AnyValue>;

/// Whether values of that shape may be fed where `wanted` is declared.
bool fits(const tensor::Dims& dims, const std::optional<ir::Shape>& wanted);

/// The value in the type of an input; Error[config] where it doesn't fit or would lose something.
tensor::AnyValue conformed(const tensor::AnyValue& value, const ir::Type& type);

/// One set for each run; see InputOptions::files. Error[config] for a name that no input has, a type or shape that the
/// input doesn't take and an input without a value; Error[io] for a file that cannot be read.
std::vector<InputSet> read_input_sets(const std::vector<std::filesystem::path>& files, const std::vector<Pair>& inputs);

}  // namespace olivine::runtime

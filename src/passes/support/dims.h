#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"

/// The dimensions that are not numbers, wherever types stand in a model.
namespace olivine::passes {

/// Sizes of symbols, by name.
using SymbolSizes = std::map<std::string, std::int64_t>;

/// Where symbols stand: "input 'x' float[batch,3]" …, at most a few places each.
using SymbolPlaces = std::map<std::string, std::vector<std::string>>;

/// A negative number, and the symbols "?" and "-1", mean that nothing is known: they become unknown dimensions. True if
/// there were any.
bool normalize_unknown_dims(ir::Model& model);

/// Every symbol of the model with the values whose types bear it.
SymbolPlaces find_symbols(const ir::Model& model);

/// Puts numbers in the place of symbols in every type: of inputs, outputs, inner values and attributes, in subgraphs
/// and functions too, and inside of sequences, optionals and maps. True if any stood anywhere.
bool substitute_symbols(ir::Model& model, const SymbolSizes& sizes);

/// A tensor of known rank whose dimensions are all numbers; types that are no tensors are static.
bool is_static(const ir::Type& type);

}  // namespace olivine::passes

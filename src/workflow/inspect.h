#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/codec.h"
#include "ir/graph.h"
#include "workflow/inspect_weights.h"

/// What a model is made of: the content of `olivine inspect`.
namespace olivine::workflow {

struct ModelSummary : WeightSummary {
  struct Io {
    std::string name;
    std::string type;  ///< `float[batch,3,?]`
  };
  struct Symbol {
    std::string name;
    std::vector<std::string> places;  ///< "input x, axis 0"
    std::size_t inner_values = 0;     ///< values inside the graphs whose shape has it
  };
  struct Function {
    std::string name;  ///< `domain::name`
    std::size_t nodes = 0;
  };

  std::int64_t ir_version = 0;
  std::string producer;
  std::vector<ir::OpsetImport> opsets;
  std::vector<Io> inputs;  ///< without those that have a default among the initializers
  std::vector<Io> outputs;
  std::vector<Symbol> symbols;
  std::size_t nodes = 0;  ///< nested ones and functions' included
  std::size_t subgraphs = 0;
  std::vector<std::pair<std::string, std::size_t>> operators;  ///< the most frequent first
  std::map<std::string, std::size_t> values;                   ///< inner and outer values with a known dtype, by dtype
  std::vector<Function> functions;
  ir::Metadata metadata;
  std::string doc_string;
};

/// The `largest` tensors are the `count` largest; ties go by name.
ModelSummary inspect(const ir::Model& model, std::size_t count = 10);

config::Json to_json(const ModelSummary& summary);
std::string to_text(const ModelSummary& summary);

}  // namespace olivine::workflow

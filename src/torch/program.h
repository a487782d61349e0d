#pragma once

#include <complex>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/dtype.h"
#include "ir/type.h"
#include "tensor/tensor.h"

/// An exported program as `torch.export.save` writes it: a graph of calls of ATen operators in order, in the words of
/// torch's serialization schema.
namespace olivine::torch {

/// What the program says of a tensor. A complex tensor has dtype complex64 or complex128.
struct TensorMeta {
  DataType dtype = DataType::undefined;
  ir::Shape sizes;    ///< symbols are expressions in infix: "s77", "2*s77 + 1"
  ir::Shape strides;  ///< in elements
  ir::Dim storage_offset;
};

struct Graph;
struct Argument;

/// @name What an argument can be, besides numbers, strings and lists
/// @{
struct None {};
struct TensorName {
  std::string name;
};
/// A symbolic int, float or bool that an earlier node computes.
struct SymbolName {
  enum class Kind { integer, real, boolean } kind;
  std::string name;
};
struct MemoryFormat {
  std::int64_t number;
};
struct GraphArgument {
  std::string name;
  std::shared_ptr<const Graph> graph;
};
/// A torch class's object, a token for effects, a layout, a device …: what no operator here looks into.
struct Opaque {
  std::string what;
};
using List = std::vector<Argument>;
/// @}

struct Argument {
  std::variant<None, bool, std::int64_t, double, std::complex<double>, std::string, DataType, TensorName, SymbolName,
               MemoryFormat, GraphArgument, Opaque, List>
      value;

  bool is_none() const { return std::holds_alternative<None>(value); }
  template <typename T>
  const T* as() const {
    return std::get_if<T>(&value);
  }
};

struct NamedArgument {
  std::string name;  ///< as the operator's schema names it; empty with operators of higher order
  Argument value;
};

/// One call.
struct Node {
  std::string name;
  std::string target;                 ///< "aten.add.Tensor", "higher_order.cond", "_operator.mul"
  std::vector<NamedArgument> inputs;  ///< those that the call gives; the others have the schema's default
  std::vector<Argument> outputs;      ///< TensorName, SymbolName, a list of these, or None
  std::string module_path;            ///< of the module that makes the call: "encoder.layer.0.attention"
  std::string module_types;           ///< classes from the root down, separated by "/"
  std::string stack_trace;
};

struct Graph {
  std::vector<Argument> inputs;
  std::vector<Argument> outputs;
  std::vector<Node> nodes;
  std::unordered_map<std::string, TensorMeta> tensors;  ///< by name
  std::unordered_map<std::string, ir::Dim> integers;    ///< symbolic ints by name: a number or an expression
};

/// What an input of the main graph stands for.
struct InputSpec {
  enum class Kind { user, parameter, buffer, constant, token, object } kind = Kind::user;
  std::string name;    ///< of the graph's input; empty for a number that was specialized
  std::string target;  ///< of a parameter, buffer or constant: its path in the module tree
};

struct OutputSpec {
  enum class Kind { user, mutated_buffer, mutated_input, mutated_parameter, token, other } kind = Kind::user;
  std::string target;  ///< of a mutated one
};

struct Range {
  std::optional<std::int64_t> lowest;
  std::optional<std::int64_t> highest;
};

struct Program {
  Graph graph;
  std::vector<InputSpec> inputs;        ///< one for each of the graph's inputs
  std::vector<OutputSpec> outputs;      ///< one for each of the graph's outputs
  std::map<std::string, Range> ranges;  ///< of symbols
  /// Paths of the user's outputs in what the module returns: "logits", "past_key_values.0.1"; as many as user outputs,
  /// or none when the program doesn't tell.
  std::vector<std::string> output_paths;
  /// Parameters, buffers and constants by path, as slices of the archive; tied ones share a source.
  std::unordered_map<std::string, tensor::Tensor> tensors;
  /// Those of them that share all of their bytes and their layout have the same key.
  std::unordered_map<std::string, std::string> payload_keys;
  std::string torch_version;
};

/// Reads a `.pt2` archive. Nothing pickled is read; weights stay in the file.
/// Error[io] when it cannot be opened, Error[conversion] when it is damaged or written by a version that isn't read.
Program read_program(const std::filesystem::path& path);

/// The parts of that, for tests.
/// @{
Graph parse_graph(std::string_view json);
/// "Add(Mul(Integer(2), Symbol('s77', positive=True)), Integer(1))" as a number or as infix: "2*s77 + 1".
ir::Dim parse_expression(std::string_view text);
/// @}

}  // namespace olivine::torch

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/graph.h"

/// Reading, checking and typing of ONNX models. This room alone includes onnx's and protobuf's headers.
namespace olivine::onnx {

/// @name Reading
/// @{
/// Reads `.onnx` (binary) or `.onnxtxt` / `.textproto`-less onnx text. Payloads stay in the file: tensors are slices of
/// it or of the external data beside it. Errors: Error[io] when it cannot be opened, Error[conversion] when it is not a
/// valid model: truncated, cyclic, an external path that leaves the folder, a length that does not fit …
ir::Model read_model(const std::filesystem::path& path);
/// From bytes in memory; external data is looked for in `folder`, refused when it is empty.
ir::Model read_model_bytes(std::vector<std::byte> bytes, const std::filesystem::path& folder = {});
/// The onnx text format: `<ir_version: 9, opset_import: ["": 20]> g (float[N] x) => (float[N] y) { y = Relu(x) }`.
ir::Model parse_model(std::string_view text);
/// The onnx text of a model, payloads of small tensors included: what tests compare.
std::string print_model(const ir::Model& model);
/// @}

/// @name Serializing
/// @{
/// A piece of a serialized model: bytes, or the payload of a tensor that is read when the piece is written.
using Piece = std::variant<std::string, tensor::Tensor>;

/// Where a tensor's payload goes when it leaves the model file.
struct ExternalData {
  std::string location;  ///< relative file name
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
/// What a tensor is to the model. A sparse tensor's parts must stay inline: no runtime reads them from elsewhere.
enum class TensorRole { initializer, attribute, sparse };

/// Decides for each tensor that has elements and is not of strings; nothing means inline.
using Placement =
    std::function<std::optional<ExternalData>(const tensor::Tensor&, std::string_view name, TensorRole role)>;

struct Serialized {
  std::vector<Piece> pieces;
  std::uint64_t bytes = 0;  ///< the sum, payloads included
};
/// The model in protobuf's wire format. Fields that this version doesn't know are written as they came; typed data
/// (`float_data` …) becomes `raw_data`.
Serialized serialize(const ir::Model& model, const Placement& placement = {});
/// Bytes of a model without payloads of more than `limit` bytes (the tensors say they are external): for checking,
/// hashing, sessions fed by hand.
std::string serialize_weightless(const ir::Model& model, std::uint64_t limit = 1024);
/// @}

/// @name Checking and inference
/// @{
/// Types and shapes of every value, by onnx's inference with data propagation; what the file said is kept where
/// inference knows less. Values of operators that onnx doesn't know keep the type they have. Throws Error[conversion]
/// on a contradiction when `strict`.
struct InferenceOptions {
  bool strict = false;
  bool data_propagation = true;
  /// Also completes the types that the file tells (of outputs and in value_info). Otherwise they stay as they are, so
  /// that asking for types does not change a model.
  bool refine = false;
  /// Forgets the shapes of inner values first: for passes that made them stale. Implies `refine`.
  bool discard_shapes = false;
};
void infer_types(ir::Model& model, const InferenceOptions& options = {});

/// Only what is needed to know every value's element type, at half the cost: shapes come along where no value has to be
/// computed for them. Types that the file tells stay as they are. Nodes that cannot be inferred cost only their own
/// types.
void infer_element_types(ir::Model& model);

/// Throws Error[conversion] for an opset newer than the library knows.
void check_opsets(const ir::Model& model);

/// onnx.checker on the model, and that every node's inputs have types that its schema takes. Throws Error[conversion]
/// that names the node.
void check_model(const ir::Model& model);
/// The same without the types: names, order, scopes and schemas.
void check_structure(const ir::Model& model);
/// @}

/// @name Schemas
/// @{
enum class Arity { single, optional, variadic };

struct Parameter {
  std::string_view name;
  std::string_view type_variable;  ///< "T", or a concrete type as "tensor(int64)"
  Arity arity = Arity::single;
  bool homogeneous = true;  ///< of a variadic one: all have the same type
  bool differentiable = false;
  std::span<const std::string> types;  ///< allowed types: "tensor(float16)", "seq(tensor(float))" …
  bool accepts(const ir::Type& type) const;
  /// Whether a tensor (or a sequence or optional of tensors, as `like` is) of `dtype` is allowed.
  bool accepts(DataType dtype) const;
};

enum class AttributePresence { optional, required };

/// One version of an operator. A handle: copy it.
class Schema {
 public:
  std::string_view name() const;
  std::string_view domain() const;
  int since_version() const;
  bool deprecated() const;
  /// The parameter that takes the node's input (output) number `index`; variadic ones take all that follow. Null beyond
  /// the end.
  const Parameter* input(std::size_t index) const;
  const Parameter* output(std::size_t index) const;
  std::span<const Parameter> inputs() const;
  std::span<const Parameter> outputs() const;
  std::size_t min_inputs() const;
  std::size_t max_inputs() const;
  bool has_attribute(std::string_view name) const;
  std::vector<std::string> attribute_names() const;
  ir::AttributeKind attribute_kind(std::string_view name) const;
  bool attribute_required(std::string_view name) const;
  /// The default of an attribute, or an empty value.
  ir::AttributeValue attribute_default(std::string_view name) const;
  bool has_function_body() const;

  struct Data;
  explicit Schema(const Data* data) : data_(data) {}

 private:
  const Data* data_;
};

/// The version of an operator that `opset` of `domain` means; nothing when the library doesn't know it.
std::optional<Schema> find_schema(std::string_view op_type, std::string_view domain, std::int64_t opset);
/// The same without the operators that ONNX Runtime adds to onnx's own domains.
std::optional<Schema> find_standard_schema(std::string_view op_type, std::string_view domain, std::int64_t opset);
/// Every version of every operator of onnx in a domain, by name and version.
std::vector<Schema> standard_schemas(std::string_view domain);
/// For a node of `model` (or of `function` in it), by the opsets imported there.
std::optional<Schema> find_schema(const ir::Node& node, const ir::Model& model, const ir::Function* function = nullptr);
/// The newest opset of a domain that the library knows; 0 for a domain that it doesn't.
std::int64_t newest_opset(std::string_view domain = "");
/// @}

}  // namespace olivine::onnx

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "config/codec.h"
#include "torch/archive.h"
#include "torch/program.h"
#include "torch/strided.h"

namespace olivine::torch {
namespace {

using config::Json;

/// The schema's major version that is read; minor ones only add fields.
constexpr std::int64_t kSchemaMajor = 8;
constexpr int kDeepestGraph = 64;

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorCode::conversion, std::move(message)).remedy("save it again with torch.export.save");
}

const Json& member(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) refuse(fmt::format("the program lacks '{}'", name));
  return *found;
}

std::string text_or_empty(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// A union is an object whose only member that isn't null names the alternative.
std::pair<std::string, const Json*> alternative(const Json& object) {
  if (object.is_object()) {
    for (const auto& [name, value] : object.items()) {
      if (!value.is_null()) return {name, &value};
    }
  }
  refuse("an argument of the program has no value");
}

/// Numbered as `torch._export.serde.schema.ScalarType`.
DataType scalar_type(std::int64_t number) {
  static constexpr std::array<std::pair<int, DataType>, 20> kTypes = {{
      {1, DataType::uint8},           {2, DataType::int8},
      {3, DataType::int16},           {4, DataType::int32},
      {5, DataType::int64},           {6, DataType::float16},
      {7, DataType::float32},         {8, DataType::float64},
      {9, DataType::undefined},       {10, DataType::complex64},
      {11, DataType::complex128},     {12, DataType::boolean},
      {13, DataType::bfloat16},       {28, DataType::uint16},
      {29, DataType::float8e4m3fn},   {30, DataType::float8e5m2},
      {31, DataType::float8e4m3fnuz}, {32, DataType::float8e5m2fnuz},
      {33, DataType::float8e8m0},     {34, DataType::uint32},
  }};
  if (number == 35) return DataType::uint64;
  const auto* found = std::ranges::find(kTypes, number, &std::pair<int, DataType>::first);
  if (found == kTypes.end()) refuse(fmt::format("the program has a tensor of an unknown type ({})", number));
  return found->second;
}

double real_number(const Json& value) {
  if (!value.is_string()) return value.get<double>();
  const auto& text = value.get_ref<const std::string&>();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::numeric_limits<double>::quiet_NaN();
}

ir::Dim read_size(const Json& value) {
  const auto [kind, content] = alternative(value);
  if (kind == "as_int") return ir::Dim(content->get<std::int64_t>());
  return parse_expression(member(*content, "expr_str").get_ref<const std::string&>());
}

ir::Shape read_sizes(const Json& values) {
  ir::Shape shape;
  for (const Json& value : values) shape.push_back(read_size(value));
  return shape;
}

TensorMeta read_meta(const Json& value) {
  return {scalar_type(member(value, "dtype").get<std::int64_t>()), read_sizes(member(value, "sizes")),
          read_sizes(member(value, "strides")), read_size(member(value, "storage_offset"))};
}

/// "torch.ops.aten.add.Tensor" as "aten.add.Tensor".
std::string operator_name(std::string name) {
  for (const std::string_view prefix : {"torch.ops.", "torch._ops.", "torch."}) {
    if (!name.starts_with(prefix)) continue;
    name.erase(0, prefix.size());
    break;
  }
  return name;
}

// ---- Arguments

Graph read_graph(const Json& value, int depth);

Argument read_symbol(const Json& value, SymbolName::Kind kind) {
  const auto [alternative_name, content] = alternative(value);
  if (alternative_name == "as_name") return {SymbolName{kind, content->get<std::string>()}};
  if (kind == SymbolName::Kind::integer) return {content->get<std::int64_t>()};
  if (kind == SymbolName::Kind::real) return {real_number(*content)};
  return {content->get<bool>()};
}

Argument read_integer(const Json& value) { return {value.get<std::int64_t>()}; }
Argument read_real(const Json& value) { return {real_number(value)}; }
Argument read_bool(const Json& value) { return {value.get<bool>()}; }
Argument read_string(const Json& value) { return {value.get<std::string>()}; }
Argument read_tensor(const Json& value) { return {TensorName{member(value, "name").get<std::string>()}}; }
Argument read_optional_tensor(const Json& value) {
  const auto [kind, content] = alternative(value);
  return kind == "as_tensor" ? read_tensor(*content) : Argument{None{}};
}
Argument read_sym_int(const Json& value) { return read_symbol(value, SymbolName::Kind::integer); }
Argument read_sym_float(const Json& value) { return read_symbol(value, SymbolName::Kind::real); }
Argument read_sym_bool(const Json& value) { return read_symbol(value, SymbolName::Kind::boolean); }
Argument read_opaque(const Json& value) { return {Opaque{value.dump()}}; }

template <Argument (*read)(const Json&)>
Argument read_list(const Json& values) {
  List list;
  for (const Json& value : values) list.push_back(read(value));
  return {std::move(list)};
}

Argument read_complex(const Json& value) {
  return {std::complex<double>(real_number(member(value, "real")), real_number(member(value, "imag")))};
}

Argument read_argument(const Json& value, int depth) {
  struct Reader {
    std::string_view name;
    Argument (*read)(const Json&);
  };
  static constexpr std::array<Reader, 28> kReaders = {{
      {"as_none", [](const Json&) { return Argument{None{}}; }},
      {"as_tensor", read_tensor},
      {"as_tensors", read_list<read_tensor>},
      {"as_optional_tensor", read_optional_tensor},
      {"as_optional_tensors", read_list<read_optional_tensor>},
      {"as_nested_tensors", read_list<read_list<read_tensor>>},
      {"as_int", read_integer},
      {"as_ints", read_list<read_integer>},
      {"as_int_lists", read_list<read_list<read_integer>>},
      {"as_float", read_real},
      {"as_floats", read_list<read_real>},
      {"as_float_lists", read_list<read_list<read_real>>},
      {"as_bool", read_bool},
      {"as_bools", read_list<read_bool>},
      {"as_string", read_string},
      {"as_strings", read_list<read_string>},
      {"as_sym_int", read_sym_int},
      {"as_sym_ints", read_list<read_sym_int>},
      {"as_sym_float", read_sym_float},
      {"as_sym_floats", read_list<read_sym_float>},
      {"as_sym_bool", read_sym_bool},
      {"as_sym_bools", read_list<read_sym_bool>},
      {"as_scalar_type", [](const Json& json) { return Argument{scalar_type(json.get<std::int64_t>())}; }},
      {"as_memory_format", [](const Json& json) { return Argument{MemoryFormat{json.get<std::int64_t>()}}; }},
      {"as_complex", read_complex},
      {"as_operator", [](const Json& json) { return Argument{operator_name(json.get<std::string>())}; }},
      {"as_layout", read_opaque},
      {"as_device", read_opaque},
  }};
  const auto [kind, content] = alternative(value);
  if (kind == "as_graph") {
    auto graph = std::make_shared<const Graph>(read_graph(member(*content, "graph"), depth + 1));
    return {GraphArgument{member(*content, "name").get<std::string>(), std::move(graph)}};
  }
  const auto* found = std::ranges::find(kReaders, kind, &Reader::name);
  return found != kReaders.end() ? found->read(*content) : read_opaque(*content);
}

std::vector<Argument> read_arguments(const Json& values, int depth) {
  std::vector<Argument> list;
  for (const Json& value : values) list.push_back(read_argument(value, depth));
  return list;
}

// ---- Nodes

std::string without_prefix(std::string text, std::string_view prefix) {
  if (text.starts_with(prefix)) text.erase(0, prefix.size());
  return text;
}

/// "key,path,class;key,path,class …", from the root down.
void read_module_stack(const std::string& stack, Node& node) {
  std::size_t start = 0;
  while (start < stack.size()) {
    const std::size_t end = std::min(stack.find(';', start), stack.size());
    const std::string_view entry = std::string_view(stack).substr(start, end - start);
    start = end + 1;
    const std::size_t first = entry.find(',');
    const std::size_t second = first == std::string_view::npos ? first : entry.find(',', first + 1);
    if (second == std::string_view::npos || entry.starts_with("_empty_nn_module_stack")) continue;
    node.module_path = without_prefix(std::string(entry.substr(first + 1, second - first - 1)), "L['self'].");
    if (node.module_path == "L['self']") node.module_path.clear();
    if (!node.module_types.empty()) node.module_types += '/';
    node.module_types += entry.substr(second + 1);
  }
  // A module that is called twice has its second call marked so: "layer@1".
  const std::size_t call = node.module_path.find('@');
  if (call != std::string::npos) node.module_path.erase(call);
}

Node read_node(const Json& value, int depth) {
  Node node;
  node.target = operator_name(member(value, "target").get<std::string>());
  node.name = text_or_empty(value, "name");
  for (const Json& input : member(value, "inputs")) {
    node.inputs.push_back({text_or_empty(input, "name"), read_argument(member(input, "arg"), depth)});
  }
  node.outputs = read_arguments(member(value, "outputs"), depth);
  const auto metadata = value.find("metadata");
  if (metadata != value.end()) {
    node.stack_trace = text_or_empty(*metadata, "stack_trace");
    read_module_stack(text_or_empty(*metadata, "nn_module_stack"), node);
  }
  return node;
}

Graph read_graph(const Json& value, int depth) {
  if (depth > kDeepestGraph) refuse("the program's graphs are nested too deep");
  Graph graph;
  graph.inputs = read_arguments(member(value, "inputs"), depth);
  graph.outputs = read_arguments(member(value, "outputs"), depth);
  for (const Json& node : member(value, "nodes")) graph.nodes.push_back(read_node(node, depth));
  for (const auto& [name, meta] : member(value, "tensor_values").items()) graph.tensors.emplace(name, read_meta(meta));
  for (const auto& [name, size] : member(value, "sym_int_values").items()) {
    graph.integers.emplace(name, read_size(size));
  }
  return graph;
}

// ---- The signature

InputSpec read_input_spec(const Json& value) {
  struct Row {
    std::string_view name;
    InputSpec::Kind kind;
    const char* target;
  };
  static constexpr std::array<Row, 5> kRows = {{{"parameter", InputSpec::Kind::parameter, "parameter_name"},
                                                {"buffer", InputSpec::Kind::buffer, "buffer_name"},
                                                {"tensor_constant", InputSpec::Kind::constant, "tensor_constant_name"},
                                                {"custom_obj", InputSpec::Kind::object, "custom_obj_name"},
                                                {"token", InputSpec::Kind::token, "name"}}};
  const auto [kind, content] = alternative(value);
  InputSpec spec;
  const auto* row = std::ranges::find(kRows, kind, &Row::name);
  if (row != kRows.end()) {
    spec.kind = row->kind;
    spec.name = member(member(*content, "arg"), "name").get<std::string>();
    spec.target = text_or_empty(*content, row->target);
  } else if (kind == "user_input") {
    const auto [type, argument] = alternative(member(*content, "arg"));
    if (type == "as_tensor") spec.name = member(*argument, "name").get<std::string>();
    if (type.starts_with("as_sym_")) spec.name = text_or_empty(*argument, "as_name");
  }
  return spec;
}

OutputSpec read_output_spec(const Json& value) {
  const auto [kind, content] = alternative(value);
  if (kind == "user_output") return {OutputSpec::Kind::user, ""};
  if (kind == "buffer_mutation") return {OutputSpec::Kind::mutated_buffer, text_or_empty(*content, "buffer_name")};
  if (kind == "parameter_mutation") {
    return {OutputSpec::Kind::mutated_parameter, text_or_empty(*content, "parameter_name")};
  }
  if (kind == "user_input_mutation") {
    return {OutputSpec::Kind::mutated_input, text_or_empty(*content, "user_input_name")};
  }
  return {kind == "token" ? OutputSpec::Kind::token : OutputSpec::Kind::other, ""};
}

/// The names of a container's children: keys of a dict, fields of a dataclass or named tuple, else positions.
std::vector<std::string> child_names(const Json& spec, std::size_t count) {
  std::vector<std::string> names;
  const Json context = Json::parse(text_or_empty(spec, "context"), nullptr, false);
  const auto take = [&](const Json& keys) {
    if (!keys.is_array() || keys.size() != count || !names.empty()) return;
    for (const Json& key : keys) names.push_back(key.is_string() ? key.get<std::string>() : key.dump());
  };
  take(context);
  if (names.empty() && context.is_array()) {
    for (const Json& part : context) take(part);
  }
  for (std::size_t i = names.size(); i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

void collect_leaves(const Json& spec, const std::string& path, std::vector<std::string>& paths, int depth) {
  if (depth > kDeepestGraph) refuse("what the module returns is nested too deep");
  const auto type = spec.find("type");
  const auto children = spec.find("children_spec");
  if (type == spec.end() || type->is_null() || children == spec.end()) {
    paths.push_back(path);
    return;
  }
  const std::vector<std::string> names = child_names(spec, children->size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    collect_leaves((*children)[i], path.empty() ? names[i] : path + "." + names[i], paths, depth + 1);
  }
}

std::vector<std::string> read_output_paths(const Json& module) {
  std::vector<std::string> paths;
  const auto calls = module.find("module_call_graph");
  if (calls == module.end()) return paths;
  for (const Json& call : *calls) {
    if (!text_or_empty(call, "fqn").empty() || !call.contains("signature") || call["signature"].is_null()) continue;
    const Json spec = Json::parse(text_or_empty(call["signature"], "out_spec"), nullptr, false);
    if (spec.is_array() && spec.size() == 2) collect_leaves(spec[1], "", paths, 0);
    break;
  }
  return paths;
}

// ---- Payloads

std::optional<tensor::Dims> all_numbers(const ir::Shape& shape) {
  tensor::Dims dims;
  for (const ir::Dim& dim : shape) {
    if (!dim.is_value() || dim.value() < 0) return std::nullopt;
    dims.push_back(dim.value());
  }
  return dims;
}

tensor::Tensor read_payload(const tensor::Tensor& storage, const TensorMeta& meta) {
  const auto dims = all_numbers(meta.sizes);
  const auto strides = all_numbers(meta.strides);
  if (!dims || !strides || dims->size() != strides->size() || !meta.storage_offset.is_value()) {
    refuse("its size is not a list of numbers");
  }
  if (meta.dtype == DataType::undefined) refuse("it holds complex numbers of 16 bits, which ONNX has no type for");
  return strided(storage, meta.dtype, {*dims, *strides, meta.storage_offset.value()});
}

struct PayloadFolder {
  const char* folder;
  const char* config;
};

void read_payloads(const Archive& archive, const PayloadFolder& place, Program& program) {
  const std::string config_name = fmt::format("{}/{}", place.folder, place.config);
  if (!archive.contains(config_name)) return;
  const Json config = Json::parse(archive.text(config_name), nullptr, false);
  if (config.is_discarded()) refuse(fmt::format("'{}' is no valid JSON", config_name));
  for (const auto& [name, payload] : member(config, "config").items()) {
    with_place(name, [&, &name = name, &payload = payload] {
      const auto meta = payload.find("tensor_meta");
      if (payload.value("use_pickle", false) || meta == payload.end() || meta->is_null()) return;
      const std::string entry = fmt::format("{}/{}", place.folder, member(payload, "path_name").get<std::string>());
      program.tensors.insert_or_assign(name, read_payload(archive.bytes(entry), read_meta(*meta)));
      program.payload_keys.insert_or_assign(name, fmt::format("{} {}", entry, meta->dump()));
    });
  }
}

// ---- The whole

Json parse_program(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) refuse("its program is no valid JSON");
  return json;
}

void check_version(const Json& json) {
  const Json& version = member(json, "schema_version");
  const auto major = member(version, "major").get<std::int64_t>();
  if (major == kSchemaMajor) return;
  throw Error(ErrorCode::conversion,
              fmt::format("it is written in version {} of torch.export's schema, {} is read", major, kSchemaMajor))
      .remedy("load and save it with the version of torch that the capture worker uses (2.7 or newer)");
}

std::string find_program(const Archive& archive) {
  if (archive.contains("models/model.json")) return "models/model.json";
  if (archive.contains("serialized_exported_program.json")) {
    throw Error(ErrorCode::conversion, "it is an archive of torch 2.6 or older, whose weights are pickled")
        .remedy("load it with torch.export.load and save it with torch 2.7 or newer");
  }
  refuse("it holds no 'models/model.json': not an exported program");
}

Program read_archive(const Archive& archive) {
  if (archive.contains("byteorder") && archive.text("byteorder", 64) != "little") refuse("its numbers are big-endian");
  const Json json = parse_program(archive.text(find_program(archive)));
  check_version(json);
  const Json& module = member(json, "graph_module");
  Program program;
  program.torch_version = text_or_empty(json, "torch_version");
  program.graph = read_graph(member(module, "graph"), 0);
  const Json& signature = member(module, "signature");
  for (const Json& spec : member(signature, "input_specs")) program.inputs.push_back(read_input_spec(spec));
  for (const Json& spec : member(signature, "output_specs")) program.outputs.push_back(read_output_spec(spec));
  if (program.inputs.size() != program.graph.inputs.size() || program.outputs.size() != program.graph.outputs.size()) {
    refuse("its signature does not fit its graph");
  }
  program.output_paths = read_output_paths(module);
  for (const auto& [symbol, range] : member(json, "range_constraints").items()) {
    const auto bound = [&range = range](const char* name) -> std::optional<std::int64_t> {
      const auto found = range.find(name);
      return found != range.end() && found->is_number_integer() ? std::optional(found->get<std::int64_t>())
                                                                : std::nullopt;
    };
    program.ranges.emplace(symbol, Range{bound("min_val"), bound("max_val")});
  }
  for (const PayloadFolder place : {PayloadFolder{"data/weights", "model_weights_config.json"},
                                    PayloadFolder{"data/constants", "model_constants_config.json"}}) {
    read_payloads(archive, place, program);
  }
  return program;
}

/// A member of another type than the schema says.
template <typename Body>
auto guarded(Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const Json::exception& error) {
    refuse(fmt::format("the program does not follow torch.export's schema ({})", error.what()));
  }
}

}  // namespace

Program read_program(const std::filesystem::path& path) {
  const Archive archive = Archive::open(path);
  return with_place(path.string(), [&] { return guarded([&] { return read_archive(archive); }); });
}

Graph parse_graph(std::string_view json) {
  return guarded([&] { return read_graph(parse_program(std::string(json)), 0); });
}

}  // namespace olivine::torch

#include <fmt/format.h>

#include <optional>
#include <regex>
#include <unordered_set>

#include "base/error.h"
#include "onnx/onnx.h"
#include "passes/pass.h"
#include "passes/support/border.h"

namespace olivine::passes {
namespace {

struct Options {
  std::optional<std::string> name_pattern;
  DataType source_dtype = DataType::float16;
  DataType target_dtype = DataType::float32;
};

const config::OptionsSchema& schema() {
  static const config::OptionsSchema declared =
      config::Declare<Options>()
          .field("name_pattern", &Options::name_pattern,
                 "Regular expression (ECMAScript) that is searched in the names of inputs and outputs; all of them by "
                 "default.")
          .field("source_dtype", &Options::source_dtype, "The type to convert, as a name or as ONNX's number.")
          .field("target_dtype", &Options::target_dtype, "The type to convert to, as a name or as ONNX's number.")
          .done();
  return declared;
}

// ---- Which inputs and outputs

class NamePattern {
 public:
  explicit NamePattern(const std::optional<std::string>& pattern) {
    if (!pattern) return;
    try {
      expression_.emplace(*pattern, std::regex::ECMAScript);
    } catch (const std::regex_error& problem) {
      throw Error(ErrorCode::config, fmt::format("'{}' is not a regular expression: {}", *pattern, problem.what()))
          .prepend("/name_pattern")
          .remedy("write it as ECMAScript does: no (?i), no look-behind, no named groups");
    }
  }

  bool matches(const std::string& name) const {
    // The search recurses once a character.
    constexpr std::size_t kLongest = 4096;
    return !expression_ || std::regex_search(name.substr(0, kLongest), *expression_);
  }

 private:
  std::optional<std::regex> expression_;
};

std::string list(std::span<ir::Value* const> values) {
  std::vector<std::string> texts;
  for (const ir::Value* value : values) {
    texts.push_back(fmt::format("'{}' {}", value->name(), to_string(value->type)));
  }
  return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
}

// ---- The pass

class Selection {
 public:
  Selection(const ir::Model& model, const Options& options, Context& context)
      : model_(model), source_(options.source_dtype), pattern_(options.name_pattern), context_(context) {}

  const NamePattern& pattern() const { return pattern_; }

  bool contains(const ir::Value& value) const {
    return pattern_.matches(value.name()) && value.type.tensor() != nullptr && value.type.tensor()->dtype == source_;
  }

  std::vector<ir::Value*> inputs() {
    std::vector<ir::Value*> selected;
    for (ir::Value* input : model_.graph->inputs()) {
      note_containers(*input, "input");
      if (!contains(*input)) continue;
      // Before IR version 4 every constant had to be listed as an input.
      if (input->is_initializer() && model_.ir_version < 4) continue;
      if (input->sparse_initializer() != nullptr) {
        context_.notices.push_back(fmt::format("input '{}' stays as it is: its default is sparse", input->name()));
        continue;
      }
      selected.push_back(input);
    }
    return selected;
  }

  /// Each once; those that are inputs too are left out.
  std::vector<ir::Value*> outputs() {
    std::vector<ir::Value*> selected;
    std::unordered_set<const ir::Value*> seen;
    for (ir::Value* output : model_.graph->outputs()) {
      if (output->is_graph_input() || !seen.insert(output).second) continue;
      note_containers(*output, "output");
      if (contains(*output)) selected.push_back(output);
    }
    return selected;
  }

 private:
  /// Sequences, optionals and sparse tensors of the type: no Cast takes them.
  void note_containers(const ir::Value& value, std::string_view role) {
    if (value.type.tensor() != nullptr || element_type(value.type) != source_ || !pattern_.matches(value.name()))
      return;
    context_.notices.push_back(
        fmt::format("{} '{}' stays {}: Cast converts tensors only", role, value.name(), to_string(value.type)));
  }

  const ir::Model& model_;
  DataType source_;
  NamePattern pattern_;
  Context& context_;
};

/// The Cast whose result a chain of Identities hands out, or null.
const ir::Node* cast_behind(const ir::Value& output) {
  const ir::Node* node = output.producer();
  while (node != nullptr && node->is("Identity") && node->input(0) != nullptr) node = node->input(0)->producer();
  return node != nullptr && node->is("Cast") ? node : nullptr;
}

/// Types are inferred only where they decide something: of outputs that don't tell theirs, and of what is cast to an
/// output. Returns the outputs that got their types this way.
std::vector<ir::Value*> infer_where_needed(ir::Model& model, const NamePattern& pattern, Context& context) {
  std::vector<ir::Value*> untyped;
  bool needed = false;
  for (ir::Value* output : model.graph->outputs()) {
    if (!pattern.matches(output->name())) continue;
    if (!output->type.known()) untyped.push_back(output);
    const ir::Node* cast = cast_behind(*output);
    needed = needed || (cast != nullptr && cast->input(0) != nullptr && !cast->input(0)->type.known());
  }
  if (!needed && untyped.empty()) return untyped;
  try {
    onnx::infer_types(model);
  } catch (const Error& problem) {
    context.notices.push_back(fmt::format("types could not be inferred: {}", problem.message()));
  }
  return untyped;
}

config::Json names(const std::vector<ir::Value*>& values) {
  config::Json result = config::Json::array();
  for (const ir::Value* value : values) result.push_back(value->name());
  return result;
}

void check_default(const ir::Value& input, const Options& options, ErrorList& errors) {
  const bool strings = options.source_dtype == DataType::string || options.target_dtype == DataType::string;
  if (input.initializer() == nullptr || !strings) return;
  errors.add(Error(ErrorCode::conversion,
                   fmt::format("the default of input '{}' would have to be converted from {} to {}", input.name(),
                               name_of(options.source_dtype), name_of(options.target_dtype)))
                 .remedy("choose other inputs with name_pattern"));
}

Change run(ir::Model& model, const std::any& any_options, Context& context) {
  const auto& options = std::any_cast<const Options&>(any_options);
  if (options.source_dtype == options.target_dtype) {
    context.notices.push_back(
        fmt::format("source and target are both {}: nothing to do", name_of(options.source_dtype)));
    return Change::unchanged;
  }
  Selection selection(model, options, context);
  const std::vector<ir::Value*> completed = infer_where_needed(model, selection.pattern(), context);
  const std::vector<ir::Value*> inputs = selection.inputs();
  const std::vector<ir::Value*> outputs = selection.outputs();
  if (inputs.empty() && outputs.empty()) {
    for (ir::Value* output : completed) output->type = {};
    context.notices.push_back(fmt::format("no input or output {}is a {} tensor; inputs: {}; outputs: {}",
                                          options.name_pattern ? "that name_pattern matches " : "",
                                          name_of(options.source_dtype), list(model.graph->inputs()),
                                          list(model.graph->outputs())));
    return Change::unchanged;
  }
  context.report["inputs"] = names(inputs);
  context.report["outputs"] = names(outputs);

  ErrorList defaults;
  for (const ir::Value* input : inputs) check_default(*input, options, defaults);
  defaults.throw_if_any();
  Border border(model, options.source_dtype, options.target_dtype);
  for (ir::Value* input : inputs) border.convert_input(*input);
  for (ir::Value* output : outputs) border.convert_output(*output);
  border.errors().throw_if_any();

  if (!tensor::is_exact_cast(options.source_dtype, options.target_dtype)) {
    context.notices.push_back(
        fmt::format("{} doesn't hold every {} value: inputs and outputs may lose precision or range",
                    name_of(options.target_dtype), name_of(options.source_dtype)));
  }
  context.report["inserted_casts"] = border.inserted;
  context.report["removed_casts"] = border.removed;
  return Change::changed;
}

}  // namespace

extern const Pass kOnnxIODataTypeConverter;
const Pass kOnnxIODataTypeConverter = {
    "OnnxIODataTypeConverter",
    "Gives inputs and outputs another element type, with Casts between the border and the inside.",
    &schema,
    &run,
};

}  // namespace olivine::passes

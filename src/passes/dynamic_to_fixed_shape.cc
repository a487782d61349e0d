#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/suggest.h"
#include "onnx/walk.h"
#include "passes/pass.h"
#include "passes/support/dims.h"
#include "passes/support/dynamic_values.h"
#include "passes/support/fold.h"

namespace olivine::passes {
namespace {

struct Options {
  std::optional<std::vector<std::string>> dim_param;
  std::optional<std::vector<std::int64_t>> dim_value;
  std::optional<std::vector<std::string>> input_name;
  std::optional<std::vector<std::vector<std::int64_t>>> input_shape;
};

const config::OptionsSchema& schema() {
  static const config::OptionsSchema declared =
      config::Declare<Options>()
          .field("dim_param", &Options::dim_param, "Symbolic dimensions to make fixed, by name.")
          .alias("input_dim")
          .field("dim_value", &Options::dim_value, "A size for each of dim_param.")
          .at_least(1)
          .field("input_name", &Options::input_name, "Inputs whose whole shape is to be fixed.")
          .field("input_shape", &Options::input_shape,
                 "A shape for each of input_name; -1 leaves a dimension as it is.")
          .at_least(-1)
          .exclusive({"dim_param", "input_name"})
          .together({"dim_param", "dim_value"})
          .together({"input_name", "input_shape"})
          .same_length({"dim_param", "dim_value"})
          .same_length({"input_name", "input_shape"})
          .done();
  return declared;
}

Error config_error(std::string message, std::string_view place, std::size_t index) {
  Error error(ErrorCode::config, std::move(message));
  error.prepend(fmt::format("/{}/{}", place, index));
  return error;
}

std::string list_inputs(const ir::Model& model) {
  std::vector<std::string> inputs;
  for (const ir::Value* input : model.graph->inputs()) {
    inputs.push_back(fmt::format("'{}' {}", input->name(), to_string(input->type)));
  }
  return inputs.empty() ? "the model has no inputs" : fmt::format("the inputs are {}", fmt::join(inputs, ", "));
}

// ---- By symbol

std::string list_symbols(const SymbolPlaces& places) {
  std::vector<std::string> symbols;
  for (const auto& [symbol, where] : places) symbols.push_back(fmt::format("{} ({})", symbol, fmt::join(where, ", ")));
  return symbols.empty() ? "it has no symbols at all" : fmt::format("its symbols are {}", fmt::join(symbols, "; "));
}

Error unknown_symbol(const std::string& symbol, std::size_t index, const SymbolPlaces& places, const ir::Model& model) {
  if (symbol == "?" || symbol == "-1") {
    return config_error(fmt::format("'{}' is no symbol: such dimensions have no name", symbol), "dim_param", index)
        .remedy(fmt::format("use input_name and input_shape; {}", list_inputs(model)));
  }
  std::vector<std::string> known;
  for (const auto& [name, where] : places) known.push_back(name);
  const std::string hint = did_you_mean(symbol, known);
  return config_error(fmt::format("the model has no symbol '{}'", symbol), "dim_param", index)
      .remedy(fmt::format("{}{}{}", hint, hint.empty() ? "" : " ", list_symbols(places)));
}

SymbolSizes sizes_by_symbol(const ir::Model& model, const Options& options, Context& context) {
  const SymbolPlaces places = find_symbols(model);
  const bool inputs_are_static = std::all_of(model.graph->inputs().begin(), model.graph->inputs().end(),
                                             [](const ir::Value* input) { return is_static(input->type); });
  SymbolSizes sizes;
  ErrorList errors;
  for (std::size_t i = 0; i < options.dim_param->size(); ++i) {
    const std::string& symbol = (*options.dim_param)[i];
    const std::int64_t size = options.dim_value->at(i);
    const auto [entry, fresh] = sizes.try_emplace(symbol, size);
    if (!fresh && entry->second != size) {
      errors.add(
          config_error(fmt::format("'{}' is given two sizes, {} and {}", symbol, entry->second, size), "dim_param", i));
    }
    if (places.contains(symbol)) continue;
    if (inputs_are_static) {
      // As after an earlier run.
      context.notices.push_back(fmt::format("no symbol '{}' is left: all inputs are fixed already", symbol));
    } else {
      errors.add(unknown_symbol(symbol, i, places, model));
    }
  }
  errors.throw_if_any();
  return sizes;
}

// ---- By input

class InputBinder {
 public:
  InputBinder(ir::Model& model, const Options& options) : model_(model), options_(options) {}

  /// Sets the inputs' shapes and returns the sizes of the symbols that stood in them.
  SymbolSizes bind() {
    for (std::size_t i = 0; i < options_.input_name->size(); ++i) bind_input(i);
    errors_.throw_if_any();
    return std::move(sizes_);
  }

  bool changed() const { return changed_; }

 private:
  void bind_input(std::size_t index) {
    const std::string& name = (*options_.input_name)[index];
    const std::vector<std::int64_t>& wanted = options_.input_shape->at(index);
    if (const std::size_t zero = zero_in(wanted); zero != wanted.size()) {
      errors_.add(
          config_error(fmt::format("dimension {} is 0; sizes are 1 or more, -1 leaves a dimension as it is", zero),
                       "input_shape", index));
      return;
    }
    ir::Value* input = find_input(name, index);
    if (input == nullptr) return;
    ir::TensorType* type = input->type.tensor();
    if (type == nullptr) {
      errors_.add(config_error(fmt::format("input '{}' is {}, which has no shape to fix", name, to_string(input->type)),
                               "input_name", index));
      return;
    }
    if (!type->shape) {
      type->shape.emplace(wanted.size());
      changed_ = true;
    }
    if (type->shape->size() != wanted.size()) {
      errors_.add(config_error(fmt::format("input '{}' {} has {} dimensions, not {}", name, to_string(input->type),
                                           type->shape->size(), wanted.size()),
                               "input_shape", index));
      return;
    }
    for (std::size_t axis = 0; axis < wanted.size(); ++axis) {
      if (wanted[axis] != -1) bind_dim(*input, (*type->shape)[axis], axis, wanted[axis], index);
    }
  }

  static std::size_t zero_in(const std::vector<std::int64_t>& wanted) {
    return static_cast<std::size_t>(std::find(wanted.begin(), wanted.end(), 0) - wanted.begin());
  }

  ir::Value* find_input(const std::string& name, std::size_t index) {
    std::vector<std::string> names;
    for (ir::Value* input : model_.graph->inputs()) {
      if (input->name() == name) return input;
      names.push_back(input->name());
    }
    const auto constants = model_.graph->initializers();
    const bool constant = std::any_of(constants.begin(), constants.end(),
                                      [&](const ir::Value* initializer) { return initializer->name() == name; });
    const std::string hint = did_you_mean(name, names);
    errors_.add(config_error(constant ? fmt::format("'{}' is a constant of the model, not an input", name)
                                      : fmt::format("the model has no input '{}'", name),
                             "input_name", index)
                    .remedy(fmt::format("{}{}{}", hint, hint.empty() ? "" : " ", list_inputs(model_))));
    return nullptr;
  }

  void bind_dim(const ir::Value& input, ir::Dim& dim, std::size_t axis, std::int64_t size, std::size_t index) {
    const std::string place = fmt::format("dimension {} of input '{}'", axis, input.name());
    if (dim.is_value()) {
      if (dim.value() == size) return;
      errors_.add(config_error(fmt::format("{} is {}, not {}", place, dim.value(), size), "input_shape", index));
    } else if (dim.is_symbol()) {
      const auto [entry, fresh] = sizes_.try_emplace(dim.symbol(), size);
      if (fresh) {
        first_place_[dim.symbol()] = place;
      } else if (entry->second != size) {
        errors_.add(config_error(fmt::format("symbol '{}' would be {} as {}, but {} as {}", dim.symbol(), entry->second,
                                             first_place_[dim.symbol()], size, place),
                                 "input_shape", index));
      }
    } else {
      const std::string denotation = std::move(dim.denotation);
      dim = ir::Dim(size);
      dim.denotation = denotation;
      changed_ = true;
    }
  }

  ir::Model& model_;
  const Options& options_;
  SymbolSizes sizes_;
  std::map<std::string, std::string> first_place_;
  ErrorList errors_;
  bool changed_ = false;
};

// ---- Inference and folding

/// The types of all values, to see whether inference has found anything new.
class Snapshot {
 public:
  explicit Snapshot(const ir::Model& model) {
    visit(model, [&](const ir::Value& value) { seen_.push_back(value.type); });
  }

  bool differs(const ir::Model& model) const {
    bool differs = false;
    std::size_t i = 0;
    visit(model,
          [&](const ir::Value& value) { differs = differs || i >= seen_.size() || !(value.type == seen_[i++]); });
    return differs || i != seen_.size();
  }

 private:
  /// Function bodies are left out: the file tells no types of theirs that a call could change.
  template <typename Visit>
  static void visit(const ir::Model& model, Visit&& visit) {
    for_each_graph(*model.graph, [&](ir::Graph& graph) {
      for (const ir::Value* input : graph.inputs()) visit(*input);
      for (const ir::Node& node : graph.nodes()) {
        for (const auto& output : node.outputs()) {
          if (output) visit(*output);
        }
      }
    });
  }

  std::vector<ir::Type> seen_;
};

void throw_refusals(const onnx::WalkReport& report) {
  constexpr std::size_t kShown = 10;
  ErrorList errors;
  for (const auto& refusal : report.refusals) {
    if (errors.size() == kShown) break;
    errors.add(Error(ErrorCode::conversion, fmt::format("cannot take the shapes that it gets: {}", refusal.reason))
                   .prepend(refusal.node->describe())
                   .remedy("give sizes that the model can be run with"));
  }
  errors.throw_if_any();
}

/// Declared shapes of outputs that turned out to be wrong. A subgraph's and an inner value's are corrected in silence.
void note_contradictions(const ir::Model& model, const onnx::WalkReport& report, Context& context) {
  for (const auto& contradiction : report.contradictions) {
    const auto outputs = model.graph->outputs();
    if (std::find(outputs.begin(), outputs.end(), contradiction.value) == outputs.end()) continue;
    context.notices.push_back(fmt::format("output '{}' was declared as {}, but is {}", contradiction.value->name(),
                                          to_string(contradiction.declared), to_string(contradiction.inferred)));
  }
}

/// The file is to tell every shape that is known; true if it did not before.
bool list_shapes(ir::Model& model) {
  bool changed = false;
  for_each_graph(*model.graph, [&](ir::Graph& graph) {
    for (const ir::Node& node : graph.nodes()) {
      // A constant tells its own.
      if (node.is("Constant")) continue;
      for (const auto& output : node.outputs()) {
        if (!output || output->listed || output->type.tensor() == nullptr || !output->type.tensor()->shape) continue;
        output->listed = true;
        changed = true;
      }
    }
  });
  return changed;
}

void report_dynamic_values(const ir::Model& model, Context& context) {
  constexpr std::size_t kNotices = 10;
  constexpr std::size_t kReported = 1000;
  const std::vector<DynamicOrigin> origins = find_dynamic_values(model);
  config::Json list = config::Json::array();
  std::size_t count = 0;
  for (const DynamicOrigin& origin : origins) {
    count += origin.values.size();
    for (const ir::Value* value : origin.values) {
      if (list.size() == kReported) break;
      list.push_back({{"value", value->name()}, {"shape", to_string(value->type)}, {"node", origin.cause}});
    }
  }
  context.report["dynamic_values"] = std::move(list);
  context.report["dynamic_value_count"] = count;
  for (std::size_t i = 0; i < std::min(kNotices, origins.size()); ++i) {
    const DynamicOrigin& origin = origins[i];
    const ir::Value& first = *origin.values.front();
    context.notices.push_back(
        fmt::format("still dynamic because of {}: '{}' {}{}", origin.cause, first.name(), to_string(first.type),
                    origin.values.size() == 1 ? std::string() : fmt::format(" and {} more", origin.values.size() - 1)));
  }
  if (origins.size() > kNotices) {
    context.notices.push_back(fmt::format("{} more nodes or inputs make values dynamic", origins.size() - kNotices));
  }
}

Change run(ir::Model& model, const std::any& any_options, Context& context) {
  const auto& options = std::any_cast<const Options&>(any_options);
  if (!options.dim_param && !options.input_name) {
    throw Error(ErrorCode::config, "nothing says what is to be fixed")
        .remedy("give dim_param with dim_value, or input_name with input_shape");
  }
  bool changed = normalize_unknown_dims(model);
  SymbolSizes sizes;
  if (options.dim_param) {
    sizes = sizes_by_symbol(model, options, context);
  } else {
    InputBinder binder(model, options);
    sizes = binder.bind();
    changed = binder.changed() || changed;
  }
  changed = substitute_symbols(model, sizes) || changed;

  std::optional<Snapshot> before;
  if (!changed) before.emplace(model);
  ShapeFolder folder(model);
  const onnx::WalkReport report = onnx::infer_in_order(model, folder);
  throw_refusals(report);
  note_contradictions(model, report, context);
  const ShapeFolder::Counts counts = folder.fold();
  changed = changed || counts.any() || before->differs(model);
  changed = list_shapes(model) || changed;

  for (const auto& [symbol, size] : sizes) context.report["symbols"][symbol] = size;
  context.report["folded_values"] = counts.folded;
  context.report["written_targets"] = counts.targets;
  context.report["removed_nodes"] = counts.removed;
  context.report["inlined_branches"] = counts.branches;
  report_dynamic_values(model, context);
  return changed ? Change::changed : Change::unchanged;
}

}  // namespace

extern const Pass kDynamicToFixedShape;
const Pass kDynamicToFixedShape = {
    "DynamicToFixedShape",
    "Fixes dynamic dimensions, by symbol or by input, infers all shapes, and folds the arithmetic on shapes.",
    &schema,
    &run,
};

}  // namespace olivine::passes

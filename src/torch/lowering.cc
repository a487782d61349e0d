#include "torch/lowering.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "opset/convert.h"
#include "torch/promote.h"

/// The part of the engine that goes over the program's calls; mutation.cc has what is written in place, finish.cc what
/// comes at the end.
namespace olivine::torch {
namespace {

/// Everything that is made here is valid from this opset on; older targets are the opset converter's.
constexpr std::int64_t kOldestLowered = 20;

std::string shown(const Node& node) {
  std::string text = fmt::format("'{}' ({})", node.name, node.target);
  if (!node.module_path.empty()) text += fmt::format(" in '{}'", node.module_path);
  return text;
}

/// "aten.add_.Tensor" as "aten.add.Tensor"; empty for a call that isn't in place.
std::string functional_twin(std::string_view target) {
  const std::size_t start = target.find('.');
  const std::size_t end = target.rfind('.');
  if (start == std::string_view::npos || end <= start + 1 || target[end - 1] != '_') return {};
  std::string_view name = target.substr(start + 1, end - start - 1);
  if (name.ends_with("__")) {  // "__iand__": the twin of an operator of Python's is "__and__"
    return name.starts_with("__i") ? fmt::format("aten.__{}{}", name.substr(3), target.substr(end)) : std::string();
  }
  name.remove_suffix(1);
  return fmt::format("{}.{}{}", target.substr(0, start), name, target.substr(end));
}

/// The type by which ONNX holds a tensor: complex numbers are pairs of reals.
ir::Type held_type(DataType dtype, ir::Shape shape) {
  if (is_complex_type(dtype)) shape.emplace_back(std::int64_t{2});
  return ir::tensor_type(real_part_type(dtype), std::move(shape));
}

}  // namespace

Lowering::Lowering(const Program& program, const LowerOptions& options)
    : program_(program),
      options_(options),
      opset_(lowering_opset(options.target_opset)),
      model_(result_.model),
      known_(model_),
      inference_(model_, known_) {
  model_.ir_version = opset::oldest_ir_of_opset(opset_);
  model_.set_opset("", opset_);
  model_.producer_name = "olivine";
  model_.graph->name = "main_graph";
}

Lowered Lowering::run() {
  check_operators();
  graphs_.push_back({nullptr, model_.graph.get(), {}});
  frame_ = &frames_.emplace_back(Frame{&program_.graph, {}, {}, {}, DataType::undefined});
  bind_inputs();
  lower_nodes(program_.graph);
  errors_.throw_if_any();
  bind_outputs();
  finish();
  return std::move(result_);
}

const CustomOp* Lowering::find_custom(const std::string& target) const {
  const auto found = options_.custom_ops.find(target);
  return found != options_.custom_ops.end() ? &found->second : nullptr;
}

void Lowering::import_opset(const std::string& domain, std::int64_t version) {
  if (const auto present = model_.opset(domain); present && *present != version) {
    throw values::Refusal{fmt::format("opset {} of the domain '{}' is asked for beside {}", version, domain, *present)};
  }
  model_.set_opset(domain, version);
}

void Lowering::collect_unknown(const Graph& graph, std::map<std::string, std::size_t>& unknown) const {
  for (const Node& node : graph.nodes) {
    const std::string twin = functional_twin(node.target);
    const auto has_row = [](std::string_view target) {
      return find_op(target) != nullptr || find_complex_op(target) != nullptr;
    };
    const bool is_known = has_row(node.target) || has_row(twin) || find_custom(node.target) != nullptr;
    if (!is_known) ++unknown[node.target];
    for (const NamedArgument& input : node.inputs) {
      if (const auto* nested = input.value.as<GraphArgument>()) collect_unknown(*nested->graph, unknown);
    }
  }
}

void Lowering::check_operators() const {
  std::map<std::string, std::size_t> unknown;
  collect_unknown(program_.graph, unknown);
  if (unknown.empty()) return;
  std::vector<std::string> names;
  for (const auto& [target, count] : unknown)
    names.push_back(fmt::format("{} ({} call{})", target, count, count == 1 ? "" : "s"));
  throw Error(ErrorCode::conversion,
              fmt::format("operators of the program that are not known: {}", fmt::join(names, ", ")))
      .remedy("export it with \"exporter\": \"torch.onnx\", or decompose them (ExportedProgram.run_decompositions)");
}

// ---- Inputs

ir::Shape Lowering::named(const ir::Shape& shape) const {
  ir::Shape result;
  for (const ir::Dim& dim : shape) {
    if (!dim.is_symbol()) {
      result.push_back(dim);
      continue;
    }
    const std::string& text = dim.symbol();
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
      std::size_t end = i;
      while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) ++end;
      if (end == i) {
        out += text[i++];
        continue;
      }
      const std::string word = text.substr(i, end - i);
      const auto name = options_.symbol_names.find(word);
      out += name != options_.symbol_names.end() ? name->second : word;
      i = end;
    }
    result.emplace_back(std::move(out));
  }
  return result;
}

ir::Value* Lowering::weight(const std::string& path, const std::string& name) {
  const auto found = program_.tensors.find(path);
  if (found == program_.tensors.end()) {
    throw Error(ErrorCode::conversion, fmt::format("the archive has no payload for '{}'", path))
        .remedy("tensors that are saved as pickles are not read; save plain tensors");
  }
  const auto [entry, fresh] = weights_.try_emplace(program_.payload_keys.at(path), nullptr);
  if (fresh) {
    const tensor::Tensor& tensor = found->second;
    tensor::Tensor held = tensor;
    if (is_complex_type(tensor.dtype())) {
      tensor::Dims dims = tensor.dims();
      dims.push_back(2);
      held = tensor::Tensor(real_part_type(tensor.dtype()), std::move(dims), tensor.source());
    }
    entry->second = &model_.graph->add_initializer(model_.graph->unique_name(path.empty() ? name : path), held);
    entry->second->type = held_type(tensor.dtype(), ir::Shape(tensor.dims().begin(), tensor.dims().end()));
  }
  return entry->second;
}

/// The user's inputs come first: no weight takes one's name.
void Lowering::bind_inputs() {
  bind_user_inputs();
  for (const InputSpec& spec : program_.inputs) {
    const bool is_payload = spec.kind == InputSpec::Kind::parameter || spec.kind == InputSpec::Kind::buffer ||
                            spec.kind == InputSpec::Kind::constant;
    if (!is_payload) continue;
    auto cell = std::make_shared<Cell>();
    cell->value = weight(spec.target, spec.name);
    frame_->tensors.emplace(spec.name, std::move(cell));
  }
}

void Lowering::bind_user_inputs() {
  std::size_t user = 0;
  for (std::size_t i = 0; i < program_.inputs.size(); ++i) {
    const InputSpec& spec = program_.inputs[i];
    if (spec.kind != InputSpec::Kind::user) continue;
    // A number that the export took as it was.
    if (spec.name.empty()) continue;
    const std::string name = user < options_.input_names.size() ? options_.input_names[user] : spec.name;
    ++user;
    const Argument& argument = program_.graph.inputs[i];
    if (argument.as<SymbolName>() != nullptr) {
      ir::Value& input =
          model_.graph->add_input(model_.graph->unique_name(name), ir::tensor_type(DataType::int64, ir::Shape{}));
      Node origin;
      origin.name = name;
      frame_->symbols.emplace(
          spec.name,
          make(origin, "Reshape", {&input, constant(tensor::from_int64s(std::vector<std::int64_t>{1}))}, 1, {})
              .front());
      continue;
    }
    const TensorMeta& meta = program_.graph.tensors.at(spec.name);
    auto cell = std::make_shared<Cell>();
    cell->value = &model_.graph->add_input(model_.graph->unique_name(name), type_of(meta));
    frame_->tensors.emplace(spec.name, std::move(cell));
  }
}

// ---- Calls

void Lowering::lower_nodes(const Graph& graph) {
  for (const Node& node : graph.nodes) lower_node(node);
}

Values Lowering::apply(const Op& op, Call& call) { return op.one != nullptr ? Values{op.one(call)} : op.many(call); }

Values Lowering::results_of(const Node& node) {
  if (const CustomOp* custom = find_custom(node.target)) {
    Call call(*this, node, node.target);
    return lower_custom(call, *custom);
  }
  const Op* op = row(node, node.target);
  if (op == nullptr) throw values::Refusal{fmt::format("the operator '{}' is not known", node.target)};
  Call call(*this, node, op->target);
  return apply(*op, call);
}

/// The row by which a call of `target` is lowered: that for complex tensors, where the call has any; null for an
/// unknown operator. Refuses where complex tensors come and the rows are for reals only.
const Op* Lowering::row(const Node& node, std::string_view target) const {
  const auto is_complex = [&](const Argument& argument) {
    const auto* name = argument.as<TensorName>();
    const TensorMeta* meta = name != nullptr ? find_meta(name->name) : nullptr;
    return meta != nullptr && is_complex_type(meta->dtype);
  };
  const auto any_complex = [&](const Argument& argument) {
    const List* list = argument.as<List>();
    return list != nullptr ? std::ranges::any_of(*list, is_complex) : is_complex(argument);
  };
  const Op* op = find_op(target);
  if (op != nullptr && op->takes_complex) return op;
  const Op* complex = find_complex_op(target);
  const bool takes = std::ranges::any_of(node.inputs, any_complex, &NamedArgument::value);
  if (complex != nullptr && (takes || std::ranges::any_of(node.outputs, any_complex))) return complex;
  if (takes && (op != nullptr || complex != nullptr)) throw values::Refusal{"it is not expressed for complex numbers"};
  return op;
}

void Lowering::lower_node(const Node& node) {
  const std::size_t depth = graphs_.size();
  try {
    const Op* op = row(node, node.target);
    const Op* functional = op == nullptr ? row(node, functional_twin(node.target)) : nullptr;
    if (functional != nullptr && find_custom(node.target) == nullptr) {
      lower_in_place(node, *functional);
    } else {
      bind_results(node, op, results_of(node));
    }
  } catch (const values::Refusal& refusal) {
    while (graphs_.size() > depth) graphs_.pop_back();
    if (!postpone(node, refusal.reason)) refuse(node, refusal.reason);
  }
}

/// Only who uses a size learns that it couldn't be made: some are asked for by asserts alone, which are dropped.
bool Lowering::postpone(const Node& node, const std::string& reason) {
  const auto is_symbol = [](const Argument& output) { return output.as<SymbolName>() != nullptr; };
  if (node.outputs.empty() || !std::ranges::all_of(node.outputs, is_symbol)) return false;
  for (const Argument& output : node.outputs) {
    frame_->missing.insert_or_assign(output.as<SymbolName>()->name, fmt::format("{}: {}", shown(node), reason));
  }
  return true;
}

/// Later calls go on with a value that stands for what could not be made, so that all that is wrong is told at once.
void Lowering::refuse(const Node& node, const std::string& reason) {
  errors_.add(Error(ErrorCode::conversion, reason).prepend(shown(node)));
  const auto stand_in = [&](const Argument& output) {
    if (const auto* tensor = output.as<TensorName>()) {
      const TensorMeta* meta = find_meta(tensor->name);
      auto cell = std::make_shared<Cell>();
      const ir::Type type = meta != nullptr ? type_of(*meta) : ir::Type();
      cell->value = &model_.graph->add_input(model_.graph->unique_name(tensor->name), type);
      frame_->tensors.insert_or_assign(tensor->name, std::move(cell));
    } else if (const auto* symbol = output.as<SymbolName>()) {
      ir::Value& value = model_.graph->add_input(model_.graph->unique_name(symbol->name),
                                                 ir::tensor_type(DataType::int64, ir::Shape{std::int64_t{1}}));
      frame_->symbols.insert_or_assign(symbol->name, &value);
    }
  };
  for (const Argument& output : node.outputs) {
    stand_in(output);
    if (const auto* list = output.as<List>()) std::ranges::for_each(*list, stand_in);
  }
}

void Lowering::bind_results(const Node& node, const Op* op, const Values& results) {
  std::size_t index = 0;
  for (const Argument& output : node.outputs) {
    if (const auto* list = output.as<List>()) {
      for (const Argument& element : *list) {
        bind_result(node, op, element, index < results.size() ? results[index] : nullptr, index);
        ++index;
      }
    } else {
      bind_result(node, op, output, index < results.size() ? results[index] : nullptr, index);
      ++index;
    }
  }
}

void Lowering::bind_result(const Node& node, const Op* op, const Argument& output, ir::Value* value,
                           std::size_t index) {
  if (const auto* symbol = output.as<SymbolName>()) {
    if (value == nullptr) throw values::Refusal{"its symbolic result is not made"};
    frame_->symbols.insert_or_assign(symbol->name, value);
    return;
  }
  const auto* name = output.as<TensorName>();
  if (name == nullptr) return;
  // A result that an operator doesn't make is one that nobody uses: whoever does is told so.
  auto cell = std::make_shared<Cell>();
  const TensorMeta* meta = find_meta(name->name);
  if (value != nullptr && meta != nullptr) value = settle(node, value, *meta, name->name);
  cell->value = value;
  if (is_alias(node, op)) {
    if (const std::shared_ptr<Cell> base = self_cell(node)) {
      cell->base = base;
      cell->storage = base->storage;
      cell->version = base->storage->version;
      cell->view = &node;
      cell->op = op;
      cell->output = index;
      cell->home = frame_;
    }
  }
  frame_->tensors.insert_or_assign(name->name, std::move(cell));
}

/// What the program says of a result is right: where a lowering made something else, it is no good.
ir::Value* Lowering::settle(const Node& node, ir::Value* value, const TensorMeta& meta, const std::string& name) {
  const ir::Type expected = type_of(meta);
  const ir::TensorType* made = value->type.tensor();
  const auto differs = [](const ir::Dim& a, const ir::Dim& b) {
    return a.is_value() && b.is_value() && a.value() != b.value();
  };
  if (made != nullptr) {
    const ir::Shape& wanted = *expected.tensor()->shape;
    bool fits = made->dtype == expected.tensor()->dtype;
    if (fits && made->shape) {
      fits = made->shape->size() == wanted.size();
      for (std::size_t i = 0; fits && i < wanted.size(); ++i) fits = !differs((*made->shape)[i], wanted[i]);
    }
    if (!fits) {
      throw values::Refusal{fmt::format("its lowering makes {} where the program has {}", ir::to_string(value->type),
                                        ir::to_string(expected))};
    }
  }
  if (value->producer() == nullptr) return value;
  if (made == nullptr || !values::static_dims(value->type)) value->type = expected;
  // The last node of a call bears the result's name.
  const std::string scope = node.module_path.empty() ? std::string() : node.module_path + "/";
  if (value->name().starts_with(scope + node.name + "/")) value->set_name(model_.graph->unique_name(scope + name));
  return value;
}

ir::Type Lowering::type_of(const TensorMeta& meta) const { return held_type(meta.dtype, named(meta.sizes)); }

// ---- Names

const TensorMeta* Lowering::find_meta(const std::string& name) const {
  const auto found = frame_->graph->tensors.find(name);
  return found != frame_->graph->tensors.end() ? &found->second : nullptr;
}

namespace {

void collect_used(const Argument& argument, std::unordered_set<std::string_view>& used) {
  if (const auto* tensor = argument.as<TensorName>()) used.insert(tensor->name);
  if (const auto* list = argument.as<List>()) {
    for (const Argument& element : *list) collect_used(element, used);
  }
}

}  // namespace

bool Lowering::is_used(const std::string& name) {
  const auto [entry, fresh] = used_.try_emplace(frame_->graph);
  if (fresh) {
    for (const Node& node : frame_->graph->nodes) {
      for (const NamedArgument& input : node.inputs) collect_used(input.value, entry->second);
    }
    for (const Argument& output : frame_->graph->outputs) collect_used(output, entry->second);
  }
  return entry->second.contains(name);
}

std::shared_ptr<Cell>& Lowering::cell(const std::string& name) {
  const auto found = frame_->tensors.find(name);
  if (found == frame_->tensors.end()) {
    throw Error(ErrorCode::conversion, fmt::format("the program uses '{}' before it is made", name));
  }
  return found->second;
}

ir::Value* Lowering::tensor(const std::string& name) {
  ir::Value* value = current(*cell(name));
  if (value == nullptr) throw values::Refusal{fmt::format("it uses '{}', which has no equal in ONNX", name)};
  return value;
}

ir::Value* Lowering::symbol(const std::string& name) {
  const auto found = frame_->symbols.find(name);
  if (found != frame_->symbols.end()) return found->second;
  const auto missing = frame_->missing.find(name);
  if (missing != frame_->missing.end()) throw values::Refusal{missing->second};
  // A size that was a number after all.
  const auto size = frame_->graph->integers.find(name);
  if (size != frame_->graph->integers.end() && size->second.is_value()) {
    return constant(tensor::from_int64s(std::vector<std::int64_t>{size->second.value()}));
  }
  throw Error(ErrorCode::conversion, fmt::format("the program uses '{}' before it is made", name));
}

void Lowering::notice(std::string text) {
  if (std::ranges::find(result_.notices, text) == result_.notices.end()) result_.notices.push_back(std::move(text));
}

// ---- Graphs

void Lowering::begin_graph(const Node& origin) {
  auto graph = std::make_unique<ir::Graph>();
  graph->name = model_.graph->unique_name(origin.name + "_body");
  ir::Graph* open = graph.get();
  graphs_.push_back({std::move(graph), open, {}});
}

ir::Value* Lowering::graph_input(const ir::Type& type) {
  return &graphs_.back().graph->add_input(model_.graph->unique_name("state"), type);
}

std::unique_ptr<ir::Graph> Lowering::end_graph(const Node& origin, const Values& outputs) {
  for (ir::Value* output : outputs) {
    // An output of a graph is made in it, and once.
    const bool is_own =
        output->producer() != nullptr && output->graph() == graphs_.back().graph && !output->is_graph_output();
    ir::Value* own = output;
    if (!is_own) {
      ir::Node& copy = graphs_.back().graph->append("Identity", {output});
      own = copy.add_output(model_.graph->unique_name(origin.name + "/Identity"), output->type);
      copy.name = model_.graph->unique_node_name(origin.name + "/Identity");
    }
    own->listed = true;
    graphs_.back().graph->add_output(*own);
  }
  std::unique_ptr<ir::Graph> graph = std::move(graphs_.back().owned);
  graphs_.pop_back();
  return graph;
}

Values Lowering::inline_graph(const Graph& graph, const Values& inputs, std::optional<DataType> autocast) {
  const InFrame inside(frame_, frames_.emplace_back(Frame{&graph, {}, {}, {}, autocast.value_or(frame_->autocast)}));
  for (std::size_t i = 0; i < graph.inputs.size() && i < inputs.size(); ++i) {
    if (const auto* tensor = graph.inputs[i].as<TensorName>()) {
      auto cell = std::make_shared<Cell>();
      cell->value = inputs[i];
      frame_->tensors.emplace(tensor->name, std::move(cell));
    } else if (const auto* symbol = graph.inputs[i].as<SymbolName>()) {
      frame_->symbols.emplace(symbol->name, inputs[i]);
    }
  }
  lower_nodes(graph);
  Values outputs;
  for (const Argument& output : graph.outputs) {
    if (const auto* name = output.as<TensorName>()) {
      outputs.push_back(tensor(name->name));
    } else if (const auto* size = output.as<SymbolName>()) {
      outputs.push_back(symbol(size->name));
    } else if (const auto* number = output.as<std::int64_t>()) {
      outputs.push_back(constant(tensor::from_int64s(std::vector<std::int64_t>{*number})));
    } else {
      outputs.push_back(nullptr);
    }
  }
  return outputs;
}

std::int64_t lowering_opset(std::int64_t target_opset) { return std::max(target_opset, kOldestLowered); }

Lowered lower(const Program& program, const LowerOptions& options) { return Lowering(program, options).run(); }

}  // namespace olivine::torch

#include <fmt/format.h>

#include <algorithm>

#include "ir/cloner.h"
#include "opset/adapters/families.h"

/// If, Loop, Scan, SequenceMap, and values that may be missing.
namespace olivine::opset {
namespace {

// ---- If

const ir::Graph& branch_of(const ir::Node& node, std::string_view name) {
  return *std::get<std::unique_ptr<ir::Graph>>(node.find(name)->value);
}

bool shapes_differ(const ir::Type& a, const ir::Type& b) {
  const ir::TensorType* left = a.tensor();
  const ir::TensorType* right = b.tensor();
  if (left == nullptr || right == nullptr || !left->shape || !right->shape) return false;
  return !std::equal(
      left->shape->begin(), left->shape->end(), right->shape->begin(), right->shape->end(),
      [](const ir::Dim& x, const ir::Dim& y) { return !x.is_value() || !y.is_value() || x.value() == y.value(); });
}

void branches_of_one_shape(Step& s) {
  const auto one = branch_of(s.node(), "then_branch").outputs();
  const auto other = branch_of(s.node(), "else_branch").outputs();
  for (std::size_t i = 0; i < std::min(one.size(), other.size()); ++i) {
    if (shapes_differ(one[i]->type, other[i]->type)) {
      s.refuse(fmt::format("its branches make '{}' and '{}' of different shapes; before opset 11 they must be alike",
                           one[i]->name(), other[i]->name()));
    }
  }
}

// ---- Scan

/// A type without its first dimension.
ir::Type element_of(const ir::Type& type) {
  const ir::TensorType* tensor = type.tensor();
  if (tensor == nullptr || !tensor->shape || tensor->shape->empty()) {
    return tensor != nullptr ? ir::tensor_type(tensor->dtype) : ir::Type();
  }
  return ir::tensor_type(tensor->dtype, ir::Shape(tensor->shape->begin() + 1, tensor->shape->end()));
}

std::unique_ptr<ir::Graph> take_body(ir::Node& node) {
  auto body = std::move(std::get<std::unique_ptr<ir::Graph>>(node.find("body")->value));
  node.remove("body");
  return body;
}

// Scan 8 runs once for every element of a batch, along axis 0 of all inputs and outputs; Scan 9 knows no batch. The
// batch becomes a Scan around it, in which the states are scanned too and come out as scan outputs.
void batch_by_outer_scan(Step& s) {
  ir::Node& node = s.node();
  if (s.input(0) != nullptr)
    s.refuse("sequences of different lengths in a batch: from opset 9 on Scan takes no sequence_lens");
  const Values inputs(node.inputs().begin() + 1, node.inputs().end());
  const std::int64_t scanned = s.integer("num_scan_inputs");
  const auto directions = s.integers("directions");
  auto outer = std::make_unique<ir::Graph>();
  outer->name = node.graph().unique_name("batch");
  Values elements;
  for (const ir::Value* input : inputs) {
    elements.push_back(
        &outer->add_input(node.graph().unique_name(input->name() + "_element"), element_of(input->type)));
  }
  ir::Node& inner = outer->append("Scan", elements);
  inner.set("num_scan_inputs", scanned);
  if (directions) inner.set("scan_input_directions", *directions);
  inner.set("body", take_body(node));
  for (std::size_t i = 0; i < node.output_count(); ++i) {
    const ir::Value* output = node.output(i);
    const std::string name = node.graph().unique_name((output ? output->name() : std::string("unused")) + "_element");
    outer->add_output(*inner.add_output(name, output ? element_of(output->type) : ir::Type()));
  }
  const std::size_t outputs = node.output_count();
  s.replace(s.emit_node("Scan", inputs, outputs, [&](ir::Node& made) {
    made.set("num_scan_inputs", static_cast<std::int64_t>(inputs.size()));
    made.set("body", std::move(outer));
  }));
}

// Back: everything gets a batch of one.
void batch_of_one(Step& s) {
  ir::Node& node = s.node();
  for (const char* name : {"scan_input_axes", "scan_output_axes", "scan_output_directions"}) {
    const auto values = s.integers(name);
    if (values && std::any_of(values->begin(), values->end(), [](std::int64_t value) { return value != 0; })) {
      s.refuse(fmt::format("in opset 8 Scan has no {}", name));
    }
  }
  Values inputs = {nullptr};
  for (ir::Value* input : node.inputs()) inputs.push_back(s.unsqueeze(input, {0}));
  const std::int64_t scanned = s.integer("num_scan_inputs");
  const auto directions = s.integers("scan_input_directions");
  auto body = take_body(node);
  Values results = s.emit_node("Scan", inputs, node.output_count(), [&](ir::Node& made) {
    made.set("num_scan_inputs", scanned);
    if (directions) made.set("directions", *directions);
    made.set("body", std::move(body));
  });
  for (ir::Value*& result : results) result = s.squeeze(result, {0});
  s.replace(results);
}

// Axes count from the start before opset 11.
void scan_axes_from_the_start(Step& s) {
  ir::Node& node = s.node();
  const std::size_t scanned = static_cast<std::size_t>(s.integer("num_scan_inputs"));
  const std::size_t states = node.inputs().size() - scanned;
  const auto settle = [&](const char* name, const auto& value_of) {
    auto axes = s.integers(name);
    if (!axes) return;
    for (std::size_t i = 0; i < axes->size(); ++i) {
      if ((*axes)[i] < 0) (*axes)[i] += s.rank(value_of(i));
    }
    node.set(name, *axes);
  };
  settle("scan_input_axes", [&](std::size_t i) { return node.input(states + i); });
  settle("scan_output_axes", [&](std::size_t i) { return node.output(states + i); });
}

// ---- SequenceMap

bool is_sequence(const ir::Value* value) {
  return value != nullptr && std::holds_alternative<ir::SequenceType>(value->type.kind);
}

/// The body's nodes, copied behind what `body` has; its outputs.
Values copy_nodes(ir::Cloner& cloner, const ir::Graph& from, ir::Graph& to, ir::Graph& outer) {
  for (const ir::Value* constant : from.initializers()) {
    cloner.map(*constant, &to.add_initializer(outer.unique_name(constant->name()), *constant->initializer()));
  }
  for (const ir::Node& node : from.nodes()) {
    Values inputs;
    for (ir::Value* input : node.inputs()) inputs.push_back(cloner.mapped_or_same(input));
    ir::Node& copy = to.append(node.op_type, std::move(inputs), node.domain);
    copy.name = node.name;
    copy.annotations = node.annotations;
    cloner.copy_attributes(node, copy);
    for (const auto& output : node.outputs()) {
      ir::Value* made = copy.add_output(output ? outer.unique_name(output->name()) : std::string());
      if (output == nullptr) continue;
      made->type = output->type;
      cloner.map(*output, made);
    }
  }
  Values results;
  for (ir::Value* output : from.outputs()) results.push_back(cloner.mapped_or_same(output));
  return results;
}

// A Loop over the first sequence that appends what the body makes to sequences that are empty at first.
void sequence_map(Step& s) {
  ir::Node& node = s.node();
  ir::Graph& outer = node.graph();
  const auto& mapped = *std::get<std::unique_ptr<ir::Graph>>(node.find("body")->value);
  auto body = std::make_unique<ir::Graph>();
  body->name = outer.unique_name("map");
  ir::Value& number = body->add_input(outer.unique_name("number"), ir::tensor_type(DataType::int64, ir::Shape{}));
  ir::Value& condition =
      body->add_input(outer.unique_name("condition"), ir::tensor_type(DataType::boolean, ir::Shape{}));
  Values grown;
  Values initial;
  for (const auto& output : node.outputs()) {
    if (!is_sequence(output.get())) s.refuse("the types of its outputs are not known");
    grown.push_back(&body->add_input(outer.unique_name(output->name() + "_so_far"), output->type));
    initial.push_back(s.emit("SequenceEmpty", {}, {{"dtype", ir::element_type(output->type)}}));
  }
  ir::Cloner cloner;
  for (std::size_t i = 0; i < mapped.inputs().size(); ++i) {
    ir::Value* element = node.input(i);
    if (is_sequence(element)) {
      ir::Node& at = body->append("SequenceAt", {element, &number});
      element = at.add_output(outer.unique_name(mapped.inputs()[i]->name()), mapped.inputs()[i]->type);
    }
    cloner.map(*mapped.inputs()[i], element);
  }
  const Values made = copy_nodes(cloner, mapped, *body, outer);
  body->add_output(*body->append("Identity", {&condition}).add_output(outer.unique_name("goes_on"), condition.type));
  for (std::size_t i = 0; i < made.size(); ++i) {
    ir::Node& insert = body->append("SequenceInsert", {grown[i], made[i]});
    body->add_output(*insert.add_output(outer.unique_name(node.output(i)->name() + "_grown"), node.output(i)->type));
  }
  Values inputs = {s.emit("SequenceLength", {node.input(0)}), nullptr};
  inputs.insert(inputs.end(), initial.begin(), initial.end());
  // The body is of the target's opset but for operators that have one version only.
  s.mark_converted(*body);
  s.replace(s.emit_node("Loop", inputs, initial.size(), [&](ir::Node& loop) { loop.set("body", std::move(body)); }));
}

// ---- Optional values

bool is_optional(const ir::Value* value) {
  return value != nullptr && std::holds_alternative<ir::OptionalType>(value->type.kind);
}

// Before opset 18 only optional types may be asked; of others, and of what is left out, the answer is known.
void has_element(Step& s) {
  const ir::Value* value = s.input(0);
  if (is_optional(value)) return;
  if (value != nullptr && !value->type.known()) s.refuse("the type of its input is not known");
  s.replace({s.constant(tensor::cast(tensor::scalar_int64(value != nullptr ? 1 : 0), DataType::boolean))});
}

void get_element(Step& s) {
  if (is_optional(s.input(0))) return;
  if (!s.input(0)->type.known()) s.refuse("the type of its input is not known");
  s.replace_by("Identity", {s.input(0)});
}

constexpr std::string_view kNoOptional = "there are no optional values before opset 15";
constexpr std::string_view kNoSequence = "there are no sequences before opset 11";
constexpr std::string_view kSameBody = "says the same of its graphs more precisely";

constexpr Adapter kAdapters[] = {
    same_up("If", 11, kSameBody),
    down("If", 11, &branches_of_one_shape, "as it is, where both branches make tensors of one shape"),
    same_up("Loop", 11, kSameBody),
    same_down("Loop", 11, kSameBody),
    up("Scan", 9, &batch_by_outer_scan, "the batch becomes a Scan around it"),
    down("Scan", 9, &batch_of_one, "in a batch of one"),
    same_up("Scan", 11, "axes may count from the end"),
    down("Scan", 11, &scan_axes_from_the_start, "axes are counted from the start"),
    impossible_down("Scan", 8, "opset 7 has no Scan"),
    impossible_down("SequenceAt", 11, kNoSequence),
    impossible_down("SequenceConstruct", 11, kNoSequence),
    impossible_down("SequenceEmpty", 11, kNoSequence),
    impossible_down("SequenceErase", 11, kNoSequence),
    impossible_down("SequenceInsert", 11, kNoSequence),
    impossible_down("SequenceLength", 11, kNoSequence),
    impossible_down("SplitToSequence", 11, kNoSequence),
    impossible_down("ConcatFromSequence", 11, kNoSequence),
    down("SequenceMap", 17, &sequence_map, "a Loop over the elements"),
    same_up("OptionalHasElement", 18, "its input may be left out, and need not be optional"),
    down("OptionalHasElement", 18, &has_element, "known of values that are not optional"),
    down("OptionalGetElement", 18, &get_element, "the value itself where it is not optional"),
    impossible_down("Optional", 15, kNoOptional),
    impossible_down("OptionalHasElement", 15, kNoOptional),
    impossible_down("OptionalGetElement", 15, kNoOptional),
};

}  // namespace

std::span<const Adapter> control_flow_adapters() { return kAdapters; }

}  // namespace olivine::opset

#include "torch/call.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "torch/lowering.h"
#include "torch/promote.h"

namespace olivine::torch {

// ---- Number

DataType Number::dtype() const {
  struct Kinds {
    DataType operator()(bool) const { return DataType::boolean; }
    DataType operator()(std::int64_t) const { return DataType::int64; }
    DataType operator()(double) const { return DataType::float32; }
    DataType operator()(const std::complex<double>&) const { return DataType::complex64; }
    DataType operator()(const ir::Value* value) const {
      const DataType dtype = ir::element_type(value->type);
      return is_float(dtype) ? DataType::float32 : dtype;
    }
  };
  return std::visit(Kinds(), content_);
}

double Number::real() const {
  if (const auto* flag = std::get_if<bool>(&content_)) return *flag ? 1 : 0;
  if (const auto* number = std::get_if<std::int64_t>(&content_)) return static_cast<double>(*number);
  return std::get<double>(content_);
}

std::complex<double> Number::complex() const {
  const auto* number = std::get_if<std::complex<double>>(&content_);
  return number != nullptr ? *number : std::complex<double>(real(), 0);
}

std::int64_t Number::integer() const {
  if (const auto* number = std::get_if<std::int64_t>(&content_)) return *number;
  return static_cast<std::int64_t>(real());
}

// ---- Arguments

Call::Call(Lowering& lowering, const Node& node, std::string_view target, ir::Value* self)
    : Builder(lowering.known(), lowering.opset()), lowering_(lowering), node_(node), target_(target), self_(self) {}

std::string_view Call::name() const {
  const std::size_t start = target_.find('.') + 1;
  return target_.substr(start, target_.find('.', start) - start);
}

const Argument* Call::find(std::string_view name) const {
  for (const NamedArgument& input : node_.inputs) {
    if (input.name == name) return input.value.is_none() ? nullptr : &input.value;
  }
  // What an in-place operator calls `self`, its functional twin may call `input`.
  const bool is_in_place = target_ != node_.target && !node_.inputs.empty();
  return is_in_place && name == "input" ? &node_.inputs.front().value : nullptr;
}

ir::Value* Call::tensor_of(const Argument& argument) const {
  if (self_ != nullptr && &argument == &node_.inputs.front().value) return self_;
  const auto* tensor = argument.as<TensorName>();
  if (tensor == nullptr) return nullptr;
  ir::Value* value = lowering_.tensor(tensor->name);
  const auto autocast = lowering_.autocast_of(target_);
  if (!autocast || !is_float(dtype(value)) || dtype(value) == DataType::float64 || dtype(value) == *autocast)
    return value;
  return lowering_
      .make(node_, "Cast", {value}, 1, [&](ir::Node& node) { node.set("to", static_cast<std::int64_t>(*autocast)); })
      .front();
}

ir::Value* Call::find_tensor(std::string_view name) const {
  const Argument* argument = find(name);
  return argument != nullptr ? tensor_of(*argument) : nullptr;
}

ir::Value* Call::tensor(std::string_view name) const {
  ir::Value* value = find_tensor(name);
  if (value == nullptr) refuse(fmt::format("its argument '{}' is no tensor", name));
  return value;
}

bool Call::is_tensor(std::string_view name) const {
  const Argument* argument = find(name);
  return argument != nullptr && argument->as<TensorName>() != nullptr;
}

Values Call::tensors(std::string_view name) const {
  Values values;
  const Argument* argument = find(name);
  const List* list = argument != nullptr ? argument->as<List>() : nullptr;
  if (list == nullptr) return values;
  for (const Argument& element : *list) values.push_back(tensor_of(element));
  return values;
}

Number Call::number_of(const Argument& argument) const {
  if (const auto* flag = argument.as<bool>()) return Number(*flag);
  if (const auto* integer = argument.as<std::int64_t>()) return Number(*integer);
  if (const auto* real = argument.as<double>()) return Number(*real);
  if (const auto* complex = argument.as<std::complex<double>>()) return Number(*complex);
  if (const auto* symbol = argument.as<SymbolName>()) {
    ir::Value* value = lowering_.symbol(symbol->name);
    if (const auto known = find_number(value)) {
      if (is_float(dtype(value))) return Number(*known);
      return dtype(value) == DataType::boolean ? Number(*known != 0) : Number(find_ints(value)->front());
    }
    return Number(value);
  }
  refuse("an argument is no number");
}

std::optional<Number> Call::find_number_argument(std::string_view name) const {
  const Argument* argument = find(name);
  return argument != nullptr ? std::optional(number_of(*argument)) : std::nullopt;
}

Number Call::number_argument(std::string_view name) const {
  const Argument* argument = find(name);
  if (argument == nullptr) refuse(fmt::format("its argument '{}' is missing", name));
  return number_of(*argument);
}

Number Call::number_at(std::size_t index) const {
  if (index >= node_.inputs.size()) refuse("an argument is missing");
  return number_of(node_.inputs[index].value);
}

Number Call::known_number(const Argument& argument, std::string_view name) const {
  const Number given = number_of(argument);
  if (given.is_symbolic()) refuse(fmt::format("its argument '{}' is known only when the model runs", name));
  return given;
}

std::int64_t Call::integer(std::string_view name) const {
  const Argument* argument = find(name);
  if (argument == nullptr) refuse(fmt::format("its argument '{}' is missing", name));
  return known_number(*argument, name).integer();
}

std::int64_t Call::integer(std::string_view name, std::int64_t fallback) const {
  return has(name) ? integer(name) : fallback;
}

double Call::real(std::string_view name, double fallback) const {
  const auto given = find_number_argument(name);
  if (!given) return fallback;
  if (given->is_symbolic() || given->is_complex()) {
    refuse(fmt::format("its argument '{}' is known only when the model runs", name));
  }
  return given->real();
}

bool Call::flag(std::string_view name, bool fallback) const { return integer(name, fallback ? 1 : 0) != 0; }

std::string Call::string(std::string_view name, std::string fallback) const {
  const Argument* argument = find(name);
  const auto* text = argument != nullptr ? argument->as<std::string>() : nullptr;
  return text != nullptr ? *text : std::move(fallback);
}

std::optional<DataType> Call::dtype_argument(std::string_view name) const {
  const Argument* argument = find(name);
  const auto* type = argument != nullptr ? argument->as<DataType>() : nullptr;
  return type != nullptr ? std::optional(*type) : std::nullopt;
}

std::optional<Ints> Call::integers(std::string_view name) const {
  const Argument* argument = find(name);
  if (argument == nullptr) return std::nullopt;
  const List* list = argument->as<List>();
  if (list == nullptr) return Ints{integer(name)};
  Ints numbers;
  for (const Argument& element : *list) numbers.push_back(known_number(element, name).integer());
  return numbers;
}

std::optional<std::vector<double>> Call::reals_argument(std::string_view name) const {
  const Argument* argument = find(name);
  const List* list = argument != nullptr ? argument->as<List>() : nullptr;
  if (list == nullptr) return std::nullopt;
  std::vector<double> numbers;
  for (const Argument& element : *list) numbers.push_back(known_number(element, name).real());
  return numbers;
}

Values Call::size_list(std::string_view name) const {
  const Argument* argument = find(name);
  if (argument == nullptr) refuse(fmt::format("its argument '{}' is missing", name));
  const List* list = argument->as<List>();
  const auto as_size = [&](const Argument& element) {
    const Number given = number_of(element);
    return given.is_symbolic() ? given.symbol()
                               : lowering_.constant(tensor::from_int64s(std::vector<std::int64_t>{given.integer()}));
  };
  if (list == nullptr) return {as_size(*argument)};
  Values sizes;
  for (const Argument& element : *list) sizes.push_back(as_size(element));
  return sizes;
}

ir::Value* Call::size_argument(std::string_view name) const {
  const Values list = size_list(name);
  if (list.size() != 1) refuse(fmt::format("its argument '{}' is no single size", name));
  return list.front();
}

ir::Value* Call::sizes_argument(std::string_view name) const {
  Values list = size_list(name);
  if (list.empty()) return lowering_.constant(tensor::from_int64s(std::vector<std::int64_t>{}));
  if (list.size() == 1) return list.front();
  return lowering_.make(node_, "Concat", std::move(list), 1, [](ir::Node& node) { node.set("axis", std::int64_t{0}); })
      .front();
}

Values Call::values_of(const Argument& argument) const {
  if (const List* list = argument.as<List>()) {
    Values values;
    for (const Argument& element : *list) {
      const Values inner = values_of(element);
      values.insert(values.end(), inner.begin(), inner.end());
    }
    return values;
  }
  if (argument.is_none()) return {nullptr};
  if (argument.as<TensorName>() != nullptr) return {tensor_of(argument)};
  const Number number = number_of(argument);
  if (number.is_symbolic()) return {number.symbol()};
  if (number.dtype() == DataType::float32) {
    return {lowering_.constant(tensor::from_values<double>(DataType::float64, {1}, std::vector{number.real()}))};
  }
  return {lowering_.constant(tensor::from_int64s(std::vector<std::int64_t>{number.integer()}))};
}

// ---- What the program says

const TensorMeta& Call::meta(std::string_view name) const {
  const Argument* argument = find(name);
  const auto* tensor = argument != nullptr ? argument->as<TensorName>() : nullptr;
  const TensorMeta* meta = tensor != nullptr ? lowering_.find_meta(tensor->name) : nullptr;
  if (meta == nullptr) refuse(fmt::format("its argument '{}' is no tensor", name));
  const auto autocast = lowering_.autocast_of(target_);
  if (!autocast || !is_float(meta->dtype) || meta->dtype == DataType::float64) return *meta;
  TensorMeta& changed = cast_metas_.emplace_back(*meta);
  changed.dtype = *autocast;
  return changed;
}

bool Call::is_complex(std::string_view name) const { return is_tensor(name) && is_complex_type(meta(name).dtype); }

std::size_t Call::result_count() const {
  std::size_t count = 0;
  for (const Argument& output : node_.outputs) {
    const List* list = output.as<List>();
    count += list != nullptr ? list->size() : 1;
  }
  return count;
}

const TensorName* Call::result_name(std::size_t index) const {
  for (const Argument& output : node_.outputs) {
    const List* list = output.as<List>();
    const std::size_t count = list != nullptr ? list->size() : 1;
    if (index < count) return (list != nullptr ? (*list)[index] : output).as<TensorName>();
    index -= count;
  }
  return nullptr;
}

const TensorMeta& Call::result(std::size_t index) const {
  const TensorName* tensor = result_name(index);
  const TensorMeta* meta = tensor != nullptr ? lowering_.find_meta(tensor->name) : nullptr;
  if (meta == nullptr) refuse("the program does not tell the type of its result");
  return *meta;
}

bool Call::is_used(std::size_t index) const {
  const TensorName* tensor = result_name(index);
  return tensor != nullptr && lowering_.is_used(tensor->name);
}

// ---- Making

Values Call::emit_node(std::string op_type, Values inputs, std::size_t outputs,
                       const std::function<void(ir::Node&)>& fill) {
  return lowering_.make(node_, std::move(op_type), std::move(inputs), outputs, fill);
}

ir::Value* Call::cast(ir::Value* value, DataType to) {
  const bool overflows = to == DataType::float8e5m2 || to == DataType::float8e4m3fnuz || to == DataType::float8e5m2fnuz;
  if (!overflows || dtype(value) == to) return Builder::cast(value, to);
  return emit("Cast", {value}, {{"to", to}, {"saturate", 0}});
}

ir::Value* Call::constant(tensor::Tensor tensor) { return lowering_.constant(std::move(tensor)); }

ir::Value* Call::as_scalar(ir::Value* value) { return find_rank(value) == 0 ? value : reshape(value, {}); }

ir::Value* Call::scalar(const Number& number, DataType dtype) {
  if (number.is_symbolic()) return cast(as_scalar(number.symbol()), dtype);
  if (number.is_complex()) {
    return reals({number.complex().real(), number.complex().imag()}, {2}, real_part_type(dtype));
  }
  if (is_complex_type(dtype)) return reals({number.real(), 0}, {2}, real_part_type(dtype));
  if (is_float(dtype)) return this->number(number.real(), dtype);
  if (dtype == DataType::boolean) return cast(integer_scalar(number.real() != 0 ? 1 : 0), dtype);
  return cast(integer_scalar(number.integer()), dtype);
}

DataType Call::promoted_type(std::initializer_list<std::string_view> names) const {
  std::vector<Operand> operands;
  for (const std::string_view name : names) {
    if (is_tensor(name)) {
      const TensorMeta& given = meta(name);
      operands.push_back({given.sizes.empty() ? Operand::Rank::scalar : Operand::Rank::tensor, given.dtype});
    } else if (has(name)) {
      operands.push_back({Operand::Rank::number, number_argument(name).dtype()});
    }
  }
  const DataType type = result_type(operands);
  if (type == DataType::undefined) refuse("PyTorch promotes its arguments to no common type");
  return type;
}

Values Call::promoted(std::initializer_list<std::string_view> names) {
  const DataType type = promoted_type(names);
  if (is_complex_type(type)) refuse("it is not expressed for complex numbers");
  Values values;
  for (const std::string_view name : names) {
    if (!has(name)) {
      values.push_back(nullptr);
    } else {
      values.push_back(is_tensor(name) ? cast(tensor(name), type) : scalar(number_argument(name), type));
    }
  }
  return values;
}

ir::Value* Call::sizes(ir::Value* value) {
  if (const auto dims = find_dims(value)) return ints(*dims);
  const auto rank = find_rank(value);
  const bool any_known =
      rank && std::ranges::any_of(*value->type.tensor()->shape, [](const ir::Dim& dim) { return dim.is_value(); });
  if (!any_known) return shape(value);
  Values parts;
  for (std::int64_t axis = 0; axis < *rank; ++axis) parts.push_back(size(value, axis));
  return parts.size() == 1 ? parts.front() : concat(std::move(parts), 0);
}

ir::Value* Call::reshape_to(ir::Value* value, ir::Value* sizes) {
  if (const auto known = find_ints(sizes)) {
    if (find_dims(value) == known) return value;
    const bool has_zero = std::ranges::find(*known, 0) != known->end();
    return has_zero ? emit("Reshape", {value, sizes}, {{"allowzero", 1}}) : emit("Reshape", {value, sizes});
  }
  // One size that is known at run time only is the one that the others leave.
  bool is_inferred = false;
  if (const auto elements = find_elements(sizes)) {
    const auto has = [&](const ir::Dim& wanted) { return std::ranges::find(*elements, wanted) != elements->end(); };
    const auto unknown = std::ranges::count_if(*elements, [](const ir::Dim& dim) { return !dim.is_value(); });
    is_inferred = has(ir::Dim(-1));
    if (unknown == 1 && !has(ir::Dim(0)) && !is_inferred) {
      Ints target;
      for (const ir::Dim& dim : *elements) target.push_back(dim.is_value() ? dim.value() : -1);
      return reshape(value, target);
    }
  }
  return is_inferred ? emit("Reshape", {value, sizes}) : emit("Reshape", {value, sizes}, {{"allowzero", 1}});
}

ir::Value* Call::expand_to(ir::Value* value, ir::Value* sizes) {
  const auto target = find_elements(sizes);
  const ir::TensorType* type = value->type.tensor();
  if (target && type != nullptr && type->shape && type->shape->size() == target->size() &&
      std::ranges::equal(*type->shape, *target,
                         [](const ir::Dim& a, const ir::Dim& b) { return !a.is_unknown() && a == b; })) {
    return value;
  }
  return emit("Expand", {value, sizes});
}

ir::Value* Call::filled(ir::Value* sizes, const Number& number, DataType dtype) {
  if (number.is_symbolic()) return emit("Expand", {scalar(number, dtype), sizes});
  if (is_complex_type(dtype)) return emit("Expand", {scalar(number, dtype), concat({sizes, ints({2})}, 0)});
  ir::Value* one = reshape(scalar(number, dtype), {1});
  const auto element = find_constant(one);
  return emit("ConstantOfShape", {sizes}, {{"value", *element}});
}

void Call::write(std::string_view name, ir::Value* fresh) {
  const Argument* argument = find(name);
  const auto* tensor = argument != nullptr ? argument->as<TensorName>() : nullptr;
  if (tensor == nullptr) refuse("it writes into something that is no tensor");
  lowering_.write(tensor->name, fresh);
}

// ---- Graphs

void Call::begin_graph() { lowering_.begin_graph(node_); }

ir::Value* Call::graph_input(DataType dtype, std::optional<ir::Shape> shape) {
  return lowering_.graph_input(ir::tensor_type(dtype, std::move(shape)));
}

ir::Value* Call::graph_input_like(const TensorMeta& meta) { return lowering_.graph_input(lowering_.type_of(meta)); }

std::unique_ptr<ir::Graph> Call::end_graph(const Values& outputs) { return lowering_.end_graph(node_, outputs); }

Values Call::inline_graph(const Graph& graph, const Values& inputs, std::optional<DataType> autocast) {
  return lowering_.inline_graph(graph, inputs, autocast);
}

}  // namespace olivine::torch

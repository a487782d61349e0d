#include "huggingface/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>

#include "base/error.h"

namespace olivine::huggingface {
namespace {

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorCode::conversion, std::move(message))
      .remedy("save the weights as safetensors: a pickle that holds more than tensors is not read");
}
[[noreturn]] void damaged() {
  throw Error(ErrorCode::conversion, "its pickle is damaged").remedy("save the checkpoint again");
}

/// Storage classes and dtypes of torch, which name the same element types.
struct TorchType {
  std::string_view storage;
  std::string_view dtype;
  DataType type;
};
constexpr std::array<TorchType, 21> kTorchTypes = {{
    {"torch.FloatStorage", "torch.float32", DataType::float32},
    {"torch.DoubleStorage", "torch.float64", DataType::float64},
    {"torch.HalfStorage", "torch.float16", DataType::float16},
    {"torch.BFloat16Storage", "torch.bfloat16", DataType::bfloat16},
    {"torch.LongStorage", "torch.int64", DataType::int64},
    {"torch.IntStorage", "torch.int32", DataType::int32},
    {"torch.ShortStorage", "torch.int16", DataType::int16},
    {"torch.CharStorage", "torch.int8", DataType::int8},
    {"torch.ByteStorage", "torch.uint8", DataType::uint8},
    {"torch.BoolStorage", "torch.bool", DataType::boolean},
    {"torch.ComplexFloatStorage", "torch.complex64", DataType::complex64},
    {"torch.ComplexDoubleStorage", "torch.complex128", DataType::complex128},
    {"torch.storage.UntypedStorage", "", DataType::undefined},
    {"", "torch.uint16", DataType::uint16},
    {"", "torch.uint32", DataType::uint32},
    {"", "torch.uint64", DataType::uint64},
    {"", "torch.float8_e4m3fn", DataType::float8e4m3fn},
    {"", "torch.float8_e5m2", DataType::float8e5m2},
    {"", "torch.float8_e4m3fnuz", DataType::float8e4m3fnuz},
    {"", "torch.float8_e5m2fnuz", DataType::float8e5m2fnuz},
    {"", "torch.float8_e8m0fnu", DataType::float8e8m0},
}};

const TorchType* find_type(std::string_view name) {
  const auto* const found = std::ranges::find_if(
      kTorchTypes, [&](const TorchType& type) { return type.storage == name || type.dtype == name; });
  return name.empty() || found == kTorchTypes.end() ? nullptr : found;
}

using Content = decltype(PickleValue::content);
using Values = std::vector<const PickleValue*>;

const PickleValue& item(const Values& values, std::size_t index) {
  if (index >= values.size()) damaged();
  return *values[index];
}

template <typename T>
const T& of(const PickleValue& value) {
  const T* const content = value.as<T>();
  if (content == nullptr) damaged();
  return *content;
}

tensor::Dims numbers(const PickleValue& value) {
  tensor::Dims result;
  for (const PickleValue* number : of<PickleTuple>(value).items) result.push_back(of<std::int64_t>(*number));
  return result;
}

// ---- The globals that a dictionary of tensors calls

/// (storage, offset, size, stride, requires_grad, backward_hooks[, metadata])
Content rebuild_tensor(const Values& arguments) {
  const auto& storage = of<PickleStorage>(item(arguments, 0));
  if (storage.dtype == DataType::undefined) damaged();
  return PickleTensor{storage, storage.dtype, numbers(item(arguments, 2)), numbers(item(arguments, 3)),
                      of<std::int64_t>(item(arguments, 1))};
}

/// (storage, offset, size, stride, requires_grad, backward_hooks, dtype[, metadata])
Content rebuild_typed_tensor(const Values& arguments) {
  return PickleTensor{of<PickleStorage>(item(arguments, 0)), of<DataType>(item(arguments, 6)),
                      numbers(item(arguments, 2)), numbers(item(arguments, 3)), of<std::int64_t>(item(arguments, 1))};
}

/// (tensor, requires_grad, backward_hooks[, state])
Content rebuild_parameter(const Values& arguments) { return of<PickleTensor>(item(arguments, 0)); }

/// A list of pairs, or nothing.
Content ordered_dict(const Values& arguments) {
  PickleDict dict;
  if (arguments.empty()) return dict;
  const auto* const pairs = item(arguments, 0).as<PickleList>();
  if (pairs == nullptr) damaged();
  for (const PickleValue* pair : pairs->items) {
    const Values* parts = nullptr;
    if (const auto* const tuple = pair->as<PickleTuple>()) parts = &tuple->items;
    if (const auto* const list = pair->as<PickleList>()) parts = &list->items;
    if (parts == nullptr || parts->size() != 2) damaged();
    dict.items.emplace_back((*parts)[0], (*parts)[1]);
  }
  return dict;
}

Content size_tuple(const Values& arguments) {
  if (arguments.empty()) return PickleTuple{};
  return of<PickleTuple>(item(arguments, 0));
}

struct Callable {
  std::string_view name;
  Content (*call)(const Values& arguments);
};
constexpr std::array<Callable, 7> kCallables = {{
    {"collections.OrderedDict", ordered_dict},
    {"torch._utils._rebuild_tensor", rebuild_tensor},
    {"torch._utils._rebuild_tensor_v2", rebuild_tensor},
    {"torch._utils._rebuild_tensor_v3", rebuild_typed_tensor},
    {"torch._utils._rebuild_parameter", rebuild_parameter},
    {"torch._utils._rebuild_parameter_with_state", rebuild_parameter},
    {"torch.Size", size_tuple},
}};

std::size_t item_count(const Content& content) {
  if (const auto* const dict = std::get_if<PickleDict>(&content)) return dict->items.size();
  if (const auto* const tuple = std::get_if<PickleTuple>(&content)) return tuple->items.size();
  if (const auto* const tensor = std::get_if<PickleTensor>(&content)) return tensor->dims.size();
  return 0;
}

const Callable* find_callable(std::string_view name) {
  const auto* const found = std::ranges::find(kCallables, name, &Callable::name);
  return found == kCallables.end() ? nullptr : found;
}

}  // namespace

class Unpickler {
 public:
  Unpickler(Pickle& pickle, std::string_view bytes) : pickle_(pickle), bytes_(bytes) {}

  void run() {
    while (pickle_.root_ == nullptr) step(static_cast<unsigned char>(take(1).front()));
    pickle_.size_ = position_;
  }

 private:
  // ---- The text

  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - position_) damaged();
    const std::string_view part = bytes_.substr(position_, count);
    position_ += count;
    return part;
  }

  std::uint64_t unsigned_number(std::size_t width) {
    std::uint64_t number = 0;
    std::memcpy(&number, take(width).data(), width);
    return number;
  }

  std::string line() {
    const std::size_t end = bytes_.find('\n', position_);
    if (end == std::string_view::npos) damaged();
    std::string text(take(end - position_));
    ++position_;
    return text;
  }

  /// Two's complement of any number of bytes.
  std::int64_t long_number(std::uint64_t width) {
    const std::string_view digits = take(width);
    if (width > 8) refuse("its pickle holds an integer of more than 64 bits");
    if (width == 0) return 0;
    const bool is_negative = (static_cast<unsigned char>(digits.back()) & 0x80) != 0;
    std::int64_t number = is_negative ? -1 : 0;
    std::memcpy(&number, digits.data(), width);
    return number;
  }

  double big_endian_double() {
    std::uint64_t bits = 0;
    for (const char c : take(8)) bits = bits << 8 | static_cast<unsigned char>(c);
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

  // ---- The stack

  PickleValue* make(Content content) {
    pickle_.values_.push_back({std::move(content)});
    return &pickle_.values_.back();
  }
  void push(Content content) { stack_.push_back(make(std::move(content))); }

  PickleValue* pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) damaged();
    PickleValue* const value = stack_.back();
    stack_.pop_back();
    return value;
  }
  PickleValue* top() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) damaged();
    return stack_.back();
  }

  /// What was pushed since the last mark.
  Values pop_to_mark() {
    if (marks_.empty()) damaged();
    Values values(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return values;
  }

  void push_tuple(std::size_t count) {
    Values values(count);
    for (std::size_t i = count; i-- > 0;) values[i] = pop();
    push(PickleTuple{std::move(values)});
  }

  // ---- Instructions

  void import(const std::string& name) {
    if (const TorchType* const type = find_type(name); type != nullptr && type->dtype == name) {
      return push(type->type);
    }
    if (find_callable(name) == nullptr && find_type(name) == nullptr) {
      refuse(fmt::format("its pickle asks for '{}', which no dictionary of tensors needs", name));
    }
    push(PickleGlobal{name});
  }

  void call() {
    const Values arguments = of<PickleTuple>(*pop()).items;
    const std::string& name = of<PickleGlobal>(*pop()).name;
    const Callable* const callable = find_callable(name);
    if (callable == nullptr) refuse(fmt::format("its pickle calls '{}'", name));
    Content made = callable->call(arguments);
    // What is called copies: a short text must not make a large value by calling again and again.
    copied_ += item_count(made);
    if (copied_ > bytes_.size()) damaged();
    push(std::move(made));
  }

  void push_storage() {
    const Values parts = of<PickleTuple>(*pop()).items;
    const auto* const kind = item(parts, 0).as<std::string>();
    if (kind == nullptr || *kind != "storage") refuse("its pickle refers to something that is no storage");
    const std::string& name = of<PickleGlobal>(item(parts, 1)).name;
    const TorchType* const type = find_type(name);
    if (type == nullptr) refuse(fmt::format("its pickle takes '{}' for a storage", name));
    if (parts.size() > 5 && !std::holds_alternative<std::monostate>(parts[5]->content)) {
      refuse("its pickle has views of storages");
    }
    push(PickleStorage{of<std::string>(item(parts, 2)), type->type, of<std::int64_t>(item(parts, 4))});
  }

  void set_items(const Values& values) {
    if (values.size() % 2 != 0) damaged();
    auto* const dict = std::get_if<PickleDict>(&top()->content);
    if (dict == nullptr) damaged();
    for (std::size_t i = 0; i < values.size(); i += 2) dict->items.emplace_back(values[i], values[i + 1]);
  }

  void append(const Values& values) {
    auto* const list = std::get_if<PickleList>(&top()->content);
    if (list == nullptr) damaged();
    list->items.insert(list->items.end(), values.begin(), values.end());
  }

  /// State beside a dictionary's items: torch's `_metadata`, which says nothing about the tensors.
  void build() {
    pop();
    if (top()->as<PickleDict>() == nullptr && top()->as<PickleTensor>() == nullptr) {
      refuse("its pickle sets the state of an object");
    }
  }

  void remember(std::uint64_t index) { memo_.insert_or_assign(index, top()); }
  void recall(std::uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) damaged();
    stack_.push_back(found->second);
  }

  void stop() {
    pickle_.root_ = pop();
    if (!stack_.empty() || !marks_.empty()) damaged();
  }

  void step(unsigned char code);

  struct Instruction {
    unsigned char code;
    void (*run)(Unpickler& self);
  };
  static const Instruction kInstructions[];

  Pickle& pickle_;
  std::string_view bytes_;
  std::size_t position_ = 0;
  std::size_t copied_ = 0;
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, PickleValue*> memo_;
};

/// The instructions' codes are those of Python's pickletools.
const Unpickler::Instruction Unpickler::kInstructions[] = {
    {0x80, [](Unpickler& self) { self.take(1); }},  // PROTO
    {0x95, [](Unpickler& self) { self.take(8); }},  // FRAME
    {'N', [](Unpickler& self) { self.push(std::monostate()); }},
    {0x88, [](Unpickler& self) { self.push(true); }},
    {0x89, [](Unpickler& self) { self.push(false); }},
    {'K', [](Unpickler& self) { self.push(static_cast<std::int64_t>(self.unsigned_number(1))); }},
    {'M', [](Unpickler& self) { self.push(static_cast<std::int64_t>(self.unsigned_number(2))); }},
    {'J', [](Unpickler& self) { self.push(self.long_number(4)); }},
    {0x8a, [](Unpickler& self) { self.push(self.long_number(self.unsigned_number(1))); }},
    {'G', [](Unpickler& self) { self.push(self.big_endian_double()); }},
    {'X', [](Unpickler& self) { self.push(std::string(self.take(self.unsigned_number(4)))); }},
    {0x8c, [](Unpickler& self) { self.push(std::string(self.take(self.unsigned_number(1)))); }},
    {'U', [](Unpickler& self) { self.push(std::string(self.take(self.unsigned_number(1)))); }},
    {'T', [](Unpickler& self) { self.push(std::string(self.take(self.unsigned_number(4)))); }},
    {'C', [](Unpickler& self) { self.push(std::string(self.take(self.unsigned_number(1)))); }},
    {'B', [](Unpickler& self) { self.push(std::string(self.take(self.unsigned_number(4)))); }},
    {'(', [](Unpickler& self) { self.marks_.push_back(self.stack_.size()); }},
    {')', [](Unpickler& self) { self.push(PickleTuple{}); }},
    {0x85, [](Unpickler& self) { self.push_tuple(1); }},
    {0x86, [](Unpickler& self) { self.push_tuple(2); }},
    {0x87, [](Unpickler& self) { self.push_tuple(3); }},
    {'t', [](Unpickler& self) { self.push(PickleTuple{self.pop_to_mark()}); }},
    {']', [](Unpickler& self) { self.push(PickleList{}); }},
    {'a',
     [](Unpickler& self) {
       const PickleValue* const value = self.pop();
       self.append({value});
     }},
    {'e', [](Unpickler& self) { self.append(self.pop_to_mark()); }},
    {'}', [](Unpickler& self) { self.push(PickleDict{}); }},
    {'s',
     [](Unpickler& self) {
       const PickleValue* const value = self.pop();
       const PickleValue* const key = self.pop();
       self.set_items({key, value});
     }},
    {'u', [](Unpickler& self) { self.set_items(self.pop_to_mark()); }},
    {'c',
     [](Unpickler& self) {
       const std::string module = self.line();
       self.import(module + "." + self.line());
     }},
    {0x93,
     [](Unpickler& self) {
       const std::string name = of<std::string>(*self.pop());
       self.import(of<std::string>(*self.pop()) + "." + name);
     }},
    {'R', [](Unpickler& self) { self.call(); }},
    {'Q', [](Unpickler& self) { self.push_storage(); }},
    {'b', [](Unpickler& self) { self.build(); }},
    {'q', [](Unpickler& self) { self.remember(self.unsigned_number(1)); }},
    {'r', [](Unpickler& self) { self.remember(self.unsigned_number(4)); }},
    {0x94, [](Unpickler& self) { self.remember(self.memo_.size()); }},
    {'h', [](Unpickler& self) { self.recall(self.unsigned_number(1)); }},
    {'j', [](Unpickler& self) { self.recall(self.unsigned_number(4)); }},
    {'.', [](Unpickler& self) { self.stop(); }},
};

void Unpickler::step(unsigned char code) {
  static const std::array<const Instruction*, 256> table = [] {
    std::array<const Instruction*, 256> by_code{};
    for (const Instruction& instruction : kInstructions) by_code[instruction.code] = &instruction;
    return by_code;
  }();
  const Instruction* const instruction = table[code];
  if (instruction == nullptr) {
    refuse(fmt::format("its pickle has the instruction 0x{:02x}, which no dictionary of tensors needs", code));
  }
  instruction->run(*this);
}

Pickle::Pickle(std::string_view bytes) { Unpickler(*this, bytes).run(); }

}  // namespace olivine::huggingface

#include "runtime/input_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/suggest.h"
#include "onnx/tensor_file.h"
#include "runtime/npy.h"

namespace olivine::runtime {
namespace {

namespace fs = std::filesystem;

// ---- The order of files: input_2 before input_10

bool natural_less(const fs::path& left, const fs::path& right) {
  const std::string a = left.filename().string();
  const std::string b = right.filename().string();
  const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (!digit(a[i]) || !digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    const auto end_of = [&](const std::string& text, std::size_t at) {
      while (at < text.size() && digit(text[at])) ++at;
      return at;
    };
    std::string_view x(a.data() + i, end_of(a, i) - i);
    std::string_view y(b.data() + j, end_of(b, j) - j);
    i += x.size(), j += y.size();
    while (x.size() > 1 && x.front() == '0') x.remove_prefix(1);
    while (y.size() > 1 && y.front() == '0') y.remove_prefix(1);
    if (x.size() != y.size()) return x.size() < y.size();
    if (x != y) return x < y;
  }
  return a.size() - i < b.size() - j;
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    entries.push_back(entry->path());
  }
  if (error) throw Error(ErrorCode::io, fmt::format("cannot list: {}", error.message())).prepend(folder.string());
  std::sort(entries.begin(), entries.end(), natural_less);
  return entries;
}

/// "input_3.pb" -> 3
std::optional<std::size_t> data_position(const fs::path& path) {
  const std::string stem = path.stem().string();
  if (!stem.starts_with("input_")) return std::nullopt;
  std::size_t number = 0;
  const char* const end = stem.data() + stem.size();
  if (std::from_chars(stem.data() + 6, end, number).ptr != end) return std::nullopt;
  return number;
}

// ---- Whether a value suits an input

bool may_become(DataType from, DataType to) {
  if (from == to) return true;
  const auto number = [](DataType dtype) { return is_float(dtype) || is_integer(dtype) || dtype == DataType::boolean; };
  if (!number(from) || !number(to)) return false;
  return is_float(to) || !is_float(from);
}

tensor::Tensor converted(const tensor::Tensor& given, DataType wanted) {
  if (!may_become(given.dtype(), wanted)) {
    throw Error(ErrorCode::config,
                fmt::format("the values are {}, but the model wants {}", name_of(given.dtype()), name_of(wanted)));
  }
  if (given.dtype() == wanted) return given;
  const tensor::Tensor result = tensor::cast(given, wanted);
  if (!is_float(wanted) && !tensor::equal(tensor::cast(result, given.dtype()), given)) {
    throw Error(ErrorCode::config, fmt::format("the values are {} and do not all fit into {}, which the model wants",
                                               name_of(given.dtype()), name_of(wanted)));
  }
  return result;
}

void check_shape(const tensor::Dims& dims, const std::optional<ir::Shape>& wanted) {
  if (fits(dims, wanted)) return;
  throw Error(ErrorCode::config, fmt::format("the values have the shape [{}], but the model wants {}",
                                             fmt::join(dims, ","), ir::to_string(*wanted)));
}

// ---- One set

class SetBuilder {
 public:
  explicit SetBuilder(const std::vector<Pair>& inputs) : inputs_(inputs) {
    for (const Pair& input : inputs) names_.push_back(input.any().name());
  }

  bool knows(const std::string& name) const { return std::find(names_.begin(), names_.end(), name) != names_.end(); }

  void by_name(const std::string& name, const tensor::AnyValue& value) {
    if (!knows(name)) {
      const std::string guess = did_you_mean(name, names_);
      throw Error(ErrorCode::config, fmt::format("the model has no input '{}'", name))
          .remedy(fmt::format("{}{}it has {}", guess, guess.empty() ? "" : " ", fmt::join(names_, ", ")));
    }
    const auto index = static_cast<std::size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin());
    put(index, value);
  }

  void by_position(std::size_t index, const tensor::AnyValue& value) {
    if (index >= names_.size()) {
      throw Error(ErrorCode::config,
                  fmt::format("the model has {} inputs, so there is none at position {}", names_.size(), index))
          .remedy(fmt::format("they are {}", fmt::join(names_, ", ")));
    }
    put(index, value);
  }

  /// The next input that has no value yet.
  std::size_t next_free() const {
    std::size_t index = 0;
    while (index < names_.size() && set_.contains(names_[index])) ++index;
    return index;
  }

  const ir::Type* type_at(std::size_t index) const {
    return index < inputs_.size() ? &inputs_[index].any().type : nullptr;
  }
  const ir::Type* type_of(const std::string& name) const {
    const auto found = std::find(names_.begin(), names_.end(), name);
    return found == names_.end() ? nullptr : type_at(static_cast<std::size_t>(found - names_.begin()));
  }

  InputSet done(const std::string& origin) {
    std::vector<std::string> missing;
    for (const std::string& name : names_) {
      if (!set_.contains(name)) missing.push_back(name);
    }
    if (!missing.empty()) {
      throw Error(ErrorCode::config, fmt::format("no values for the inputs {}", fmt::join(missing, ", ")))
          .prepend(origin);
    }
    return std::move(set_);
  }

 private:
  void put(std::size_t index, const tensor::AnyValue& value) {
    const ir::Value* const a = inputs_[index].a;
    const ir::Value* const b = inputs_[index].b;
    with_place("input " + names_[index], [&] {
      tensor::AnyValue fitted = conformed(value, inputs_[index].any().type);
      // What doesn't fit the other model is better said here than by ONNX Runtime.
      if (a != nullptr && b != nullptr && fitted.tensor() != nullptr && b->type.tensor() != nullptr) {
        check_shape(fitted.tensor()->dims(), b->type.tensor()->shape);
      }
      if (!set_.emplace(names_[index], std::move(fitted)).second) {
        throw Error(ErrorCode::config, "has values twice");
      }
    });
  }

  const std::vector<Pair>& inputs_;
  std::vector<std::string> names_;
  InputSet set_;
};

/// "arr_3" -> 3: how numpy.savez calls arrays that were given without a name.
std::optional<std::size_t> unnamed_array(const std::string& name) {
  if (!name.starts_with("arr_")) return std::nullopt;
  std::size_t number = 0;
  const char* const end = name.data() + name.size();
  if (name.size() == 4 || std::from_chars(name.data() + 4, end, number).ptr != end) return std::nullopt;
  return number;
}

InputSet read_archive(const fs::path& path, const std::vector<Pair>& inputs) {
  SetBuilder set(inputs);
  for (const auto& [name, array] : read_npz(path)) {
    with_place(path.string(), [&, &name = name, &array = array] {
      const auto position = set.knows(name) ? std::nullopt : unnamed_array(name);
      position ? set.by_position(*position, array) : set.by_name(name, array);
    });
  }
  return set.done(path.string());
}

void read_value(const fs::path& path, SetBuilder& set) {
  const std::string stem = path.stem().string();
  const bool named = set.knows(stem);
  const std::size_t position = data_position(path).value_or(set.next_free());
  if (path.extension() == ".npy") {
    const tensor::Tensor array = read_npy(path);
    with_place(path.string(), [&] { named ? set.by_name(stem, array) : set.by_position(position, array); });
    return;
  }
  const ir::Type* const type = named ? set.type_of(stem) : set.type_at(position);
  const onnx::NamedValue value = onnx::read_value_file(path, type != nullptr ? *type : ir::Type());
  with_place(path.string(), [&] {
    if (named) return set.by_name(stem, value.value);
    if (set.knows(value.name)) return set.by_name(value.name, value.value);
    set.by_position(position, value.value);
  });
}

InputSet read_values(const std::vector<fs::path>& files, const std::string& origin, const std::vector<Pair>& inputs) {
  SetBuilder set(inputs);
  for (const fs::path& file : files) read_value(file, set);
  return set.done(origin);
}

// ---- Files and folders

bool is_value_file(const fs::path& path) { return path.extension() == ".npy" || path.extension() == ".pb"; }

void read_folder(const fs::path& folder, const std::vector<Pair>& inputs, int depth, std::vector<InputSet>& sets) {
  const std::size_t before = sets.size();
  std::vector<fs::path> values;
  std::vector<fs::path> folders;
  for (const fs::path& entry : entries_of(folder)) {
    std::error_code error;
    if (fs::is_directory(entry, error)) {
      folders.push_back(entry);
    } else if (entry.extension() == ".npz") {
      sets.push_back(read_archive(entry, inputs));
    } else if (is_value_file(entry) && !entry.filename().string().starts_with("output_")) {
      values.push_back(entry);
    }
  }
  if (!values.empty()) sets.push_back(read_values(values, folder.string(), inputs));
  for (const fs::path& inner : folders) {
    if (depth == 0 && values.empty() && inner.filename().string().starts_with("test_data_set_")) {
      read_folder(inner, inputs, depth + 1, sets);
    }
  }
  if (sets.size() == before) {
    throw Error(ErrorCode::config, "holds no inputs")
        .prepend(folder.string())
        .remedy("they are called input_0.pb …, NAME.npy or *.npz, or lie in folders called test_data_set_0 …");
  }
}

}  // namespace

bool fits(const tensor::Dims& dims, const std::optional<ir::Shape>& wanted) {
  if (!wanted) return true;
  bool fit = dims.size() == wanted->size();
  for (std::size_t i = 0; fit && i < dims.size(); ++i) {
    fit = !(*wanted)[i].is_value() || (*wanted)[i].value() < 0 || (*wanted)[i].value() == dims[i];
  }
  return fit;
}

tensor::AnyValue conformed(const tensor::AnyValue& value, const ir::Type& type) {
  if (const ir::TensorType* const wanted = type.tensor()) {
    if (value.tensor() == nullptr) throw Error(ErrorCode::config, "the file holds no tensor, which the model wants");
    check_shape(value.tensor()->dims(), wanted->shape);
    return converted(*value.tensor(), wanted->dtype);
  }
  if (const auto* const wanted = std::get_if<ir::SequenceType>(&type.kind); wanted != nullptr && wanted->element) {
    if (value.sequence() == nullptr)
      throw Error(ErrorCode::config, "the file holds no sequence, which the model wants");
    tensor::Sequence sequence;
    for (const auto& item : value.sequence()->items) sequence.items.push_back(conformed(item, *wanted->element));
    return sequence;
  }
  if (const auto* const wanted = std::get_if<ir::OptionalType>(&type.kind); wanted != nullptr && wanted->element) {
    return value.empty() ? value : conformed(value, *wanted->element);
  }
  return value;
}

std::vector<InputSet> read_input_sets(const std::vector<fs::path>& files, const std::vector<Pair>& inputs) {
  // Test data of a model without inputs is an empty folder.
  if (inputs.empty()) return {InputSet()};
  std::vector<InputSet> sets;
  std::vector<fs::path> values;
  for (const fs::path& path : files) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
      read_folder(path, inputs, 0, sets);
    } else if (path.extension() == ".npz") {
      sets.push_back(read_archive(path, inputs));
    } else if (is_value_file(path)) {
      values.push_back(path);
    } else {
      throw Error(ErrorCode::config, "is no kind of file that inputs are read from")
          .prepend(path.string())
          .remedy("give .npz, .npy or .pb files, or folders of them");
    }
  }
  if (!values.empty()) sets.push_back(read_values(values, "the input files", inputs));
  return sets;
}

}  // namespace olivine::runtime

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "tensor/tensor.h"

/// A pickle is a program. This reader knows only the instructions that torch.save writes for a dictionary of tensors,
/// and builds values of its own: nothing is imported, called or executed.
namespace olivine::huggingface {

struct PickleValue;

/// A name that the pickle imports: "torch FloatStorage". It is compared with what is known, nothing else.
struct PickleGlobal {
  std::string name;  ///< "module.name"
};
/// What the file beside the pickle holds: `('storage', type, key, location, elements)`.
struct PickleStorage {
  std::string key;
  DataType dtype = DataType::undefined;  ///< undefined: bytes without a type
  std::int64_t elements = 0;
};
struct PickleTensor {
  PickleStorage storage;
  DataType dtype = DataType::undefined;
  tensor::Dims dims;
  tensor::Dims strides;
  std::int64_t offset = 0;
};
struct PickleList {
  std::vector<const PickleValue*> items;
};
struct PickleTuple {
  std::vector<const PickleValue*> items;
};
struct PickleDict {
  std::vector<std::pair<const PickleValue*, const PickleValue*>> items;
};

struct PickleValue {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, PickleGlobal, PickleStorage, PickleTensor,
               PickleList, PickleTuple, PickleDict, DataType>
      content;

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&content);
  }
};

/// The values of one pickle; they live as long as it.
class Pickle {
 public:
  /// Reads the pickle at the start of `bytes`. Error[conversion] for an instruction or a global that no dictionary of
  /// tensors needs (it is named), and for a text that is damaged.
  explicit Pickle(std::string_view bytes);

  const PickleValue& root() const { return *root_; }
  /// Bytes that the pickle took: in old files the next one follows.
  std::size_t size() const { return size_; }

 private:
  friend class Unpickler;
  std::deque<PickleValue> values_;
  const PickleValue* root_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace olivine::huggingface

#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/type.h"
#include "tensor/tensor.h"

/// Small tensors of which some elements are known: what shape arithmetic is evaluated on.
namespace olivine::values {

/// Tensors of more elements are no shape arithmetic.
constexpr std::uint64_t kFoldedElements = 4096;

/// One element: a number, a dimension (at least 0, perhaps with a symbol), or nothing is known.
class Cell {
 public:
  enum class Kind : std::uint8_t { unknown, dimension, number };

  Cell() = default;
  static Cell integer(std::int64_t value) { return {Kind::number, std::bit_cast<std::uint64_t>(value)}; }
  static Cell real(double value) { return {Kind::number, std::bit_cast<std::uint64_t>(value)}; }
  /// A number of SymbolNames; 0 is a dimension without a name.
  static Cell dimension(std::uint64_t symbol) { return {Kind::dimension, symbol}; }

  Kind kind() const { return kind_; }
  bool known() const { return kind_ == Kind::number; }
  std::int64_t integer() const { return std::bit_cast<std::int64_t>(bits_); }  ///< of integer and bool tensors
  double real() const { return std::bit_cast<double>(bits_); }                 ///< of float tensors
  std::uint64_t symbol() const { return bits_; }

 private:
  Cell(Kind kind, std::uint64_t bits) : bits_(bits), kind_(kind) {}
  std::uint64_t bits_ = 0;
  Kind kind_ = Kind::unknown;
};

/// Symbols of dimensions, numbered from 1.
class SymbolNames {
 public:
  std::uint64_t number(const std::string& name) {
    const auto [entry, fresh] = numbers_.try_emplace(name, names_.size() + 1);
    if (fresh) names_.push_back(name);
    return entry->second;
  }
  const std::string& name(std::uint64_t number) const { return names_.at(number - 1); }

 private:
  std::unordered_map<std::string, std::uint64_t> numbers_;
  std::vector<std::string> names_;
};

struct PartialTensor {
  DataType dtype = DataType::undefined;
  tensor::Dims dims;
  std::vector<Cell> cells;   ///< row-major, as many as the dims say
  bool from_shapes = false;  ///< follows from the shape of something

  bool is_real() const { return is_float(dtype); }
  bool all_known() const;
  bool any_known() const;  ///< a number or a dimension
};

/// Integers, bool and the floats from 16 to 64 bits; others aren't evaluated.
bool can_be_partial(DataType dtype);

/// The product; nothing for a negative dimension or more than kFoldedElements elements.
std::optional<std::size_t> small_count(const tensor::Dims& dims);

/// A constant of at most kFoldedElements elements, else nothing.
std::optional<PartialTensor> read_partial(const tensor::Tensor& tensor);
/// `partial.all_known()` must hold.
tensor::Tensor make_tensor(const PartialTensor& partial);

/// The nearest number that `dtype` holds.
double rounded(double value, DataType dtype);
/// Whether an integer type, or bool, holds the number.
bool holds(DataType dtype, std::int64_t value);

}  // namespace olivine::values

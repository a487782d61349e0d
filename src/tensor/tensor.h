#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"

namespace olivine {
class MappedFile;
}

namespace olivine::tensor {

using Dims = std::vector<std::int64_t>;

/// What a cast changed beyond rounding, counted while the writer reads; see `cast`.
struct CastCounters {
  std::atomic<std::uint64_t> clamped{0};  ///< finite values that were limited to the largest allowed magnitude
  std::atomic<std::uint64_t> flushed{
      0};  ///< nonzero values that were raised to the smallest allowed magnitude, or became zero
};

/// Bytes of a file that are a tensor's payload as it stands.
struct FileSlice {
  std::shared_ptr<const MappedFile> file;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// Where a tensor's elements come from: a slice of a file, bytes in memory, or an expression over other sources.
///
/// A source is immutable and may be read by several threads at once. Elements are numbered in row-major order and are
/// delivered as ONNX's `raw_data` holds them: little-endian; types under 8 bits packed from the low bits up.
class Source {
 public:
  virtual ~Source() = default;

  /// Writes elements [first, first + count) to `out`, which holds `packed_bytes(dtype, count)` bytes; for types under 8
  /// bits the first element goes to the low bits of `out[0]` and unused high bits of the last byte become zero.
  virtual void read(std::uint64_t first, std::uint64_t count, std::byte* out) const = 0;

  /// The slice of a file whose bytes are exactly this tensor's, if there is one: such a payload is copied by the
  /// kernel.
  virtual const FileSlice* file_slice() const { return nullptr; }

  /// Elements to ask for at once where that pays, a multiple of 64: a transposition reads its input in long runs only
  /// if it makes many rows together. 0: no preference.
  virtual std::uint64_t preferred_elements() const { return 0; }

  /// The elements in memory, if they are there already.
  virtual std::optional<std::span<const std::byte>> in_memory() const { return std::nullopt; }
};

/// A constant tensor: type, shape and a lazy source. Copying shares the source. Names, doc strings and metadata live in
/// the IR, not here.
class Tensor {
 public:
  Tensor() = default;
  /// Throws Error[conversion] when a dimension is negative, the byte size overflows or the type is undefined.
  Tensor(DataType dtype, Dims dims, std::shared_ptr<const Source> source);
  /// A tensor of strings; they are always in memory.
  Tensor(Dims dims, std::vector<std::string> strings);

  DataType dtype() const { return dtype_; }
  const Dims& dims() const { return dims_; }
  std::uint64_t element_count() const { return element_count_; }
  /// Bytes of the packed elements; for strings the sum of their lengths.
  std::uint64_t byte_size() const { return byte_size_; }

  const std::shared_ptr<const Source>& source() const { return source_; }
  const std::vector<std::string>& strings() const { return *strings_; }

  /// Elements to read at once when walking over the tensor: `block_elements` or what the source prefers.
  std::uint64_t block() const;

  /// See Source::read. Not for strings.
  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const { source_->read(first, count, out); }

 private:
  DataType dtype_ = DataType::undefined;
  Dims dims_;
  std::uint64_t element_count_ = 0;
  std::uint64_t byte_size_ = 0;
  std::shared_ptr<const Source> source_;
  std::shared_ptr<const std::vector<std::string>> strings_;
};

/// @name Sources: Error[conversion] when the bytes are not as many as type and shape ask for.
/// @{
/// The slice must lie within the file.
Tensor from_file(DataType dtype, Dims dims, FileSlice slice);
Tensor from_bytes(DataType dtype, Dims dims, std::vector<std::byte> bytes);
/// Protobuf's packed varints (`int32_data`, `int64_data`, `uint64_data`), decoded when read. `varints` are the bytes in
/// the file; there must be as many numbers as elements (for types under 8 bits, one number a packed byte as ONNX
/// defines).
Tensor from_varints(DataType dtype, Dims dims, FileSlice varints);

template <typename T>
Tensor from_values(DataType dtype, Dims dims, std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  return from_bytes(dtype, std::move(dims), std::vector<std::byte>(bytes.begin(), bytes.end()));
}
Tensor from_int64s(std::span<const std::int64_t> values);  ///< one dimension
Tensor scalar_int64(std::int64_t value);
Tensor scalar_float(float value, DataType dtype = DataType::float32);  ///< rounded to `dtype`
/// @}

/// How a cast treats what the target cannot hold.
struct CastOptions {
  /// As ONNX's Cast does for float 8: values beyond the largest finite one become it instead of infinity or NaN.
  bool saturate = true;
  /// Finite magnitudes above this are limited to it, infinities are left alone; 0 means no limit.
  double max_finite = 0;
  /// Nonzero magnitudes below this are raised to it, signs kept; 0 means no limit.
  double min_positive = 0;
  /// Where to count what changed; may be null. Each element is counted whenever it is read.
  std::shared_ptr<CastCounters> counters;

  friend bool operator==(const CastOptions&, const CastOptions&) = default;
};

/// @name Expressions: nothing is read when they are made (but tensors of strings are rearranged at once). Casts are
/// kept outermost and merged where that is exact. Arguments that break the rules given here are an Error[internal].
/// @{
/// Error[conversion] for strings and complex numbers, unless `to` is the input's type.
Tensor cast(const Tensor& input, DataType to, CastOptions options = {});
/// True when each value of `from` has its equal in `to`: a cast there and on to a third type is the cast to the third.
bool is_exact_cast(DataType from, DataType to);
/// `permutation` has the rank of the input; empty reverses the axes.
Tensor transpose(const Tensor& input, std::vector<std::int64_t> permutation);
/// All inputs have one dtype and agree in every dimension but `axis`.
Tensor concat(std::span<const Tensor> inputs, std::int64_t axis);
/// Elements start, start + step, … below end on `axis`; 0 <= start <= end <= dim, step >= 1.
Tensor slice(const Tensor& input, std::int64_t axis, std::int64_t start, std::int64_t end, std::int64_t step = 1);
/// Same elements, other dims of the same count.
Tensor reshape(const Tensor& input, Dims dims);
/// The same bits under another dtype of the same width.
Tensor bitcast(const Tensor& input, DataType to);
/// @}

/// @name Evaluation
/// @{
/// All elements, read in parallel.
std::vector<std::byte> evaluate(const Tensor& tensor);
/// The same into a caller's buffer of `tensor.byte_size()` bytes.
void evaluate_into(const Tensor& tensor, std::span<std::byte> out);
/// The values of a tensor of any integer or bool type with at most `limit` elements, else nothing.
std::optional<std::vector<std::int64_t>> as_int64s(const Tensor& tensor, std::uint64_t limit = 4096);
/// The same for every real float type.
std::optional<std::vector<double>> as_doubles(const Tensor& tensor, std::uint64_t limit = 4096);
/// True when both hold the same dtype, dims and bytes (or strings).
bool equal(const Tensor& a, const Tensor& b);
/// @}

/// Elements of one block of lazy reading: about 512 KiB, a multiple of 64 elements.
std::uint64_t block_elements(DataType dtype);

}  // namespace olivine::tensor

#include "tensor/expressions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "base/float_formats.h"
#include "base/threads.h"
#include "tensor/tensor.h"
#include "tensor/tensor_fixture.h"

namespace olivine::tensor {
namespace {

using enum DataType;

const std::vector<DataType> kWidths = {int2, uint4, float6e2m3, int8, float16, float32, int64, complex128};

/// A tensor of random elements, in memory or (to go the way of weights) in a file.
struct Sample {
  DataType dtype;
  Dims dims;
  std::vector<std::byte> bytes;
  std::unique_ptr<TestFile> file;

  Sample(DataType type, Dims shape, unsigned seed) : dtype(type), dims(std::move(shape)) {
    bytes = random_bytes(dtype, count(), seed);
    file = std::make_unique<TestFile>(bytes);
  }
  std::uint64_t count() const {
    return std::accumulate(dims.begin(), dims.end(), std::uint64_t{1}, [](std::uint64_t product, std::int64_t dim) {
      return product * static_cast<std::uint64_t>(dim);
    });
  }
  std::vector<Tensor> tensors() const {
    return {from_bytes(dtype, dims, bytes), from_file(dtype, dims, {file->mapped(), 0, bytes.size()})};
  }
};

/// `pick` gives, for each element of the result, the element of the sample.
std::vector<std::byte> picked(const Sample& sample, std::uint64_t count,
                              const std::function<std::uint64_t(std::uint64_t)>& pick) {
  const auto bits = static_cast<std::uint64_t>(bit_width(sample.dtype));
  std::vector<std::byte> out(*packed_bytes(sample.dtype, count));
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t source = pick(i) * bits;
    if (bits >= 8) {
      std::memcpy(out.data() + i * (bits / 8), sample.bytes.data() + source / 8, bits / 8);
      continue;
    }
    for (std::uint64_t bit = 0; bit < bits; ++bit) {
      const unsigned value = std::to_integer<unsigned>(sample.bytes[(source + bit) / 8]) >> ((source + bit) % 8) & 1;
      out[(i * bits + bit) / 8] |= static_cast<std::byte>(value << ((i * bits + bit) % 8));
    }
  }
  return out;
}

/// The whole and many parts are what is wanted.
void expect_reads(const Tensor& tensor, const std::vector<std::byte>& want) {
  ASSERT_EQ(tensor.byte_size(), want.size());
  EXPECT_EQ(evaluate(tensor), want);
  const std::uint64_t count = tensor.element_count();
  for (std::uint64_t first = 0; first < count; first += 1 + count / 13) {
    for (const std::uint64_t size : {std::uint64_t{1}, std::uint64_t{2}, count / 3, count - first}) {
      if (first + size > count) continue;
      std::vector<std::byte> out(*packed_bytes(tensor.dtype(), size), std::byte{0xff});
      tensor.read(first, size, out.data());
      ASSERT_EQ(out, elements(tensor.dtype(), want, first, size))
          << name_of(tensor.dtype()) << " " << first << "+" << size;
    }
  }
}

void expect_transposes(const Sample& sample, const std::vector<std::int64_t>& permutation) {
  std::vector<std::uint64_t> strides(sample.dims.size(), 1);
  for (std::size_t i = strides.size(); i-- > 1;)
    strides[i - 1] = strides[i] * static_cast<std::uint64_t>(sample.dims[i]);
  Dims dims;
  for (const std::int64_t axis : permutation) dims.push_back(sample.dims[static_cast<std::size_t>(axis)]);
  const auto want = picked(sample, sample.count(), [&](std::uint64_t i) {
    std::uint64_t source = 0;
    for (std::size_t axis = dims.size(); axis-- > 0;) {
      source += i % static_cast<std::uint64_t>(dims[axis]) * strides[static_cast<std::size_t>(permutation[axis])];
      i /= static_cast<std::uint64_t>(dims[axis]);
    }
    return source;
  });
  for (const Tensor& input : sample.tensors()) {
    const Tensor result = transpose(input, permutation);
    EXPECT_EQ(result.dims(), dims);
    expect_reads(result, want);
  }
}

TEST(Transpose, EveryWidthAndPermutation) {
  for (const DataType dtype : kWidths) {
    expect_transposes(Sample(dtype, {7, 13}, 1), {1, 0});
    expect_transposes(Sample(dtype, {1, 5, 1, 3}, 2), {3, 2, 1, 0});
    std::vector<std::int64_t> permutation = {0, 1, 2, 3};
    const Sample sample(dtype, {3, 5, 2, 7}, 3);
    do expect_transposes(sample, permutation);
    while (std::next_permutation(permutation.begin(), permutation.end()));
  }
}

TEST(Transpose, LongRowsAndManyStripes) {
  set_thread_count(16);  // many threads make narrow stripes
  expect_transposes(Sample(float32, {1300, 700}, 4), {1, 0});
  expect_transposes(Sample(float32, {3, 600'000}, 5), {1, 0});
  expect_transposes(Sample(float16, {1'100'001, 2}, 6), {1, 0});
  expect_transposes(Sample(uint4, {3001, 700}, 7), {1, 0});
  expect_transposes(Sample(int8, {40, 200, 300}, 8), {2, 0, 1});
  expect_transposes(Sample(int8, {40, 200, 300}, 9), {1, 0, 2});
  set_thread_count(0);
}

TEST(Transpose, WithoutMovingIsTheSameSource) {
  const Tensor input = from_values<float>(float32, {2, 1, 3}, std::vector<float>(6));
  EXPECT_EQ(transpose(input, {0, 1, 2}).source(), input.source());
  EXPECT_EQ(transpose(input, {1, 0, 2}).source(), input.source());
  EXPECT_EQ(transpose(input, {1, 0, 2}).dims(), (Dims{1, 2, 3}));
  EXPECT_NE(transpose(input, {2, 1, 0}).source(), input.source());
  EXPECT_EQ(transpose(input, {}).dims(), (Dims{3, 1, 2}));
  EXPECT_EQ(transpose(from_bytes(float32, {0, 4}, {}), {1, 0}).dims(), (Dims{4, 0}));
  EXPECT_EQ(transpose(scalar_int64(1), {}).dims(), Dims{});
}

void expect_slices(const Sample& sample, std::int64_t axis, std::int64_t start, std::int64_t end, std::int64_t step) {
  const auto dim = static_cast<std::uint64_t>(sample.dims[static_cast<std::size_t>(axis)]);
  const auto taken = static_cast<std::uint64_t>((end - start + step - 1) / step);
  std::uint64_t inner = 1;
  for (auto i = static_cast<std::size_t>(axis) + 1; i < sample.dims.size(); ++i)
    inner *= static_cast<std::uint64_t>(sample.dims[i]);
  const std::uint64_t count = sample.count() / dim * taken;
  const auto want = picked(sample, count, [&](std::uint64_t i) {
    const std::uint64_t on_axis =
        static_cast<std::uint64_t>(start) + i / inner % taken * static_cast<std::uint64_t>(step);
    return i / inner / taken * dim * inner + on_axis * inner + i % inner;
  });
  for (const Tensor& input : sample.tensors()) expect_reads(slice(input, axis, start, end, step), want);
}

TEST(Slice, EveryWidthAxisAndStep) {
  for (const DataType dtype : kWidths) {
    const Sample sample(dtype, {9, 7, 5}, 10);
    for (std::int64_t axis = 0; axis < 3; ++axis) {
      const std::int64_t dim = sample.dims[static_cast<std::size_t>(axis)];
      expect_slices(sample, axis, 0, dim, 1);
      expect_slices(sample, axis, 1, dim, 1);
      expect_slices(sample, axis, 1, dim - 1, 2);
      expect_slices(sample, axis, 0, dim, 3);
      expect_slices(sample, axis, 2, 3, 1);
      expect_slices(sample, axis, 2, 2, 1);
    }
  }
}

TEST(Slice, LargeRunsAndLargeGaps) {
  expect_slices(Sample(float32, {4, 50'000}, 11), 1, 3, 40'001, 1);
  expect_slices(Sample(float32, {300, 2000}, 12), 1, 5, 6, 1);
  expect_slices(Sample(float32, {30, 20'000}, 13), 1, 5, 8, 1);
  expect_slices(Sample(uint4, {30'001, 9}, 14), 0, 1, 30'000, 3);
  expect_slices(Sample(int8, {1'000'000}, 15), 0, 7, 999'999, 5);
}

TEST(Slice, OfLeadingRowsStaysAPartOfTheFile) {
  const Sample sample(float16, {6, 5}, 16);
  const Tensor input = sample.tensors()[1];
  const Tensor part = slice(input, 0, 2, 4);
  ASSERT_NE(part.source()->file_slice(), nullptr);
  EXPECT_EQ(part.source()->file_slice()->offset, 20u);
  EXPECT_EQ(part.source()->file_slice()->bytes, 20u);
  EXPECT_EQ(slice(input, 1, 0, 2).source()->file_slice(), nullptr);
  const Sample nibbles(int4, {6, 5}, 17);
  // Five elements end within a byte: their slice is no whole part of the file.
  EXPECT_EQ(slice(nibbles.tensors()[1], 0, 0, 1).source()->file_slice(), nullptr);
  EXPECT_NE(slice(nibbles.tensors()[1], 0, 2, 4).source()->file_slice(), nullptr);
}

TEST(Concat, EveryWidthAndAxis) {
  for (const DataType dtype : kWidths) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      Dims first = {3, 4, 5};
      Dims second = {3, 4, 5};
      Dims empty = {3, 4, 5};
      second[axis] = 7;
      empty[axis] = 0;
      const Sample a(dtype, first, 18);
      const Sample b(dtype, second, 19);
      Dims dims = first;
      dims[axis] += 7;
      const Sample both(dtype, dims, 20);  // only for its dims
      // Element i of the result comes from a or from b; both are put one after the other to pick from.
      Sample joined(dtype, {static_cast<std::int64_t>(a.count() + b.count())}, 21);
      std::vector<std::byte> bytes(joined.bytes.size());
      const auto bits = static_cast<std::uint64_t>(bit_width(dtype));
      for (std::uint64_t bit = 0; bit < (a.count() + b.count()) * bits; ++bit) {
        const bool in_a = bit < a.count() * bits;
        const std::uint64_t at = in_a ? bit : bit - a.count() * bits;
        const unsigned value = std::to_integer<unsigned>((in_a ? a : b).bytes[at / 8]) >> (at % 8) & 1;
        bytes[bit / 8] |= static_cast<std::byte>(value << (bit % 8));
      }
      joined.bytes = bytes;
      std::uint64_t inner = 1;
      for (std::size_t i = axis + 1; i < 3; ++i) inner *= static_cast<std::uint64_t>(dims[i]);
      const std::uint64_t a_row = static_cast<std::uint64_t>(first[axis]) * inner;
      const std::uint64_t b_row = static_cast<std::uint64_t>(second[axis]) * inner;
      const auto want = picked(joined, both.count(), [&](std::uint64_t i) {
        const std::uint64_t row = i / (a_row + b_row);
        const std::uint64_t column = i % (a_row + b_row);
        return column < a_row ? row * a_row + column : a.count() + row * b_row + column - a_row;
      });
      for (std::size_t way = 0; way < 2; ++way) {
        const std::vector<Tensor> inputs = {a.tensors()[way], from_bytes(dtype, empty, {}), b.tensors()[1 - way]};
        const Tensor result = concat(inputs, static_cast<std::int64_t>(axis));
        EXPECT_EQ(result.dims(), dims);
        expect_reads(result, want);
      }
    }
  }
}

TEST(Concat, LargeInputs) {
  std::vector<float> left(3 * 100'000);
  std::vector<float> right(3 * 50'000);
  std::iota(left.begin(), left.end(), 0.0f);
  std::iota(right.begin(), right.end(), 1e6f);
  const std::vector<Tensor> inputs = {from_values<float>(float32, {3, 100'000}, left),
                                      from_values<float>(float32, {3, 50'000}, right)};
  std::vector<float> want;
  for (std::ptrdiff_t row = 0; row < 3; ++row) {
    want.insert(want.end(), left.begin() + row * 100'000, left.begin() + (row + 1) * 100'000);
    want.insert(want.end(), right.begin() + row * 50'000, right.begin() + (row + 1) * 50'000);
  }
  expect_reads(concat(inputs, 1), bytes_of_values(want));
}

TEST(Concat, OfOneAndOfEmptyOnes) {
  const Tensor one = from_int64s(std::vector<std::int64_t>{1, 2});
  EXPECT_EQ(concat(std::vector<Tensor>{one}, 0).source(), one.source());
  const Tensor none = from_bytes(int64, {0}, {});
  EXPECT_EQ(concat(std::vector<Tensor>{none, one, none}, 0).source(), one.source());
  EXPECT_EQ(concat(std::vector<Tensor>{none, none}, 0).dims(), Dims{0});
  EXPECT_TRUE(evaluate(concat(std::vector<Tensor>{none, none}, 0)).empty());
}

TEST(Cast, ReadsWhatTheKernelsConvert) {
  const Sample sample(float32, {1000, 301}, 22);
  for (const DataType to : {float16, bfloat16, float8e4m3fn, float64, float4e2m1}) {
    for (const Tensor& input : sample.tensors()) {
      const Tensor result = cast(input, to);
      const auto bytes = evaluate(result);
      ASSERT_EQ(bytes.size(), result.byte_size());
      for (std::uint64_t i = 0; i < sample.count(); i += 997) {
        float value = 0;
        std::memcpy(&value, sample.bytes.data() + i * 4, 4);
        std::uint64_t code = 0;
        const auto element = elements(to, bytes, i, 1);
        std::memcpy(&code, element.data(), element.size());
        EXPECT_EQ(code, encode_float(to, value));
      }
    }
  }
  const Sample nibbles(int4, {1001}, 23);
  for (const Tensor& input : nibbles.tensors()) {
    const auto values = *as_int64s(input);
    EXPECT_EQ(as_int64s(cast(input, int32)), values);
    std::vector<float> out(7);
    cast(input, float32).read(501, 7, reinterpret_cast<std::byte*>(out.data()));
    for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(out[i], static_cast<float>(values[501 + i]));
  }
}

TEST(Cast, CountsWhatItChanges) {
  const std::vector<float> values = {20'000, -20'000, 1e-9f, 0, INFINITY, 1};
  CastOptions options{.max_finite = 1e4, .min_positive = 1e-7, .counters = std::make_shared<CastCounters>()};
  const Tensor half = cast(from_values<float>(float32, {6}, values), float16, options);
  EXPECT_EQ(options.counters->clamped, 0u);
  evaluate(half);
  EXPECT_EQ(options.counters->clamped, 2u);
  EXPECT_EQ(options.counters->flushed, 1u);
  EXPECT_EQ(as_doubles(half)->front(), 1e4);
}

TEST(Cast, MergesExactChains) {
  const Tensor half = cast(from_values<float>(float32, {2}, std::vector<float>{1.5f, 1e-7f}), float16);
  const Tensor stored = from_bytes(float16, {2}, evaluate(half));
  // Cast(Cast(x, float), float16) -> x
  EXPECT_EQ(cast(cast(stored, float32), float16).source(), stored.source());
  EXPECT_EQ(cast(cast(cast(stored, float32), float64), float16).source(), stored.source());
  EXPECT_EQ(cast(stored, float16).source(), stored.source());
  // An inexact step stays.
  const Tensor full = from_values<float>(float32, {2}, std::vector<float>{1.00001f, 3});
  EXPECT_NE(cast(cast(full, float16), float32).source(), full.source());
  EXPECT_EQ(as_doubles(cast(cast(full, float16), float32))->front(), 1.0);
  // With limits the inner step stays too, and so does a cast to the same type.
  EXPECT_NE(cast(cast(stored, float32, {.max_finite = 1}), float16).source(), stored.source());
  const Tensor limited = cast(stored, float16, {.max_finite = 1});
  EXPECT_EQ(as_doubles(limited)->front(), 1.0);
  EXPECT_EQ(as_doubles(cast(limited, float32))->front(), 1.0);
  EXPECT_EQ(as_doubles(cast(cast(stored, float32), float16, {.max_finite = 1}))->front(), 1.0);
}

TEST(Cast, MergesOnlyWhatIsExact) {
  const auto merges = [](DataType from, DataType middle) {
    const Tensor input = from_bytes(from, {2}, std::vector<std::byte>(*packed_bytes(from, 2)));
    return cast(cast(input, middle), from).source() == input.source();
  };
  EXPECT_TRUE(merges(bfloat16, float32));
  EXPECT_TRUE(merges(float16, float64));
  EXPECT_TRUE(merges(float8e4m3fn, float16));
  EXPECT_TRUE(merges(float8e5m2, float16));
  EXPECT_TRUE(merges(float8e8m0, bfloat16));
  EXPECT_TRUE(merges(float4e2m1, float8e4m3fn));
  EXPECT_TRUE(merges(int8, float16));
  EXPECT_TRUE(merges(uint8, int16));
  EXPECT_TRUE(merges(int4, int8));
  EXPECT_TRUE(merges(int32, float64));
  EXPECT_TRUE(merges(boolean, uint2));
  EXPECT_FALSE(merges(float16, bfloat16));
  EXPECT_FALSE(merges(bfloat16, float16));
  EXPECT_FALSE(merges(float8e5m2, float8e4m3fn));
  EXPECT_FALSE(merges(float8e4m3fn, float8e4m3fnuz));
  EXPECT_FALSE(merges(float8e8m0, float16));
  EXPECT_FALSE(merges(float16, float4e2m1));
  EXPECT_FALSE(merges(int32, float32));
  EXPECT_FALSE(merges(uint16, float16));
  EXPECT_FALSE(merges(int64, float64));
  EXPECT_FALSE(merges(int8, uint16));
  EXPECT_FALSE(merges(uint8, int8));
  EXPECT_FALSE(merges(float32, int64));
  EXPECT_FALSE(merges(int8, boolean));
  EXPECT_FALSE(merges(uint8, float8e8m0));
}

TEST(Cast, StaysOutermost) {
  const Sample sample(float32, {4, 6}, 24);
  const Tensor input = sample.tensors()[1];
  const auto counters = std::make_shared<CastCounters>();
  const Tensor half = cast(input, float16, {.max_finite = 1e4, .counters = counters});
  const auto below = [](const Tensor& tensor) {
    const CastSource* const source = as_cast(tensor);
    return source == nullptr ? Tensor() : source->input();
  };
  EXPECT_TRUE(equal(below(transpose(half, {1, 0})), transpose(input, {1, 0})));
  EXPECT_TRUE(equal(below(slice(half, 1, 1, 5, 2)), slice(input, 1, 1, 5, 2)));
  EXPECT_TRUE(equal(below(concat(std::vector<Tensor>{half, half}, 0)), concat(std::vector<Tensor>{input, input}, 0)));
  EXPECT_EQ(as_cast(transpose(half, {1, 0}))->options().counters, counters);
  // Casts that differ cannot be drawn out.
  const Tensor other = cast(input, float16);
  EXPECT_EQ(as_cast(concat(std::vector<Tensor>{half, other}, 0)), nullptr);
  // Transposing a reshaped cast works on the new dims, and a merge keeps them.
  EXPECT_EQ(transpose(reshape(half, {2, 12}), {1, 0}).dims(), (Dims{12, 2}));
  const Tensor wide = reshape(cast(reshape(from_bytes(float16, {4, 6}, evaluate(other)), {24}), float32), {8, 3});
  EXPECT_EQ(cast(wide, float16).dims(), (Dims{8, 3}));
}

TEST(Bitcast, SharesTheBits) {
  const Tensor words = from_values<std::uint32_t>(uint32, {1}, std::vector<std::uint32_t>{0x3f800000});
  EXPECT_EQ(as_doubles(bitcast(words, float32)), (std::vector<double>{1.0}));
  // A bitcast of a cast is no cast: it must not be merged.
  const Tensor half = cast(from_values<float>(float32, {1}, std::vector<float>{1.0f}), float16);
  EXPECT_EQ(as_int64s(cast(bitcast(half, uint16), int32)), (std::vector<std::int64_t>{0x3c00}));
  EXPECT_EQ(as_int64s(transpose(reshape(bitcast(half, int16), {1, 1}), {1, 0})), (std::vector<std::int64_t>{0x3c00}));
}

TEST(Strings, AreRearrangedAtOnce) {
  const Tensor input({2, 3}, {"a", "b", "c", "d", "e", "f"});
  EXPECT_EQ(transpose(input, {1, 0}).strings(), (std::vector<std::string>{"a", "d", "b", "e", "c", "f"}));
  EXPECT_EQ(slice(input, 1, 0, 3, 2).strings(), (std::vector<std::string>{"a", "c", "d", "f"}));
  EXPECT_EQ(reshape(input, {6}).dims(), Dims{6});
  EXPECT_EQ(concat(std::vector<Tensor>{input, slice(input, 1, 0, 1)}, 1).strings(),
            (std::vector<std::string>{"a", "b", "c", "a", "d", "e", "f", "d"}));
}

TEST(Expressions, RefuseWrongArguments) {
  const auto code_of = [](const std::function<void()>& body) {
    try {
      body();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::io;
  };
  const Tensor matrix = from_values<float>(float32, {2, 3}, std::vector<float>(6));
  EXPECT_EQ(code_of([&] { transpose(matrix, {0}); }), ErrorCode::internal);
  EXPECT_EQ(code_of([&] { transpose(matrix, {0, 0}); }), ErrorCode::internal);
  EXPECT_EQ(code_of([&] { transpose(matrix, {0, 2}); }), ErrorCode::internal);
  EXPECT_EQ(code_of([&] { slice(matrix, 2, 0, 1); }), ErrorCode::internal);
  EXPECT_EQ(code_of([&] { slice(matrix, 0, 0, 3); }), ErrorCode::internal);
  EXPECT_EQ(code_of([&] { slice(matrix, 0, 0, 2, 0); }), ErrorCode::internal);
  EXPECT_EQ(code_of([&] { reshape(matrix, {7}); }), ErrorCode::internal);
  EXPECT_EQ(code_of([&] { bitcast(matrix, float16); }), ErrorCode::internal);
  EXPECT_EQ(code_of([&] { concat({}, 0); }), ErrorCode::internal);
  EXPECT_EQ(code_of([&] { concat(std::vector<Tensor>{matrix, reshape(matrix, {3, 2})}, 0); }), ErrorCode::internal);
  EXPECT_EQ(code_of([&] { cast(matrix, string); }), ErrorCode::conversion);
  EXPECT_EQ(code_of([&] { cast(Tensor({1}, {"1"}), float32); }), ErrorCode::conversion);
}

TEST(Expressions, StackedOnEachOther) {
  for (const DataType dtype : {uint2, int4, float6e3m2, float16}) {
    const Sample sample(dtype, {30, 41}, 25);
    for (const Tensor& input : sample.tensors()) {
      const Tensor turned = transpose(slice(input, 1, 1, 40, 3), {1, 0});  // [13, 30]
      const Tensor joined = concat(std::vector<Tensor>{turned, slice(turned, 0, 0, 5)}, 0);
      const Tensor result = slice(joined, 1, 2, 29);  // [18, 27]
      const auto want = picked(sample, 18 * 27, [](std::uint64_t i) {
        const std::uint64_t row = i / 27 < 13 ? i / 27 : i / 27 - 13;
        return (i % 27 + 2) * 41 + 1 + row * 3;
      });
      expect_reads(result, want);
    }
  }
}

}  // namespace
}  // namespace olivine::tensor

#include "tensor/tensor.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/threads.h"
#include "kernels/packing.h"
#include "tensor/tensor_fixture.h"

namespace olivine::tensor {
namespace {

using enum DataType;

ErrorCode code_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::internal;
}

TEST(Tensor, CountsElementsAndBytes) {
  const Tensor matrix = from_values<float>(float32, {2, 3}, std::vector<float>(6));
  EXPECT_EQ(matrix.element_count(), 6u);
  EXPECT_EQ(matrix.byte_size(), 24u);
  EXPECT_EQ(from_bytes(int4, {3}, std::vector<std::byte>(2)).byte_size(), 2u);
  EXPECT_EQ(from_bytes(float6e2m3, {5}, std::vector<std::byte>(4)).byte_size(), 4u);
  EXPECT_EQ(from_bytes(float32, {0, 7}, {}).element_count(), 0u);
  EXPECT_EQ(scalar_int64(5).element_count(), 1u);
  EXPECT_EQ(Tensor({2}, {"ab", "c"}).byte_size(), 3u);
}

TEST(Tensor, RefusesDimsThatCannotBe) {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  const auto made = [](DataType dtype, Dims dims) { return [=] { Tensor(dtype, dims, nullptr); }; };
  EXPECT_EQ(code_of(made(float32, {-1})), ErrorCode::conversion);
  EXPECT_EQ(code_of(made(float32, {0, -1})), ErrorCode::conversion);
  EXPECT_EQ(code_of(made(uint8, {kHuge, 3})), ErrorCode::conversion);
  EXPECT_EQ(code_of(made(float64, {kHuge})), ErrorCode::conversion);
  EXPECT_EQ(code_of(made(undefined, {1})), ErrorCode::conversion);
  EXPECT_EQ(code_of(made(string, {1})), ErrorCode::conversion);
  EXPECT_EQ(Tensor(float64, {kHuge, kHuge, 0}, nullptr).element_count(), 0u);
  EXPECT_EQ(code_of([] { Tensor({2}, {"one"}); }), ErrorCode::conversion);
}

TEST(Tensor, RefusesBytesThatAreNotAsMany) {
  EXPECT_EQ(code_of([] { from_bytes(float32, {2}, std::vector<std::byte>(7)); }), ErrorCode::conversion);
  EXPECT_EQ(code_of([] { from_bytes(int4, {3}, std::vector<std::byte>(3)); }), ErrorCode::conversion);
  const TestFile file(std::vector<std::byte>(16));
  EXPECT_EQ(code_of([&] { from_file(float32, {2}, {file.mapped(), 0, 12}); }), ErrorCode::conversion);
  EXPECT_EQ(code_of([&] { from_file(float32, {2}, {file.mapped(), 12, 8}); }), ErrorCode::conversion);
  EXPECT_EQ(code_of([&] {
              from_file(float32, {2}, {file.mapped(), ~std::uint64_t{0} - 3, 8});
            }),
            ErrorCode::conversion);
  EXPECT_EQ(from_file(float32, {2}, {file.mapped(), 8, 8}).source()->file_slice()->offset, 8u);
}

TEST(Tensor, ReadsAnyRangeOfAFile) {
  for (const DataType dtype : {int2, uint4, float6e3m2, int8, float16, float32, int64, complex128}) {
    const std::uint64_t count = 1003;
    const auto bytes = random_bytes(dtype, count, 1);
    std::vector<std::byte> content(5 + bytes.size(), std::byte{0xee});
    std::copy(bytes.begin(), bytes.end(), content.begin() + 5);
    const TestFile file(content);
    const Tensor tensor = from_file(dtype, {static_cast<std::int64_t>(count)}, {file.mapped(), 5, bytes.size()});
    EXPECT_EQ(evaluate(tensor), bytes) << name_of(dtype);
    for (const std::uint64_t first : {0, 1, 2, 3, 5, 8, 501}) {
      for (const std::uint64_t size : {0, 1, 2, 3, 7, 64, 502}) {
        std::vector<std::byte> out(*packed_bytes(dtype, size), std::byte{0xff});
        tensor.read(first, size, out.data());
        EXPECT_EQ(out, elements(dtype, bytes, first, size)) << name_of(dtype) << " " << first << "+" << size;
      }
    }
  }
}

TEST(Tensor, FileThatShrankIsAnErrorNotACrash) {
  const TestFile file(std::vector<std::byte>(1 << 16));
  const Tensor tensor = from_file(uint8, {1 << 16}, {file.mapped(), 0, 1 << 16});
  std::filesystem::resize_file(file.path(), 100);
  EXPECT_EQ(code_of([&] { evaluate(tensor); }), ErrorCode::io);
}

TEST(Tensor, Scalars) {
  EXPECT_EQ(as_int64s(scalar_int64(-3)), (std::vector<std::int64_t>{-3}));
  EXPECT_EQ(as_int64s(from_int64s(std::vector<std::int64_t>{1, 2})), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(as_doubles(scalar_float(1.5f)), (std::vector<double>{1.5}));
  EXPECT_EQ(as_doubles(scalar_float(1.0001f, float16)), (std::vector<double>{1.0}));
  EXPECT_EQ(as_doubles(scalar_float(-0.5f, float4e2m1)), (std::vector<double>{-0.5}));
  EXPECT_EQ(as_int64s(scalar_float(7, int4)), (std::vector<std::int64_t>{7}));
}

TEST(Tensor, SmallValuesOfEveryType) {
  for (const DataType dtype : {int2, int4, int8, int16, int32, int64}) {
    EXPECT_EQ(as_int64s(cast(from_int64s(std::vector<std::int64_t>{1, -2, 0}), dtype)),
              (std::vector<std::int64_t>{1, -2, 0}));
  }
  for (const DataType dtype : {uint2, uint4, uint8, uint16, uint32, uint64}) {
    EXPECT_EQ(as_int64s(cast(from_int64s(std::vector<std::int64_t>{1, 3, 0}), dtype)),
              (std::vector<std::int64_t>{1, 3, 0}));
  }
  for (const DataType dtype : {float16, bfloat16, float32, float64, float8e4m3fn, float6e2m3, float4e2m1}) {
    const std::vector<float> values = {1, -1.5, 0};
    EXPECT_EQ(as_doubles(cast(from_values<float>(float32, {3}, values), dtype)), (std::vector<double>{1, -1.5, 0}));
  }
  EXPECT_EQ(as_int64s(scalar_float(1)), std::nullopt);
  EXPECT_EQ(as_doubles(scalar_int64(1)), std::nullopt);
  EXPECT_EQ(as_int64s(from_int64s(std::vector<std::int64_t>(5)), 4), std::nullopt);
  EXPECT_EQ(as_int64s(Tensor({1}, {"1"})), std::nullopt);
  const std::vector<std::uint8_t> bools = {0, 1};
  EXPECT_EQ(as_int64s(from_values<std::uint8_t>(boolean, {2}, bools)), (std::vector<std::int64_t>{0, 1}));
}

TEST(Tensor, Equal) {
  const Tensor a = from_int64s(std::vector<std::int64_t>{1, 2});
  EXPECT_TRUE(equal(a, a));
  EXPECT_TRUE(equal(a, from_int64s(std::vector<std::int64_t>{1, 2})));
  EXPECT_FALSE(equal(a, from_int64s(std::vector<std::int64_t>{1, 3})));
  EXPECT_FALSE(equal(a, reshape(a, {2, 1})));
  EXPECT_FALSE(equal(a, bitcast(a, uint64)));
  EXPECT_TRUE(equal(Tensor({1}, {"x"}), Tensor({1}, {"x"})));
  EXPECT_FALSE(equal(Tensor({1}, {"x"}), Tensor({1}, {"y"})));
  const auto bytes = random_bytes(float16, 300'000, 2);
  auto other = bytes;
  other[599'999] ^= std::byte{1};
  EXPECT_FALSE(equal(from_bytes(float16, {300'000}, bytes), from_bytes(float16, {300'000}, other)));
}

TEST(Varints, DecodeEveryType) {
  const auto encode = [](const std::vector<std::int64_t>& numbers) {
    std::vector<std::byte> bytes;
    for (const std::int64_t number : numbers) {
      auto value = static_cast<std::uint64_t>(number);
      for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<std::byte>(value | 0x80));
      bytes.push_back(static_cast<std::byte>(value));
    }
    return bytes;
  };
  const auto decoded = [&](DataType dtype, Dims dims, const std::vector<std::int64_t>& numbers) {
    const TestFile file(encode(numbers));
    return evaluate(from_varints(dtype, std::move(dims), {file.mapped(), 0, file.mapped()->bytes().size()}));
  };
  EXPECT_EQ(decoded(int64, {3}, {1, -1, 1LL << 40}), bytes_of_values<std::int64_t>({1, -1, 1LL << 40}));
  EXPECT_EQ(decoded(int8, {3}, {1, -1, -128}), bytes_of_values<std::int8_t>({1, -1, -128}));
  EXPECT_EQ(decoded(float16, {2}, {0x3c00, 0xfc00}), bytes_of_values<std::uint16_t>({0x3c00, 0xfc00}));
  EXPECT_EQ(decoded(boolean, {3}, {0, 1, 256}), bytes_of_values<std::uint8_t>({0, 1, 1}));
  EXPECT_EQ(decoded(int4, {5}, {0x21, 0x43, 0x05}), bytes_of_values<std::uint8_t>({0x21, 0x43, 0x05}));
  EXPECT_EQ(decoded(int4, {5}, {0x21, 0x43, 0xf5}), bytes_of_values<std::uint8_t>({0x21, 0x43, 0x05}));
  EXPECT_EQ(decoded(uint2, {6}, {0xe4, 0x01}), bytes_of_values<std::uint8_t>({0xe4, 0x01}));
  EXPECT_EQ(decoded(float6e2m3, {3}, {0x01, 0x02, 0x03}), bytes_of_values<std::uint8_t>({0x81, 0x30, 0x00}));
  EXPECT_EQ(decoded(int32, {0}, {}), std::vector<std::byte>{});

  std::vector<std::int64_t> many;
  for (std::int64_t i = 0; i < 20'000; ++i) many.push_back(i * i - 5000);
  const TestFile file(encode(many));
  const Tensor tensor = from_varints(int64, {20'000}, {file.mapped(), 0, file.mapped()->bytes().size()});
  EXPECT_EQ(evaluate(tensor), bytes_of_values(many));
  for (const std::uint64_t first : {0, 1, 4095, 4096, 4097, 12'345}) {
    std::vector<std::int64_t> out(3);
    tensor.read(first, 3, reinterpret_cast<std::byte*>(out.data()));
    for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(out[i], many[first + i]);
  }
  // Packed numbers read from the middle of a byte.
  std::vector<std::int64_t> packed;
  for (std::int64_t i = 0; i < 6000; ++i) packed.push_back(i % 256);
  const TestFile nibbles(encode(packed));
  const Tensor int4s = from_varints(int4, {12'000}, {nibbles.mapped(), 0, nibbles.mapped()->bytes().size()});
  const auto all = evaluate(int4s);
  for (const std::uint64_t first : {0, 1, 7, 4095, 4097, 8191}) {
    std::vector<std::byte> out(*packed_bytes(int4, 3003));
    int4s.read(first, 3003, out.data());
    EXPECT_EQ(out, elements(int4, all, first, 3003)) << first;
  }
}

TEST(Varints, RefusesWrongCountsAndEndlessNumbers) {
  const TestFile file(bytes_of_values<std::uint8_t>({1, 2, 0x83}));
  const auto made = [&](std::uint64_t bytes, std::int64_t dim) {
    return [&file, bytes, dim] { from_varints(int32, {dim}, {file.mapped(), 0, bytes}); };
  };
  EXPECT_NO_THROW(made(2, 2)());
  EXPECT_EQ(code_of(made(2, 3)), ErrorCode::conversion);
  EXPECT_EQ(code_of(made(2, 1)), ErrorCode::conversion);
  EXPECT_EQ(code_of(made(3, 3)), ErrorCode::conversion);
  EXPECT_EQ(code_of(made(4, 3)), ErrorCode::conversion);
  const TestFile endless(std::vector<std::byte>(12, std::byte{0xff}));
  EXPECT_EQ(code_of([&] { from_varints(int64, {1}, {endless.mapped(), 0, 12}); }), ErrorCode::conversion);
}

TEST(Tensor, IsReadByManyThreadsAtOnce) {
  const auto bytes = random_bytes(float32, 1 << 18, 3);
  const TestFile file(bytes);
  const Tensor weight = from_file(float32, {512, 512}, {file.mapped(), 0, bytes.size()});
  const Tensor expression = cast(transpose(weight, {1, 0}), float16);
  const auto want = evaluate(expression);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      std::vector<std::byte> out(1000 * 2);
      for (std::uint64_t i = 0; i < 50; ++i) {
        const std::uint64_t first = (i * 5003 + static_cast<std::uint64_t>(t) * 977) % ((1 << 18) - 1000);
        expression.read(first, 1000, out.data());
        if (std::memcmp(out.data(), want.data() + first * 2, out.size()) != 0) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Tensor, BytesDoNotDependOnTheNumberOfThreads) {
  const auto bytes = random_bytes(float32, 700 * 1100, 4);
  const TestFile file(bytes);
  const Tensor weight = from_file(float32, {700, 1100}, {file.mapped(), 0, bytes.size()});
  const std::vector<Tensor> parts = {transpose(weight, {1, 0}), transpose(weight, {1, 0})};
  const Tensor expression = cast(slice(concat(parts, 1), 1, 3, 1397, 2), bfloat16);
  std::vector<std::vector<std::byte>> results;
  for (const std::size_t threads : {1, 2, 7, 0}) {
    set_thread_count(threads);
    results.push_back(evaluate(expression));
  }
  set_thread_count(0);
  for (const auto& result : results) EXPECT_EQ(result, results.front());
}

TEST(Tensor, EvaluationStopsOnRequest) {
  request_cancel();
  EXPECT_EQ(code_of([] { evaluate(scalar_int64(1)); }), ErrorCode::interrupted);
  reset_cancel();
}

}  // namespace
}  // namespace olivine::tensor

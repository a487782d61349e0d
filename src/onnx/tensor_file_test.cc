#include "onnx/tensor_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "base/error.h"

namespace olivine::onnx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TensorFile : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("olivine_value_" + std::to_string(::getpid()) + ".pb");
  }
  void TearDown() override { std::filesystem::remove(path_); }

  NamedValue read(std::string_view bytes, const ir::Type& type) {
    std::ofstream(path_, std::ios::binary) << bytes;
    return read_value_file(path_, type);
  }

  std::string problem(std::string_view bytes, const ir::Type& type) {
    try {
      read(bytes, type);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  std::filesystem::path path_;
};

std::string field(int number, std::string_view content) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(content.size())} + std::string(content);
}
std::string integer(int number, int value) { return {static_cast<char>(number << 3), static_cast<char>(value)}; }

/// TensorProto: int64, dims [1], raw_data.
std::string number_proto(char value, std::string_view name = "") {
  std::string proto = integer(1, 1) + integer(2, 7) + field(9, std::string(1, value) + std::string(7, '\0'));
  return name.empty() ? proto : proto + field(8, name);
}

ir::Type sequence_type() {
  ir::Type type;
  type.kind = ir::SequenceType{std::make_shared<ir::Type>(ir::tensor_type(DataType::int64))};
  return type;
}
ir::Type optional_type() {
  ir::Type type;
  type.kind = ir::OptionalType{std::make_shared<ir::Type>(ir::tensor_type(DataType::int64))};
  return type;
}
ir::Type map_type() {
  ir::Type type;
  type.kind = ir::MapType{DataType::string, std::make_shared<ir::Type>(ir::tensor_type(DataType::int64))};
  return type;
}

std::int64_t value_of(const tensor::AnyValue& value) { return tensor::as_int64s(*value.tensor())->front(); }

TEST_F(TensorFile, ReadsATensorWithItsName) {
  const NamedValue value = read(number_proto(5, "x"), ir::tensor_type(DataType::int64));
  EXPECT_EQ(value.name, "x");
  EXPECT_EQ(value_of(value.value), 5);
  EXPECT_THAT(read_tensor_file(path_).dims(), ElementsAre(1));
}

TEST_F(TensorFile, ReadsASequence) {
  const NamedValue value =
      read(field(1, "s") + integer(2, 1) + field(3, number_proto(5)) + field(3, number_proto(6)), sequence_type());
  EXPECT_EQ(value.name, "s");
  ASSERT_EQ(value.value.sequence()->items.size(), 2U);
  EXPECT_EQ(value_of(value.value.sequence()->items[1]), 6);
  EXPECT_TRUE(read("", sequence_type()).value.sequence()->items.empty());
}

TEST_F(TensorFile, ReadsAnOptional) {
  EXPECT_EQ(value_of(read(integer(2, 1) + field(3, number_proto(5)), optional_type()).value), 5);
  EXPECT_TRUE(read(field(1, "nothing"), optional_type()).value.empty());
  const std::string inner = field(3, number_proto(9));
  EXPECT_EQ(value_of(read(field(5, inner), optional_type()).value.sequence()->items.front()), 9);
}

TEST_F(TensorFile, ReadsAMap) {
  const std::string values = field(3, number_proto(5)) + field(3, number_proto(6));
  const NamedValue value = read(integer(2, 8) + field(4, "a") + field(4, "b") + field(5, values), map_type());
  EXPECT_THAT(value.value.map()->keys.strings(), ElementsAre("a", "b"));
  EXPECT_THAT(*tensor::as_int64s(value.value.map()->values), ElementsAre(5, 6));
  EXPECT_THAT(problem(integer(2, 8) + field(4, "a") + field(5, values), map_type()), HasSubstr("1 keys and 2 values"));
}

TEST_F(TensorFile, SaysWhatIsWrong) {
  const ir::Type tensor = ir::tensor_type(DataType::int64);
  EXPECT_THAT(problem("\xff\xff\xff", tensor), HasSubstr("is not a value in ONNX's format"));
  EXPECT_THAT(problem(number_proto(5).substr(0, 9), tensor), HasSubstr("error[conversion]: " + path_.string()));
  EXPECT_THAT(problem(field(4, ""), sequence_type()), HasSubstr("sparse tensor"));
  EXPECT_THAT(problem(field(3, number_proto(5)) + field(3, number_proto(5)), optional_type()),
              HasSubstr("more than one"));
  std::string nested;
  for (int i = 0; i < 40; ++i) nested = field(5, nested);
  EXPECT_THAT(problem(nested, sequence_type()), HasSubstr("32 deep"));
  try {
    read_tensor_file("/nonexistent/x.pb");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::io);
  }
}

}  // namespace
}  // namespace olivine::onnx

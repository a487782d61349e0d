#include "huggingface/safetensors.h"

#include <fmt/format.h>

#include "huggingface/huggingface_fixture.h"

namespace olivine::huggingface {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::string_view kFloat = R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})";

class Safetensors : public testing::Test {
 protected:
  std::string refusal(std::string_view header, std::string_view payloads) {
    const auto path = folder_.write("bad.safetensors", safetensors_text(header, payloads));
    return error_of([&] { read_safetensors(path); });
  }

  TempFolder folder_;
};

TEST_F(Safetensors, ReadsTensorsAsSlicesOfTheFile) {
  const auto path = folder_.write(
      "model.safetensors",
      safetensors({floats("b", {2, 2}, {1, 2, 3, 4}), payload<std::uint16_t>("a", "BF16", {2}, {0x3F80, 0xC000}),
                   payload<std::int64_t>("scalar", "I64", {}, {-7}), floats("empty", {0, 5}, {})}));
  const SafetensorsFile file = read_safetensors(path);
  ASSERT_EQ(file.tensors.size(), 4u);
  EXPECT_EQ(floats_of(file.tensors.at("b")), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(file.tensors.at("b").dims(), (tensor::Dims{2, 2}));
  EXPECT_NE(file.tensors.at("b").source()->file_slice(), nullptr);
  EXPECT_EQ(file.tensors.at("a").dtype(), DataType::bfloat16);
  EXPECT_EQ(floats_of(file.tensors.at("a")), (std::vector<float>{1, -2}));
  EXPECT_EQ(tensor::as_int64s(file.tensors.at("scalar")), (std::vector<std::int64_t>{-7}));
  EXPECT_EQ(file.tensors.at("empty").element_count(), 0u);
}

TEST_F(Safetensors, KnowsEveryType) {
  struct Case {
    const char* name;
    DataType dtype;
  };
  for (const Case& c : {Case{"BOOL", DataType::boolean},
                        {"U8", DataType::uint8},
                        {"I8", DataType::int8},
                        {"U16", DataType::uint16},
                        {"I16", DataType::int16},
                        {"U32", DataType::uint32},
                        {"I32", DataType::int32},
                        {"U64", DataType::uint64},
                        {"I64", DataType::int64},
                        {"F16", DataType::float16},
                        {"BF16", DataType::bfloat16},
                        {"F32", DataType::float32},
                        {"F64", DataType::float64},
                        {"F8_E4M3", DataType::float8e4m3fn},
                        {"F8_E5M2", DataType::float8e5m2},
                        {"F8_E8M0", DataType::float8e8m0},
                        {"F8_E4M3FNUZ", DataType::float8e4m3fnuz},
                        {"F8_E5M2FNUZ", DataType::float8e5m2fnuz},
                        {"F4", DataType::float4e2m1},
                        {"F6_E2M3", DataType::float6e2m3},
                        {"F6_E3M2", DataType::float6e3m2},
                        {"C64", DataType::complex64}}) {
    const std::string bytes(*packed_bytes(c.dtype, 8), '\1');
    const auto path = folder_.write("types.safetensors", safetensors({{"x", c.name, {8}, bytes}}));
    const SafetensorsFile file = read_safetensors(path);
    EXPECT_EQ(file.tensors.at("x").dtype(), c.dtype) << c.name;
    EXPECT_EQ(file.tensors.at("x").byte_size(), bytes.size()) << c.name;
  }
}

TEST_F(Safetensors, KeepsMetadata) {
  const auto path = folder_.write("m.safetensors", safetensors_text(R"({"__metadata__":{"format":"pt"}}   )", ""));
  EXPECT_EQ(read_safetensors(path).metadata.at("format"), "pt");
}

TEST_F(Safetensors, RefusesHeadersThatLie) {
  const std::string four(4, '\0');
  EXPECT_THAT(refusal("{", four), HasSubstr("has no '}'"));
  EXPECT_THAT(refusal("[]", ""), HasSubstr("header is no object"));
  EXPECT_THAT(refusal(R"({"x":1})", ""),
              AllOf(HasSubstr("bad.safetensors"), HasSubstr("tensor 'x'"), HasSubstr("no object")));
  EXPECT_THAT(refusal(fmt::format(R"({{"x":{},"x":{}}})", kFloat, kFloat), four), HasSubstr("/x is given twice"));
  EXPECT_THAT(refusal(std::string(500, '[') + std::string(500, ']'), ""), HasSubstr("levels of nesting"));
  EXPECT_THAT(refusal(R"({"x":{"dtype":"Q9","shape":[1],"data_offsets":[0,4]}})", four), HasSubstr("'Q9'"));
  EXPECT_THAT(refusal(R"({"x":{"shape":[1],"data_offsets":[0,4]}})", four), HasSubstr("no 'dtype'"));
  EXPECT_THAT(refusal(R"({"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", four), HasSubstr("-1"));
  EXPECT_THAT(refusal(R"({"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", four), HasSubstr("1.5"));
  EXPECT_THAT(refusal(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", four),
              HasSubstr("no begin and end"));
  EXPECT_THAT(refusal(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", four),
              HasSubstr("takes 8 bytes, but has 4"));
  EXPECT_THAT(refusal(R"({"x":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,4]}})", four),
              HasSubstr("more elements"));
  EXPECT_THAT(refusal(R"({"__metadata__":{"a":1}})", ""), HasSubstr("no string"));
}

TEST_F(Safetensors, RefusesPayloadsThatDontFollowEachOther) {
  const std::string eight(8, '\0');
  const auto two = [](int a, int b) {
    return fmt::format(R"({{"x":{},"y":{{"dtype":"F32","shape":[1],"data_offsets":[{},{}]}}}})", kFloat, a, b);
  };
  EXPECT_THAT(refusal(two(2, 6), eight), HasSubstr("tensor 'y' begins at byte 2, before"));
  EXPECT_THAT(refusal(two(5, 9), eight + "x"), HasSubstr("a hole behind"));
  EXPECT_THAT(refusal(two(4, 8), eight + "x"), HasSubstr("1 bytes follow its last tensor"));
  EXPECT_THAT(refusal(two(4, 8), eight.substr(1)), HasSubstr("take 8 bytes, but 7 follow"));
}

TEST_F(Safetensors, RefusesLengthsThatLie) {
  const auto path = folder_.path() / "bad.safetensors";
  folder_.write("bad.safetensors", "abc");
  EXPECT_THAT(error_of([&] { read_safetensors(path); }), HasSubstr("less than a header's length"));
  folder_.write("bad.safetensors", std::string(8, '\xFF') + "{}");
  EXPECT_THAT(error_of([&] { read_safetensors(path); }), HasSubstr("18446744073709551615"));
  folder_.write("bad.safetensors", bytes_of<std::uint64_t>({3}) + "{}");
  EXPECT_THAT(error_of([&] { read_safetensors(path); }), HasSubstr("claims 3 bytes"));
}

}  // namespace
}  // namespace olivine::huggingface

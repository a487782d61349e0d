#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "onnx/onnx.h"
#include "onnx/wire.h"

namespace olivine::onnx {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> as_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// Read, written and read again, a model must be the same.
void expect_round_trip(std::string_view text) {
  const ir::Model model = parse_model(text);
  const std::string once = serialize_weightless(model, 1 << 20);
  EXPECT_EQ(serialize_weightless(read_model_bytes(as_bytes(once)), 1 << 20), once) << print_model(model);
}

TEST(ReadModel, KeepsAllKindsOfAttributesAndSubgraphs) {
  expect_round_trip(
      R"(<ir_version: 10, opset_import: ["": 20, "custom": 3], doc_string: "about", metadata_props: ["a": "b"]>
    g (float[N, 3] x, bool c) => (float[M, 3] y)
    <float[2] w = {1.5, -2}, int64[2] shape = {-1, 3}>
    {
      a = custom.Op<f = 1.5, i = 7, s = "text", fs = [1.0, 2.0], is = [1, 2], ss = ["u", "v"]>(x, , w)
      y = If(c) <
        then_branch = t () => (float[P, 3] t_out) { t_out = Relu(x) },
        else_branch = e () => (float[Q, 3] e_out) { b = Add(x, a) e_out = Reshape(b, shape) }
      >
    })");
}

TEST(ReadModel, KeepsFunctionsAndTheirReferences) {
  expect_round_trip(R"(<ir_version: 10, opset_import: ["": 20, "local": 1]>
    g (float[N] x) => (float[N] y) { y = local.leaky<slope = 0.25>(x) }
    <domain: "local", opset_import: ["": 20]>
    leaky<slope>(a) => (b) { b = LeakyRelu<alpha: float = @slope>(a) })");
}

TEST(ReadModel, KeepsSequenceOptionalAndMapTypes) {
  expect_round_trip(R"(<ir_version: 10, opset_import: ["": 20]>
    g (seq(float[N]) s, optional(int64[]) o) => (seq(float[N]) y) { y = Identity(s) })");
}

TEST(ReadModel, KeepsFieldsThatItDoesNotKnow) {
  const std::string known = serialize_weightless(
      parse_model("<ir_version: 10, opset_import: [\"\": 20]> g (float[N] x) => (float[N] y) { y = Relu(x) }"));
  wire::Writer unknown;
  unknown.put_text(4711, "from the future");
  const std::string extended = known + unknown.text();
  EXPECT_EQ(serialize_weightless(read_model_bytes(as_bytes(extended))).size(), extended.size());
  EXPECT_THAT(serialize_weightless(read_model_bytes(as_bytes(extended))), HasSubstr("from the future"));
}

TEST(ReadModel, SortsNodesThatStandInTheWrongOrder) {
  // The text parser does not mind either.
  const ir::Model model = parse_model(
      "<ir_version: 10, opset_import: [\"\": 20]> g (float[N] x) => (float[N] y) { y = Relu(a) a = Neg(x) }");
  EXPECT_EQ(model.graph->first()->op_type, "Neg");
  EXPECT_NO_THROW(check_model(model));
}

TEST(ReadModel, RefusesWhatIsNoGraph) {
  EXPECT_THAT(error_of([] { read_model_bytes({}); }), HasSubstr("is not an ONNX model"));
  EXPECT_THAT(error_of([] { read_model_bytes(as_bytes("<html>not a model</html>")); }), HasSubstr("error[conversion]"));
  EXPECT_THAT(error_of([] {
                parse_model("<ir_version: 10, opset_import: [\"\": 20]> g (float x) => (float y) { y = Relu(z) }");
              }),
              HasSubstr("its input 'z' is no input, initializer or output of any node"));
  EXPECT_THAT(error_of([] {
                parse_model("<ir_version: 10, opset_import: [\"\": 20]> g (float x) => (float y) { a = Relu(x) }");
              }),
              HasSubstr("the output 'y' is no input"));
  EXPECT_THAT(
      error_of([] {
        parse_model("<ir_version: 10, opset_import: [\"\": 20]> g (float x) => (float y) { y = Relu(x) y = Neg(x) }");
      }),
      HasSubstr("the name 'y' is given to two values"));
  EXPECT_THAT(
      error_of([] {
        parse_model(
            "<ir_version: 10, opset_import: [\"\": 20]> g (float x) => (float y) { y = Add(x, a) a = Relu(y) }");
      }),
      HasSubstr("the graph has a cycle"));
}

TEST(ReadModel, EveryTruncationIsAnErrorOrAModel) {
  const std::string whole = serialize_weightless(parse_model(R"(<ir_version: 10, opset_import: ["": 20]>
    g (float[N] x, bool c) => (float[M] y) <float[2] w = {1.5, -2}> {
      y = If(c) < then_branch = t () => (float[P] t_out) { t_out = Relu(x) }, else_branch = e () => (float[Q] e_out) { e_out = Add(x, w) } > })"));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    try {
      read_model_bytes(as_bytes(std::string_view(whole).substr(0, length)));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::conversion);
    }
  }
}

TEST(ReadModel, EveryFlippedBitIsAnErrorOrAModel) {
  const std::string whole = serialize_weightless(parse_model(R"(<ir_version: 10, opset_import: ["": 20]>
    g (float[N] x, bool c) => (float[M] y) <float[2] w = {1.5, -2}, string[1] s = {"a"}> {
      y = If(c) < then_branch = t () => (float[P] t_out) { t_out = Relu(x) }, else_branch = e () => (float[Q] e_out) { e_out = Add(x, w) } > })"));
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    try {
      const ir::Model model = read_model_bytes(as_bytes(damaged));
      serialize_weightless(model);
      check_model(model);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::conversion) << error.what();
    }
  }
}

// ---- Tensors as they stand in files

std::string tensor_message(std::int64_t dtype, const tensor::Dims& dims,
                           const std::function<void(wire::Writer&)>& data) {
  wire::Writer tensor;
  for (const std::int64_t dim : dims) tensor.put_varint(1, dim);
  tensor.put_varint(2, dtype);
  tensor.put_text(8, "w");
  data(tensor);
  return tensor.text();
}

ir::Model model_with(const std::string& tensor, const std::filesystem::path& folder = {}) {
  wire::Writer graph;
  graph.put_text(2, "g");
  graph.put_text(5, tensor);
  wire::Writer model;
  model.put_varint(1, 8);
  model.put_message(7, std::move(graph));
  return read_model_bytes(as_bytes(model.text()), folder);
}

TEST(ReadTensor, TypedDataPackedOrNotIsTheSame) {
  const auto packed =
      model_with(tensor_message(7, {3}, [](wire::Writer& w) { w.put_text(7, std::string("\x01\xac\x02\x05", 4)); }));
  const auto single = model_with(tensor_message(7, {3}, [](wire::Writer& w) {
    for (int v : {1, 300, 5}) w.put_varint(7, v);
  }));
  const auto mixed = model_with(tensor_message(7, {3}, [](wire::Writer& w) {
    w.put_varint(7, 1);
    w.put_text(7, std::string("\xac\x02\x05", 3));
  }));
  for (const ir::Model* model : {&packed, &single, &mixed}) {
    EXPECT_THAT(*tensor::as_int64s(*model->graph->initializers()[0]->initializer()), ::testing::ElementsAre(1, 300, 5));
  }
}

TEST(ReadTensor, HalvesLieInTheLowBitsOfIntegers) {
  const auto model = model_with(tensor_message(10, {2}, [](wire::Writer& w) {
    w.put_varint(5, 0x3c00);
    w.put_varint(5, 0xc000);
  }));
  EXPECT_THAT(*tensor::as_doubles(*model.graph->initializers()[0]->initializer()), ::testing::ElementsAre(1.0, -2.0));
}

TEST(ReadTensor, SizesMustAgree) {
  EXPECT_THAT(error_of([] { model_with(tensor_message(1, {3}, [](wire::Writer& w) { w.put_text(9, "12345678"); })); }),
              HasSubstr("tensor 'w': holds 8 bytes, but its shape [3] of float needs 12"));
  EXPECT_THAT(error_of([] { model_with(tensor_message(1, {-3}, [](wire::Writer&) {})); }),
              HasSubstr("negative dimension -3"));
  EXPECT_THAT(error_of([] {
                model_with(tensor_message(1, {1LL << 40, 1LL << 40}, [](wire::Writer&) {}));
              }),
              HasSubstr("more elements than 64 bits"));
  EXPECT_THAT(error_of([] { model_with(tensor_message(99, {1}, [](wire::Writer&) {})); }),
              HasSubstr("element type 99"));
  EXPECT_THAT(error_of([] { model_with(tensor_message(1, {1}, [](wire::Writer& w) { w.put_varint(7, 1); })); }),
              HasSubstr("field meant for another type"));
}

// ---- External data

class ExternalData : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("olivine_external_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_ / "models");
    std::ofstream(folder_ / "models" / "w.bin") << "0123456789abcdef";
    std::ofstream(folder_ / "secret.bin") << "0123456789abcdef";
    std::filesystem::create_symlink("../secret.bin", folder_ / "models" / "link.bin");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  ir::Model read(std::string location, std::string offset = "0", std::string length = "8") {
    return model_with(tensor_message(1, {2},
                                     [&](wire::Writer& w) {
                                       for (const auto& [key, value] : ir::Metadata{
                                                {"location", location}, {"offset", offset}, {"length", length}}) {
                                         wire::Writer entry;
                                         entry.put_text(1, key);
                                         entry.put_text(2, value);
                                         w.put_message(13, std::move(entry));
                                       }
                                       w.put_varint(14, 1);
                                     }),
                      folder_ / "models");
  }

  std::filesystem::path folder_;
};

TEST_F(ExternalData, IsReadAtItsOffset) {
  const auto bytes = tensor::evaluate(*read("w.bin", "4").graph->initializers()[0]->initializer());
  EXPECT_EQ(std::memcmp(bytes.data(), "456789ab", 8), 0);
}

TEST_F(ExternalData, NeverLeavesTheFolder) {
  EXPECT_THAT(error_of([&] { read("../secret.bin"); }), HasSubstr("leaves the model's folder"));
  EXPECT_THAT(error_of([&] { read("x/../../secret.bin"); }), HasSubstr("leaves the model's folder"));
  EXPECT_THAT(error_of([&] { read((folder_ / "secret.bin").string()); }), HasSubstr("is an absolute path"));
  EXPECT_THAT(error_of([&] { read("link.bin"); }), HasSubstr("is a link that leaves the model's folder"));
  EXPECT_THAT(error_of([&] { read(""); }), HasSubstr("is not a file name"));
}

TEST_F(ExternalData, MustBeThereAndLongEnough) {
  EXPECT_THAT(error_of([&] { read("missing.bin"); }), HasSubstr("'missing.bin', which is not there"));
  EXPECT_THAT(error_of([&] { read("w.bin", "12"); }),
              HasSubstr("wants bytes 12 to 20 of the external data 'w.bin', which has 16 bytes"));
  EXPECT_THAT(error_of([&] { read("w.bin", "18446744073709551615"); }), HasSubstr("which has 16 bytes"));
  EXPECT_THAT(error_of([&] { read("w.bin", "-1"); }), HasSubstr("which is not a number"));
  EXPECT_THAT(error_of([&] { read("w.bin", "0", "12"); }),
              HasSubstr("has 12 bytes of external data, but its shape [2] of float needs 8"));
}

}  // namespace
}  // namespace olivine::onnx

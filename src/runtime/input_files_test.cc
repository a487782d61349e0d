#include "runtime/input_files.h"

#include <zip.h>

#include <cstring>

#include "runtime/test_support.h"

namespace olivine::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string npy(const std::string& descr, const std::string& shape, std::string_view payload) {
  const std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + "}\n";
  std::string file("\x93NUMPY\1\0", 8);
  file += {static_cast<char>(header.size()), '\0'};
  return file + header + std::string(payload);
}

template <typename T>
std::string npy_of(const std::string& descr, const std::vector<T>& values) {
  return npy(descr, "(" + std::to_string(values.size()) + ",)",
             {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
}

std::string npy_of(std::vector<float> values) { return npy_of("<f4", values); }

/// A TensorProto of float32, one dimension.
std::string proto_of(float value, const std::string& name = "") {
  std::string proto = {'\x08', '\x01', '\x10', '\x01', '\x4a', '\x04'};
  proto.append(reinterpret_cast<const char*>(&value), 4);
  if (!name.empty()) proto += std::string{'\x42', static_cast<char>(name.size())} + name;
  return proto;
}

void write_npz(const std::filesystem::path& path, const std::map<std::string, std::string>& arrays) {
  const zipFile zip = ::zipOpen64(path.c_str(), APPEND_STATUS_CREATE);
  for (const auto& [name, bytes] : arrays) {
    ::zipOpenNewFileInZip(zip, (name + ".npy").c_str(), nullptr, nullptr, 0, nullptr, 0, nullptr, 0, 0);
    ::zipWriteInFileInZip(zip, bytes.data(), static_cast<unsigned>(bytes.size()));
    ::zipCloseFileInZip(zip);
  }
  ::zipClose(zip, nullptr);
}

class InputFiles : public ::testing::Test {
 protected:
  std::vector<InputSet> read(const std::vector<std::filesystem::path>& files) {
    return read_input_sets(files, match_inputs(model_, model_));
  }
  std::string problem(const std::vector<std::filesystem::path>& files) {
    return error_of([&] { read(files); });
  }

  TempFolder folder_;
  ir::Model model_ = model_of("g (float[N] x, float[N] y) => (float[N] z) { z = Add(x, y) }");
};

TEST_F(InputFiles, TakesArraysOfAnArchiveByName) {
  write_npz(folder_ / "a.npz", {{"y", npy_of({2})}, {"x", npy_of({1})}});
  write_npz(folder_ / "b.npz", {{"arr_0", npy_of({3})}, {"arr_1", npy_of({4})}});
  const auto sets = read({folder_ / "a.npz", folder_ / "b.npz"});
  ASSERT_EQ(sets.size(), 2U);
  EXPECT_THAT(doubles(sets[0].at("x")), ElementsAre(1));
  EXPECT_THAT(doubles(sets[0].at("y")), ElementsAre(2));
  EXPECT_THAT(doubles(sets[1].at("y")), ElementsAre(4));
}

TEST_F(InputFiles, TakesSingleFilesByNameElseByPosition) {
  const auto named = read({folder_.write("y.npy", npy_of({2})), folder_.write("first.npy", npy_of({1}))});
  EXPECT_THAT(doubles(named.at(0).at("x")), ElementsAre(1));
  const auto placed = read({folder_.write("p.npy", npy_of({5})), folder_.write("q.npy", npy_of({6}))});
  EXPECT_THAT(doubles(placed.at(0).at("y")), ElementsAre(6));
  const auto protos = read({folder_.write("u.pb", proto_of(7, "y")), folder_.write("v.pb", proto_of(8, "x"))});
  EXPECT_THAT(doubles(protos.at(0).at("y")), ElementsAre(7));
}

TEST_F(InputFiles, ReadsFoldersOfTestData) {
  for (const char* const set : {"test_data_set_0", "test_data_set_2", "test_data_set_10"}) {
    const float first = std::stof(std::string(set).substr(14));
    folder_.write(std::string(set) + "/input_0.pb", proto_of(first));
    folder_.write(std::string(set) + "/input_1.pb", proto_of(first + 1));
    folder_.write(std::string(set) + "/output_0.pb", proto_of(99));
  }
  const auto sets = read({folder_.path()});
  ASSERT_EQ(sets.size(), 3U);
  EXPECT_THAT(doubles(sets[1].at("x")), ElementsAre(2));
  EXPECT_THAT(doubles(sets[2].at("y")), ElementsAre(11));
  EXPECT_EQ(read({folder_ / "test_data_set_2", folder_ / "test_data_set_0"}).size(), 2U);
}

TEST_F(InputFiles, SortsManyInputsByNumber) {
  std::string inputs;
  for (int i = 0; i < 12; ++i) {
    inputs += (i == 0 ? "float[N] i" : ", float[N] i") + std::to_string(i);
    folder_.write("input_" + std::to_string(i) + ".pb", proto_of(static_cast<float>(i)));
  }
  model_ = model_of("g (" + inputs + ") => (float[N] z) { z = Add(i0, i1) }");
  EXPECT_THAT(doubles(read({folder_.path()}).at(0).at("i10")), ElementsAre(10));
}

TEST_F(InputFiles, ReadsFoldersOfArrays) {
  folder_.write("x.npy", npy_of({1}));
  folder_.write("y.npy", npy_of({2}));
  write_npz(folder_ / "a.npz", {{"y", npy_of({3})}, {"x", npy_of({4})}});
  EXPECT_EQ(read({folder_.path()}).size(), 2U);
}

TEST_F(InputFiles, ReadsSequencesAsTheModelSays) {
  model_ = model_of("g (seq(float[N]) s) => (seq(float[N]) z) { z = Identity(s) }");
  const std::string tensor = proto_of(3);
  const std::string sequence = std::string{'\x1a', static_cast<char>(tensor.size())} + tensor;
  const auto sets = read({folder_.write("input_0.pb", sequence)});
  EXPECT_EQ(sets.at(0).at("s").sequence()->items.size(), 1U);
}

TEST_F(InputFiles, ConvertsNumbersThatFit) {
  model_ = model_of("g (float16[N] x, int32[N] y) => (float[N] z) { z = Identity(x) }");
  write_npz(folder_ / "a.npz",
            {{"x", npy_of("<f8", std::vector<double>{0.5})}, {"y", npy_of("<i8", std::vector<std::int64_t>{7})}});
  const auto sets = read({folder_ / "a.npz"});
  EXPECT_EQ(sets[0].at("x").tensor()->dtype(), DataType::float16);
  EXPECT_EQ(sets[0].at("y").tensor()->dtype(), DataType::int32);
  write_npz(folder_ / "b.npz", {{"x", npy_of({1})}, {"y", npy_of("<i8", std::vector<std::int64_t>{1LL << 40})}});
  EXPECT_THAT(problem({folder_ / "b.npz"}), HasSubstr("do not all fit into int32"));
  write_npz(folder_ / "c.npz", {{"x", npy_of({1})}, {"y", npy_of({1.5F})}});
  EXPECT_THAT(problem({folder_ / "c.npz"}), HasSubstr("input y: the values are float, but the model wants int32"));
}

TEST_F(InputFiles, SaysWhatDoesNotFit) {
  write_npz(folder_ / "a.npz", {{"x", npy_of({1})}, {"z", npy_of({1})}});
  EXPECT_THAT(problem({folder_ / "a.npz"}), HasSubstr("a.npz: the model has no input 'z'"));
  EXPECT_THAT(problem({folder_.write("x.npy", npy_of({1}))}), HasSubstr("no values for the inputs y"));
  EXPECT_THAT(problem({folder_.write("x.npy", npy("<f4", "(1,1)", "1234"))}),
              HasSubstr("x.npy input x: the values have the shape [1,1], but the model wants [N]"));
  EXPECT_THAT(problem({folder_.write("x.npy", npy_of({1})), folder_.write("input_7.pb", proto_of(1))}),
              HasSubstr("position 7"));
  EXPECT_THAT(problem({folder_.write("x.txt", "1")}), HasSubstr("error[config]: " + (folder_ / "x.txt").string()));
  EXPECT_THAT(problem({folder_ / "absent.npz"}), HasSubstr("No such file"));
  const TempFolder empty;
  EXPECT_THAT(problem({empty.path()}), HasSubstr("holds no inputs; they are called"));
}

TEST_F(InputFiles, NeedsNoFileForAModelWithoutInputs) {
  model_ = model_of("g () => (float y) { y = Constant<value_float = 1.0>() }");
  EXPECT_EQ(read({folder_.path()}).size(), 1U);
}

TEST_F(InputFiles, RefusesValuesThatOnlyOneModelTakes) {
  const ir::Model fixed = model_of("g (float[2] x, float[N] y) => (float[N] z) { z = Add(x, y) }");
  write_npz(folder_ / "a.npz", {{"x", npy_of({1})}, {"y", npy_of({1})}});
  EXPECT_THAT(error_of([&] { read_input_sets({folder_ / "a.npz"}, match_inputs(model_, fixed)); }),
              HasSubstr("the model wants [2]"));
}

}  // namespace
}  // namespace olivine::runtime

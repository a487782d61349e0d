#include "writer/writer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "base/threads.h"
#include "onnx/onnx.h"
#include "writer/plan.h"

namespace olivine::writer {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class WriterTest : public testing::Test {
 protected:
  WriterTest()
      : folder_(fs::temp_directory_path() /
                fmt::format("olivine_writer_{}_{}", ::getpid(),
                            testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~WriterTest() override {
    reset_cancel();
    set_thread_count(0);
    fs::remove_all(folder_);
  }

  const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
};

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  return names;
}

std::string content_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void put(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

Error error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return {ErrorCode::internal, ""};
}

tensor::Tensor floats(tensor::Dims dims, float start) {
  std::vector<float> values(static_cast<std::size_t>(
      std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<std::int64_t>())));
  std::iota(values.begin(), values.end(), start);
  return tensor::from_values<float>(DataType::float32, std::move(dims), values);
}

/// y = x + w for each weight, one after the other.
ir::Model model_of(const std::vector<std::pair<std::string, tensor::Tensor>>& weights) {
  ir::Model model = onnx::parse_model(
      R"(<ir_version: 9, opset_import: ["": 20]> g (float[N] x) => (float[N] y) { y = Identity(x) })");
  for (const auto& [name, tensor] : weights) model.graph->add_initializer(name, tensor);
  return model;
}

/// Two weights beyond any threshold, of which one is larger than 1 MB, and one below.
ir::Model sample_model() {
  return model_of({{"small", floats({3}, 1)}, {"medium", floats({1000}, 2)}, {"large", floats({600, 500}, 3)}});
}

const tensor::Tensor& weight(const ir::Model& model, std::string_view name) {
  for (const ir::Value* value : model.graph->initializers()) {
    if (value->name() == name) return *value->initializer();
  }
  throw Error(ErrorCode::internal, "no such weight");
}

std::uint64_t file_offset(const ir::Model& model, std::string_view name) {
  return weight(model, name).source()->file_slice()->offset;
}

void expect_same_weights(const ir::Model& a, const ir::Model& b) {
  ASSERT_EQ(a.graph->initializers().size(), b.graph->initializers().size());
  for (const ir::Value* value : a.graph->initializers()) {
    EXPECT_TRUE(equal(*value->initializer(), weight(b, value->name()))) << value->name();
  }
}

TEST_F(WriterTest, WritesAFolder) {
  const ir::Model model = sample_model();
  const Written written = write_folder(model, folder() / "a/b/out", {}, [](const Written& so_far) {
    EXPECT_EQ(so_far.files.size(), 1u);
    return std::vector<FileToWrite>{{"run.json", "{}"}};
  });
  EXPECT_EQ(written.model_path, folder() / "a/b/out/model.onnx");
  EXPECT_EQ(written.bytes, fs::file_size(written.model_path));
  EXPECT_THAT(names_in(folder() / "a/b/out"), UnorderedElementsAre("model.onnx", "run.json"));
  EXPECT_THAT(names_in(folder() / "a/b"), ElementsAre("out"));
  EXPECT_EQ(content_of(folder() / "a/b/out/run.json"), "{}");
  const ir::Model read = onnx::read_model(written.model_path);
  EXPECT_EQ(onnx::print_model(read), onnx::print_model(model));
  expect_same_weights(model, read);
}

TEST_F(WriterTest, WritesTheBytesThatOneStringWouldHave) {
  ir::Model model = sample_model();
  model.graph->add_initializer("turned",
                               tensor::cast(tensor::transpose(floats({700, 400}, 5), {1, 0}), DataType::float16));
  std::string whole;
  for (const onnx::Piece& piece : onnx::serialize(model).pieces) {
    if (const auto* text = std::get_if<std::string>(&piece)) {
      whole += *text;
    } else {
      const auto bytes = evaluate(std::get<tensor::Tensor>(piece));
      whole.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
  }
  for (const std::size_t threads : {1, 2, 5}) {
    set_thread_count(threads);
    const fs::path path = folder() / fmt::format("{}.onnx", threads);
    write_file(model, path, {});
    EXPECT_EQ(content_of(path) == whole, true) << threads;
  }
}

TEST_F(WriterTest, ExternalDataInOneFile) {
  const ir::Model model = sample_model();
  const Written written = write_folder(model, folder() / "out", {.save_as_external_data = true}, {});
  EXPECT_THAT(names_in(folder() / "out"), UnorderedElementsAre("model.onnx", "model.onnx.data"));
  ASSERT_EQ(written.files.size(), 2u);
  EXPECT_EQ(written.files[1].name, "model.onnx.data");
  EXPECT_EQ(written.files[1].bytes, fs::file_size(folder() / "out/model.onnx.data"));
  EXPECT_EQ(written.bytes, written.files[0].bytes + written.files[1].bytes);
  const ir::Model read = onnx::read_model(written.model_path);
  expect_same_weights(model, read);
  EXPECT_EQ(file_offset(read, "medium"), 0u);
  EXPECT_EQ(file_offset(read, "large"), 4096u);
  EXPECT_EQ(written.files[1].bytes, 4096u + 1'200'000);  // nothing else went there
}

TEST_F(WriterTest, ThresholdAndName) {
  const ir::Model model = sample_model();
  const Written written =
      write_folder(model, folder() / "out",
                   {.save_as_external_data = true, .external_data_name = "weights.bin", .size_threshold = 12}, {});
  const ir::Model read = onnx::read_model(written.model_path);
  EXPECT_THAT(names_in(folder() / "out"), UnorderedElementsAre("model.onnx", "weights.bin"));
  EXPECT_EQ(file_offset(read, "medium"), 64u);  // behind the small one
  EXPECT_EQ(file_offset(read, "large"), 4096u);
  expect_same_weights(model, read);
  // Nothing reaches the threshold: no data file.
  write_folder(model, folder() / "inline", {.save_as_external_data = true, .size_threshold = 1 << 30}, {});
  EXPECT_THAT(names_in(folder() / "inline"), ElementsAre("model.onnx"));
}

TEST_F(WriterTest, AttributesLeaveOnlyWhenAsked) {
  ir::Model model = sample_model();
  ir::Node& constant = model.graph->insert_before(model.graph->first(), "Constant", {});
  constant.add_output("c");
  constant.set("value", ir::NamedTensor{"c", floats({2000}, 7), {}});
  ExternalDataOptions options{.save_as_external_data = true};
  const auto data_bytes = [&] { return make_plan(model, "model.onnx", options).files[1].bytes; };
  const std::uint64_t without = data_bytes();
  options.convert_attribute = true;
  EXPECT_GE(data_bytes(), without + 8000);
  const Written written = write_folder(model, folder() / "out", options, {});
  const ir::Model read = onnx::read_model(written.model_path);
  EXPECT_TRUE(equal(*read.graph->first()->tensor("value"), floats({2000}, 7)));
}

TEST_F(WriterTest, TheSameBytesAreStoredOnce) {
  const tensor::Tensor shared = floats({30, 100}, 1);
  const ir::Model model = model_of({{"a", shared}, {"b", reshape(shared, {3000})}, {"c", floats({30, 100}, 1)}});
  const Written written = write_folder(model, folder() / "out", {.save_as_external_data = true}, {});
  const ir::Model read = onnx::read_model(written.model_path);
  EXPECT_EQ(file_offset(read, "a"), file_offset(read, "b"));
  EXPECT_NE(file_offset(read, "a"), file_offset(read, "c"));
  expect_same_weights(model, read);
  // And slices of one file likewise.
  const Written again = write_folder(read, folder() / "again", {.save_as_external_data = true}, {});
  EXPECT_EQ(again.files[1].bytes, written.files[1].bytes);
}

TEST_F(WriterTest, OneFileATensorWithSafeNames) {
  const ir::Model model = model_of({{"layer/0.weight", floats({500}, 1)},
                                    {"layer:0.weight", floats({500}, 2)},
                                    {"../../etc/passwd", floats({500}, 3)},
                                    {"run.json", floats({500}, 4)},
                                    {"Model.ONNX", floats({500}, 5)},
                                    {"tiny", floats({5}, 6)},
                                    {std::string(300, 'x'), floats({500}, 7)}});
  const Written written = write_folder(
      model, folder() / "out", {.save_as_external_data = true, .all_tensors_to_one_file = false}, [](const Written&) {
        return std::vector<FileToWrite>{{"run.json", "{}"}};
      });
  EXPECT_THAT(names_in(folder() / "out"),
              UnorderedElementsAre("model.onnx", "run.json", "layer_0.weight", "layer_0.weight_1",
                                   "tensor.._.._etc_passwd", "run.json.data", "Model.ONNX_1", std::string(200, 'x')));
  EXPECT_EQ(written.files.size(), 7u);
  expect_same_weights(model, onnx::read_model(written.model_path));
}

TEST_F(WriterTest, ManyFilesAndManySmallTensors) {
  std::vector<std::pair<std::string, tensor::Tensor>> weights;
  for (int i = 0; i < 1500; ++i)
    weights.emplace_back(fmt::format("w{}", i), floats({1 + i % 3, 2}, static_cast<float>(i)));
  const ir::Model model = model_of(weights);
  for (const bool one_file : {true, false}) {
    const fs::path out = folder() / (one_file ? "one" : "many");
    const ExternalDataOptions options{
        .save_as_external_data = true, .all_tensors_to_one_file = one_file, .size_threshold = 0};
    const Written written = write_folder(model, out, options, {});
    EXPECT_EQ(names_in(out).size(), one_file ? 2u : 1501u);
    expect_same_weights(model, onnx::read_model(written.model_path));
  }
  expect_same_weights(model, onnx::read_model(write_file(model, folder() / "inline.onnx", {}).model_path));
}

TEST_F(WriterTest, RefusesNamesThatLeaveTheFolder) {
  const ir::Model model = sample_model();
  for (const std::string name : {"../data", "/tmp/data", "a/b", "..", ".", "a\\b", "model.onnx"}) {
    const Error error = error_of([&] {
      write_folder(model, folder() / "out", {.save_as_external_data = true, .external_data_name = name}, {});
    });
    EXPECT_EQ(error.code(), ErrorCode::config) << name;
  }
  EXPECT_EQ(error_of([&] { write_folder(model, folder() / "out", {.size_threshold = -1}, {}); }).code(),
            ErrorCode::config);
  EXPECT_EQ(error_of([&] {
              write_folder(model, folder() / "out", {}, [](const Written&) {
                return std::vector<FileToWrite>{{"../run.json", ""}};
              });
            }).code(),
            ErrorCode::internal);
  EXPECT_THAT(names_in(folder()), IsEmpty());
}

TEST_F(WriterTest, ForeignFilesStayAndOursAreReplaced) {
  const fs::path out = folder() / "out";
  fs::create_directories(out / "sub");
  put(out / "notes.txt", "mine");
  put(out / "model.onnx", "old");
  fs::permissions(out, fs::perms::owner_all);
  const ir::Model model = sample_model();
  write_folder(model, out, {}, {});
  EXPECT_THAT(names_in(out), UnorderedElementsAre("model.onnx", "notes.txt", "sub"));
  EXPECT_EQ(content_of(out / "notes.txt"), "mine");
  EXPECT_EQ(fs::status(out).permissions(), fs::perms::owner_all);
  expect_same_weights(model, onnx::read_model(out / "model.onnx"));
  EXPECT_THAT(names_in(folder()), ElementsAre("out"));
}

TEST_F(WriterTest, ReplacingIsTakenBackWhenItFailsMidway) {
  const fs::path out = folder() / "out";
  fs::create_directories(out / "run.json");  // a folder where our last file must go
  put(out / "model.onnx", "old");
  put(out / "model.onnx.data", "old data");
  const Error error = error_of([&] {
    write_folder(sample_model(), out, {.save_as_external_data = true}, [](const Written&) {
      return std::vector<FileToWrite>{{"run.json", "{}"}};
    });
  });
  EXPECT_EQ(error.code(), ErrorCode::io);
  EXPECT_THAT(error.what(), HasSubstr("run.json"));
  EXPECT_EQ(content_of(out / "model.onnx"), "old");
  EXPECT_EQ(content_of(out / "model.onnx.data"), "old data");
  EXPECT_THAT(names_in(out), UnorderedElementsAre("model.onnx", "model.onnx.data", "run.json"));
  EXPECT_THAT(names_in(folder()), ElementsAre("out"));
}

TEST_F(WriterTest, InPlaceReadsTheOldBytesToTheEnd) {
  const fs::path out = folder() / "out";
  for (const bool external : {false, true}) {
    const ExternalDataOptions options{.save_as_external_data = external};
    const ir::Model original = sample_model();
    write_folder(original, out, options, {});
    ir::Model model = onnx::read_model(out / "model.onnx");
    for (ir::Value* value : model.graph->initializers()) {
      value->set_initializer(tensor::cast(*value->initializer(), DataType::float64));
    }
    write_folder(model, out, options, {});
    const ir::Model read = onnx::read_model(out / "model.onnx");
    for (const ir::Value* value : original.graph->initializers()) {
      EXPECT_TRUE(equal(tensor::cast(*value->initializer(), DataType::float64), weight(read, value->name())));
      // What was read from before is still there for who holds it.
      EXPECT_TRUE(equal(tensor::cast(*value->initializer(), DataType::float64), weight(model, value->name())));
    }
    write_file(read, out / "model.onnx", options);
    expect_same_weights(read, onnx::read_model(out / "model.onnx"));
  }
}

TEST_F(WriterTest, WritesJustAFile) {
  put(folder() / "other.txt", "mine");
  const ir::Model model = sample_model();
  EXPECT_EQ(write_file(model, folder() / "new/m.onnx", {}).model_path, folder() / "new/m.onnx");
  EXPECT_THAT(names_in(folder() / "new"), ElementsAre("m.onnx"));
  const Written written = write_file(model, folder() / "m.onnx", {.save_as_external_data = true});
  EXPECT_THAT(names_in(folder()), UnorderedElementsAre("new", "other.txt", "m.onnx", "m.onnx.data"));
  expect_same_weights(model, onnx::read_model(written.model_path));
  EXPECT_EQ(error_of([&] { write_file(model, folder() / "new/", {}); }).code(), ErrorCode::config);
  EXPECT_EQ(error_of([&] { write_file(model, folder() / "new", {}); }).code(), ErrorCode::io);
  EXPECT_THAT(names_in(folder()), UnorderedElementsAre("new", "other.txt", "m.onnx", "m.onnx.data"));
}

TEST_F(WriterTest, ARelativePathIsBesideTheWorkingFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder());
  write_folder(sample_model(), "out", {}, {});
  write_file(sample_model(), "m.onnx", {});
  write_folder(sample_model(), "out/", {}, {});
  write_folder(sample_model(), ".", {}, {});
  fs::current_path(before);
  EXPECT_THAT(names_in(folder()), UnorderedElementsAre("out", "m.onnx", "model.onnx"));
  EXPECT_THAT(names_in(folder() / "out"), ElementsAre("model.onnx"));
}

TEST_F(WriterTest, ALinkToAFolderStaysALink) {
  fs::create_directories(folder() / "disk/real");
  fs::create_directory_symlink(folder() / "disk/real", folder() / "link");
  fs::create_directory_symlink(folder() / "disk", folder() / "other");
  write_folder(sample_model(), folder() / "link", {}, {});
  write_folder(sample_model(), folder() / "other/new", {}, {});
  EXPECT_TRUE(fs::is_symlink(folder() / "link"));
  EXPECT_THAT(names_in(folder() / "disk"), UnorderedElementsAre("real", "new"));
  EXPECT_THAT(names_in(folder() / "disk/real"), ElementsAre("model.onnx"));
}

TEST_F(WriterTest, AFileWhereAFolderMustBeIsAnError) {
  put(folder() / "file", "x");
  EXPECT_EQ(error_of([&] { write_folder(sample_model(), folder() / "file", {}, {}); }).code(), ErrorCode::io);
  EXPECT_EQ(error_of([&] { write_folder(sample_model(), folder() / "file/out", {}, {}); }).code(), ErrorCode::io);
  EXPECT_THAT(names_in(folder()), ElementsAre("file"));
}

TEST_F(WriterTest, AFullDiskLeavesNothing) {
  // The limit on a file's size fails a write midway, as a full disk does.
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  for (const bool existing : {false, true}) {
    const fs::path out = folder() / "parent/out";
    if (existing) {
      fs::create_directories(out);
      put(out / "model.onnx", "old");
    }
    const rlimit small{100'000, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    const Error error = error_of([&] { write_folder(sample_model(), out, {}, {}); });
    ::setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_EQ(error.code(), ErrorCode::io);
    EXPECT_THAT(error.what(), HasSubstr("cannot write"));
    EXPECT_EQ(error.path().front(), out.string());
    if (existing) {
      EXPECT_EQ(content_of(out / "model.onnx"), "old");
      EXPECT_THAT(names_in(out), ElementsAre("model.onnx"));
      EXPECT_THAT(names_in(folder() / "parent"), ElementsAre("out"));
    } else {
      EXPECT_THAT(names_in(folder()), IsEmpty());
    }
  }
  std::signal(SIGXFSZ, handler);
}

TEST_F(WriterTest, ACancelInTheMiddleLeavesNothing) {
  const ir::Model model = model_of({{"w", tensor::cast(floats({4000, 500}, 1), DataType::float16)}});
  const Error error = error_of([&] {
    write_folder(model, folder() / "out", {}, {}, [](std::uint64_t done, std::uint64_t total) {
      if (done * 3 > total) request_cancel();
    });
  });
  EXPECT_EQ(error.code(), ErrorCode::interrupted);
  EXPECT_THAT(names_in(folder()), IsEmpty());
}

TEST_F(WriterTest, AnErrorOfTheLastFilesLeavesNothing) {
  const auto failing = [](const Written&) -> std::vector<FileToWrite> { throw Error(ErrorCode::config, "no"); };
  EXPECT_EQ(error_of([&] { write_folder(sample_model(), folder() / "p/out", {}, failing); }).code(), ErrorCode::config);
  EXPECT_THAT(names_in(folder()), IsEmpty());
}

TEST_F(WriterTest, AWeightThatCannotBeReadLeavesNothing) {
  const ir::Model model = sample_model();
  write_file(model, folder() / "in.onnx", {.save_as_external_data = true});
  const ir::Model read = onnx::read_model(folder() / "in.onnx");
  fs::resize_file(folder() / "in.onnx.data", 5000);
  EXPECT_EQ(error_of([&] { write_folder(read, folder() / "out", {}, {}); }).code(), ErrorCode::io);
  EXPECT_THAT(names_in(folder()), UnorderedElementsAre("in.onnx", "in.onnx.data"));
}

TEST_F(WriterTest, ProgressGrowsToTheTotal) {
  std::vector<std::uint64_t> seen;
  std::uint64_t total = 0;
  const Written written =
      write_folder(model_of({{"w", tensor::cast(floats({4000, 500}, 1), DataType::float16)}}), folder() / "out",
                   {.save_as_external_data = true}, {}, [&](std::uint64_t done, std::uint64_t all) {
                     seen.push_back(done);
                     total = all;
                   });
  ASSERT_FALSE(seen.empty());
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_LE(seen.size(), 250u);
  EXPECT_EQ(total, written.bytes);
  EXPECT_EQ(seen.back(), total);
}

/// Elements that nobody reads in these tests.
struct Unread : tensor::Source {
  void read(std::uint64_t, std::uint64_t, std::byte*) const override { FAIL() << "planning reads no payload"; }
};

TEST_F(WriterTest, ModelsBeyondTwoGigabytesBecomeExternalByThemselves) {
  const tensor::Tensor huge(DataType::float32, {600, 1'000'000}, std::make_shared<Unread>());
  const Plan plan = make_plan(model_of({{"w", huge}, {"v", floats({4}, 1)}}), "model.onnx", {});
  ASSERT_EQ(plan.files.size(), 2u);
  EXPECT_EQ(plan.files[1].name, "model.onnx.data");
  EXPECT_EQ(plan.files[1].bytes, huge.byte_size());
  ASSERT_EQ(plan.notices.size(), 1u);
  EXPECT_THAT(plan.notices[0], HasSubstr("2 GB"));
  EXPECT_THAT(make_plan(model_of({{"v", floats({4}, 1)}}), "model.onnx", {}).notices, IsEmpty());
  // A high threshold that would keep the model too large gives way.
  const ExternalDataOptions high{.save_as_external_data = true, .size_threshold = std::int64_t{1} << 40};
  EXPECT_EQ(make_plan(model_of({{"w", huge}}), "model.onnx", high).files.size(), 2u);
  // Attributes leave only where initializers are not enough.
  ir::Model model = model_of({});
  ir::Node& constant = model.graph->insert_before(model.graph->first(), "Constant", {});
  constant.add_output("c");
  constant.set("value", ir::NamedTensor{"c", huge, {}});
  EXPECT_EQ(make_plan(model, "model.onnx", {}).files[1].bytes, huge.byte_size());
  // What cannot leave.
  const Error error = error_of([&] { make_plan(model_of({{"v", floats({4}, 1)}}), "model.onnx", {}, 20); });
  EXPECT_EQ(error.code(), ErrorCode::conversion);
}

}  // namespace
}  // namespace olivine::writer

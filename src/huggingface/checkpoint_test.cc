#include "huggingface/checkpoint.h"

#include "huggingface/huggingface_fixture.h"

namespace olivine::huggingface {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class CheckpointTest : public testing::Test {
 protected:
  std::string refusal() {
    return error_of([&] { Checkpoint::open(folder_.path()); });
  }
  void write_index(std::string_view map) {
    folder_.write("model.safetensors.index.json",
                  R"({"metadata":{"total_size":8},"weight_map":)" + std::string(map) + "}");
  }

  TempFolder folder_;
};

TEST_F(CheckpointTest, OpensAFolder) {
  folder_.write("model.safetensors", safetensors({floats("w", {2}, {1, 2})}));
  const Checkpoint checkpoint = Checkpoint::open(folder_.path());
  EXPECT_EQ(checkpoint.weights().size(), 1u);
  EXPECT_EQ(floats_of(checkpoint.at("w").tensor), (std::vector<float>{1, 2}));
  EXPECT_EQ(checkpoint.at("w").file, "model.safetensors");
  EXPECT_EQ(checkpoint.find("v"), nullptr);
}

TEST_F(CheckpointTest, OpensShards) {
  folder_.write("a.safetensors", safetensors({floats("w", {1}, {1}), floats("unlisted", {1}, {3})}));
  folder_.write("deep/b.safetensors", safetensors({floats("v", {1}, {2})}));
  write_index(R"({"w":"a.safetensors","v":"deep/b.safetensors"})");
  const Checkpoint checkpoint = Checkpoint::open(folder_.path());
  EXPECT_EQ(checkpoint.weights().size(), 3u);
  EXPECT_EQ(checkpoint.at("v").file, "deep/b.safetensors");
}

TEST_F(CheckpointTest, TakesATensorFromTheShardThatTheIndexNames) {
  folder_.write("a.safetensors", safetensors({floats("w", {1}, {1})}));
  folder_.write("b.safetensors", safetensors({floats("w", {1}, {2}), floats("v", {1}, {3})}));
  write_index(R"({"w":"a.safetensors","v":"b.safetensors"})");
  EXPECT_THAT(floats_of(Checkpoint::open(folder_.path()).at("w").tensor), testing::ElementsAre(1));
}

TEST_F(CheckpointTest, NamesWhatIsMissing) {
  folder_.write("a.safetensors", safetensors({floats("w", {1}, {1})}));
  folder_.write("b.safetensors", safetensors({floats("w", {1}, {1})}));
  EXPECT_THAT(refusal(), AllOf(HasSubstr("2 .safetensors files, but no index"), HasSubstr("pytorch_model.bin")));
  write_index(R"({"w":"a.safetensors","v":"c.safetensors"})");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("index.json"), HasSubstr("'c.safetensors', which is missing")));
  write_index(R"({"w":"a.safetensors","v":"a.safetensors"})");
  EXPECT_THAT(refusal(), HasSubstr("says that 'a.safetensors' holds the tensor 'v'"));
  folder_.write("b.safetensors", safetensors({floats("v", {1}, {1}), floats("twice", {1}, {1})}));
  folder_.write("a.safetensors", safetensors({floats("w", {1}, {1}), floats("twice", {1}, {1})}));
  write_index(R"({"w":"a.safetensors","v":"b.safetensors"})");
  EXPECT_THAT(refusal(), HasSubstr("tensor 'twice' is in 'a.safetensors' and in 'b.safetensors'"));
  write_index("[]");
  EXPECT_THAT(refusal(), HasSubstr("no object 'weight_map'"));
  write_index(R"({"w":1})");
  EXPECT_THAT(refusal(), HasSubstr("tensor 'w' has no file"));
}

TEST_F(CheckpointTest, DoesNotLeaveTheFolder) {
  folder_.write("secret.safetensors", safetensors({floats("w", {1}, {1})}));
  for (const std::string& name : {std::string("../secret.safetensors"), (folder_ / "secret.safetensors").string(),
                                  std::string("sub/../../secret.safetensors"), std::string()}) {
    folder_.write("model/model.safetensors.index.json", R"({"weight_map":{"w":")" + name + R"("}})");
    EXPECT_THAT(error_of([&] { Checkpoint::open(folder_ / "model"); }), HasSubstr("not in its folder")) << name;
  }
}

TEST_F(CheckpointTest, TellsShapesAndNamesThatDiffer) {
  folder_.write("model.safetensors", safetensors({floats("model.norm.weight", {2}, {1, 2})}));
  const Checkpoint checkpoint = Checkpoint::open(folder_.path());
  EXPECT_NO_THROW(checkpoint.at("model.norm.weight", {2}));
  EXPECT_THAT(error_of([&] {
                checkpoint.at("model.norm.weight", {3, 1});
              }),
              HasSubstr("tensor 'model.norm.weight' of model.safetensors has shape [2], expected [3,1]"));
  EXPECT_THAT(error_of([&] { checkpoint.at("model.norm.weigth"); }),
              AllOf(HasSubstr("no tensor 'model.norm.weigth'"), HasSubstr("did you mean model.norm.weight?")));
}

TEST_F(CheckpointTest, SaysWhatItLooksFor) {
  EXPECT_THAT(refusal(), AllOf(HasSubstr("no checkpoint"), HasSubstr("model.safetensors.index.json")));
  EXPECT_THAT(error_of([&] { Checkpoint::open(folder_ / "none.safetensors"); }), HasSubstr("none.safetensors"));
}

}  // namespace
}  // namespace olivine::huggingface

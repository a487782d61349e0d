#include "passes/pass_fixture.h"
#include "runtime/test_support.h"

namespace olivine::passes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class OnnxConversion : public PassFixture {
 protected:
  OnnxConversion() : PassFixture("OnnxConversion") {}

  std::string failure(const Source& source, std::string_view json) {
    return runtime::error_of([&] { find_pass("OnnxConversion")->make(source, options(json), context_); });
  }
};

TEST_F(OnnxConversion, LeavesAnOnnxModelAsItIs) {
  expect_unchanged("{}", R"(<ir_version: 9, opset_import: ["": 20]> g (float[N] x) => (float[N] y) { y = Relu(x) })");
  EXPECT_THAT(context_.notices, ElementsAre(HasSubstr("is an ONNX model already")));
}

TEST_F(OnnxConversion, TakesPyTorchModels) {
  EXPECT_THAT(find_pass("OnnxConversion")->sources, ElementsAre("PyTorchModel", "HfModel"));
}

TEST_F(OnnxConversion, AProgramIsReadWithoutPython) {
  const runtime::TempFolder folder;
  const std::string path = folder.write("broken.pt2", "no archive").string();
  EXPECT_THAT(failure({"PyTorchModel", {{"model_path", path}}, {}}, R"({"python": "/no/such/python"})"),
              HasSubstr("broken.pt2"));
}

TEST_F(OnnxConversion, AProgramIsNoMatterForTorchOnnx) {
  EXPECT_EQ(failure({"PyTorchModel", {{"model_path", "x.pt2"}}, {}}, R"({"exporter": "torch.onnx"})"),
            "error[config]: /exporter: a .pt2 is converted here, without Python; drop the option");
}

TEST_F(OnnxConversion, OtherModelsNeedPython) {
  EXPECT_THAT(failure({"HfModel", {{"model_path", "x"}}, {}}, R"({"python": "/no/such/python"})"),
              HasSubstr("/no/such/python: cannot be started"));
}

}  // namespace
}  // namespace olivine::passes

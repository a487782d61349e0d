#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "olivine/olivine.h"

namespace olivine {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;

class PublicApi : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_);
    std::ofstream(folder_ / "model.onnxtxt")
        << "<ir_version: 9, opset_import: [\"\": 20]> g (float[N] x) => (float[N] y) { y = Relu(x) }";
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string flow(std::string_view passes) const {
    return fmt::format(
        R"({{"input_model": {{"type": "ONNXModel", "model_path": "{}"}}, "passes": {}, "output_dir": "{}"}})",
        (folder_ / "model.onnxtxt").string(), passes, (folder_ / "out").string());
  }

  fs::path folder_ = fs::temp_directory_path() / ("olivine_api_" + std::to_string(::getpid()));
};

TEST_F(PublicApi, RunsAWorkflowAndReports) {
  std::vector<std::string> messages;
  RunSettings settings;
  settings.log = [&](std::string_view level, const std::string& message) {
    messages.push_back(fmt::format("{}: {}", level, message));
  };
  const RunResult result =
      run_workflow(flow(R"({"half": {"type": "OnnxFloatToFloat16", "op_block_list": ["Rela"]}})"), folder_, settings);
  EXPECT_TRUE(result.verified);
  EXPECT_TRUE(fs::exists(result.model));
  EXPECT_THAT(result.report, HasSubstr("\"converted_nodes\": 1"));
  EXPECT_THAT(messages, Contains(HasSubstr("did you mean Relu?")));
}

TEST_F(PublicApi, ThrowsWhatTheUserShouldRead) {
  try {
    run_workflow(flow(R"({"half": {"type": "OnnxFloatToFloat"}})"), folder_);
    FAIL();
  } catch (const std::exception& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("did you mean OnnxFloatToFloat16?"));
    EXPECT_EQ(exit_code(problem), 2);
  }
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

}  // namespace
}  // namespace olivine

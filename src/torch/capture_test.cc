#include "torch/capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/threads.h"
#include "runtime/test_support.h"
#include "torch/capture_sources.h"

namespace olivine::torch {
namespace {

namespace fs = std::filesystem;
using runtime::Environment;
using runtime::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Shell scripts in the place of Python: $OUT is the folder of the request.
class Capture : public testing::Test {
 protected:
  std::string python(const std::string& script) const {
    const fs::path path = folder_ / "python";
    std::ofstream(path)
        << "#!/bin/sh\nREQUEST=$3\nOUT=$(sed 's/.*\"folder\":\"\\([^\"]*\\)\".*/\\1/' $REQUEST)\nmkdir -p $OUT\n"
        << script;
    fs::permissions(path, fs::perms::owner_all);
    return path.string();
  }

  Captured run(const std::string& script) {
    CaptureRequest request;
    request.model = {{"type", "HfModel"}, {"model_path", "there"}};
    request.python = python(script);
    request.progress = [this](std::string_view what) { progress_.emplace_back(what); };
    return capture(request);
  }

  /// Folders of captures that are still there.
  std::vector<std::string> left() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_ / "tmp")) names.push_back(entry.path().filename());
    return names;
  }

  void SetUp() override { fs::create_directory(folder_ / "tmp"); }
  void TearDown() override { reset_cancel(); }

  runtime::TempFolder folder_;
  Environment temporary_{"TMPDIR", (folder_ / "tmp").string()};
  std::vector<std::string> progress_;
};

constexpr auto kRecord = R"(cat > $OUT/capture.json <<'END'
{"input_names": ["x"], "output_names": ["y"], "symbols": {"s0": "batch"}, "notices": ["a notice"], "torch": "2.13.0",
 "cases": [{"inputs": ["reference/case_0/input_0.npy"], "outputs": ["reference/case_0/output_0.npy"], "sizes": {"batch": 2}}]}
END
)";

TEST_F(Capture, ReadsWhatTheProcessLeaves) {
  const Captured captured = run(std::string("echo '{\"progress\": \"exporting\"}'; echo noise\n") + kRecord);
  EXPECT_THAT(captured.input_names, ElementsAre("x"));
  EXPECT_THAT(captured.output_names, ElementsAre("y"));
  EXPECT_EQ(captured.symbols.at("s0"), "batch");
  EXPECT_THAT(captured.notices, ElementsAre("a notice"));
  EXPECT_EQ(captured.program.filename(), "model.pt2");
  EXPECT_TRUE(captured.onnx.empty());
  ASSERT_EQ(captured.cases.size(), 1U);
  EXPECT_EQ(captured.cases[0].sizes.at("batch"), 2);
  EXPECT_EQ(captured.cases[0].inputs[0].filename(), "input_0.npy");
  EXPECT_THAT(progress_, ElementsAre("exporting"));
}

TEST_F(Capture, TheFolderLivesAsLongAsWhatIsInIt) {
  {
    const Captured captured = run(kRecord);
    EXPECT_EQ(left().size(), 1U);
  }
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(Capture, HandsThePackageAndTheRequestOver) {
  run("test -f $PYTHONPATH/olivine_capture/__main__.py || exit 7\ngrep -q '\"model_path\":\"there\"' $REQUEST || exit "
      "8\n" +
      std::string(kRecord));
  EXPECT_GT(capture_sources().size(), 10U);
}

TEST_F(Capture, TellsTheFailureOnce) {
  const std::string text = error_of([&] {
    run(R"(cat > $OUT/error.json <<'END'
{"kind": "script", "message": "make raises: ValueError: no", "traceback": "Traceback:\n  line"}
END
exit 1)");
  });
  EXPECT_EQ(text, "error[conversion]: make raises: ValueError: no\nTraceback:\n  line");
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(Capture, WhatIsMissingSaysWhatInstallsIt) {
  const std::string text = error_of([&] {
    run(R"(cat > $OUT/error.json <<'END'
{"kind": "import", "message": "no torch", "remedy": "pip install torch"}
END
exit 1)");
  });
  EXPECT_EQ(text, "error[io]: no torch; pip install torch");
}

TEST_F(Capture, AProcessThatDiesIsTold) {
  const std::string text = error_of([&] { run("echo last words >&2; kill -9 $$"); });
  EXPECT_THAT(
      text, HasSubstr("was ended by signal 9 while it captured the model:\nlast words; it may have run out of memory"));
}

TEST_F(Capture, ACancelEndsTheProcess) {
  std::thread later([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    request_cancel();
  });
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(error_of([&] { run("sleep 60"); }), HasSubstr("error[interrupted]"));
  later.join();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(Capture, ChoosesTheInterpreter) {
  const Environment chosen("OLIVINE_PYTHON", "/chosen/python");
  EXPECT_EQ(interpreter("/given/python"), "/given/python");
  EXPECT_EQ(interpreter(""), "/chosen/python");
  const Environment none("OLIVINE_PYTHON", "");
  const Environment no_virtual("VIRTUAL_ENV", "");
  EXPECT_EQ(interpreter(""), "python3");
  fs::create_directories(folder_ / "venv/bin");
  std::ofstream(folder_ / "venv/bin/python").put(' ');
  const Environment active("VIRTUAL_ENV", (folder_ / "venv").string());
  EXPECT_EQ(interpreter(""), (folder_ / "venv/bin/python").string());
  EXPECT_EQ(interpreter((folder_ / "venv").string()), (folder_ / "venv/bin/python").string());
  EXPECT_EQ(interpreter((folder_ / "venv/bin").string()), (folder_ / "venv/bin/python").string());
}

}  // namespace
}  // namespace olivine::torch

#include "base/process.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/threads.h"

namespace olivine {
namespace {

ProcessResult shell(const std::string& script, std::string* output = nullptr) {
  ProcessOptions options;
  options.arguments = {"sh", "-c", script};
  options.on_output = [&](std::string_view text) {
    if (output != nullptr) *output += text;
  };
  return run_process(options);
}

TEST(Process, GivesOutputErrorsAndExitCode) {
  std::string output;
  const ProcessResult result = shell("echo out; echo err >&2; exit 3", &output);
  EXPECT_EQ(output, "out\n");
  EXPECT_EQ(result.errors, "err\n");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.signal, 0);
}

TEST(Process, TellsTheSignal) { EXPECT_EQ(shell("kill -9 $$").signal, 9); }

TEST(Process, KeepsTheEndOfLongErrors) {
  const ProcessResult result = shell("for i in $(seq 40000); do echo line $i >&2; done");
  EXPECT_LE(result.errors.size(), std::size_t{64} << 10);
  EXPECT_TRUE(result.errors.ends_with("line 40000\n"));
}

TEST(Process, EnvironmentIsOurOwnAndMore) {
  ProcessOptions options;
  options.arguments = {"sh", "-c", "echo $OLIVINE_TEST_NAME; test -n \"$PATH\""};
  options.environment = {"OLIVINE_TEST_NAME=here"};
  std::string output;
  options.on_output = [&](std::string_view text) { output += text; };
  EXPECT_EQ(run_process(options).exit_code, 0);
  EXPECT_EQ(output, "here\n");
}

TEST(Process, WhatCannotBeStartedIsAnError) {
  ProcessOptions options;
  options.arguments = {"/no/such/program"};
  try {
    run_process(options);
    FAIL() << "it was started";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::io);
    EXPECT_STREQ(error.what(), "error[io]: /no/such/program: cannot be started: No such file or directory");
  }
}

TEST(Process, EndsWhenItsTimeIsUp) {
  ProcessOptions options;
  options.arguments = {"sh", "-c", "sleep 60"};
  options.patience = std::chrono::milliseconds(200);
  EXPECT_TRUE(run_process(options).timed_out);
}

TEST(Process, ABackgroundChildDoesNotKeepItWaiting) {
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(shell("sleep 60 & exit 0").exit_code, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

TEST(Process, ACancelEndsIt) {
  std::thread later([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    request_cancel();
  });
  const auto began = std::chrono::steady_clock::now();
  try {
    shell("sleep 60");
    ADD_FAILURE() << "it ran on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::interrupted);
  }
  later.join();
  reset_cancel();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

}  // namespace
}  // namespace olivine

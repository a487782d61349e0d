#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "onnx/onnx.h"
#include "passes/pass.h"

/// Passes are tested as onnx text before and after.
namespace olivine::passes {

class PassFixture : public ::testing::Test {
 protected:
  explicit PassFixture(std::string_view pass) : pass_(find_pass(pass)) {}

  /// Options from JSON; a problem fails the test.
  std::any options(std::string_view json) const {
    std::vector<config::Problem> problems;
    std::any result = pass_->options().read(config::Json::parse(json), problems);
    for (const config::Problem& problem : problems) ADD_FAILURE() << problem.pointer << ": " << problem.message;
    return result;
  }

  /// Runs the pass and holds it to its word: the result is valid, "unchanged" is true, and a second run changes
  /// nothing.
  ir::Model run(std::string_view json, std::string_view before) {
    ir::Model model = onnx::parse_model(before);
    const std::string original = onnx::serialize_weightless(model, 1 << 20);
    context_ = {};
    const Change change = pass_->run(model, options(json), context_);
    const std::string result = onnx::serialize_weightless(model, 1 << 20);
    EXPECT_EQ(change == Change::unchanged, original == result)
        << "the pass does not tell whether it changed the model:\n"
        << onnx::print_model(model);
    EXPECT_NO_THROW(onnx::check_model(model)) << onnx::print_model(model);
    if (idempotent_) {
      Context again;
      EXPECT_EQ(pass_->run(model, options(json), again), Change::unchanged) << "a second run changes:\n"
                                                                            << onnx::print_model(model);
      EXPECT_EQ(onnx::serialize_weightless(model, 1 << 20), result);
    }
    return model;
  }

  void expect_rewrite(std::string_view json, std::string_view before, std::string_view after) {
    EXPECT_EQ(onnx::print_model(run(json, before)), onnx::print_model(onnx::parse_model(after)));
  }
  void expect_unchanged(std::string_view json, std::string_view before) { expect_rewrite(json, before, before); }

  /// Runs the pass on something that it must refuse; the error's text.
  std::string refusal(std::string_view json, std::string_view before) {
    ir::Model model = onnx::parse_model(before);
    try {
      pass_->run(model, options(json), context_);
    } catch (const Error& error) {
      return error.what();
    }
    ADD_FAILURE() << "not refused:\n" << onnx::print_model(model);
    return {};
  }

  Context context_;
  bool idempotent_ = true;

 private:
  const Pass* pass_;
};

}  // namespace olivine::passes

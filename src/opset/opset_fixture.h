#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "onnx/onnx.h"
#include "opset/convert.h"
#include "runtime/runtime.h"

/// Adapters are tested as onnx text before and after, and by running both.
namespace olivine::opset {

class OpsetFixture : public ::testing::Test {
 protected:
  /// Converts, and holds the result to be valid and final: to its own opset nothing changes.
  ir::Model converted(std::string_view before, std::int64_t target) {
    ir::Model model = onnx::parse_model(before);
    convert(model, {{domain_, target}});
    EXPECT_NO_THROW(onnx::check_model(model)) << onnx::print_model(model);
    EXPECT_FALSE(convert(model, {{domain_, target}}).changed);
    return model;
  }

  void expect_rewrite(std::string_view before, std::int64_t target, std::string_view after) {
    EXPECT_EQ(onnx::print_model(converted(before, target)), onnx::print_model(onnx::parse_model(after)));
  }

  /// Both compute the same from random inputs, in ONNX Runtime. Returns the converted model's text.
  std::string expect_alike(std::string_view before, std::int64_t target, double absolute = 1e-5) {
    const ir::Model original = onnx::parse_model(before);
    const ir::Model model = converted(before, target);
    const std::string text = onnx::print_model(model);
    runtime::CompareOptions options;
    options.tolerance.absolute = absolute;
    options.inputs.dims = dims_of(original);
    try {
      const runtime::Comparison comparison = runtime::compare(original, model, options);
      for (const runtime::OutputComparison& output : comparison.outputs) {
        EXPECT_TRUE(output.passed) << output.name << ": " << output.problem << " off by " << output.max_absolute_error
                                   << "\n"
                                   << text;
      }
    } catch (const Error& error) {
      ADD_FAILURE() << error.what() << "\n" << text;
    }
    return text;
  }

  /// The refusal's text.
  std::string refusal(std::string_view before, std::int64_t target) {
    ir::Model model = onnx::parse_model(before);
    try {
      convert(model, {{domain_, target}});
    } catch (const Error& error) {
      return error.what();
    }
    ADD_FAILURE() << "not refused:\n" << onnx::print_model(model);
    return {};
  }

  decltype(runtime::InputOptions::dims) dims_of(const ir::Model& model) const {
    decltype(runtime::InputOptions::dims) dims = dims_;
    std::erase_if(dims, [&](const auto& dim) { return !has_symbol(model, dim.first); });
    return dims;
  }

  static bool has_symbol(const ir::Model& model, std::string_view name) {
    for (const ir::Value* input : model.graph->inputs()) {
      const ir::TensorType* type = input->type.tensor();
      if (type == nullptr || !type->shape) continue;
      for (const ir::Dim& dim : *type->shape) {
        if (dim.is_symbol() && dim.symbol() == name) return true;
      }
    }
    return false;
  }

  std::string domain_;
  decltype(runtime::InputOptions::dims) dims_;  ///< sizes of symbols, where a model has them
};

}  // namespace olivine::opset

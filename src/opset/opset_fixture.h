#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
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

  /// Nodes that make `name` of a tensor in text ("int64[2] {0, 1}") and of a scalar input `float f`, such that its
  /// elements are known only when the model runs.
  static std::string computed(std::string_view name, std::string_view tensor) {
    return fmt::format(
        "{0}_f = Sub(f, f) {0}_0 = Cast<to = 7>({0}_f) {0}_c = Constant<value = {1}>() "
        "{0} = Add({0}_0, {0}_c)\n",
        name, tensor);
  }

  /// A model whose outputs ("float y, int64 i") may have any shape: they are handed out as rows, beside their shapes.
  static std::string with_shapes(int opset, std::string_view inputs, std::string_view outputs, std::string_view nodes) {
    std::string declared;
    std::string made = "row = Constant<value = int64[1] {-1}>() ";
    for (std::size_t begin = 0; begin < outputs.size();) {
      const std::size_t comma = std::min(outputs.find(", ", begin), outputs.size());
      const std::string_view output = outputs.substr(begin, comma - begin);
      const std::string_view type = output.substr(0, output.find(' '));
      const std::string_view name = output.substr(type.size() + 1);
      declared += fmt::format("{0}{1}[{2}_count] {2}_row, int64[{2}_rank] {2}_dims", begin > 0 ? ", " : "", type, name);
      made += fmt::format("{0}_row = Reshape({0}, row) {0}_dims = Shape({0}) ", name);
      begin = comma + 2;
    }
    return fmt::format(R"(<ir_version: 8, opset_import: ["": {}]> g ({}) => ({}) {{ {} {} }})", opset, inputs, declared,
                       nodes, made);
  }

  std::string domain_;
  decltype(runtime::InputOptions::dims) dims_;  ///< sizes of symbols

  /// Of dims_, those that the model has.
  decltype(dims_) dims_of(const ir::Model& model) const {
    decltype(dims_) used;
    for (const ir::Value* input : model.graph->inputs()) {
      const ir::TensorType* tensor = input->type.tensor();
      if (tensor == nullptr || !tensor->shape) continue;
      for (const ir::Dim& dim : *tensor->shape) {
        const auto size = dim.is_symbol() ? dims_.find(dim.symbol()) : dims_.end();
        if (size != dims_.end()) used.insert(*size);
      }
    }
    return used;
  }
};

}  // namespace olivine::opset

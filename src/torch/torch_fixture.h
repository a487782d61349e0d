#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "onnx/onnx.h"
#include "runtime/session.h"
#include "runtime/test_support.h"
#include "torch/lower.h"

/// Programs for tests, written call by call.
namespace olivine::torch {

class TorchFixture : public ::testing::Test {
 protected:
  struct Tensor {
    std::string name;
    ir::Shape sizes;
    DataType dtype = DataType::float32;
  };

  static Argument tensor(std::string name) { return {TensorName{std::move(name)}}; }
  static Argument tensors(const std::vector<std::string>& names) {
    List list;
    for (const std::string& name : names) list.push_back(tensor(name));
    return {std::move(list)};
  }
  static Argument symbol(std::string name) { return {SymbolName{SymbolName::Kind::integer, std::move(name)}}; }
  static Argument integer(std::int64_t value) { return {value}; }
  static Argument real(double value) { return {value}; }
  static Argument flag(bool value) { return {value}; }
  static Argument dtype(DataType value) { return {value}; }
  static Argument integers(const std::vector<std::int64_t>& values) {
    List list;
    for (const std::int64_t value : values) list.push_back(integer(value));
    return {std::move(list)};
  }

  /// What the program says of a tensor.
  void note(const Tensor& tensor) {
    program_.graph.tensors.insert_or_assign(tensor.name, TensorMeta{tensor.dtype, tensor.sizes, {}, ir::Dim(0)});
  }

  void input(const Tensor& tensor) {
    note(tensor);
    program_.graph.inputs.push_back(this->tensor(tensor.name));
    program_.inputs.push_back({InputSpec::Kind::user, tensor.name, ""});
  }

  void weight(const std::string& name, const tensor::Tensor& payload) {
    const tensor::Dims& dims = payload.dims();
    note({name, ir::Shape(dims.begin(), dims.end()), payload.dtype()});
    program_.graph.inputs.push_back(tensor(name));
    program_.inputs.push_back({InputSpec::Kind::parameter, name, name});
    program_.tensors.emplace(name, payload);
    program_.payload_keys.emplace(name, name);
  }

  /// A call with one result.
  Node& call(std::string target, std::vector<NamedArgument> inputs, const Tensor& result) {
    note(result);
    return add_call(std::move(target), std::move(inputs), {tensor(result.name)});
  }

  /// A call whose result is a list.
  Node& call_many(std::string target, std::vector<NamedArgument> inputs, const std::vector<Tensor>& results) {
    List list;
    for (const Tensor& result : results) {
      note(result);
      list.push_back(tensor(result.name));
    }
    return add_call(std::move(target), std::move(inputs), {{std::move(list)}});
  }

  /// A call whose result is a symbolic int.
  void call_symbol(std::string target, std::vector<NamedArgument> inputs, std::string result) {
    add_call(std::move(target), std::move(inputs), {symbol(std::move(result))});
  }

  void output(const std::string& name) {
    program_.graph.outputs.push_back(program_.graph.tensors.contains(name) ? tensor(name) : symbol(name));
    program_.outputs.push_back({OutputSpec::Kind::user, ""});
  }

  /// The valid model that the program becomes.
  ir::Model lowered() {
    Lowered result = lower(program_, options_);
    EXPECT_NO_THROW(onnx::check_model(result.model)) << onnx::print_model(result.model);
    return std::move(result.model);
  }

  std::string refusal() {
    return runtime::error_of([&] { lower(program_, options_); });
  }

  /// Operators of the main graph, in order.
  std::vector<std::string> operators() {
    const ir::Model model = lowered();
    std::vector<std::string> names;
    for (const ir::Node& node : model.graph->nodes()) names.push_back(node.op_type);
    return names;
  }

  /// The first output in ONNX Runtime.
  std::vector<double> run(const std::map<std::string, tensor::AnyValue>& inputs) {
    const ir::Model model = lowered();
    return runtime::doubles(runtime::Session(model, {}).run(inputs).front());
  }

  Program program_;
  LowerOptions options_;

 private:
  Node& add_call(std::string target, std::vector<NamedArgument> inputs, std::vector<Argument> outputs) {
    Node node;
    node.name = "call" + std::to_string(program_.graph.nodes.size());
    node.target = std::move(target);
    node.inputs = std::move(inputs);
    node.outputs = std::move(outputs);
    return program_.graph.nodes.emplace_back(std::move(node));
  }
};

}  // namespace olivine::torch

#include <limits>

#include "torch/torch_fixture.h"

namespace olivine::torch {
namespace {

using runtime::floats;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class LayersTest : public TorchFixture {
 protected:
  static tensor::Tensor counting(tensor::Dims dims) {
    std::int64_t count = 1;
    for (const std::int64_t dim : dims) count *= dim;
    std::vector<float> values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i));
    return floats(std::move(dims), values);
  }

  static Argument none() { return {None{}}; }
  static Argument reals(const std::vector<double>& values) {
    List list;
    for (const double value : values) list.push_back(real(value));
    return {std::move(list)};
  }
};

// ---- Linear layers and convolutions

TEST_F(LayersTest, ALinearLayerOfRowsIsOneGemmWithTheWeightAsItIs) {
  input({"x", {ir::Dim("batch"), 3}});
  weight("weight", counting({2, 3}));
  weight("bias", floats({2}, {1, 2}));
  call("aten.linear.default", {{"input", tensor("x")}, {"weight", tensor("weight")}, {"bias", tensor("bias")}},
       {"y", {ir::Dim("batch"), 2}});
  output("y");
  EXPECT_THAT(operators(), ElementsAre("Gemm"));
  EXPECT_THAT(run({{"x", floats({1, 3}, {1, 1, 1})}}), ElementsAre(4, 14));
}

TEST_F(LayersTest, ALinearLayerOfMoreDimensionsHasItsWeightStoredTransposed) {
  input({"x", {ir::Dim("batch"), 2, 3}});
  weight("weight", counting({2, 3}));
  call("aten.linear.default", {{"input", tensor("x")}, {"weight", tensor("weight")}}, {"y", {ir::Dim("batch"), 2, 2}});
  output("y");
  EXPECT_THAT(operators(), ElementsAre("MatMul"));
}

TEST_F(LayersTest, SamePaddingPutsWhatIsOddBehind) {
  input({"x", {1, 1, 3}});
  weight("weight", floats({1, 1, 2}, {1, 10}));
  call("aten.conv1d.padding", {{"input", tensor("x")}, {"weight", tensor("weight")}, {"padding", Argument{"same"}}},
       {"y", {1, 1, 3}});
  output("y");
  EXPECT_THAT(operators(), ElementsAre("Conv"));
  EXPECT_THAT(run({{"x", floats({1, 1, 3}, {1, 2, 3})}}), ElementsAre(21, 32, 3));
}

TEST_F(LayersTest, AnOutputMayBePaddedByAStrideAndMore) {
  input({"x", {1, 1, 2}});
  weight("weight", floats({1, 1, 2}, {1, 10}));
  std::vector<NamedArgument> arguments = {{"input", tensor("x")},
                                          {"weight", tensor("weight")},
                                          {"padding", integers({1})},
                                          {"output_padding", integers({1})},
                                          {"dilation", integers({3})}};
  call("aten.conv_transpose1d.default", arguments, {"moved", {1, 1, 4}});
  arguments[2].value = integers({0});
  arguments[3].value = integers({2});
  call("aten.conv_transpose1d.default", arguments, {"added", {1, 1, 7}});
  output("moved");
  output("added");
  EXPECT_THAT(run({{"x", floats({1, 1, 2}, {1, 2})}}), ElementsAre(2, 0, 10, 20));
  program_.graph.outputs.erase(program_.graph.outputs.begin());
  program_.outputs.pop_back();
  EXPECT_THAT(run({{"x", floats({1, 1, 2}, {1, 2})}}), ElementsAre(1, 2, 0, 10, 20, 0, 0));
}

// ---- Pools

TEST_F(LayersTest, WindowsOfAnAdaptivePoolOverlapWhereTheSizeIsNotAMultiple) {
  input({"x", {1, 1, ir::Dim("n")}});
  call("aten.adaptive_avg_pool1d.default", {{"self", tensor("x")}, {"output_size", integers({2})}}, {"y", {1, 1, 2}});
  output("y");
  EXPECT_THAT(run({{"x", floats({1, 1, 3}, {1, 2, 6})}}), ElementsAre(1.5, 4));
  EXPECT_THAT(run({{"x", floats({1, 1, 4}, {1, 2, 6, 8})}}), ElementsAre(1.5, 7));
}

TEST_F(LayersTest, PlacesOfMaximaAreCountedInEachPlane) {
  input({"x", {1, 2, 4}});
  call_many("aten.max_pool1d_with_indices.default", {{"self", tensor("x")}, {"kernel_size", integers({2})}},
            {{"largest", {1, 2, 2}}, {"places", {1, 2, 2}, DataType::int64}});
  output("places");
  EXPECT_THAT(run({{"x", floats({1, 2, 4}, {1, 2, 4, 3, 9, 8, 6, 7})}}), ElementsAre(1, 2, 0, 3));
}

// ---- Resizing

TEST_F(LayersTest, ResizingByAWholeNumberIsOneResize) {
  input({"x", {1, 1, ir::Dim("h"), ir::Dim("w")}});
  call("aten.upsample_nearest2d.vec", {{"input", tensor("x")}, {"scale_factors", reals({2, 2})}},
       {"y", {1, 1, ir::Dim("2*h"), ir::Dim("2*w")}});
  output("y");
  EXPECT_THAT(operators(), Contains("Resize"));
  EXPECT_THAT(run({{"x", floats({1, 1, 1, 2}, {1, 2})}}), ElementsAre(1, 1, 2, 2, 1, 1, 2, 2));
}

TEST_F(LayersTest, AnAxisThatKeepsItsSizeIsResizedByTheCallsScale) {
  // ⌊i / 1.3⌋: ONNX Runtime takes an axis whose size stays as it is.
  input({"x", {1, 1, 3}});
  call("aten.upsample_nearest1d.vec", {{"input", tensor("x")}, {"scale_factors", reals({1.3})}}, {"y", {1, 1, 3}});
  output("y");
  EXPECT_THAT(operators(), ElementsAre("Gather"));
  EXPECT_THAT(run({{"x", floats({1, 1, 3}, {1, 2, 3})}}), ElementsAre(1, 1, 2));
}

// ---- Norms

TEST_F(LayersTest, TrainingWritesWhatIsStored) {
  input({"x", {2, 1}});
  input({"mean", {1}});
  input({"variance", {1}});
  call("aten.batch_norm.default",
       {{"input", tensor("x")},
        {"weight", none()},
        {"bias", none()},
        {"running_mean", tensor("mean")},
        {"running_var", tensor("variance")},
        {"training", flag(true)},
        {"momentum", real(0.5)},
        {"eps", real(0)}},
       {"y", {2, 1}});
  call("aten.add.Tensor", {{"self", tensor("mean")}, {"other", tensor("variance")}}, {"sum", {1}});
  output("sum");
  // Of 1 and 5: the mean is 3, the variance of the sample is 8.
  EXPECT_THAT(run({{"x", floats({2, 1}, {1, 5})}, {"mean", floats({1}, {1})}, {"variance", floats({1}, {2})}}),
              ElementsAre(2 + 5));
}

// ---- Attention

TEST_F(LayersTest, AttentionIsOneOperatorWhereTheOpsetHasIt) {
  for (const char* name : {"q", "k", "v"}) input({name, {1, 2, 3, 4}});
  call("aten.scaled_dot_product_attention.default",
       {{"query", tensor("q")}, {"key", tensor("k")}, {"value", tensor("v")}, {"is_causal", flag(true)}},
       {"y", {1, 2, 3, 4}});
  output("y");
  EXPECT_THAT(operators(), Not(Contains("Attention")));
  options_.target_opset = 23;
  EXPECT_THAT(operators(), ElementsAre("Attention"));
}

TEST_F(LayersTest, ARowThatLooksAtNothingIsZero) {
  for (const char* name : {"q", "k", "v"}) input({name, {1, 1, 2, 1}});
  input({"mask", {2, 2}});
  call("aten.scaled_dot_product_attention.default",
       {{"query", tensor("q")}, {"key", tensor("k")}, {"value", tensor("v")}, {"attn_mask", tensor("mask")}},
       {"y", {1, 1, 2, 1}});
  output("y");
  const float low = -std::numeric_limits<float>::infinity();
  for (const std::int64_t opset : {20, 23}) {
    options_.target_opset = opset;
    EXPECT_THAT(run({{"q", floats({1, 1, 2, 1}, {1, 1})},
                     {"k", floats({1, 1, 2, 1}, {1, 1})},
                     {"v", floats({1, 1, 2, 1}, {2, 4})},
                     {"mask", floats({2, 2}, {0, 0, low, low})}}),
                ElementsAre(3, 0));
  }
}

// ---- Recurrent layers

TEST_F(LayersTest, WeightsOfARecurrentLayerAreStoredInTheOrderOfItsGates) {
  input({"x", {ir::Dim("time"), ir::Dim("batch"), 3}});
  weight("zeros", floats({1, 1, 2}, {0, 0}));
  weight("w", counting({6, 3}));
  weight("r", counting({6, 2}));
  weight("wb", counting({6}));
  weight("rb", counting({6}));
  call_many("aten.gru.input",
            {{"input", tensor("x")},
             {"hx", tensor("zeros")},
             {"params", tensors({"w", "r", "wb", "rb"})},
             {"has_biases", flag(true)},
             {"num_layers", integer(1)},
             {"dropout", real(0)},
             {"train", flag(false)},
             {"bidirectional", flag(false)},
             {"batch_first", flag(false)}},
            {{"y", {ir::Dim("time"), ir::Dim("batch"), 2}}, {"h", {1, ir::Dim("batch"), 2}}});
  output("y");
  EXPECT_THAT(operators(), ElementsAre("GRU", "Squeeze"));
  const ir::Model model = lowered();
  // PyTorch: reset, update, new; ONNX: update, reset, new.
  const tensor::Tensor& stored = *model.graph->first()->input(1)->initializer();
  EXPECT_THAT(runtime::doubles(stored), ElementsAre(6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17));
}

// ---- Quantization

TEST_F(LayersTest, RoundingThatMayDifferIsTold) {
  input({"x", {2}});
  Node& node = call("quantized_decomposed.quantize_per_tensor.default",
                    {{"input", tensor("x")},
                     {"scale", real(0.5)},
                     {"zero_point", integer(1)},
                     {"quant_min", integer(-128)},
                     {"quant_max", integer(127)},
                     {"dtype", dtype(DataType::int8)}},
                    {"y", {2}, DataType::int8});
  output("y");
  EXPECT_THAT(operators(), ElementsAre("QuantizeLinear"));
  EXPECT_THAT(run({{"x", floats({2}, {1, -100})}}), ElementsAre(3, -128));
  EXPECT_THAT(lower(program_, options_).notices, IsEmpty());
  node.inputs[1].value = real(0.3);
  EXPECT_THAT(lower(program_, options_).notices, ElementsAre(HasSubstr("reciprocal")));
}

TEST_F(LayersTest, WhatFloat8CannotHoldIsWhatPyTorchMakesOfIt) {
  for (const auto& [type, seen] : {std::pair(DataType::float8e4m3fn, 448.0),
                                   std::pair(DataType::float8e5m2, std::numeric_limits<double>::infinity())}) {
    program_ = {};
    input({"x", {1}});
    call("aten.to.dtype", {{"self", tensor("x")}, {"dtype", dtype(type)}}, {"narrow", {1}, type});
    call("aten.to.dtype", {{"self", tensor("narrow")}, {"dtype", dtype(DataType::float32)}}, {"y", {1}});
    output("y");
    EXPECT_THAT(run({{"x", floats({1}, {1e6F})}}), ElementsAre(seen));
  }
}

// ---- torchvision

TEST_F(LayersTest, BoxesThatOverlapBetterOnesGo) {
  input({"boxes", {ir::Dim("n"), 4}});
  input({"scores", {ir::Dim("n")}});
  call("torchvision.nms.default",
       {{"dets", tensor("boxes")}, {"scores", tensor("scores")}, {"iou_threshold", real(0.5)}},
       {"kept", {ir::Dim("u0")}, DataType::int64});
  output("kept");
  EXPECT_THAT(run({{"boxes", floats({3, 4}, {0, 0, 10, 4, 0, 0, 10, 5, 20, 0, 30, 4})},
                   {"scores", floats({3}, {0.5F, 0.9F, 0.7F})}}),
              ElementsAre(1, 2));
}

TEST_F(LayersTest, RegionsAreSampledFromTheirImage) {
  input({"x", {2, 1, 4, 4}});
  input({"rois", {1, 5}});
  call("torchvision.roi_align.default",
       {{"input", tensor("x")},
        {"rois", tensor("rois")},
        {"spatial_scale", real(1)},
        {"pooled_height", integer(1)},
        {"pooled_width", integer(2)},
        {"sampling_ratio", integer(2)},
        {"aligned", flag(true)}},
       {"y", {1, 1, 1, 2}});
  output("y");
  // Columns 0 … 3 and rows 0 … 3 of the second image, whose elements are 16 + 4 · row + column.
  EXPECT_THAT(run({{"x", counting({2, 1, 4, 4})}, {"rois", floats({1, 5}, {1, 0.5F, 0.5F, 2.5F, 2.5F})}}),
              ElementsAre(20.5, 21.5));
}

}  // namespace
}  // namespace olivine::torch

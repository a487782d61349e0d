#include "torch/torch_fixture.h"

namespace olivine::torch {
namespace {

using runtime::floats;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ViewsTest : public TorchFixture {
 protected:
  /// A tensor of the program that may be written into.
  void own(ir::Shape sizes) {
    input({"x", sizes});
    call("aten.clone.default", {{"self", tensor("x")}}, {"own", std::move(sizes)});
  }
  void strides(const std::string& name, ir::Shape strides) {
    program_.graph.tensors.at(name).strides = std::move(strides);
  }
};

TEST_F(ViewsTest, ColumnIsWrittenByJoiningWhatStandsBesideIt) {
  own({2, 3});
  call("aten.select.int", {{"self", tensor("own")}, {"dim", integer(1)}, {"index", integer(-1)}}, {"column", {2}});
  call("aten.fill_.Scalar", {{"self", tensor("column")}, {"value", integer(9)}}, {"filled", {2}});
  output("own");
  EXPECT_THAT(operators(), ElementsAre("Slice", "Concat"));
  EXPECT_THAT(run({{"x", floats({2, 3}, {1, 2, 3, 4, 5, 6})}}), ElementsAre(1, 2, 9, 4, 5, 9));
}

TEST_F(ViewsTest, ViewsOfViewsWriteThrough) {
  own({4, 2});
  call("aten.slice.Tensor", {{"self", tensor("own")}, {"dim", integer(0)}, {"start", integer(1)}, {"end", integer(3)}},
       {"rows", {2, 2}});
  call("aten.permute.default", {{"self", tensor("rows")}, {"dims", integers({1, 0})}}, {"columns", {2, 2}});
  call("aten.select.int", {{"self", tensor("columns")}, {"dim", integer(0)}, {"index", integer(0)}}, {"first", {2}});
  call("aten.add_.Tensor", {{"self", tensor("first")}, {"other", integer(10)}}, {"added", {2}});
  call("aten.mul_.Tensor", {{"self", tensor("rows")}, {"other", integer(2)}}, {"doubled", {2, 2}});
  output("own");
  EXPECT_THAT(run({{"x", floats({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8})}}), ElementsAre(1, 2, 26, 8, 30, 12, 7, 8));
}

TEST_F(ViewsTest, StepsAreScattered) {
  own({5});
  call("aten.slice.Tensor", {{"self", tensor("own")}, {"start", integer(-4)}, {"step", integer(2)}}, {"even", {2}});
  call("aten.zero_.default", {{"self", tensor("even")}}, {"zeroed", {2}});
  output("own");
  EXPECT_THAT(run({{"x", floats({5}, {1, 2, 3, 4, 5})}}), ElementsAre(1, 0, 3, 0, 5));
}

TEST_F(ViewsTest, ReshapeThatCopiesSharesNothing) {
  own({2, 3});
  strides("own", {3, 1});
  call("aten.transpose.int", {{"self", tensor("own")}, {"dim0", integer(0)}, {"dim1", integer(1)}}, {"t", {3, 2}});
  strides("t", {1, 3});
  call("aten.reshape.default", {{"self", tensor("t")}, {"shape", integers({6})}}, {"flat", {6}});
  strides("flat", {1});
  call("aten.zero_.default", {{"self", tensor("flat")}}, {"zeroed", {6}});
  output("own");
  EXPECT_THAT(run({{"x", floats({2, 3}, {1, 2, 3, 4, 5, 6})}}), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(ViewsTest, ReshapeOfContiguousTensorShares) {
  own({2, 3});
  strides("own", {3, 1});
  call("aten.reshape.default", {{"self", tensor("own")}, {"shape", integers({6})}}, {"flat", {6}});
  strides("flat", {1});
  call("aten.zero_.default", {{"self", tensor("flat")}}, {"zeroed", {6}});
  output("own");
  EXPECT_THAT(run({{"x", floats({2, 3}, {1, 2, 3, 4, 5, 6})}}), ElementsAre(0, 0, 0, 0, 0, 0));
}

TEST_F(ViewsTest, ConversionToTheSameTypeIsTheTensorItself) {
  own({2});
  call("aten.to.dtype", {{"self", tensor("own")}, {"dtype", dtype(DataType::float32)}}, {"same", {2}});
  call("aten.add_.Tensor", {{"self", tensor("same")}, {"other", integer(1)}}, {"added", {2}});
  output("own");
  EXPECT_THAT(run({{"x", floats({2}, {1, 2})}}), ElementsAre(2, 3));
}

TEST_F(ViewsTest, LayoutChangesInPlace) {
  own({2, 1, 2});
  call("aten.squeeze.dim", {{"self", tensor("own")}, {"dim", integer(1)}}, {"before", {2, 2}});
  call("aten.squeeze_.dim", {{"self", tensor("own")}, {"dim", integer(1)}}, {"squeezed", {2, 2}});
  call("aten.t_.default", {{"self", tensor("squeezed")}}, {"turned", {2, 2}});
  call("aten.select.int", {{"self", tensor("turned")}, {"dim", integer(0)}, {"index", integer(0)}}, {"row", {2}});
  call("aten.zero_.default", {{"self", tensor("row")}}, {"zeroed", {2}});
  call("aten.add.Tensor", {{"self", tensor("turned")}, {"other", tensor("before")}}, {"sum", {2, 2}});
  output("sum");
  EXPECT_THAT(run({{"x", floats({2, 1, 2}, {1, 2, 3, 4})}}), ElementsAre(0, 2, 2, 8));
}

TEST_F(ViewsTest, SizesThatStayAreCopied) {
  input({"x", {ir::Dim("n"), ir::Dim("m"), 6}});
  call_symbol("aten.sym_size.int", {{"self", tensor("x")}, {"dim", integer(0)}}, "n");
  call_symbol("aten.sym_size.int", {{"self", tensor("x")}, {"dim", integer(1)}}, "m");
  call("aten.view.default", {{"self", tensor("x")}, {"size", {List{symbol("n"), symbol("m"), integer(2), integer(3)}}}},
       {"heads", {ir::Dim("n"), ir::Dim("m"), 2, 3}});
  output("heads");
  EXPECT_THAT(operators(), ElementsAre("Reshape"));
}

TEST_F(ViewsTest, IndexedAxesStandWhereNeighbouringIndicesDo) {
  input({"x", {2, 2, 2}});
  weight("i", tensor::from_int64s(std::vector<std::int64_t>{1, 0}));
  call("aten.index.Tensor", {{"self", tensor("x")}, {"indices", {List{{None()}, tensor("i"), tensor("i")}}}},
       {"beside", {2, 2}});
  call("aten.index.Tensor", {{"self", tensor("x")}, {"indices", {List{tensor("i"), {None()}, tensor("i")}}}},
       {"apart", {2, 2}});
  call("aten.stack.default", {{"tensors", tensors({"beside", "apart"})}}, {"both", {2, 2, 2}});
  output("both");
  EXPECT_THAT(run({{"x", floats({2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7})}}), ElementsAre(3, 0, 7, 4, 5, 7, 0, 2));
}

TEST_F(ViewsTest, SizesThatOnlyAssertsAskForMayBeMissing) {
  input({"x", {2}});
  program_.graph.tensors.at("x").storage_offset = ir::Dim("u0");
  call_symbol("aten.sym_storage_offset.default", {{"self", tensor("x")}}, "offset");
  call_symbol("_operator.ge", {{"", symbol("offset")}, {"", integer(0)}}, "holds");
  call_symbol("aten._assert_scalar.default", {{"self", symbol("holds")}}, "nothing");
  program_.graph.nodes.back().outputs.clear();
  call("aten.add.Tensor", {{"self", tensor("x")}, {"other", integer(1)}}, {"sum", {2}});
  output("sum");
  EXPECT_THAT(operators(), ElementsAre("Add"));
  call("aten.add.Tensor", {{"self", tensor("x")}, {"other", symbol("offset")}}, {"moved", {2}});
  output("moved");
  EXPECT_THAT(refusal(), HasSubstr("sym_storage_offset"));
}

}  // namespace
}  // namespace olivine::torch

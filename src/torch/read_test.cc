#include <fstream>

#include "runtime/test_support.h"
#include "torch/archive.h"
#include "torch/program.h"

namespace olivine::torch {
namespace {

using runtime::error_of;
using runtime::TempFolder;
using ::testing::HasSubstr;

TEST(ExpressionTest, IsWrittenInInfix) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"Symbol('s77', positive=True, integer=True)", "s77"},
      {"Add(Mul(Integer(2), Symbol('s0', positive=True)), Integer(1))", "2*s0 + 1"},
      {"Add(Symbol('s0'), Integer(-1))", "s0 - 1"},
      {"Mul(Integer(-1), Symbol('s0'))", "-s0"},
      {"Mul(Add(Symbol('a'), Integer(1)), Symbol('b'))", "(a + 1)*b"},
      {"FloorDiv(Add(Symbol('a'), Integer(3)), Integer(2))", "(a + 3)//2"},
      {"Max(Integer(1), Symbol('u0'))", "Max(1, u0)"},
      {"Pow(Symbol('a'), Integer(2))", "a**2"},
  };
  for (const auto& [text, wanted] : cases) {
    const ir::Dim dim = parse_expression(text);
    ASSERT_TRUE(dim.is_symbol()) << text;
    EXPECT_EQ(dim.symbol(), wanted);
  }
  EXPECT_EQ(parse_expression("Integer(7)"), ir::Dim(7));
}

TEST(ExpressionTest, WhatIsNoneIsRefused) {
  for (const std::string& text : {std::string("Add("), std::string("Symbol('s"), std::string(")"), std::string(""),
                                  std::string(100000, '('), "f(" + std::string(5000, 'a')}) {
    EXPECT_THAT(error_of([&] { parse_expression(text); }), HasSubstr("cannot read the size")) << text.substr(0, 20);
  }
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "Add(";
  EXPECT_THAT(error_of([&] { parse_expression(deep); }), HasSubstr("cannot read the size"));
}

TEST(ArchiveTest, WhatIsNoArchiveIsRefused) {
  const TempFolder folder;
  EXPECT_THAT(error_of([&] { Archive::open(folder / "none.pt2"); }), HasSubstr("none.pt2"));
  EXPECT_THAT(error_of([&] { Archive::open(folder.write("empty.pt2", "")); }), HasSubstr("not a .pt2 archive"));
  EXPECT_THAT(error_of([&] { Archive::open(folder.write("text.pt2", std::string(5000, 'x'))); }),
              HasSubstr("not a .pt2 archive"));
}

TEST(ProgramTest, WhatDoesNotFollowTheSchemaIsRefused) {
  EXPECT_THAT(error_of([] { parse_graph("{"); }), HasSubstr("no valid JSON"));
  EXPECT_THAT(error_of([] { parse_graph("{}"); }), HasSubstr("lacks 'inputs'"));
  EXPECT_THAT(error_of([] { parse_graph(R"({"inputs": 3, "outputs": [], "nodes": 1})"); }), HasSubstr("argument"));
  EXPECT_THAT(error_of([] {
                parse_graph(R"({"inputs": [], "outputs": [], "nodes": [], "sym_int_values": {},
                                "tensor_values": {"x": {"dtype": "a", "sizes": []}}})");
              }),
              HasSubstr("does not follow torch.export's schema"));
}

TEST(ProgramTest, NumbersThatJsonLacksAreRead) {
  const Graph graph = parse_graph(R"({"inputs": [], "outputs": [], "tensor_values": {}, "sym_int_values": {}, "nodes": [
    {"target": "torch.ops.aten.f.default", "outputs": [], "inputs": [
      {"name": "a", "arg": {"as_float": "-Infinity"}}, {"name": "b", "arg": {"as_none": true}},
      {"name": "c", "arg": {"as_sym_ints": [{"as_int": 3}, {"as_name": "s"}]}}]}]})");
  const Node& node = graph.nodes.at(0);
  EXPECT_EQ(node.target, "aten.f.default");
  EXPECT_EQ(*node.inputs[0].value.as<double>(), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(node.inputs[1].value.is_none());
  EXPECT_EQ(node.inputs[2].value.as<List>()->size(), 2U);
}

}  // namespace
}  // namespace olivine::torch

#include "ir/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace olivine::ir {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> op_types(const Graph& graph) {
  std::vector<std::string> types;
  for (const Node& node : graph.nodes()) types.push_back(node.op_type);
  return types;
}

Value& append(Graph& graph, std::string op_type, std::vector<Value*> inputs, std::string output) {
  return *graph.append(std::move(op_type), std::move(inputs)).add_output(std::move(output));
}

TEST(Graph, UseListsFollowEveryEdit) {
  Graph graph;
  Value& x = graph.add_input("x", tensor_type(DataType::float32));
  Value& y = append(graph, "Relu", {&x}, "y");
  Value& z = append(graph, "Add", {&y, &y}, "z");
  graph.add_output(z);
  graph.add_output(y);
  EXPECT_EQ(y.uses().size(), 3U);
  EXPECT_TRUE(y.is_graph_output());

  Graph::replace_all_uses(y, x);
  EXPECT_EQ(y.uses().size(), 0U);
  EXPECT_EQ(x.uses().size(), 4U);
  EXPECT_EQ(z.producer()->input(1), &x);
  EXPECT_EQ(graph.outputs()[1], &x);

  graph.erase(*y.producer());
  EXPECT_EQ(x.uses().size(), 3U);
  z.producer()->set_input(0, nullptr);
  z.producer()->set_input(1, nullptr);
  EXPECT_EQ(x.uses().size(), 1U);
  EXPECT_EQ(x.uses()[0].graph, &graph);
}

TEST(Graph, ErasingAUsedNodeIsABug) {
  Graph graph;
  Value& x = graph.add_input("x", {});
  Value& y = append(graph, "Relu", {&x}, "y");
  graph.add_output(y);
  EXPECT_THROW(graph.erase(*y.producer()), Error);
}

TEST(Graph, ErasingTheCurrentNodeWhileWalkingIsSafe) {
  Graph graph;
  Value& x = graph.add_input("x", {});
  append(graph, "A", {&x}, "a");
  append(graph, "B", {&x}, "b");
  append(graph, "C", {&x}, "c");
  for (Node& node : graph.nodes()) {
    if (node.op_type == "B") graph.erase(node);
  }
  EXPECT_THAT(op_types(graph), ElementsAre("A", "C"));
}

TEST(Graph, UsesInSubgraphsCountAndGoWithTheirNode) {
  Graph graph;
  Value& x = graph.add_input("x", {});
  auto body = std::make_unique<Graph>();
  body->add_output(append(*body, "Relu", {&x}, "inner"));
  Node& loop = graph.append("If", {});
  loop.add_output("out");
  loop.set("then_branch", std::move(body));
  ASSERT_EQ(x.uses().size(), 1U);
  EXPECT_EQ(loop.subgraphs().front()->parent_node(), &loop);
  EXPECT_EQ(&loop.subgraphs().front()->root(), &graph);
  graph.erase(loop);
  EXPECT_EQ(x.uses().size(), 0U);
}

TEST(Graph, NamesAreUniqueAcrossTheNest) {
  Graph graph;
  Value& x = graph.add_input("x", {});
  auto body = std::make_unique<Graph>();
  body->add_output(append(*body, "Relu", {&x}, "inner"));
  Graph& inner = *body;
  graph.append("If", {}).set("then_branch", std::move(body));
  EXPECT_EQ(graph.unique_name("inner"), "inner_1");
  EXPECT_EQ(inner.unique_name("x"), "x_1");
  EXPECT_EQ(inner.unique_name("x"), "x_2");
  append(graph, "Relu", {&x}, "late");
  EXPECT_EQ(inner.unique_name("late"), "late_1");
}

TEST(Graph, SortKeepsTheOrderThatIsOne) {
  Graph graph;
  Value& x = graph.add_input("x", {});
  Value& a = append(graph, "A", {&x}, "a");
  append(graph, "B", {&a}, "b");
  EXPECT_FALSE(graph.sort());
  Value& c = append(graph, "C", {&x}, "c");
  a.producer()->add_input(&c);
  EXPECT_TRUE(graph.sort());
  EXPECT_THAT(op_types(graph), ElementsAre("C", "A", "B"));
}

TEST(Graph, SortSeesCapturedValues) {
  Graph graph;
  Value& x = graph.add_input("x", {});
  Node& branch = graph.append("If", {});
  Value& late = append(graph, "Late", {&x}, "late");
  auto body = std::make_unique<Graph>();
  body->add_output(late);
  branch.set("then_branch", std::move(body));
  EXPECT_TRUE(graph.sort());
  EXPECT_THAT(op_types(graph), ElementsAre("Late", "If"));
}

TEST(Graph, SortNamesTheCycle) {
  Graph graph;
  Value& x = graph.add_input("x", {});
  append(graph, "Free", {&x}, "free");
  Value& a = append(graph, "A", {&x}, "a");
  Value& b = append(graph, "B", {&a}, "b");
  append(graph, "After", {&b}, "after");
  a.producer()->add_input(&b);
  try {
    graph.sort();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::conversion);
    EXPECT_THAT(error.what(), HasSubstr("node A making 'a'"));
    EXPECT_THAT(error.what(), HasSubstr("node B making 'b'"));
    EXPECT_THAT(error.what(), Not(HasSubstr("After")));
    EXPECT_THAT(error.what(), Not(HasSubstr("Free")));
  }
}

TEST(Graph, InitializersCanBeInputsToo) {
  Graph graph;
  Value& x = graph.add_input("x", tensor_type(DataType::int64));
  graph.make_initializer(x, tensor::scalar_int64(3));
  EXPECT_TRUE(x.is_graph_input());
  EXPECT_EQ(graph.initializers().size(), 1U);
  graph.remove_initializer(x);
  EXPECT_EQ(graph.initializers().size(), 0U);
  EXPECT_EQ(graph.inputs().size(), 1U);
  graph.remove_input(x);
  EXPECT_EQ(graph.inputs().size(), 0U);
}

TEST(Graph, RemovingInitializersKeepsTheOrderOfTheOthers) {
  Graph graph;
  std::vector<Value*> values;
  for (const char* name : {"a", "b", "c", "d"}) values.push_back(&graph.add_initializer(name, tensor::scalar_int64(1)));
  graph.remove_initializer(*values[1]);
  graph.remove_initializer(*values[2]);
  EXPECT_THAT(graph.initializers(), ElementsAre(values[0], values[3]));
  graph.remove_initializer(*values[3]);
  EXPECT_THAT(graph.initializers(), ElementsAre(values[0]));
}

TEST(Clone, IsIndependentAndWhole) {
  Model model;
  model.set_opset("", 20);
  Value& x = model.graph->add_input("x", tensor_type(DataType::float32));
  Value& w = model.graph->add_initializer("w", tensor::scalar_float(2));
  Value& y = append(*model.graph, "Mul", {&x, &w}, "y");
  auto body = std::make_unique<Graph>();
  body->add_output(append(*body, "Add", {&y, &w}, "inner"));
  Node& branch = model.graph->append("If", {&x});
  branch.set("then_branch", std::move(body));
  model.graph->add_output(*branch.add_output("out"));

  const Model copy = clone(model);
  EXPECT_EQ(node_count(copy), 3U);
  EXPECT_EQ(copy.graph->initializers()[0]->initializer()->source(), w.initializer()->source());
  const Node& twin = *copy.graph->last()->subgraphs()[0]->first();
  EXPECT_EQ(twin.input(0), copy.graph->first()->output(0));
  EXPECT_NE(twin.input(0), &y);
  EXPECT_EQ(copy.graph->outputs()[0]->name(), "out");
}

}  // namespace
}  // namespace olivine::ir

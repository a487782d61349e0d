#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <thread>
#include <tuple>

#include "base/error.h"
#include "onnx/contrib/registry.h"
#include "onnx/contrib/rule.h"
#include "onnx/onnx.h"

namespace olivine::onnx {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kCases =
#include "onnx/contrib/cases.inc"
    ;

std::string problem_of(const ir::Model& model) {
  try {
    check_model(model);
  } catch (const Error& error) {
    return error.what();
  }
  return "valid";
}

ir::Model model_of(std::string_view graph) {
  return parse_model(fmt::format(R"(<ir_version: 10, opset_import: ["": 20, "com.microsoft": 1]> {})", graph));
}

/// The types of a node's outputs by name.
std::string type_of(const ir::Model& model, std::string_view name) {
  for (const ir::Node& node : model.graph->nodes()) {
    for (const auto& output : node.outputs()) {
      if (output && output->name() == name) return to_string(output->type);
    }
  }
  return "no such value";
}

// ---- The recorded cases

/// Parts of `text` where no bracket is open.
std::vector<std::string> split_top(std::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  int depth = 0;
  for (const char c : text) {
    depth += std::string_view("[{(<").find(c) != std::string_view::npos ? 1 : 0;
    depth -= std::string_view("]})>").find(c) != std::string_view::npos ? 1 : 0;
    if (c == ',' && depth == 0) {
      parts.push_back(part);
      part.clear();
    } else if (c != ' ' || !part.empty()) {
      part += c;
    }
  }
  if (!part.empty()) parts.push_back(part);
  return parts;
}

/// "Op<attributes>(type, type{constant}, _) ==> type, _": see scripts/contrib_schemas.py.
struct Case {
  std::string text;
  std::string op_type;
  std::vector<std::string> expected;
  ir::Model model;
};

Case read_case(std::string line) {
  Case result;
  result.text = line;
  const std::size_t arrow = line.find(" ==> ");
  result.expected = split_top(std::string_view(line).substr(arrow + 5));
  std::string opset = "20";
  std::string call = line.substr(0, arrow);
  if (call.starts_with('@')) {
    opset = call.substr(1, call.find(' ') - 1);
    call.erase(0, call.find(' ') + 1);
  }
  result.op_type = call.substr(0, call.find_first_of("<("));
  const std::size_t open = call.rfind('(');
  // The last bracket that is not a type's: types hold none but sparse_tensor's.
  const std::size_t sparse = call.rfind("(sparse_tensor(");
  const std::size_t bracket = sparse == std::string::npos ? open : sparse;
  std::string inputs, constants, names, outputs;
  const auto arguments = split_top(std::string_view(call).substr(bracket + 1, call.size() - bracket - 2));
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    names += i == 0 ? "" : ", ";
    if (argument == "_") continue;
    names += fmt::format("i{}", i);
    const std::size_t brace = argument.find('{');
    if (brace != std::string::npos) {
      constants += fmt::format("{}{} i{} = {}", constants.empty() ? "" : ", ", argument.substr(0, brace), i,
                               argument.substr(brace));
    } else {
      inputs += fmt::format("{}{} i{}", inputs.empty() ? "" : ", ", argument, i);
    }
  }
  for (std::size_t i = 0; i < result.expected.size(); ++i) {
    outputs += i == 0 ? "" : ", ";
    if (result.expected[i] != "_") outputs += fmt::format("o{}", i);
  }
  const bool microsoft = find_schema(result.op_type, "com.microsoft", 1).has_value();
  result.model = parse_model(fmt::format(
      R"(<ir_version: 10, opset_import: ["": {}, "com.microsoft": 1]> g ({}) => (float done){} {{ {} = {}{}({}) done = Constant<value = float {{1}}>() }})",
      opset, inputs, constants.empty() ? "" : fmt::format(" <{}>", constants), outputs,
      microsoft ? "com.microsoft." : "", call.substr(0, bracket), names));
  return result;
}

std::vector<Case> cases() {
  std::vector<Case> cases;
  std::size_t start = 0;
  while (start < kCases.size()) {
    const std::size_t end = std::min(kCases.find('\n', start), kCases.size());
    const std::string line(kCases.substr(start, end - start));
    if (line.find(" ==> ") != std::string::npos) cases.push_back(read_case(line));
    start = end + 1;
  }
  return cases;
}

std::vector<std::string> sizes(const std::string& type) {
  const std::size_t bracket = type.find('[');
  return bracket == std::string::npos
             ? std::vector<std::string>()
             : split_top(std::string_view(type).substr(bracket + 1, type.size() - bracket - 2));
}

/// Whether the type tells all that ONNX Runtime's tells, and contradicts it in nothing.
bool tells(const std::string& type, const std::string& runtime) {
  if (type.substr(0, type.find('[')) != runtime.substr(0, runtime.find('['))) return false;
  if (runtime.ends_with("[]")) return true;
  if (type.ends_with("[]")) return false;
  const auto ours = sizes(type);
  const auto theirs = sizes(runtime);
  return std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                    [](const std::string& a, const std::string& b) { return b == "?" || a == b; });
}

/// Where ONNX Runtime infers what its kernels do not compute.
bool runtime_errs(const Case& c, std::size_t output) {
  return (c.text.starts_with("SimplifiedLayerNormalization<axis = 1>") || c.op_type == "WhisperBeamSearch") &&
         output == 1;
}

TEST(Contrib, InfersWhatOnnxRuntimeInfers) {
  std::size_t count = 0;
  for (Case& c : cases()) {
    infer_types(c.model);
    const ir::Node& node = *c.model.graph->first();
    for (std::size_t i = 0; i < c.expected.size(); ++i) {
      if (c.expected[i] == "_" || runtime_errs(c, i)) continue;
      const std::string type = to_string(node.output(i)->type);
      EXPECT_TRUE(tells(type, c.expected[i])) << c.text << "\n  output " << i << " is " << type;
    }
    ++count;
  }
  EXPECT_GT(count, 240);
}

TEST(Contrib, AcceptsWhatOnnxRuntimeAccepts) {
  for (const Case& c : cases()) {
    // The searches' bodies are empty here, as ONNX Runtime's inference lets them be.
    if (c.text.find("d () => ()") != std::string::npos) continue;
    EXPECT_EQ(problem_of(c.model), "valid") << c.text;
  }
}

TEST(Contrib, EveryOperatorHasTheTypesOfItsOutputs) {
  // Those whose output type only the model tells.
  const std::set<std::string_view> untold = {"EPContext", "ReduceSumInteger", "GivenTensorFill"};
  std::set<std::string> seen;
  for (const Case& c : cases()) seen.insert(c.op_type);
  for (const contrib::Row& row : contrib::rows()) {
    for (const contrib::Port& output : row.outputs()) {
      if (output.optional || untold.contains(row.name) || seen.contains(std::string(row.name))) continue;
      const auto inputs = row.inputs();
      const auto constraints = row.constraints();
      const bool follows =
          std::any_of(inputs.begin(), inputs.end(), [&](const auto& p) { return p.type == output.type; });
      const bool single = std::any_of(constraints.begin(), constraints.end(), [&](const auto& constraint) {
        return constraint.variable == output.type && constraint.types.size() == 1;
      });
      EXPECT_TRUE(follows || single || !output.is_variable()) << row.name << " " << output.name;
    }
  }
}

// ---- The tables

TEST(Contrib, RowsAreSorted) {
  const auto rows = contrib::rows();
  EXPECT_GT(rows.size(), 170U);
  EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end(), [](const contrib::Row& a, const contrib::Row& b) {
    return std::tie(a.domain, a.name, a.since) < std::tie(b.domain, b.name, b.since);
  }));
}

TEST(Contrib, EachVersionIsFound) {
  EXPECT_FALSE(find_schema("Crop", "", 9)->attribute_required("border"));
  EXPECT_TRUE(find_schema("Crop", "", 12)->deprecated());
  // ONNX Runtime has had it since the first opset, onnx since the seventeenth.
  EXPECT_EQ(find_schema("LayerNormalization", "", 12)->since_version(), 1);
  EXPECT_EQ(find_schema("LayerNormalization", "", 20)->since_version(), 17);
}

TEST(Contrib, HostileSizesAreUnknown) {
  ir::Model model =
      model_of(R"(g (float[9223372036854775807,8] x, uint8[9223372036854775807] q, float s, uint8 z) => (float[A,B] y) {
    a = com.microsoft.BiasSplitGelu(x, x)
    c = com.microsoft.QLinearConcat<axis = 0>(s, z, q, s, z, q, s, z)
    u = com.microsoft.UnfoldTensor<size = -9223372036854775808, dim = 7>(x)
    y = com.microsoft.FusedMatMul(x, a) })");
  infer_types(model);
  EXPECT_EQ(type_of(model, "a"), "float[9223372036854775807,4]");
  EXPECT_EQ(type_of(model, "c"), "uint8[]");
  EXPECT_EQ(type_of(model, "u"), "float[]");
}

TEST(Contrib, RulesNameOperators) {
  std::set<std::string_view> operators;
  for (const contrib::Row& row : contrib::rows()) operators.insert(row.name);
  std::set<std::string_view> ruled;
  for (const contrib::Rule& rule : contrib::rules()) {
    EXPECT_TRUE(operators.contains(rule.op_type)) << rule.op_type;
    EXPECT_TRUE(ruled.insert(rule.op_type).second) << rule.op_type << " has two rules";
    EXPECT_FALSE(rule.types.empty() && rule.shapes.empty() && !rule.function && !rule.like.op_type) << rule.op_type;
  }
}

/// The names of a pattern's or a shape's sizes.
std::set<std::string> words(std::string_view text) {
  std::set<std::string> result;
  std::string word;
  for (const char c : std::string(text) + " ") {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '#') {
      word += c;
    } else {
      if (!word.empty()) result.insert(word);
      word.clear();
    }
  }
  return result;
}

TEST(Contrib, PatternsUseWhatIsThere) {
  for (const contrib::Rule& rule : contrib::rules()) {
    const auto rows = contrib::rows();
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.name == rule.op_type; });
    std::set<std::string> attributes = {"max"};
    for (const contrib::AttributeFact& fact : row->attributes()) attributes.insert(std::string(fact.name));
    for (const std::string_view line : contrib::split(rule.shapes, ';')) {
      const std::size_t arrow = line.find("->");
      ASSERT_NE(arrow, std::string_view::npos) << rule.op_type << ": " << line;
      const std::set<std::string> bound = words(line.substr(0, arrow));
      for (const std::string& word : words(line.substr(arrow + 2))) {
        const bool number = std::isdigit(static_cast<unsigned char>(word[0])) != 0;
        const bool known =
            number || word[0] == '#' || bound.contains(word) || attributes.contains(word.substr(0, word.find('.')));
        EXPECT_TRUE(known) << rule.op_type << ": " << word << " in " << line;
      }
      const std::size_t outputs = contrib::split(line.substr(arrow + 2), '|').size();
      EXPECT_LE(outputs, std::max<std::size_t>(row->outputs().size(), 4)) << rule.op_type << ": " << line;
      for (const std::string_view word : contrib::split(line.substr(0, arrow), ' ')) {
        const std::size_t equal = word.find('=');
        if (word.find('(') == std::string_view::npos && equal != std::string_view::npos) {
          EXPECT_TRUE(attributes.contains(std::string(word.substr(0, equal)))) << rule.op_type << ": " << word;
        }
      }
    }
  }
}

TEST(Contrib, SchemasAreFound) {
  const auto product = find_schema("MatMulNBits", "com.microsoft", 1);
  ASSERT_TRUE(product.has_value());
  EXPECT_EQ(product->since_version(), 1);
  EXPECT_EQ(product->min_inputs(), 3U);
  EXPECT_EQ(product->max_inputs(), 6U);
  EXPECT_EQ(product->input(0)->type_variable, "T1");
  EXPECT_TRUE(product->input(0)->accepts(DataType::float16));
  EXPECT_FALSE(product->input(1)->accepts(DataType::float16));
  EXPECT_EQ(product->input(3)->arity, Arity::optional);
  EXPECT_TRUE(product->attribute_required("block_size"));
  EXPECT_EQ(product->attribute_kind("bits"), ir::AttributeKind::integer);
  EXPECT_EQ(std::get<std::int64_t>(product->attribute_default("bits")), 4);

  const auto norm = find_schema("SimplifiedLayerNormalization", "", 17);
  ASSERT_TRUE(norm.has_value());
  EXPECT_EQ(norm->output(0)->type_variable, "V");
  EXPECT_FLOAT_EQ(std::get<float>(norm->attribute_default("epsilon")), 1e-5F);

  EXPECT_EQ(find_schema("QLinearAdd", "com.microsoft", 1)->input(1)->type_variable, "tensor(float)");
  EXPECT_EQ(find_schema("EPContext", "com.microsoft", 1)->min_inputs(), 0U);
  EXPECT_FALSE(find_schema("EPContext", "com.microsoft", 1)->input(5)->homogeneous);
  EXPECT_EQ(std::get<std::string>(find_schema("FusedConv", "com.microsoft", 1)->attribute_default("auto_pad")),
            "NOTSET");
  EXPECT_FALSE(find_schema("NoSuchOperator", "com.microsoft", 1).has_value());
  EXPECT_EQ(newest_opset("com.microsoft"), 1);
}

TEST(Contrib, MayBeAskedForFromManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([] { EXPECT_TRUE(find_schema("Gelu", "com.microsoft", 1).has_value()); });
  }
  for (std::thread& thread : threads) thread.join();
}

// ---- Whole models

TEST(Contrib, TypesGoThroughATransformer) {
  ir::Model model = model_of(R"(
    g (float16[B,S,64] x, float16[64] scale, uint8[96,2,16] w, float16[192] s, float16[B,2,P,16] pk, float16[B,2,P,16] pv,
       int32[B] seqlens, int32[1] total, uint8[64,2,16] wo, float16[128] so) => (float16[B,S,64] y) {
      n = SimplifiedLayerNormalization<axis = -1>(x, scale)
      qkv = com.microsoft.MatMulNBits<K = 64, N = 128, bits = 4, block_size = 32>(n, w, s)
      a, k, v = com.microsoft.GroupQueryAttention<num_heads = 4, kv_num_heads = 2, do_rotary = 0>(qkv, , , pk, pv, seqlens, total)
      o = com.microsoft.MatMulNBits<K = 64, N = 64, bits = 4, block_size = 32>(a, wo, so)
      m, , , sum = com.microsoft.SkipSimplifiedLayerNormalization(o, x, scale)
      g = com.microsoft.QuickGelu(m)
      y = Add(g, sum)
    })");
  infer_types(model);
  EXPECT_EQ(type_of(model, "n"), "float16[B,S,64]");
  EXPECT_EQ(type_of(model, "qkv"), "float16[B,S,128]");
  EXPECT_EQ(type_of(model, "a"), "float16[B,S,64]");
  EXPECT_EQ(type_of(model, "k"), "float16[B,2,?,16]");
  EXPECT_EQ(type_of(model, "sum"), "float16[B,S,64]");
  EXPECT_EQ(type_of(model, "g"), "float16[B,S,64]");
  EXPECT_EQ(problem_of(model), "valid");
}

TEST(Contrib, TypesGoThroughAnEncoder) {
  ir::Model model = model_of(R"(
    g (int32[B,S] ids, float[100,8] words, float[50,8] places, float[8] gamma, float[8] beta, float[8,24] w, float[24] b,
       float[8,32] up, float[32] bias, float[32,8] down) => (float[B,S,8] y) {
      e, mask = com.microsoft.EmbedLayerNormalization(ids, , words, places, , gamma, beta)
      a = com.microsoft.Attention<num_heads = 2>(e, w, b, mask)
      n = com.microsoft.SkipLayerNormalization(a, e, gamma, beta)
      f = com.microsoft.FusedMatMul<alpha = 2.0>(n, up)
      g = com.microsoft.BiasGelu(f, bias)
      d = com.microsoft.FusedMatMul(g, down)
      y = Add(d, n)
    })");
  infer_types(model);
  EXPECT_EQ(type_of(model, "mask"), "int32[B]");
  EXPECT_EQ(type_of(model, "g"), "float[B,S,32]");
  EXPECT_EQ(type_of(model, "d"), "float[B,S,8]");
  EXPECT_EQ(problem_of(model), "valid");
}

TEST(Contrib, TypesGoThroughAQuantizedNetwork) {
  ir::Model model = model_of(R"(
    g (float[N,3,8,8] x, float s, uint8 z, int8[4,3,3,3] w, int8 wz) => (float[N,K] y) {
      q = com.microsoft.QuantizeLinear(x, s, z)
      c = com.microsoft.QLinearConv<pads = [1,1,1,1]>(q, s, z, w, s, wz, s, z)
      l = com.microsoft.QLinearLeakyRelu(c, s, z, s, z)
      a = com.microsoft.QLinearAdd(l, s, z, c, s, z, s, z)
      p = com.microsoft.QLinearGlobalAveragePool(a, s, z, s, z)
      d = com.microsoft.DequantizeLinear(p, s, z)
      y = Flatten(d)
    })");
  infer_types(model);
  EXPECT_EQ(type_of(model, "q"), "uint8[N,3,8,8]");
  EXPECT_EQ(type_of(model, "a"), "uint8[N,4,8,8]");
  EXPECT_EQ(type_of(model, "d"), "float[N,4,1,1]");
  EXPECT_EQ(problem_of(model), "valid");
}

TEST(Contrib, TypesReachSearchesAndTheirBodies) {
  ir::Model model = model_of(R"(
    g (int32[B,S] ids, int32[1] longest) => (int32[B,L] y) {
      y = com.microsoft.GreedySearch<eos_token_id = 1, pad_token_id = 0,
        decoder = d (int32[B,S] input) => (float[B,S,8] logits) { e = Cast<to = 1>(input) n = com.microsoft.Gelu(e) axes = Constant<value_ints = [2]>() f = Unsqueeze(n, axes) wide = Constant<value_ints = [1,1,8]>() logits = Expand(f, wide) }>(ids, longest)
    })");
  infer_types(model);
  std::map<std::string, std::string> types;
  for (const ir::Node& node : model.graph->first()->subgraphs()[0]->nodes()) {
    types[node.output(0)->name()] = to_string(node.output(0)->type);
  }
  EXPECT_EQ(types["n"], "float[B,S]");
  EXPECT_EQ(types["f"], "float[B,S,1]");
  EXPECT_EQ(problem_of(model), "valid");
}

TEST(Contrib, AnUnknownInputLeavesOutputsUnknown) {
  ir::Model model = model_of(R"(
    g (float16[2,8] x) => (float16[2,8] y) { u = elsewhere.Op(x) v = com.microsoft.QuickGelu(u) w = com.microsoft.FastGelu(v, b) y = com.microsoft.Gelu(w) b = Constant<value_floats = [1.0]>() })");
  model.opset_imports.push_back({"elsewhere", 1});
  infer_types(model);
  EXPECT_EQ(type_of(model, "v"), "unknown");
  // The bias tells the type where the input doesn't.
  EXPECT_EQ(type_of(model, "w"), "float[]");
}

TEST(Contrib, WhatTheRulesDidNotForeseeIsNoError) {
  ir::Model model = model_of(R"(
    g (float[N,8] x, float[8] w, float[3] e) => (float[N,8] y) {
      a = com.microsoft.Attention<num_heads = 2>(x, w)
      b = com.microsoft.FusedMatMul(a, e)
      y = com.microsoft.FusedConv<not_in_the_table = 1>(x, w) })");
  infer_types(model);
  EXPECT_EQ(type_of(model, "a"), "float[]");
  EXPECT_EQ(problem_of(model), "valid");
}

TEST(Contrib, TheCheckerNamesWhatIsWrong) {
  EXPECT_THAT(problem_of(model_of("g (float[2] x) => (float[2] y) { y = com.microsoft.BiasGelu(x) }")),
              HasSubstr("input"));
  EXPECT_THAT(problem_of(model_of("g (int32[2] x) => (int32[2] y) { y = com.microsoft.QuickGelu(x) }")),
              HasSubstr("int32"));
  EXPECT_THAT(problem_of(model_of(
                  "g (float[2,3,4] x, float[4,12] w) => (float[2,3,4] y) { y = com.microsoft.Attention(x, w) }")),
              HasSubstr("num_heads"));
  EXPECT_EQ(problem_of(model_of("g (float[2] x) => (float[2] y) { y = com.microsoft.QuickGelu<new_one = 1>(x) }")),
            "valid");
  EXPECT_EQ(problem_of(model_of("g (float[2] x) => (float[2] y) { y = com.microsoft.OfTomorrow(x) }")), "valid");
}

}  // namespace
}  // namespace olivine::onnx

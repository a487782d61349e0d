#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class Attention : public OpsetFixture {
 protected:
  Attention() { dims_ = {{"B", 2}, {"S", 3}, {"T", 5}, {"P", 4}}; }

  /// Alike with known and with computed sizes.
  void expect_both_alike(const std::string& model, std::int64_t target) {
    expect_alike(model, target);
    std::string open = model;
    for (const auto& [known, symbol] : {std::pair{"[2,", "[B,"}, std::pair{",3,", ",S,"}, std::pair{",5,", ",T,"}}) {
      for (std::size_t at = 0; (at = open.find(known, at)) != std::string::npos;) {
        open.replace(at, std::string_view(known).size(), symbol);
      }
    }
    expect_alike(open, target);
  }
};

std::string with_head(int opset, std::string_view rest) {
  return fmt::format(R"(<ir_version: 10, opset_import: ["": {}]> g )", opset) + std::string(rest);
}

TEST_F(Attention, IsProductsAndSoftmax) {
  const std::string text =
      expect_alike(with_head(23, R"((float[2,4,3,8] q, float[2,4,5,8] k, float[2,4,5,6] v) => (float[2,4,3,6] y) {
        y = Attention(q, k, v) })"),
                   13);
  EXPECT_EQ(text.find("Where"), std::string::npos) << text;
}

TEST_F(Attention, OfPackedHeads) {
  expect_both_alike(with_head(23, R"((float[2,3,32] q, float[2,5,32] k, float[2,5,24] v) => (float[2,3,24] y) {
                      y = Attention<q_num_heads=4, kv_num_heads=4, is_causal=1>(q, k, v) })"),
                    18);
}

TEST_F(Attention, OfGroupedHeadsRepeatsNothing) {
  for (const char* causal : {"0", "1"}) {
    const std::string model = fmt::format(
        R"((float[2,3,48] q, float[2,5,16] k, float[2,5,16] v) => (float[2,3,48] y, float[2,6,3,5] scores) {{
             y, nk, nv, scores = Attention<q_num_heads=6, kv_num_heads=2, is_causal={}, softcap=2.0,
                                           qk_matmul_output_mode=1>(q, k, v) }})",
        causal);
    expect_both_alike(with_head(23, model), 18);
  }
  const std::string text =
      expect_alike(with_head(23, R"((float[2,6,3,8] q, float[2,2,5,8] k, float[2,2,5,8] v) => (float[2,6,3,8] y) {
                         y = Attention(q, k, v) })"),
                   13);
  EXPECT_EQ(text.find("Expand"), std::string::npos) << text;
}

TEST_F(Attention, WithMasksAndPast) {
  // What is masked out has the score -infinity, in ONNX Runtime the lowest number: mode 2 is told without.
  for (const int mode : {0, 1, 2, 3}) {
    expect_both_alike(
        with_head(23, fmt::format(R"((float[2,4,3,8] q, float[2,4,5,8] k, float[2,4,5,8] v, float[3,9] mask,
             float[2,4,4,8] pk, float[2,4,4,8] pv) => (float[2,4,3,8] y, float[2,4,9,8] nk, float[2,4,9,8] nv,
             float[2,4,3,9] scores) {{
               y, nk, nv, scores = Attention<is_causal={}, scale=0.3, softcap=3.0, qk_matmul_output_mode={}>
                                     (q, k, v, mask, pk, pv) }})",
                                  mode == 2 ? 0 : 1, mode)),
        20);
  }
}

TEST_F(Attention, QueriesWithoutKeysGetNothing) {
  expect_alike(with_head(23, R"((float[1,2,3,8] q, float[1,2,2,8] k, float[1,2,2,8] v) => (float[1,2,3,8] y)
    <bool[3,2] mask = {1,0,0,0,1,1}> { y = Attention(q, k, v, mask) })"),
               17);
}

TEST_F(Attention, SoftmaxMayBeMorePrecise) {
  const std::string text =
      expect_alike(with_head(23, R"((float[1,2,3,8] q, float[1,2,3,8] k, float[1,2,3,8] v) => (float[1,2,3,8] y) {
        y = Attention<softmax_precision=11>(q, k, v) })"),
                   15);
  EXPECT_NE(text.find("Cast <to: int = 11>"), std::string::npos) << text;
}

TEST_F(Attention, LengthsBecomeAMask) {
  for (const char* causal : {"0", "1"}) {
    for (const std::int64_t target : {23, 18}) {
      expect_both_alike(
          with_head(24, fmt::format(R"((float[2,4,3,8] q, float[2,4,5,8] k, float[2,4,5,8] v) => (float[2,4,3,8] y)
            <int64[2] lengths = {{5, 2}}> {{ y = Attention<is_causal={}>(q, k, v, , , , lengths) }})",
                                    causal)),
          target);
    }
  }
}

// ONNX Runtime refuses short masks: what becomes of one is compared with what becomes of a full one.
TEST_F(Attention, ShortMasksAreFilledUp) {
  const std::string_view model =
      R"((float[{0},4,3,8] q, float[{0},4,{1},8] k, float[{0},4,{1},8] v) => (float[{0},4,3,8] y)
      <{2}> {{ y = Attention(q, k, v, mask) }})";
  for (const auto& [batch, keys] : {std::pair{"2", "5"}, {"B", "T"}}) {
    for (const std::int64_t target : {23, 17}) {
      const auto with = [&](std::string_view mask) {
        return converted(with_head(24, fmt::format(fmt::runtime(model), batch, keys, mask)), target);
      };
      const ir::Model shorter = with("bool[3,4] mask = {1,0,1,1,0,1,1,0,0,0,0,1}");
      const ir::Model full = with("bool[3,5] mask = {1,0,1,1,0,0,1,1,0,0,0,0,0,1,0}");
      runtime::CompareOptions options;
      options.inputs.dims = dims_of(full);
      EXPECT_TRUE(runtime::compare(full, shorter, options).outputs.at(0).passed) << onnx::print_model(shorter);
    }
  }
}

TEST_F(Attention, MasksOfOneColumnAreExpanded) {
  expect_rewrite(with_head(23, R"((float[1,2,3,4] q, float[3,1] mask) => (float[1,2,3,4] y) {
                                    y = Attention(q, q, q, mask) })"),
                 25, R"(<ir_version: 12, opset_import: ["": 25]> g (float[1,2,3,4] q, float[3,1] mask)
                      => (float[1,2,3,4] y) <int64[1] constant = {3}> {
                        y_Expand = Expand(mask, constant)
                        y = Attention(q, q, q, y_Expand) })");
}

TEST_F(Attention, WindowsBecomeAMask) {
  for (const char* window : {"left_window_size=1", "right_window_size=0", "left_window_size=1, right_window_size=1",
                             "left_window_size=0, is_causal=1"}) {
    for (const std::int64_t target : {24, 23, 18}) {
      expect_both_alike(
          with_head(25, fmt::format(R"((float[2,4,3,8] q, float[2,4,5,8] k, float[2,4,5,8] v, float[3,5] mask)
              => (float[2,4,3,8] y) {{ y = Attention<{}>(q, k, v, mask) }})",
                                    window)),
          target);
    }
  }
  expect_rewrite(
      R"(<ir_version: 12, opset_import: ["": 25]> g (float[1,2,3,4] q) => (float[1,2,3,4] y) {
           y = Attention<left_window_size=-1>(q, q, q)
         })",
      24, R"(<ir_version: 12, opset_import: ["": 24]> g (float[1,2,3,4] q) => (float[1,2,3,4] y) {
           y = Attention(q, q, q)
         })");
}

TEST_F(Attention, AFunctionTakesItsPlaceWhereHeadsAreNotKnown) {
  expect_alike(with_head(23, R"((float[B,H,S,8] q, float[B,H,S,8] k, float[B,H,S,8] v) => (float[B,H,S,8] y) {
    y = Attention(q, k, v) })"),
               18);
}

class RotaryEmbedding : public OpsetFixture {};

TEST_F(RotaryEmbedding, IsItsFormula) {
  for (const char* interleaved : {"0", "1"}) {
    for (const char* part : {"", ", rotary_embedding_dim=4"}) {
      const int width = *part == '\0' ? 4 : 2;
      expect_alike(
          with_head(23, fmt::format(R"((float[2,3,S,8] x, float[2,S,{1}] c, float[2,S,{1}] s) => (float[2,3,S,8] y)
          {{ y = RotaryEmbedding<interleaved={0}{2}>(x, c, s) }})",
                                    interleaved, width, part)),
          13);
      expect_alike(with_head(23, fmt::format(R"((float[2,4,24] x, float[9,{1}] c, float[9,{1}] s) => (float[2,4,24] y)
          <int64[2,4] positions = {{0,1,2,3,5,6,7,8}}> {{
            y = RotaryEmbedding<interleaved={0}, num_heads=3{2}>(x, c, s, positions) }})",
                                             interleaved, width, part)),
                   11);
    }
  }
}

}  // namespace
}  // namespace olivine::opset

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class Einsum : public OpsetFixture {
 protected:
  Einsum() { dims_ = {{"I", 2}, {"J", 3}, {"K", 4}, {"L", 5}}; }

  std::string expect(std::string_view equation, std::string_view inputs, std::string_view names,
                     std::string_view type) {
    return expect_alike(fmt::format(R"(<ir_version: 7, opset_import: ["": 12]> g ({}) => (float{} y) {{
                                         y = Einsum<equation="{}">({}) }})",
                                    inputs, type.empty() ? std::string() : fmt::format("[{}]", type), equation, names),
                        11);
  }
};

TEST_F(Einsum, OfOneOperand) {
  expect("ij->ji", "float[2,3] a", "a", "3,2");
  expect("ij", "float[2,3] a", "a", "2,3");
  expect("ba", "float[2,3] a", "a", "3,2");
  expect("ij->i", "float[2,3] a", "a", "2");
  expect("ij->", "float[2,3] a", "a", "");
  expect("ii->i", "float[3,3] a", "a", "3");
  expect("...ii->...i", "float[2,3,3] a", "a", "2,3");
  expect("...ij -> ...ji", "float[2,3,4] a", "a", "2,4,3");
}

TEST_F(Einsum, OfTwoOperandsIsAProductOfMatrices) {
  struct Case {
    const char* equation;
    const char* a;
    const char* b;
    const char* y;
    bool multiplies;
  };
  for (const Case& c : {Case{"ij,jk->ik", "I,J", "J,K", "I,K", true},
                        {"bij,bjk->bik", "L,I,J", "L,J,K", "L,I,K", true},
                        {"bhqd,bhkd->bhqk", "I,J,K,L", "I,J,2,L", "I,J,K,2", true},
                        {"i,i->", "J", "J", "", true},
                        {"ij,j->i", "I,J", "J", "I", true},
                        {"i,j->ij", "I", "J", "I,J", false},
                        {"ij,ij->ij", "I,J", "I,J", "I,J", false},
                        {"ijk,jkl->il", "I,J,K", "J,K,L", "I,L", true},
                        {"ijk,kl->ijl", "I,J,K", "K,L", "I,J,L", true},
                        {"ijk,l->jl", "I,J,K", "L", "J,L", false},
                        {"bij,jkl->bilk", "I,J,K", "K,L,2", "I,J,2,L", true},
                        {"...ij,...jk->...ik", "2,I,J", "2,J,K", "2,I,K", true},
                        {"...ij,jk", "2,I,J", "J,K", "2,I,K", true}}) {
    const std::string text = expect(c.equation, fmt::format("float[{}] a, float[{}] b", c.a, c.b), "a, b", c.y);
    EXPECT_EQ(text.find("MatMul") != std::string::npos, c.multiplies) << text;
  }
}

TEST_F(Einsum, OfMoreOperandsIsDoneInPairs) {
  expect("ij,jk,kl->il", "float[I,J] a, float[J,K] b, float[K,L] c", "a, b, c", "I,L");
  expect("bi,bj,bk->bijk", "float[2,3] a, float[2,4] b, float[2,5] c", "a, b, c", "2,3,4,5");
}

TEST_F(Einsum, RefusesADiagonalOfUnknownSize) {
  EXPECT_NE(refusal(R"(<ir_version: 7, opset_import: ["": 12]> g (float[N,N] a) => (float[N] y) {
                         y = Einsum<equation="ii->i">(a) })",
                    11)
                .find("diagonal"),
            std::string::npos);
}

}  // namespace
}  // namespace olivine::opset

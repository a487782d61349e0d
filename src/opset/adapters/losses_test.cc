#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class Losses : public OpsetFixture {};

TEST_F(Losses, AreTheirFunctionsBelowTheirOpset) {
  for (const char* reduction : {"none", "mean", "sum"}) {
    for (const char* ignored : {"", ", ignore_index=1"}) {
      expect_alike(fmt::format(R"(<ir_version: 8, opset_import: ["": 13]> g (float[3,4] x) => (float{2} y)
          <int64[3] t = {{0, 1, 3}}, float[4] w = {{0.1, 0.2, 0.3, 0.4}}> {{
            y = NegativeLogLikelihoodLoss<reduction="{0}"{1}>(x, t, w) }})",
                               reduction, ignored, *reduction == 'n' ? "[3]" : ""),
                   11);
      expect_alike(fmt::format(R"(<ir_version: 8, opset_import: ["": 13]> g (float[3,4] x) => (float{2} y, float[3,4] p)
          <int64[3] t = {{0, 1, 3}}> {{ y, p = SoftmaxCrossEntropyLoss<reduction="{0}"{1}>(x, t) }})",
                               reduction, ignored, *reduction == 'n' ? "[3]" : ""),
                   11);
    }
  }
}

TEST_F(Losses, AreTheSameInBothVersions) {
  for (const auto& [from, to] : {std::pair{12, 13}, {13, 12}}) {
    expect_alike(fmt::format(R"(<ir_version: 8, opset_import: ["": {}]> g (float[3,4] x) => (float y)
        <int64[3] t = {{0, 1, 3}}> {{ y = NegativeLogLikelihoodLoss<ignore_index=1>(x, t) }})",
                             from),
                 to);
  }
}

}  // namespace
}  // namespace olivine::opset

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class StringOperators : public OpsetFixture {};

TEST_F(StringOperators, HaveNoEqualBefore) {
  EXPECT_NE(refusal(R"(<ir_version: 9, opset_import: ["": 20]> g (string[2] x) => (string[2] y) {
                         y = StringConcat(x, x) })",
                    19)
                .find("before opset 20 nothing joins strings"),
            std::string::npos);
}

}  // namespace
}  // namespace olivine::opset

#include "opset/opset_fixture.h"

namespace olivine::opset {
namespace {

class Recurrent : public OpsetFixture {};

TEST_F(Recurrent, TheBatchFirstIsTransposed) {
  expect_rewrite(
      R"(<ir_version: 8, opset_import: ["": 14]>
         g (float[2,5,3] x, float[1,16,3] w, float[1,16,4] r, float[2,1,4] h, float[2,1,4] c)
           => (float[2,5,1,4] y, float[2,1,4] yh, float[2,1,4] yc) {
           y, yh, yc = LSTM<hidden_size=4, layout=1>(x, w, r, , , h, c)
         })",
      13,
      R"(<ir_version: 8, opset_import: ["": 13]>
         g (float[2,5,3] x, float[1,16,3] w, float[1,16,4] r, float[2,1,4] h, float[2,1,4] c)
           => (float[2,5,1,4] y, float[2,1,4] yh, float[2,1,4] yc) {
           y_Transpose = Transpose<perm=[1,0,2]>(x)
           y_Transpose_1 = Transpose<perm=[1,0,2]>(h)
           y_Transpose_2 = Transpose<perm=[1,0,2]>(c)
           y_LSTM, y_LSTM_1, y_LSTM_2 = LSTM<hidden_size=4>(y_Transpose, w, r, , , y_Transpose_1, y_Transpose_2)
           y = Transpose<perm=[2,0,1,3]>(y_LSTM)
           yh = Transpose<perm=[1,0,2]>(y_LSTM_1)
           yc = Transpose<perm=[1,0,2]>(y_LSTM_2)
         })");
}

TEST_F(Recurrent, TheBatchInTheMiddleStays) {
  for (const char* op : {"RNN", "GRU", "LSTM"}) {
    const int gates = *op == 'R' ? 1 : *op == 'G' ? 3 : 4;
    expect_alike(fmt::format(R"(<ir_version: 8, opset_import: ["": 14]>
        g (float[5,2,3] x, float[1,{0},3] w, float[1,{0},4] r) => (float[5,1,2,4] y, float[1,2,4] h) {{
          y, h = {1}<hidden_size=4, layout=0>(x, w, r) }})",
                             4 * gates, op),
                 9);
  }
}

TEST_F(Recurrent, WhatOldVersionsSaidTwiceGoes) {
  expect_rewrite(R"(<ir_version: 3, opset_import: ["": 1]> g (float[5,2,3] x, float[1,12,3] w, float[1,12,4] r)
                      => (float[5,1,2,4] y) { y = GRU<hidden_size=4, output_sequence=1, direction="foward">(x, w, r) })",
                 13, R"(<ir_version: 7, opset_import: ["": 13]> g (float[5,2,3] x, float[1,12,3] w, float[1,12,4] r)
                      => (float[5,1,2,4] y) { y = GRU<hidden_size=4>(x, w, r) })");
}

}  // namespace
}  // namespace olivine::opset

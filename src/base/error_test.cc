#include "base/error.h"

#include <gtest/gtest.h>

namespace olivine {
namespace {

TEST(Error, ReadsAsPathMessageAndRemedy) {
  Error error(ErrorCode::config, "unknown option");
  error.prepend("/passes/fp16/keep_io_type").prepend("flow.json:12").remedy("did you mean keep_io_types?");
  EXPECT_STREQ(error.what(),
               "error[config]: flow.json:12 /passes/fp16/keep_io_type: unknown option; did you mean keep_io_types?");
}

TEST(Error, GetsThePlacesItLeavesFromInsideOut) {
  try {
    with_place("model.onnx", [] { with_place("pass fp16", [] { throw Error(ErrorCode::conversion, "no"); }); });
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "error[conversion]: model.onnx pass fp16: no");
  }
}

TEST(ErrorList, ThrowsASingleErrorAsItIs) {
  ErrorList list;
  EXPECT_NO_THROW(list.throw_if_any());
  list.add(Error(ErrorCode::io, "full"));
  try {
    list.throw_if_any();
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "error[io]: full");
  }
}

TEST(ErrorList, ListsManyAtOnce) {
  ErrorList list;
  list.add(Error(ErrorCode::config, "one").prepend("/a"));
  list.add(Error(ErrorCode::config, "two").remedy("mend it"));
  try {
    list.throw_if_any();
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "error[config]: 2 problems\n  /a: one\n  two; mend it");
  }
}

}  // namespace
}  // namespace olivine

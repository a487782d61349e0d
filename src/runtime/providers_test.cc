#include "runtime/test_support.h"

namespace olivine::runtime {
namespace {

using ::testing::HasSubstr;

std::string problem(const SessionOptions& options) {
  return error_of([&] { Session(model_of("g (float[N] x) => (float[N] y) { y = Neg(x) }"), options); });
}

TEST(Providers, AreNamedInAnyLetterCaseAndShort) {
  for (const char* const name : {"CPUExecutionProvider", "cpuexecutionprovider", "cpu", "CPU"}) {
    SessionOptions options;
    options.execution_provider = name;
    EXPECT_EQ(problem(options), "no error") << name;
  }
}

TEST(Providers, ThatTheLibraryLacksAreListed) {
  SessionOptions options;
  options.execution_provider = "XYZExecutionProvider";
  EXPECT_THAT(problem(options), HasSubstr("error[config]: ONNX Runtime"));
  EXPECT_THAT(problem(options), HasSubstr("has no execution provider 'XYZExecutionProvider'; "));
  EXPECT_THAT(problem(options), HasSubstr("CPUExecutionProvider"));
}

TEST(Providers, OfTheProcessorTakeNoOptions) {
  SessionOptions options;
  options.provider_options["threads"] = "1";
  EXPECT_THAT(problem(options), HasSubstr("error[config]: execution provider CPUExecutionProvider: takes no options"));
}

TEST(Providers, FromLibrariesThatCannotBeLoadedSayWhy) {
  const TempFolder folder;
  SessionOptions options;
  options.execution_provider = "Plugged";
  options.provider_libraries["plugged"] = folder / "absent.so";
  EXPECT_THAT(problem(options), HasSubstr("error[io]: provider library 'plugged'"));
  EXPECT_THAT(problem(options), HasSubstr("there is no such file"));
  options.provider_libraries["plugged"] = folder.write("text.so", "no library");
  EXPECT_THAT(problem(options), HasSubstr("error[io]: provider library 'plugged'"));
  EXPECT_THAT(problem(options), HasSubstr("cannot be loaded"));
}

}  // namespace
}  // namespace olivine::runtime

#include "runtime/locate.h"

#include "runtime/library.h"
#include "runtime/test_support.h"

namespace olivine::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> found_by(const std::vector<Candidate>& places) {
  std::vector<std::string> found;
  for (const Candidate& place : places) {
    if (const auto path = place.find()) found.push_back(path->string());
  }
  return found;
}

std::string find_named(const std::string& name) {
  for (const Candidate& place : library_candidates({})) {
    if (place.name.find(name) == std::string::npos) continue;
    const auto path = place.find();
    return path ? path->string() : "not there";
  }
  return "no such place";
}

TEST(Locate, LooksIntoAFolder) {
  const TempFolder folder;
  EXPECT_EQ(library_in(folder.path()), std::nullopt);
  folder.write("onnxruntime/capi/libonnxruntime_providers_shared.so", "");
  EXPECT_EQ(library_in(folder.path()), std::nullopt);
  const auto versioned = folder.write("onnxruntime/capi/libonnxruntime.so.1.32.0", "");
  EXPECT_EQ(library_in(folder.path()), versioned);
  const auto plain = folder.write("lib/libonnxruntime.so", "");
  EXPECT_EQ(library_in(folder.path()), plain);
}

TEST(Locate, TakesTheRequestBeforeTheEnvironmentBeforeTheRest) {
  const TempFolder folder;
  const auto library = folder.write("capi/libonnxruntime.so.1.32.0", "");
  const Environment environment("OLIVINE_ORT_LIBRARY", folder.path().string());
  EXPECT_THAT(found_by(library_candidates("/some/lib.so")), ElementsAre("/some/lib.so"));
  EXPECT_THAT(found_by(library_candidates({})), ElementsAre(library.string()));
  EXPECT_TRUE(library_candidates({}).front().binding);
}

TEST(Locate, FindsTheActiveVirtualEnvironment) {
  const TempFolder folder;
  const Environment library("OLIVINE_ORT_LIBRARY", "");
  const Environment python("OLIVINE_PYTHON", "");
  const Environment active("VIRTUAL_ENV", folder.path().string());
  EXPECT_EQ(find_named("virtual environment"), "not there");
  const auto file = folder.write("lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.2.3", "");
  EXPECT_EQ(find_named("virtual environment"), file.string());
}

TEST(Locate, FindsThePackageBesideAnInterpreterWithoutStartingIt) {
  const TempFolder folder;
  const auto python = folder.write("bin/python3", "#!/bin/sh\nexit 1\n");
  std::filesystem::permissions(python, std::filesystem::perms::owner_all);
  const auto file = folder.write("lib/python3.9/site-packages/onnxruntime/capi/libonnxruntime.so.1.2.3", "");
  const Environment library("OLIVINE_ORT_LIBRARY", "");
  {
    const Environment chosen("OLIVINE_PYTHON", python.string());
    EXPECT_EQ(find_named("packages beside"), file.string());
  }
  const Environment chosen("OLIVINE_PYTHON", "");
  const Environment path("PATH", "/nowhere:" + (folder / "bin").string());
  EXPECT_EQ(find_named("packages beside"), file.string());
}

TEST(Locate, AsksAnInterpreterForWhatItImports) {
  const TempFolder folder;
  const auto file = folder.write("packages/onnxruntime/capi/libonnxruntime.so.1.2.3", "");
  const auto script = "#!/bin/sh\nprintf 'warning\\n%s\\n' '" + (folder / "packages/onnxruntime").string() + "'\n";
  const auto python = folder.write("python", script);
  std::filesystem::permissions(python, std::filesystem::perms::owner_all);
  const Environment library("OLIVINE_ORT_LIBRARY", "");
  {
    const Environment chosen("OLIVINE_PYTHON", python.string());
    EXPECT_EQ(find_named("imports"), file.string());
  }
  const Environment chosen("OLIVINE_PYTHON", (folder / "absent").string());
  EXPECT_EQ(find_named("imports"), "not there");
}

TEST(Locate, SaysWhatIsWrongWithALibraryThatWasNamed) {
  const TempFolder folder;
  const auto text = folder.write("libonnxruntime.so", "no library");
  // Whichever test comes first loads the library of this process; then another one is refused.
  const std::string problem = error_of([&] { Library::get(text, {}); });
  EXPECT_THAT(problem,
              ::testing::AnyOf(HasSubstr("ONNX Runtime (the path given)"), HasSubstr("was already loaded from")));
}

TEST(Library, IsLoadedOnce) {
  Library& library = Library::get({}, {});
  EXPECT_EQ(&Library::get({}, {}), &library);
  EXPECT_EQ(&Library::get(library.path(), {}), &library);
  EXPECT_EQ(runtime_version(), library.version());
  EXPECT_THAT(error_of([] { Library::get("/other/libonnxruntime.so", {}); }),
              HasSubstr("error[config]: ONNX Runtime was already loaded from"));
}

}  // namespace
}  // namespace olivine::runtime

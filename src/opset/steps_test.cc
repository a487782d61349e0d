#include "opset/steps.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "onnx/onnx.h"

namespace olivine::opset {
namespace {

// Every step at which an operator changed has a row, or is one that the engine takes by itself.
TEST(Steps, TheTableIsComplete) {
  for (const char* domain : {"", "ai.onnx.ml"}) {
    for (const VersionStep& step : version_steps(domain)) {
      EXPECT_NE(step.up.means, Means::missing)
          << step.op_type << " " << step.from << " up to " << step.to << ": " << step.up.text;
      EXPECT_NE(step.down.means, Means::missing)
          << step.op_type << " " << step.to << " down to " << step.from << ": " << step.down.text;
    }
  }
}

TEST(Steps, EveryRowIsOfAStepThatExists) {
  std::set<std::tuple<std::string_view, std::string_view, int, Direction>> seen;
  for (const Adapter& adapter : all_adapters()) {
    const auto schema = onnx::find_standard_schema(adapter.op_type, adapter.domain, adapter.version);
    ASSERT_TRUE(schema.has_value()) << adapter.op_type << " " << adapter.version;
    EXPECT_EQ(schema->since_version(), adapter.version) << adapter.op_type;
    EXPECT_TRUE(seen.emplace(adapter.domain, adapter.op_type, adapter.version, adapter.direction).second)
        << adapter.op_type << " " << adapter.version << " twice";
    EXPECT_FALSE(adapter.summary.empty()) << adapter.op_type;
  }
}

}  // namespace
}  // namespace olivine::opset

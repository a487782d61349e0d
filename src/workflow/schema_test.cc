#include "workflow/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "workflow/keys.h"
#include "workflow/reference.h"
#include "workflow/table.h"

namespace olivine::workflow {
namespace {

using config::Json;
using testing::HasSubstr;

TEST(WorkflowSchema, HasEveryKeyPassOptionAndAlias) {
  const Json schema = workflow_schema();
  EXPECT_EQ(schema["required"].dump(), R"(["input_model"])");
  for (const config::Field& field : top_keys().fields())
    EXPECT_TRUE(schema["properties"].contains(field.name)) << field.name;
  for (const passes::Pass* pass : passes::all_passes()) {
    const Json& definition = schema["definitions"][std::string(pass->name)];
    for (const Json& properties : {definition["properties"], definition["properties"]["config"]["properties"]}) {
      for (const config::Field& field : pass->options().fields()) {
        EXPECT_TRUE(properties.contains(field.name)) << pass->name << " " << field.name;
        EXPECT_FALSE(properties[field.name]["description"].get<std::string>().empty());
        for (const std::string& alias : field.aliases) EXPECT_TRUE(properties.contains(alias)) << alias;
      }
      EXPECT_TRUE(properties.contains("save_as_external_data"));
    }
  }
}

TEST(WorkflowSchema, KeepsTopKeysOutOfEngine) {
  const Json engine = workflow_schema()["properties"]["engine"]["properties"];
  EXPECT_TRUE(engine.contains("output_dir"));
  EXPECT_FALSE(engine.contains("passes"));
  EXPECT_FALSE(engine.contains("engine"));
}

TEST(WorkflowSchema, TakesTypesInAnyLetterCase) {
  const Json schema = workflow_schema();
  const std::string pattern = schema["definitions"]["OnnxFloatToFloat16"]["properties"]["type"]["pattern"];
  EXPECT_TRUE(std::regex_match("onnxfloattofloat16", std::regex(pattern)));
  EXPECT_FALSE(std::regex_match("onnxfloattofloat", std::regex(pattern)));
}

TEST(WorkflowSchema, EveryReferenceResolves) {
  const Json schema = workflow_schema();
  std::function<void(const Json&)> visit = [&](const Json& json) {
    if (json.is_object() && json.contains("$ref")) {
      const std::string target = json["$ref"].get<std::string>().substr(1);
      EXPECT_TRUE(schema.contains(Json::json_pointer(target))) << target;
    }
    for (const Json& item : json) {
      if (item.is_structured()) visit(item);
    }
  };
  visit(schema);
}

TEST(Describe, NamesTypesInWords) {
  using config::Codec;
  EXPECT_EQ(describe_type(Codec<bool>::schema()), "true or false");
  EXPECT_EQ(describe_type(Codec<std::vector<std::string>>::schema()), "list of texts");
  EXPECT_EQ((describe_type(Codec<std::variant<bool, std::vector<std::string>>>::schema())),
            "true or false, or list of texts");
  EXPECT_EQ(describe_type(Codec<std::vector<std::vector<std::int64_t>>>::schema()), "list of list of integers");
  EXPECT_EQ((describe_type(Codec<std::map<std::string, std::int64_t>>::schema())), "object of integers");
  EXPECT_EQ(describe_type(Json{{"type", "string"}, {"enum", {"a", "b"}}}), "one of a, b");
  EXPECT_EQ(describe_range(Json{{"minimum", 0}, {"maximum", 4}}), "0 to 4");
  EXPECT_EQ(describe_range(Json{{"minimum", 0}}), "at least 0");
  EXPECT_EQ(describe_range(Json{{"maximum", 4}}), "at most 4");
}

TEST(Reference, HasAPageForEveryPass) {
  const std::vector<Page> pages = reference_pages();
  EXPECT_EQ(pages.size(), 4 + passes::all_passes().size());
  for (const passes::Pass* pass : passes::all_passes()) {
    const auto page = std::find_if(pages.begin(), pages.end(), [&](const Page& candidate) {
      return candidate.name == "pass-" + std::string(pass->name) + ".md";
    });
    ASSERT_NE(page, pages.end());
    for (const config::Field& field : pass->options().fields())
      EXPECT_THAT(page->text, HasSubstr("`" + field.name + "`"));
  }
}

TEST(Table, PadsColumnsByCharacters) {
  TextTable table({TextTable::Align::left, TextTable::Align::right, TextTable::Align::left});
  table.add({"é", "1", "x"});
  table.add({"abc", "12", ""});
  EXPECT_EQ(table.text("  "), "  é     1  x\n  abc  12\n");
}

TEST(Wrap, BreaksAtBlanks) {
  EXPECT_THAT(wrap("one two three", 7), testing::ElementsAre("one two", "three"));
  EXPECT_THAT(wrap("unbreakable word", 4), testing::ElementsAre("unbreakable", "word"));
  EXPECT_THAT(wrap("", 4), testing::IsEmpty());
}

}  // namespace
}  // namespace olivine::workflow

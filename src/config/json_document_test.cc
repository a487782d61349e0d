#include "config/json_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace olivine::config {
namespace {

std::string failure(std::string text) {
  try {
    JsonDocument::parse(std::move(text), "flow.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::config);
    return error.what();
  }
  return "no error";
}

TEST(JsonDocument, ReadsCommentsAndKeepsTheOrderOfKeys) {
  const auto document =
      JsonDocument::parse("// first\n{\"z\": 1, /* two\nlines */ \"a\": [true, null]} // last", "flow.json");
  EXPECT_EQ(document.root().dump(), R"({"z":1,"a":[true,null]})");
}

TEST(JsonDocument, LeavesCommentMarksInStringsAlone) {
  const auto document = JsonDocument::parse(R"({"a": "x // y", "b/*": "\" // z"})", "flow.json");
  EXPECT_EQ(document.root()["a"], "x // y");
  EXPECT_EQ(document.root()["b/*"], "\" // z");
}

TEST(JsonDocument, AcceptsAByteOrderMark) {
  EXPECT_EQ(JsonDocument::parse("\xEF\xBB\xBF{\"a\": 1}", "flow.json").root()["a"], 1);
}

TEST(JsonDocument, LocatesKeysAndItems) {
  const auto document = JsonDocument::parse("{\n  \"a\": {\"b\":\n    [1,\n     {\"c/d~\": 2}]}\n}", "flow.json");
  const auto expect = [&](std::string_view pointer, std::size_t line, std::size_t column) {
    const Location location = document.locate(pointer);
    EXPECT_EQ(location.line, line) << pointer;
    EXPECT_EQ(location.column, column) << pointer;
  };
  expect("", 1, 1);
  expect("/a", 2, 3);
  expect("/a/b", 2, 9);
  expect("/a/b/0", 3, 6);
  expect("/a/b/1", 4, 6);
  expect("/a/b/1/c~1d~0", 4, 7);
  expect("/a/nothing/here", 2, 3);
  expect("/a/b/7", 2, 9);
}

TEST(JsonDocument, CountsCharactersNotBytes) {
  const auto document = JsonDocument::parse("{\"ä€\": [1, 2]}", "flow.json");
  EXPECT_EQ(document.locate("/ä€/1").column, 12u);
}

TEST(JsonDocument, PutsTheLineAndThePathBeforeAProblem) {
  const auto document = JsonDocument::parse("{\"passes\": {\n\"fp16\": {\n\"keep_io_type\": 1}}}", "flow.json");
  ErrorList errors;
  document.report("/passes/fp16", {{"/keep_io_type", "unknown option", "did you mean keep_io_types?"}}, errors);
  EXPECT_STREQ(errors.errors().front().what(),
               "error[config]: flow.json:3 /passes/fp16/keep_io_type: unknown option; did you mean keep_io_types?");
}

TEST(JsonDocument, EscapesKeysInPaths) {
  const auto document = JsonDocument::parse("{\"a/b\":\n {\"~\": 1}}", "flow.json");
  ErrorList errors;
  document.report("/a~1b", {{"/~", "wrong", ""}}, errors);
  EXPECT_STREQ(errors.errors().front().what(), "error[config]: flow.json:2 /a~1b/~0: wrong");
}

TEST(JsonDocument, ListsEveryKeyThatIsGivenTwice) {
  EXPECT_EQ(failure("{\"a\": 1,\n\"b\": {\"c\": 1,\n\"c\": 2},\n\"a\": 3}"),
            "error[config]: 2 problems\n"
            "  flow.json:3 /b/c: given twice, first in line 2; drop one\n"
            "  flow.json:4 /a: given twice, first in line 1; drop one");
}

TEST(JsonDocument, PointsAtSyntaxErrors) {
  EXPECT_EQ(failure("{\n  \"a\": 1\n  \"b\": 2\n}"),
            "error[config]: flow.json:3:3: expected ',' or '}'\n"
            "  3 |   \"b\": 2\n"
            "    |   ^");
  EXPECT_EQ(failure("{\n\t\"a\": tru\n}"),
            "error[config]: flow.json:2:7: 'tru' is no JSON value\n"
            "  2 | \t\"a\": tru\n"
            "    | \t     ^");
}

TEST(JsonDocument, SaysWhatIsWrongInTheWordsOfTheCase) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "1:1: the document is empty"},
      {" // only\n", "the document is empty"},
      {"{\"a\": 1,}", "1:8: a comma before the closing '}': drop it"},
      {"[1, 2, ]", "1:6: a comma before the closing ']': drop it"},
      {"{'a': 1}", "1:2: expected a key in double quotes"},
      {"{\"a\": 'b'}", "1:7: strings stand in double quotes"},
      {"{\"a\" 1}", "1:6: expected ':' after the key"},
      {"{\"a\": }", "1:7: expected a value"},
      {"{\"a\": True}", "1:7: 'True' is no JSON value: write true"},
      {"{\"a\": None}", "'None' is no JSON value: write null"},
      {"{\"a\": NaN}", "'NaN' is no JSON value"},
      {"{\"a\": 01}", "'01' is no JSON value"},
      {"{\"a\": [1, 2}", "1:12: expected ',' or ']'"},
      {"{\"a\": {\"b\": 1", "1:7: this '{' has no '}': the text ends before"},
      {"[1, 2", "1:1: this '[' has no ']': the text ends before"},
      {"{\"a\": \"b\n\"}", "1:7: this string is not closed in its line"},
      {"{\"a\": \"b", "1:7: this string is not closed in its line"},
      {"{\"a\": \"C:\\models\"}", "this string has an escape that JSON doesn't know"},
      {"{\"a\": \"\x01\"}", "this string holds bytes that JSON doesn't allow"},
      {"{\"a\": \"\xFF\"}", "this string holds bytes that JSON doesn't allow"},
      {"{} /* open", "1:4: the comment that begins here is not closed"},
      {"{} {}", "1:4: something follows the end of the document"},
      {"{\"a\":", "1:1: this '{' has no '}'"},
      {"{\"a", "this string is not closed in its line"},
  };
  for (const auto& [text, expected] : cases) EXPECT_THAT(failure(text), testing::HasSubstr(expected)) << text;
}

TEST(JsonDocument, LimitsTheNesting) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(failure(nested(JsonDocument::kDepthLimit)), "no error");
  EXPECT_THAT(failure(nested(JsonDocument::kDepthLimit + 1)), testing::HasSubstr("more than 128 levels of nesting"));
  EXPECT_THAT(failure(std::string(1000000, '[')), testing::HasSubstr("more than 128 levels of nesting"));
}

TEST(JsonDocument, AcceptsWhatNlohmannAcceptsAndNothingElse) {
  const std::string original =
      R"({"a": [1, 2.5e3, {"b": "x\n\u00e9", "c": null}], // d
         "e": {"f": true, "g": [[], {}]}, /* h */ "i": -3})";
  const std::string alphabet = "{}[]\",:\\/*0123 \n\ttruefalsn\xff\xc3";
  std::mt19937 random(1);
  const auto mutated = [&] {
    std::string text = original;
    for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
      const std::size_t place = random() % (text.size() + 1);
      const char letter = alphabet[random() % alphabet.size()];
      if (random() % 2 == 0) {
        text.insert(place, 1, letter);
      } else {
        text.erase(place, 1 + random() % 3);
      }
    }
    return text;
  };
  for (int i = 0; i < 5000; ++i) {
    const std::string text = mutated();
    const std::string message = failure(text);
    if (message.find("given twice") != std::string::npos) continue;
    EXPECT_EQ(message == "no error", Json::accept(text, true)) << text << '\n' << message;
  }
}

TEST(JsonDocument, CutsALongLineAroundTheCaret) {
  const std::string message = failure("[" + std::string(5000, ' ') + "x" + std::string(5000, ' ') + "]");
  EXPECT_THAT(message, testing::HasSubstr("1:5002: 'x' is no JSON value"));
  EXPECT_LT(message.size(), 400u);
}

}  // namespace
}  // namespace olivine::config

#include "opset/adapters/families.h"

/// Operators on strings. Before they existed nothing looked into a string: they have no equal.
namespace olivine::opset {
namespace {

constexpr Adapter kAdapters[] = {
    impossible_down("TfIdfVectorizer", 9, "before opset 9 nothing counts n-grams"),
    impossible_down("StringNormalizer", 10, "before opset 10 nothing changes the case of strings or drops words"),
    impossible_down("StringConcat", 20, "before opset 20 nothing joins strings"),
    impossible_down("StringSplit", 20, "before opset 20 nothing takes strings apart"),
    impossible_down("RegexFullMatch", 20, "before opset 20 nothing matches strings with a pattern"),
};

}  // namespace

std::span<const Adapter> string_adapters() { return kAdapters; }

}  // namespace olivine::opset

#include "opset/adapters/families.h"

/// Cast and CastLike.
namespace olivine::opset {
namespace {

bool is_float8(DataType dtype) {
  return dtype == DataType::float8e4m3fn || dtype == DataType::float8e4m3fnuz || dtype == DataType::float8e5m2 ||
         dtype == DataType::float8e5m2fnuz;
}

// Names of types, as opset 1 writes `to`.
void type_by_number(Step& s) {
  const std::string name = s.string("to");
  const auto dtype = parse_data_type(name);
  if (!dtype) s.refuse("'" + name + "' is no type");
  s.node().set("to", static_cast<std::int64_t>(*dtype));
}

// `round_mode` speaks of casts to float8e8m0 alone.
void without_round_mode(Step& s) {
  const ir::Value* result = s.node().output(0);
  if (result == nullptr) return;
  if (s.dtype(result) == DataType::float8e8m0) s.refuse("float8e8m0 is new in opset 24");
  s.node().remove("round_mode");
}

// `saturate` speaks of casts to the other float8 types.
void without_saturate(Step& s) {
  const ir::Value* result = s.node().output(0);
  if (result == nullptr) return;
  if (is_float8(s.dtype(result))) s.refuse("float8 types are new in opset 19");
  s.node().remove("saturate");
}

// What a Cast to a type alone is.
void cast_like(Step& s) { s.replace({s.cast(s.input(0), s.dtype(s.input(1)))}); }

constexpr std::string_view kRounding = "round_mode goes where the type is not float8e8m0";
constexpr std::string_view kSaturate = "saturate goes where the type is no float8";

constexpr Adapter kAdapters[] = {
    up("Cast", 6, &type_by_number, "the type's name becomes its number"),
    down("Cast", 24, &without_round_mode, kRounding),
    down("Cast", 19, &without_saturate, kSaturate),
    down("CastLike", 24, &without_round_mode, kRounding),
    down("CastLike", 19, &without_saturate, kSaturate),
    down("CastLike", 15, &cast_like, "a Cast to the type of the second input"),
};

}  // namespace

std::span<const Adapter> cast_adapters() { return kAdapters; }

}  // namespace olivine::opset

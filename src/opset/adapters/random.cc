#include "opset/adapters/families.h"
#include "opset/blocks.h"

/// Dropout and random numbers.
namespace olivine::opset {
namespace {

// ---- Dropout

/// A mask of one value for all elements.
ir::Value* whole_mask(Step& s, bool kept) {
  ir::Value* element = s.cast(s.integer_scalar(kept ? 1 : 0), DataType::boolean);
  return s.emit("Expand", {element, s.shape(s.input(0))});
}

void without_is_test(Step& s) { s.node().remove("is_test"); }

/// A mask that nobody uses goes.
bool has_mask(Step& s) {
  if (s.used_output(1) != nullptr) return true;
  if (s.node().output_count() > 1) s.node().remove_output(1);
  return false;
}

// The mask becomes bool.
void mask_up(Step& s) {
  if (!has_mask(s)) return;
  const ir::Value* mask = s.node().output(1);
  const Values made = s.emit_many("Dropout", {s.input(0)}, 2, {{"ratio", s.floating("ratio")}});
  s.replace({made[0], s.cast(made[1], s.dtype(mask))});
}

void mask_down(Step& s) {
  if (!has_mask(s)) return;
  const Values made = s.emit_many("Dropout", {s.input(0)}, 2, {{"ratio", s.floating("ratio")}});
  // Its type is that of the data, which inference does not tell.
  made[1]->type = s.input(0)->type;
  s.replace({made[0], s.cast(made[1], DataType::boolean)});
}

// Up to opset 11 a model does not say whether it is trained: it is not, and then the runtime's mask is false.
void ratio_up(Step& s) {
  ir::Value* ratio = s.has("ratio") ? s.number(s.floating("ratio"), DataType::float32) : nullptr;
  if (has_mask(s)) return s.replace({s.emit("Dropout", {s.input(0), ratio}), whole_mask(s, false)});
  s.node().remove("ratio");
  if (ratio != nullptr) s.node().set_input(1, ratio);
}

/// What is known of the training mode: false where it is left out.
std::optional<bool> find_mode(Step& s) {
  if (s.input(2) == nullptr) return false;
  const auto mode = s.find_ints(s.input(2));
  return mode && mode->size() == 1 ? std::optional(mode->front() != 0) : std::nullopt;
}

// In training each element stays with probability 1 - ratio and is divided by that; else all stay as they are.
void with_random_mask(Step& s, bool always) {
  ir::Value* x = s.input(0);
  const DataType dtype = s.dtype(x);
  ir::Value* ratio = s.input(1) != nullptr ? s.cast(s.input(1), DataType::float32) : s.number(0.5, DataType::float32);
  Attrs attributes = {{"dtype", DataType::float32}};
  if (s.has("seed")) attributes.emplace_back("seed", static_cast<float>(s.integer("seed")));
  ir::Value* kept = s.emit("Not", {s.emit("Less", {s.emit("RandomUniformLike", {x}, attributes), ratio})});
  ir::Value* one = s.number(1, DataType::float32);
  ir::Value* rest = s.emit("Sub", {one, ratio});
  if (!always) {
    kept = s.emit("Or", {kept, s.emit("Not", {s.input(2)})});
    rest = s.emit("Where", {s.input(2), rest, one});
  }
  ir::Value* thinned = s.emit("Mul", {x, s.cast(kept, dtype)});
  s.replace({s.emit("Div", {thinned, s.cast(rest, dtype)}), kept});
}

void ratio_down(Step& s) {
  const auto mode = find_mode(s);
  const auto ratio = s.input(1) != nullptr ? s.find_number(s.input(1)) : 0.5;
  if (mode != false && ratio != 0) return with_random_mask(s, mode == true);
  Attrs attributes;
  if (s.input(1) != nullptr && ratio) attributes.emplace_back("ratio", static_cast<float>(*ratio));
  s.replace({s.emit("Dropout", {s.input(0)}, attributes), s.used_output(1) != nullptr ? whole_mask(s, true) : nullptr});
}

// ---- Random numbers

// bfloat16 numbers are float32 ones, rounded.
void rounded_down(Step& s) {
  const ir::Value* output = s.node().output(0);
  if (s.dtype(output) != DataType::bfloat16) return;
  s.node().set("dtype", static_cast<std::int64_t>(DataType::float32));
  Values inputs(s.node().inputs().begin(), s.node().inputs().end());
  s.replace({s.cast(s.emit_same(inputs).front(), DataType::bfloat16)});
}

constexpr std::string_view kRounded = "bfloat16 numbers are made as float32";

constexpr Adapter kAdapters[] = {
    up("Dropout", 6, &drop_consumed_inputs, "consumed_inputs said nothing about the result"),
    up("Dropout", 7, &without_is_test, "elements are dropped in training only, of which a model says nothing"),
    up("Dropout", 10, &mask_up, "the mask becomes bool"),
    down("Dropout", 10, &mask_down, "the mask has the type of the data"),
    up("Dropout", 12, &ratio_up, "the ratio becomes an input, and nothing is dropped unless training is asked for"),
    down("Dropout", 12, &ratio_down, "the ratio becomes an attribute; in training a random mask is multiplied"),
    down("RandomNormal", 22, &rounded_down, kRounded),
    down("RandomNormalLike", 22, &rounded_down, kRounded),
    down("RandomUniform", 22, &rounded_down, kRounded),
    down("RandomUniformLike", 22, &rounded_down, kRounded),
};

}  // namespace

std::span<const Adapter> random_adapters() { return kAdapters; }

}  // namespace olivine::opset

#include "opset/adapters/families.h"
#include "opset/blocks.h"

/// Elements in other places, or in none: blocks, triangles, choices.
namespace olivine::opset {
namespace {

// ---- DepthToSpace, SpaceToDepth

ir::Value* divided(Step& s, ir::Value* size, std::int64_t by) { return s.emit("Div", {size, s.ints({by})}); }
ir::Value* multiplied(Step& s, ir::Value* size, std::int64_t by) { return s.emit("Mul", {size, s.ints({by})}); }

/// Reshape, Transpose, Reshape. The first dimension stays.
ir::Value* rearranged(Step& s, Values blocks, const Ints& order, Values result) {
  blocks.insert(blocks.begin(), s.ints({0}));
  result.insert(result.begin(), s.ints({0}));
  ir::Value* split = s.emit("Reshape", {s.input(0), joined(s, std::move(blocks))});
  return s.emit("Reshape", {s.transpose(split, order), joined(s, std::move(result))});
}

// Mode CRD: [N, C * b * b, H, W] -> [N, C, b, b, H, W] -> [N, C, H, b, W, b] -> [N, C, H * b, W * b]
void depth_to_space_down(Step& s) {
  if (s.string("mode") == "DCR") return s.node().remove("mode");
  const std::int64_t block = s.integer("blocksize");
  ir::Value* b = s.ints({block});
  ir::Value* depth = divided(s, s.size(s.input(0), 1), block * block);
  ir::Value* height = s.size(s.input(0), 2);
  ir::Value* width = s.size(s.input(0), 3);
  s.replace({rearranged(s, {depth, b, b, height, width}, {0, 1, 4, 2, 5, 3},
                        {depth, multiplied(s, height, block), multiplied(s, width, block)})});
}

// Mode CRD: [N, C, H * b, W * b] -> [N, C, H, b, W, b] -> [N, C, b, b, H, W] -> [N, C * b * b, H, W]
void space_to_depth_down(Step& s) {
  if (s.string("mode") == "DCR") return s.node().remove("mode");
  const std::int64_t block = s.integer("blocksize");
  ir::Value* b = s.ints({block});
  ir::Value* depth = s.size(s.input(0), 1);
  ir::Value* height = divided(s, s.size(s.input(0), 2), block);
  ir::Value* width = divided(s, s.size(s.input(0), 3), block);
  s.replace({rearranged(s, {depth, height, b, width, b}, {0, 1, 3, 5, 2, 4},
                        {multiplied(s, depth, block * block), height, width})});
}

// ---- Trilu, Where, EyeLike

// Upper: what stands left of the k-th diagonal, column < row + k, becomes 0. Lower: row + k < column.
void trilu_down(Step& s) {
  ir::Value* x = s.input(0);
  ir::Value* rows = s.reshape(s.range(s.size(x, -2)), {-1, 1});
  ir::Value* columns = s.range(s.size(x, -1));
  if (s.input(1) != nullptr) rows = s.emit("Add", {rows, s.reshape(s.input(1), {1, 1})});
  ir::Value* zeroed = s.integer("upper") != 0 ? s.emit("Less", {columns, rows}) : s.emit("Less", {rows, columns});
  if (s.dtype(x) == DataType::boolean) return s.replace_by("And", {x, s.emit("Not", {zeroed})});
  s.replace({s.where(zeroed, s.number_like(0, x), x)});
}

// Below opset 9: Where(c, a, b) -> Gather([b …, a …], c * n + [0, n)), both spread to the n elements of the result
void where_down(Step& s) {
  const auto dims = s.find_dims(s.node().output(0));
  if (!dims) s.refuse("before opset 9 nothing chooses between tensors whose shapes are not known");
  std::int64_t count = 1;
  for (const std::int64_t dim : *dims) count *= dim;
  const auto spread = [&](ir::Value* value) { return s.emit("Expand", {value, s.ints(*dims)}); };
  const auto flat = [&](std::size_t index) { return s.reshape(spread(s.input(index)), {-1}); };
  Ints places(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) places[static_cast<std::size_t>(i)] = i;
  ir::Value* first = s.reshape(s.ints(places), *dims);
  ir::Value* chosen = s.cast(spread(s.input(0)), DataType::int64);
  ir::Value* indices = s.emit("Add", {s.emit("Mul", {chosen, s.ints({count})}), first});
  s.replace_by("Gather", {s.concat({flat(2), flat(1)}, 0), indices}, {{"axis", 0}});
}

/// Above this a matrix is not written into the model.
constexpr std::int64_t kLargestMatrix = 1 << 20;

void eye_like_down(Step& s) {
  const auto dims = s.find_dims(s.input(0));
  if (!dims || (*dims)[0] * (*dims)[1] > kLargestMatrix)
    s.refuse("before opset 9 its matrix is a constant of known size");
  std::vector<double> elements;
  for (std::int64_t row = 0; row < (*dims)[0]; ++row) {
    for (std::int64_t column = 0; column < (*dims)[1]; ++column) {
      elements.push_back(column == row + s.integer("k") ? 1 : 0);
    }
  }
  const DataType dtype = s.has("dtype") ? static_cast<DataType>(s.integer("dtype")) : s.dtype(s.input(0));
  s.replace({s.reals(elements, *dims, dtype)});
}

constexpr std::string_view kBlocks = "mode CRD becomes Reshape, Transpose and Reshape";
constexpr std::string_view kNowFunction = "it is now defined by other operators, alike";

constexpr Adapter kAdapters[] = {
    down("DepthToSpace", 11, &depth_to_space_down, kBlocks),
    same_up("DepthToSpace", 28, kNowFunction),
    same_down("DepthToSpace", 28, kNowFunction),
    down("SpaceToDepth", 28, &space_to_depth_down, kBlocks),
    down("Trilu", 14, &trilu_down, "rows and columns are compared"),
    down("Where", 9, &where_down, "chosen by a Gather"),
    down("EyeLike", 9, &eye_like_down, "a constant"),
};

}  // namespace

std::span<const Adapter> arranging_adapters() { return kAdapters; }

}  // namespace olivine::opset

#include <array>

#include "torch/aten/families.h"
#include "torch/aten/spatial.h"

/// Sampling of images at the places of a grid.
namespace olivine::torch {
namespace {

template <std::size_t count>
const char* named(Call& c, std::string_view argument, const std::array<const char*, count>& names) {
  const std::int64_t number = c.integer(argument, 0);
  if (number < 0 || number >= static_cast<std::int64_t>(count)) c.refuse("its mode is not known");
  return names[static_cast<std::size_t>(number)];
}

ir::Value* grid_sampler(Call& c) {
  static constexpr std::array kModes = {"linear", "nearest", "cubic"};
  static constexpr std::array kPaddings = {"zeros", "border", "reflection"};
  ir::Value* given = c.tensor("input");
  ir::Value* result = c.emit("GridSample", {carried(c, given), carried(c, c.tensor("grid"))},
                             {{"mode", named(c, "interpolation_mode", kModes)},
                              {"padding_mode", named(c, "padding_mode", kPaddings)},
                              {"align_corners", c.flag("align_corners", false) ? 1 : 0}});
  return c.cast(result, c.dtype(given));
}

ir::Value* affine_grid(Call& c) {
  ir::Value* theta = c.tensor("theta");
  ir::Value* grid = c.emit("AffineGrid", {carried(c, theta), c.sizes_argument("size")},
                           {{"align_corners", c.flag("align_corners", false) ? 1 : 0}});
  return c.cast(grid, c.dtype(theta));
}

constexpr std::array kOps = {
    op("aten.grid_sampler.default", grid_sampler),
    op("aten.grid_sampler_2d.default", grid_sampler),
    op("aten.grid_sampler_3d.default", grid_sampler),
    op("aten._grid_sampler_2d_cpu_fallback.default", grid_sampler),
    op("aten.affine_grid_generator.default", affine_grid),
};

}  // namespace

Ops sampling_ops() { return kOps; }

}  // namespace olivine::torch

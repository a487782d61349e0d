#include <algorithm>
#include <array>

#include "torch/aten/families.h"
#include "torch/aten/spatial.h"

/// Operators of torchvision.
namespace olivine::torch {
namespace {

/// Boxes are [x, y, x, y] there and [y, x, y, x] in ONNX: what they overlap is the same.
ir::Value* non_maximum_suppression(Call& c) {
  ir::Value* given = c.tensor("dets");
  ir::Value* boxes = c.unsqueeze(c.cast(given, DataType::float32), {0});
  ir::Value* scores = c.unsqueeze(c.cast(c.tensor("scores"), DataType::float32), {0, 1});
  ir::Value* threshold = c.reshape(c.number(c.real("iou_threshold", 0), DataType::float32), {1});
  ir::Value* chosen = c.emit("NonMaxSuppression", {boxes, scores, c.size(given, 0), threshold});
  return c.squeeze(c.slice(chosen, 1, 2, 3), {1});
}

ir::Value* roi_align(Call& c) {
  ir::Value* given = c.tensor("input");
  ir::Value* rois = carried(c, c.tensor("rois"));
  ir::Value* batches = c.cast(c.squeeze(c.slice(rois, 1, 0, 1), {1}), DataType::int64);
  ir::Value* result =
      c.emit("RoiAlign", {carried(c, given), c.slice(rois, 1, 1, 5), batches},
             {{"coordinate_transformation_mode", c.flag("aligned", false) ? "half_pixel" : "output_half_pixel"},
              {"spatial_scale", static_cast<float>(c.real("spatial_scale", 1))},
              {"output_height", c.integer("pooled_height")},
              {"output_width", c.integer("pooled_width")},
              {"sampling_ratio", std::max<std::int64_t>(c.integer("sampling_ratio", -1), 0)}});
  return c.cast(result, c.dtype(given));
}

ir::Value* deformable_convolution(Call& c) {
  ir::Value* given = c.tensor("input");
  const std::int64_t rows = c.integer("pad_h");
  const std::int64_t columns = c.integer("pad_w");
  ir::Value* mask = c.flag("use_mask", false) ? carried(c, c.tensor("mask")) : nullptr;
  Values inputs = {carried(c, given), carried(c, c.tensor("weight")), carried(c, c.tensor("offset")),
                   carried(c, c.find_tensor("bias")), mask};
  ir::Value* result = c.emit("DeformConv", inputs,
                             {{"strides", Ints{c.integer("stride_h"), c.integer("stride_w")}},
                              {"pads", Ints{rows, columns, rows, columns}},
                              {"dilations", Ints{c.integer("dilation_h"), c.integer("dilation_w")}},
                              {"group", c.integer("groups")},
                              {"offset_group", c.integer("offset_groups")}});
  return c.cast(result, c.dtype(given));
}

constexpr std::array kOps = {
    op("torchvision.nms.default", non_maximum_suppression),
    op("torchvision.roi_align.default", roi_align),
    op("torchvision.deform_conv2d.default", deformable_convolution),
};

}  // namespace

Ops vision_ops() { return kOps; }

}  // namespace olivine::torch

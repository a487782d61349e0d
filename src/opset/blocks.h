#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "opset/step.h"

/// Computations on shapes, axes and indices that adapters of several families are made of. They run when the model
/// does; whatever is known becomes a constant at once.
namespace olivine::opset {

/// A tensor of `dims` (int64[rank]) whose elements are all `value`.
ir::Value* filled(Step& s, ir::Value* dims, double value, DataType dtype);
/// @name Of integers, elementwise: Min and Max take floats alone below opset 12.
/// @{
ir::Value* smaller(Step& s, ir::Value* a, ir::Value* b);
ir::Value* larger(Step& s, ir::Value* a, ir::Value* b);
/// @}
/// Indices that count from the end, where negative, count from the start of a dimension of `size`.
ir::Value* from_start(Step& s, ir::Value* indices, ir::Value* size);
/// The numbers [begin, end) of a vector, by position.
ir::Value* part(Step& s, ir::Value* vector, std::int64_t begin, std::int64_t end);
/// One element, or slice, along `axis`, which stays as a dimension of 1.
ir::Value* element(Step& s, ir::Value* list, std::int64_t index, std::int64_t axis = 0);
/// As int64.
inline ir::Value* wide(Step& s, ir::Value* value) { return s.cast(value, DataType::int64); }
/// One vector of several; of one, itself.
ir::Value* joined(Step& s, Values vectors);
/// The rank as int64[1].
ir::Value* rank_value(Step& s, ir::Value* value);
/// bool[rank]: whether an axis is among `axes` (int64[k], possibly negative).
ir::Value* among_axes(Step& s, ir::Value* axes, ir::Value* rank);
/// Number of all elements along the dimensions whose numbers are in `dims`, as int64[1].
ir::Value* product(Step& s, ir::Value* dims);
/// Whether a tensor may have no elements, for all that is known.
bool may_be_empty(Step& s, const ir::Value* value);
/// Reshape to exactly `dims`, where a 0 stands for a dimension without elements.
ir::Value* reshape_to(Step& s, ir::Value* value, ir::Value* dims);
/// Tells the rank of a value that inference does not know it of: ONNX Runtime runs no Scan without.
ir::Value* of_rank(ir::Value* value, std::int64_t rank);
/// `vector` along dimension `axis` of a tensor of `rank` dimensions.
ir::Value* along(Step& s, ir::Value* vector, std::int64_t axis, std::int64_t rank);
/// The axis or axes in an attribute that count from the end of `ranked` (`more` dimensions added) are counted from the
/// start: many operators of opset 10 and below know no others. Refuses where the rank is needed and not known.
void count_from_start(Step& s, std::string_view attribute, const ir::Value* ranked, std::int64_t more = 0);
/// The same as an adapter, for the attribute `axis` of an operator of its first input.
void axis_from_start(Step& s);

/// `consumed_inputs` of opset 1 was an optimization's hint that no runtime read.
void drop_consumed_inputs(Step& s);

/// A graph for an attribute. Inner nodes may use every value that the node may use.
class Body {
 public:
  explicit Body(Step& s);
  ir::Value* input(DataType dtype, std::optional<ir::Shape> shape);
  ir::Value* emit(std::string op_type, Values inputs, const Attrs& attributes = {});
  /// ONNX Runtime asks for the types of a Scan's outputs, which it does not always infer.
  void output(ir::Value* value, const ir::Type& type);
  std::unique_ptr<ir::Graph> take() { return std::move(graph_); }

 private:
  Step& step_;
  std::unique_ptr<ir::Graph> graph_;
};

/// Scan over dimension `axis` of `sequences` with one state. `fill` gets the body, its state and the slices, and
/// returns the next state and, for `outputs`, a slice of each.
struct ScanPlan {
  ir::Value* state;
  Values sequences;
  std::int64_t axis = 0;
  bool backwards = false;
  std::size_t outputs = 0;  ///< stacked along `axis`; their slices have the type of those of the first sequence
};
Values emit_scan(Step& s, const ScanPlan& plan, const std::function<Values(Body&, ir::Value*, const Values&)>& fill);

}  // namespace olivine::opset

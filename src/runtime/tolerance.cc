#include "runtime/tolerance.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace olivine::runtime {
namespace {

/// From precise to coarse. A sum of some hundred products in a type errs by some ten units in its last place, and a
/// network by as much relative to the size of its layers' values: about 20 units of rounding are allowed, where a unit
/// is 2^-11 for float16; less for wide types, whose results depend on little else than the order of summation.
struct DefaultLimits {
  DataType dtype;
  double absolute;
  double relative;
};
constexpr DefaultLimits kDefaults[] = {
    {DataType::float64, 1e-8, 1e-6},    {DataType::float32, 1e-4, 1e-3},      {DataType::float16, 1e-2, 1e-2},
    {DataType::bfloat16, 8e-2, 8e-2},   {DataType::float8e4m3fn, 0.25, 0.25}, {DataType::float8e4m3fnuz, 0.25, 0.25},
    {DataType::float6e2m3, 0.25, 0.25}, {DataType::float8e5m2, 0.5, 0.5},     {DataType::float8e5m2fnuz, 0.5, 0.5},
    {DataType::float6e3m2, 0.5, 0.5},   {DataType::float4e2m1, 1, 0.5},       {DataType::float8e8m0, 1, 0.5},
};

const DefaultLimits* row_of(DataType dtype) {
  const auto* const row = std::find_if(std::begin(kDefaults), std::end(kDefaults),
                                       [&](const DefaultLimits& limits) { return limits.dtype == dtype; });
  return row == std::end(kDefaults) ? nullptr : row;
}

/// The coarser of two types; `undefined` yields.
DataType coarser(DataType a, DataType b) {
  const auto* const row_a = row_of(a);
  const auto* const row_b = row_of(b);
  if (row_a == nullptr || row_b == nullptr) return row_a == nullptr ? (row_b == nullptr ? DataType::undefined : b) : a;
  return row_a < row_b ? b : a;
}

DataType dtype_of(const ir::Value& value) {
  if (const auto* const tensor = value.initializer()) return tensor->dtype();
  if (const auto* const sparse = value.sparse_initializer()) return sparse->values.tensor.dtype();
  return ir::element_type(value.type);
}

/// Attributes that name an element type: Cast's `to`, RandomNormal's and EyeLike's `dtype` …
DataType named_dtype(const ir::Attribute& attribute) {
  if (attribute.name != "to" && attribute.name != "dtype" && attribute.name != "output_dtype")
    return DataType::undefined;
  const auto* const number = std::get_if<std::int64_t>(&attribute.value);
  const DataTypeInfo* const info = number == nullptr ? nullptr : find_data_type(static_cast<std::int32_t>(*number));
  return info == nullptr ? DataType::undefined : info->dtype;
}

/// By the name that a comparison gives a type: integers, bool and strings.
bool is_exact(const std::string& name) {
  const auto dtype = parse_data_type(name);
  return dtype && (is_integer(*dtype) || *dtype == DataType::boolean || *dtype == DataType::string);
}

}  // namespace

double Limits::absolute_for(double root_mean_square, double peak) const {
  if (!scaled) return absolute;
  constexpr double kSmallest = 0.01;
  const double size = peak < 1 ? std::max(peak, kSmallest) : std::max(root_mean_square, 1.0);
  return absolute * size;
}

DataType narrowest_float(const ir::Model& model) {
  DataType narrowest = DataType::undefined;
  const auto note = [&](DataType dtype) { narrowest = coarser(narrowest, dtype); };
  ir::for_each_graph(model, [&](const ir::Graph& graph) {
    for (const ir::Value* const value : graph.inputs()) note(dtype_of(*value));
    for (const ir::Value* const value : graph.initializers()) note(dtype_of(*value));
    for (const ir::Node& node : graph.nodes()) {
      for (const auto& output : node.outputs()) {
        if (output) note(dtype_of(*output));
      }
      for (const ir::Attribute& attribute : node.attributes()) {
        note(named_dtype(attribute));
        if (const auto* const named = std::get_if<ir::NamedTensor>(&attribute.value)) note(named->tensor.dtype());
      }
    }
  });
  return narrowest;
}

Limits limits_for(const ir::Model& a, const ir::Model& b, const Tolerance& tolerance) {
  const auto* row = row_of(coarser(narrowest_float(a), narrowest_float(b)));
  if (row == nullptr) row = row_of(DataType::float32);
  Limits limits;
  limits.absolute = tolerance.absolute.value_or(row->absolute);
  limits.relative = tolerance.relative.value_or(row->relative);
  limits.scaled = !tolerance.absolute;
  limits.mismatch_fraction = tolerance.mismatch_fraction;
  return limits;
}

bool mismatches_allowed(const OutputComparison& compared, const ir::Value& value, const Limits& limits) {
  constexpr double kChosenAmongFloats = 0.01;
  if (!compared.problem.empty()) return false;
  double fraction = 0;
  if (limits.mismatch_fraction) {
    fraction = *limits.mismatch_fraction;
  } else if (!is_exact(compared.dtype_a) || !is_exact(compared.dtype_b)) {
    fraction = limits.scaled && compared.far_mismatches == 0 ? kOutliers : 0;
  } else if (derives_from_floats(value)) {
    fraction = kChosenAmongFloats;
  }
  return static_cast<double>(compared.mismatches) <= fraction * static_cast<double>(compared.elements);
}

bool derives_from_floats(const ir::Value& output) {
  constexpr std::string_view kShapesOnly[] = {"Shape", "Size"};
  std::unordered_set<const ir::Value*> seen = {&output};
  std::vector<const ir::Value*> waiting = {&output};
  const auto visit = [&](const ir::Value* value) {
    if (value != nullptr && seen.insert(value).second) waiting.push_back(value);
  };
  while (!waiting.empty()) {
    const ir::Value& value = *waiting.back();
    waiting.pop_back();
    if (is_float(dtype_of(value))) return true;
    const ir::Node* const node = value.producer();
    if (node == nullptr) continue;
    if (node->domain.empty() &&
        std::find(std::begin(kShapesOnly), std::end(kShapesOnly), node->op_type) != std::end(kShapesOnly)) {
      continue;
    }
    for (const ir::Value* const input : node->inputs()) visit(input);
    for (ir::Graph* const subgraph : node->subgraphs()) {
      for (const ir::Value* const result : subgraph->outputs()) visit(result);
    }
  }
  return false;
}

}  // namespace olivine::runtime

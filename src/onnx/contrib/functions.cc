#include "onnx/contrib/functions.h"

#include <onnx/defs/tensor_proto_util.h>

#include <cmath>
#include <utility>
#include <vector>

#include "onnx/contrib/registry.h"

namespace olivine::onnx::contrib {
namespace {

Dim known(std::int64_t value) {
  Dim dim;
  dim.set_dim_value(value);
  return dim;
}

Shape part(const Shape& shape, int first, int last) {
  Shape result;
  for (int i = first; i < last; ++i) *result.add_dim() = shape.dim(i);
  return result;
}

void append(Shape& shape, const Shape& other) {
  for (const Dim& dim : other.dim()) *shape.add_dim() = dim;
}

std::vector<std::int64_t> integers(const Context& context, const char* attribute) {
  const ::onnx::AttributeProto* proto = context.node.getAttribute(attribute);
  if (proto == nullptr) return {};
  return {proto->ints().begin(), proto->ints().end()};
}

/// An axis counted from the front; nothing when it is out of range.
std::optional<int> axis_of(std::optional<std::int64_t> axis, int rank) {
  if (axis && *axis < 0) *axis += rank;
  if (!axis || *axis < 0 || *axis >= rank) return std::nullopt;
  return static_cast<int>(*axis);
}

/// numpy's matmul: a vector is a row on the left, a column on the right, and leaves no size behind.
Shape product_of(const Shape& left, const Shape& right) {
  const int rank_left = left.dim_size();
  const int rank_right = right.dim_size();
  Shape result;
  if (rank_left > 1 || rank_right > 1) {
    ::onnx::bidirectionalBroadcastShapeInference(part(left, 0, rank_left - 2), part(right, 0, rank_right - 2), result);
  }
  if (rank_left > 1) *result.add_dim() = left.dim(rank_left - 2);
  if (rank_right > 1) *result.add_dim() = right.dim(rank_right - 1);
  return result;
}

/// The operand as MatMul would want it: the first size of a batch-transposed one stands behind the batch.
Shape operand(const Shape& shape, bool transposed, bool batch_transposed) {
  const int rank = shape.dim_size();
  if (rank < 2) return shape;
  Shape result = batch_transposed ? part(shape, 1, rank - 1) : part(shape, 0, rank - 2);
  Dim row = batch_transposed ? shape.dim(0) : shape.dim(rank - 2);
  Dim column = shape.dim(rank - 1);
  if (transposed) std::swap(row, column);
  *result.add_dim() = row;
  *result.add_dim() = column;
  return result;
}

/// Passes a node on to another operator's inference.
class Forward : public ::onnx::InferenceContext {
 public:
  explicit Forward(::onnx::InferenceContext& node) : node_(node) {}

  const ::onnx::AttributeProto* getAttribute(const std::string& name) const override {
    return node_.getAttribute(name);
  }
  std::size_t getNumInputs() const override { return node_.getNumInputs(); }
  const ::onnx::TypeProto* getInputType(std::size_t index) const override { return node_.getInputType(index); }
  bool hasInput(std::size_t index) const override { return node_.hasInput(index); }
  const ::onnx::TensorProto* getInputData(std::size_t index) const override { return node_.getInputData(index); }
  std::size_t getNumOutputs() const override { return node_.getNumOutputs(); }
  ::onnx::TypeProto* getOutputType(std::size_t index) override { return node_.getOutputType(index); }
  bool hasOutput(std::size_t index) override { return node_.hasOutput(index); }
  ::onnx::GraphInferencer* getGraphAttributeInferencer(const std::string& name) override {
    return node_.getGraphAttributeInferencer(name);
  }
  const ::onnx::SparseTensorProto* getInputSparseData(std::size_t index) const override {
    return node_.getInputSparseData(index);
  }
  const Shape* getSymbolicInput(std::size_t index) const override { return node_.getSymbolicInput(index); }

 private:
  ::onnx::InferenceContext& node_;
};

/// The first input and the first output in another layout.
class ChannelsFirst : public Forward {
 public:
  explicit ChannelsFirst(::onnx::InferenceContext& node) : Forward(node) {
    const ::onnx::TypeProto* type = node.getInputType(0);
    if (type == nullptr) return;
    input_ = *type;
    if (!type->tensor_type().has_shape()) return;
    const Shape& shape = type->tensor_type().shape();
    const int rank = shape.dim_size();
    if (rank < 3) return;
    Shape turned = part(shape, 0, 1);
    *turned.add_dim() = shape.dim(rank - 1);
    append(turned, part(shape, 1, rank - 1));
    *input_.mutable_tensor_type()->mutable_shape() = turned;
  }

  const ::onnx::TypeProto* getInputType(std::size_t index) const override {
    return index == 0 && input_.has_tensor_type() ? &input_ : Forward::getInputType(index);
  }
  std::size_t getNumOutputs() const override { return 1; }
  ::onnx::TypeProto* getOutputType(std::size_t) override { return &output_; }

  void finish(const Context& context) const {
    if (!output_.tensor_type().has_shape()) return;
    const Shape& shape = output_.tensor_type().shape();
    if (shape.dim_size() < 3) return;
    Shape turned = part(shape, 0, 1);
    append(turned, part(shape, 2, shape.dim_size()));
    *turned.add_dim() = shape.dim(1);
    context.set_shape(0, turned);
  }

 private:
  ::onnx::TypeProto input_;
  ::onnx::TypeProto output_;
};

/// A node with one attribute more.
class WithAttribute : public Forward {
 public:
  WithAttribute(::onnx::InferenceContext& node, ::onnx::AttributeProto attribute)
      : Forward(node), attribute_(std::move(attribute)) {}

  const ::onnx::AttributeProto* getAttribute(const std::string& name) const override {
    return name == attribute_.name() ? &attribute_ : Forward::getAttribute(name);
  }

 private:
  ::onnx::AttributeProto attribute_;
};

void run(const Like& like, ::onnx::InferenceContext& node) {
  const ::onnx::OpSchema* schema = schema_registry().GetSchema(like.op_type, like.opset, "");
  if (schema != nullptr) schema->GetTypeAndShapeInferenceFunction()(node);
}

/// The only element of a constant input.
std::optional<double> scalar(const Context& context, std::size_t input) {
  const ::onnx::TensorProto* data = input < context.node.getNumInputs() ? context.node.getInputData(input) : nullptr;
  if (data == nullptr) return std::nullopt;
  if (data->data_type() == ::onnx::TensorProto::FLOAT) {
    const auto values = ::onnx::ParseData<float>(data);
    return values.size() == 1 ? std::optional<double>(values[0]) : std::nullopt;
  }
  if (data->data_type() == ::onnx::TensorProto::DOUBLE) {
    const auto values = ::onnx::ParseData<double>(data);
    return values.size() == 1 ? std::optional<double>(values[0]) : std::nullopt;
  }
  const auto value = context.constant(input);
  return value ? std::optional<double>(static_cast<double>(*value)) : std::nullopt;
}

}  // namespace

void broadcast_inputs(const Context& context, std::span<const std::size_t> inputs) {
  std::vector<const Shape*> shapes;
  for (const std::size_t input : inputs) {
    shapes.push_back(context.shape(input));
    if (shapes.back() == nullptr) return;
  }
  Shape result;
  ::onnx::multidirectionalBroadcastShapeInference(shapes, result);
  context.set_shape(0, result);
}

void multiply_matrices(const Context& context, std::size_t left, std::size_t right) {
  const Shape* a = context.shape(left);
  const Shape* b = context.shape(right);
  if (a == nullptr || b == nullptr || a->dim_size() == 0 || b->dim_size() == 0) return;
  context.set_shape(0, product_of(*a, *b));
}

void fused_matrix_product(const Context& context) {
  const Shape* a = context.shape(0);
  const Shape* b = context.shape(1);
  if (a == nullptr || b == nullptr || a->dim_size() == 0 || b->dim_size() == 0) return;
  const auto set = [&](const char* name) { return context.integer(name).value_or(0) != 0; };
  context.set_shape(
      0, product_of(operand(*a, set("transA"), set("transBatchA")), operand(*b, set("transB"), set("transBatchB"))));
}

void quantized_concat(const Context& context) {
  Shape result;
  std::optional<int> axis;
  for (std::size_t input = 2; input < context.node.getNumInputs(); input += 3) {
    const Shape* shape = context.shape(input);
    if (shape == nullptr) return;
    if (input == 2) {
      result = *shape;
      axis = axis_of(context.integer("axis"), shape->dim_size());
      if (!axis) return;
      continue;
    }
    if (shape->dim_size() != result.dim_size()) return;
    for (int i = 0; i < result.dim_size(); ++i) {
      Dim& dim = *result.mutable_dim(i);
      const Dim& other = shape->dim(i);
      if (i == *axis) {
        dim = other.has_dim_value() && dim.has_dim_value() ? dim + other.dim_value() : Dim();
      } else if (!dim.has_dim_value() && other.has_dim_value()) {
        dim = other;
      }
    }
  }
  context.set_shape(0, result);
}

void reduce(const Context& context) {
  const Shape* shape = context.shape(0);
  if (shape == nullptr) return;
  std::vector<bool> reduced(static_cast<std::size_t>(shape->dim_size()), false);
  for (const std::int64_t axis : integers(context, "axes")) {
    const auto index = axis_of(axis, shape->dim_size());
    if (!index) return;
    reduced[static_cast<std::size_t>(*index)] = true;
  }
  const bool keep = context.integer("keepdims").value_or(1) != 0;
  Shape result;
  for (int i = 0; i < shape->dim_size(); ++i) {
    if (!reduced[static_cast<std::size_t>(i)]) {
      *result.add_dim() = shape->dim(i);
    } else if (keep) {
      *result.add_dim() = known(1);
    }
  }
  context.set_shape(0, result);
}

void global_pool(const Context& context) {
  const Shape* shape = context.shape(0);
  if (shape == nullptr || shape->dim_size() < 3) return;
  const int rank = shape->dim_size();
  const int channel = context.integer("channels_last").value_or(0) != 0 ? rank - 1 : 1;
  Shape result = *shape;
  for (int i = 1; i < rank; ++i) {
    if (i != channel) *result.mutable_dim(i) = known(1);
  }
  context.set_shape(0, result);
}

void transposed_convolution(const Context& context) {
  ::onnx::AttributeProto pads;
  pads.set_name("pads");
  pads.set_type(::onnx::AttributeProto::INTS);
  if (context.node.hasInput(2)) {
    const auto values = context.constants(2);
    if (!values) return;
    pads.mutable_ints()->Add(values->begin(), values->end());
    WithAttribute node(context.node, pads);
    run({"ConvTranspose", 11}, node);
  } else {
    run({"ConvTranspose", 11}, context.node);
  }
}

void gather_quantized(const Context& context) {
  const Shape* data = context.shape(0);
  const Shape* indices = context.shape(1);
  if (data == nullptr || indices == nullptr) return;
  const auto axis = axis_of(context.integer("gather_axis"), data->dim_size());
  if (!axis) return;
  // Bytes hold several elements, along the last axis.
  Shape unpacked = *data;
  const std::int64_t bits = context.integer("bits").value_or(4);
  if (context.node.getInputType(0)->tensor_type().elem_type() == ::onnx::TensorProto::UINT8 && bits > 0 && bits < 8) {
    Dim& last = *unpacked.mutable_dim(data->dim_size() - 1);
    last = last * (8 / bits);
  }
  Shape result = part(unpacked, 0, *axis);
  append(result, *indices);
  append(result, part(unpacked, *axis + 1, data->dim_size()));
  context.set_shape(0, result);
}

void expand_dims(const Context& context) {
  const Shape* shape = context.shape(0);
  if (shape == nullptr) return;
  const auto axis = axis_of(context.constant(1), shape->dim_size() + 1);
  if (!axis) return;
  Shape result = part(*shape, 0, *axis);
  *result.add_dim() = known(1);
  append(result, part(*shape, *axis, shape->dim_size()));
  context.set_shape(0, result);
}

void unfold(const Context& context) {
  const Shape* shape = context.shape(0);
  const std::int64_t size = context.integer("size").value_or(0);
  const std::int64_t step = context.integer("step").value_or(1);
  if (shape == nullptr || size <= 0 || step <= 0) return;
  const auto axis = axis_of(context.integer("dim"), shape->dim_size());
  if (!axis) return;
  Shape result = *shape;
  Dim& windows = *result.mutable_dim(*axis);
  windows =
      windows.has_dim_value() && windows.dim_value() >= size ? known((windows.dim_value() - size) / step + 1) : Dim();
  *result.add_dim() = known(size);
  context.set_shape(0, result);
}

void range(const Context& context) {
  const auto start = scalar(context, 0);
  const auto limit = scalar(context, 1);
  const auto delta = context.node.hasInput(2) ? scalar(context, 2) : 1.0;
  Shape result;
  Dim& length = *result.add_dim();
  if (start && limit && delta && *delta != 0) {
    const double steps = std::ceil((*limit - *start) / *delta);
    if (steps < 9e15) length = known(steps > 0 ? static_cast<std::int64_t>(steps) : 0);
  }
  context.set_shape(0, result);
}

void quantize_bfp(const Context& context) {
  const Shape* shape = context.shape(0);
  if (shape == nullptr) return;
  Shape rank;
  *rank.add_dim() = known(shape->dim_size());
  context.set_shape(1, rank);
  context.set_shape(2, rank);
}

void infer_like(const Like& like, bool channels_last, const Context& context) {
  if (!channels_last) return run(like, context.node);
  ChannelsFirst turned(context.node);
  run(like, turned);
  turned.finish(context);
}

}  // namespace olivine::onnx::contrib

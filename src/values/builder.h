#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/graph.h"
#include "values/known_values.h"

/// Making nodes of ai.onnx: what the opset converter and the frontends share.
namespace olivine::values {

/// What is asked for can't be expressed. Caught by whoever lists all such places.
struct Refusal {
  std::string reason;
};

/// An attribute of a node that is made.
struct Attr {
  using Content = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>,
                               std::vector<std::string>, tensor::Tensor>;

  Attr(std::string_view name, std::int64_t value) : name(name), content(value) {}
  Attr(std::string_view name, int value) : name(name), content(std::int64_t{value}) {}
  Attr(std::string_view name, DataType value) : name(name), content(static_cast<std::int64_t>(value)) {}
  Attr(std::string_view name, float value) : name(name), content(value) {}
  Attr(std::string_view name, const char* value) : name(name), content(std::string(value)) {}
  Attr(std::string_view name, std::string value) : name(name), content(std::move(value)) {}
  Attr(std::string_view name, std::vector<std::int64_t> value) : name(name), content(std::move(value)) {}
  Attr(std::string_view name, std::vector<float> value) : name(name), content(std::move(value)) {}
  Attr(std::string_view name, tensor::Tensor value) : name(name), content(std::move(value)) {}

  ir::AttributeValue value() const {
    return std::visit([](const auto& held) { return as_attribute(held); }, content);
  }

  std::string_view name;
  Content content;

 private:
  template <typename T>
  static ir::AttributeValue as_attribute(const T& held) {
    return held;
  }
  static ir::AttributeValue as_attribute(const tensor::Tensor& held) { return ir::NamedTensor{"", held, {}}; }
};

using Values = std::vector<ir::Value*>;
using Attrs = std::vector<Attr>;
using Ints = std::vector<std::int64_t>;

/// What constants of equal type, shape and elements have in common, so that they can be one; empty for strings and for
/// what is too large to be compared.
std::string content_key(const tensor::Tensor& tensor);

/// Values that are made here are typed, and become constants at once where all that they need is known and small. Who
/// derives from it decides where nodes go.
class Builder {
 public:
  Builder(KnownValues& known, std::int64_t opset) : known_(known), opset_(opset) {}
  virtual ~Builder() = default;

  /// The opset of what is made.
  std::int64_t opset() const { return opset_; }

  /// @name What is known of values. Those without "find" refuse where it isn't known.
  /// @{
  DataType dtype(const ir::Value* value) const;
  std::optional<std::int64_t> find_rank(const ir::Value* value) const;
  std::int64_t rank(const ir::Value* value) const;
  /// A dimension that is a number; `axis` may count from the end.
  std::optional<std::int64_t> find_dim(const ir::Value* value, std::int64_t axis) const;
  std::optional<Ints> find_dims(const ir::Value* value) const;
  /// The elements of an integer or bool tensor of at most a few thousand elements, in row-major order.
  std::optional<Ints> find_ints(const ir::Value* value) const;
  /// The elements of an int64[n] as dimensions, each a number, a symbol or unknown.
  std::optional<ir::Shape> find_elements(const ir::Value* value) const;
  std::optional<std::vector<double>> find_reals(const ir::Value* value) const;
  /// The only element of a tensor of any real type.
  std::optional<double> find_number(const ir::Value* value) const;
  /// A constant of any size.
  std::optional<tensor::Tensor> find_constant(const ir::Value* value) const;
  /// `axis` counted from the start.
  std::int64_t positive_axis(std::int64_t axis, std::int64_t rank) const;
  /// @}

  /// @name Making
  /// @{
  ir::Value* emit(std::string op_type, Values inputs, Attrs attributes = {}) {
    return emit_many(std::move(op_type), std::move(inputs), 1, std::move(attributes)).front();
  }
  Values emit_many(std::string op_type, Values inputs, std::size_t outputs, Attrs attributes = {});
  /// For nodes with graphs or the like: `fill` sets the attributes before types are inferred.
  virtual Values emit_node(std::string op_type, Values inputs, std::size_t outputs,
                           const std::function<void(ir::Node&)>& fill) = 0;

  virtual ir::Value* constant(tensor::Tensor tensor) = 0;
  ir::Value* ints(const Ints& values);              ///< int64[n]
  ir::Value* integer_scalar(std::int64_t value);    ///< int64[]
  ir::Value* number(double value, DataType dtype);  ///< a scalar, rounded to `dtype`
  ir::Value* number_like(double value, const ir::Value* like) { return number(value, dtype(like)); }
  /// A 1-D or other tensor of floats, rounded to `dtype`.
  ir::Value* reals(const std::vector<double>& values, Ints dims, DataType dtype);

  /// The value itself when it has the type already.
  ir::Value* cast(ir::Value* value, DataType dtype);
  ir::Value* reshape(ir::Value* value, const Ints& dims);
  /// Where, for the types too that runtimes don't choose among: these pass as others that hold the same bits.
  ir::Value* where(ir::Value* condition, ir::Value* yes, ir::Value* no);
  ir::Value* unsqueeze(ir::Value* value, const Ints& axes);
  ir::Value* squeeze(ir::Value* value, const Ints& axes);
  ir::Value* transpose(ir::Value* value, const Ints& permutation) {
    return emit("Transpose", {value}, {{"perm", permutation}});
  }
  /// ReduceSum, ReduceMax …; empty axes: all of them.
  ir::Value* reduce(std::string_view op_type, ir::Value* value, const Ints& axes, bool keepdims = true);
  ir::Value* slice(ir::Value* value, std::int64_t axis, std::int64_t start, std::int64_t end, std::int64_t step = 1);
  ir::Value* concat(Values values, std::int64_t axis) { return emit("Concat", std::move(values), {{"axis", axis}}); }
  ir::Value* shape(ir::Value* value) { return emit("Shape", {value}); }
  /// One size as int64[1].
  ir::Value* size(ir::Value* value, std::int64_t axis);
  /// 0, 1 … `count` - 1 as int64[count]; `count` is int64[1].
  ir::Value* range(ir::Value* count);
  /// @}

  [[noreturn]] void refuse(std::string reason) const { throw Refusal{std::move(reason)}; }

 private:
  KnownValues& known_;
  std::int64_t opset_;
};

}  // namespace olivine::values

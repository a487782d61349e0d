#include <array>

#include "torch/aten/complex.h"
#include "torch/aten/families.h"
#include "torch/aten/products.h"
#include "torch/promote.h"

/// beta · self + alpha · a product of matrices.
namespace olivine::torch {
namespace {

bool is_number(const std::optional<Number>& number, double wanted) {
  return number && !number->is_symbolic() && !number->is_complex() && number->real() == wanted;
}

/// A value times a number among the arguments, which is 1 where it isn't given.
ir::Value* scaled(Call& c, ir::Value* value, std::string_view name) {
  const auto factor = c.find_number_argument(name);
  if (!factor || is_number(factor, 1)) return value;
  if (factor->is_complex()) {
    const Complex number = {c.number(factor->complex().real(), c.dtype(value)),
                            c.number(factor->complex().imag(), c.dtype(value))};
    return paired(c, multiply(c, parts(c, value), number));
  }
  return times(c, value, c.scalar(*factor, c.dtype(value)));
}

/// With beta = 0 what `self` holds doesn't count, be it NaN.
bool counts_self(Call& c) { return !is_number(c.find_number_argument("beta"), 0); }

bool is_complex(Call& c) { return is_complex_type(c.result_dtype()); }

ir::Value* product_of(Call& c, ir::Value* a, ir::Value* b) {
  return is_complex(c) ? complex_matmul(c, a, b) : matmul(c, a, b);
}

ir::Value* added(Call& c, ir::Value* product) {
  ir::Value* scaled_product = scaled(c, product, "alpha");
  if (!counts_self(c)) return scaled_product;
  return plus(c, scaled(c, c.cast(c.tensor("self"), c.dtype(product)), "beta"), scaled_product);
}

/// Gemm's factors are floats.
std::optional<float> gemm_factor(Call& c, std::string_view name, DataType dtype) {
  const auto given = c.find_number_argument(name);
  if (!given) return 1.0F;
  if (given->is_symbolic() || given->is_complex()) return std::nullopt;
  const auto factor = static_cast<float>(given->real());
  const bool is_exact = static_cast<double>(factor) == given->real();
  return dtype != DataType::float64 || is_exact ? std::optional(factor) : std::nullopt;
}

ir::Value* matrices_added(Call& c, ir::Value* a, ir::Value* b) {
  const DataType dtype = c.dtype(a);
  const auto alpha = gemm_factor(c, "alpha", dtype);
  const auto beta = gemm_factor(c, "beta", dtype);
  ir::Value* self = c.tensor("self");
  // Gemm is for reals; a sum over no elements some runtimes leave undone.
  const bool is_empty = c.find_dim(a, 1) == 0;
  if (is_complex(c) || !is_float(dtype) || !alpha || !beta || is_empty) return added(c, product_of(c, a, b));
  Values inputs = {a, b};
  if (counts_self(c)) inputs.push_back(self);
  return c.emit("Gemm", std::move(inputs), {{"alpha", *alpha}, {"beta", *beta}});
}

ir::Value* addmm(Call& c) { return matrices_added(c, c.tensor("mat1"), c.tensor("mat2")); }

/// PyTorch's CPU kernel takes the exact Gelu.
ir::Value* addmm_activation(Call& c) {
  ir::Value* sum = addmm(c);
  return c.emit(c.flag("use_gelu", false) ? "Gelu" : "Relu", {sum});
}

/// The sum of the products of a batch is one product of matrices laid side by side.
ir::Value* addbmm(Call& c) {
  ir::Value* a = c.tensor("batch1");
  ir::Value* b = c.tensor("batch2");
  ir::Value* length = c.emit("Mul", {c.size(a, 0), c.size(a, 2)});
  Values wide_sizes = {c.size(a, 1), length};
  Values tall_sizes = {length, c.size(b, 2)};
  Ints order = {1, 0, 2};
  if (is_complex(c)) {
    wide_sizes.push_back(c.ints({2}));
    tall_sizes.push_back(c.ints({2}));
    order.push_back(3);
  }
  ir::Value* wide = c.reshape_to(c.transpose(a, order), c.concat(wide_sizes, 0));
  ir::Value* tall = c.reshape_to(b, c.concat(tall_sizes, 0));
  return matrices_added(c, wide, tall);
}

ir::Value* baddbmm(Call& c) { return added(c, product_of(c, c.tensor("batch1"), c.tensor("batch2"))); }

ir::Value* addmv(Call& c) { return added(c, product_of(c, c.tensor("mat"), c.tensor("vec"))); }

ir::Value* addr(Call& c) {
  if (is_complex(c)) {
    ir::Value* row = c.tensor("vec2");
    return added(c, bilinear(c, c.unsqueeze(c.tensor("vec1"), {1}), row,
                             [&c](ir::Value* x, ir::Value* y) { return times(c, x, y); }));
  }
  const Values vectors = c.promoted({"vec1", "vec2", "self"});
  return added(c, times(c, c.unsqueeze(vectors[0], {1}), vectors[1]));
}

constexpr std::array kOps = {
    complex_too(op("aten.addmm.default", addmm)),   op("aten._addmm_activation.default", addmm_activation),
    complex_too(op("aten.addbmm.default", addbmm)), complex_too(op("aten.baddbmm.default", baddbmm)),
    complex_too(op("aten.addmv.default", addmv)),   complex_too(op("aten.addr.default", addr)),
};

}  // namespace

Ops added_product_ops() { return kOps; }

}  // namespace olivine::torch

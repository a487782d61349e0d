#include <array>

#include "torch/aten/families.h"
#include "torch/aten/term.h"

/// The larger and the smaller of two, bounds, and choices between two tensors.
namespace olivine::torch {
namespace {

/// Max or Min, through a type that has kernels. NaN wins.
Term extreme(Term a, Term b, bool largest) {
  const DataType own = a.dtype();
  if (own == DataType::boolean) return largest ? a | b : a & b;
  const bool is_carried = own == DataType::int16 || own == DataType::uint16;
  const DataType carrier = is_carried ? DataType::int32 : own;
  return a.cast(carrier).emit(largest ? "Max" : "Min", b.cast(carrier)).cast(own);
}

Pair promoted_pair(Call& c) {
  const Values both = c.promoted({"self", "other"});
  return {Term(c, both[0]), Term(c, both[1])};
}

template <bool largest>
ir::Value* of_two(Call& c) {
  const auto [a, b] = promoted_pair(c);
  return extreme(a, b, largest);
}

/// Where one is NaN, the other.
template <bool largest>
ir::Value* of_numbers(Call& c) {
  const auto [a, b] = promoted_pair(c);
  const Term result = extreme(a, b, largest);
  if (!a.is_float()) return result;
  return where(is_nan(a), b, where(is_nan(b), a, result));
}

/// Both bounds promote; where they contradict each other the upper one wins.
ir::Value* clamp(Call& c) {
  const Values all = c.promoted({"self", "min", "max"});
  const Term self(c, all[0]);
  const auto is_scalar = [&](ir::Value* bound) { return bound == nullptr || c.find_rank(bound) == 0; };
  const DataType own = self.dtype();
  const bool has_clip = own != DataType::int16 && own != DataType::uint16 && own != DataType::boolean;
  if (has_clip && is_scalar(all[1]) && is_scalar(all[2])) {
    // Clip takes a bound that is NaN for none.
    for (ir::Value* bound : {all[1], all[2]}) {
      const auto known = bound != nullptr ? c.find_number(bound) : std::nullopt;
      const bool may_be_nan = bound != nullptr && self.is_float() && (!known || *known != *known);
      if (may_be_nan) {
        Term result = self;
        if (all[1] != nullptr) result = max(result, Term(c, all[1]));
        if (all[2] != nullptr) result = min(result, Term(c, all[2]));
        return result;
      }
    }
    return c.emit("Clip", {self, all[1], all[2]});
  }
  Term result = self;
  if (all[1] != nullptr) result = extreme(result, Term(c, all[1]), true);
  if (all[2] != nullptr) result = extreme(result, Term(c, all[2]), false);
  return result;
}

ir::Value* where_op(Call& c) {
  ir::Value* condition = c.cast(c.tensor("condition"), DataType::boolean);
  const Values choices = c.promoted({"self", "other"});
  return c.where(condition, choices[0], choices[1]);
}

/// 0 below 0, the given value at 0, 1 above it. NaN is not above.
ir::Value* heaviside(Call& c) {
  const Values both = c.promoted({"self", "values"});
  const Term self(c, both[0]);
  if (self.dtype() == DataType::boolean) return self | Term(c, both[1]);
  return where(equals(self, 0), Term(c, both[1]), (self > 0).cast(self.dtype()));
}

/// The numbers that stand for NaN and the infinities: by default 0 and the type's bounds.
ir::Value* nan_to_num(Call& c) {
  const Term self(c, c.tensor("self"));
  if (!self.is_float()) return self;
  const double highest = [&] {
    switch (self.dtype()) {
      case DataType::float16:
        return 65504.0;
      case DataType::bfloat16:
        return 3.3895313892515355e38;
      case DataType::float64:
        return std::numeric_limits<double>::max();
      default:
        return static_cast<double>(std::numeric_limits<float>::max());
    }
  }();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Term numbers = where(is_nan(self), c.real("nan", 0), self);
  const Term below = where(equals(self, kInfinity), c.real("posinf", highest), numbers);
  return where(equals(self, -kInfinity), c.real("neginf", -highest), below);
}

constexpr std::array kOps = {
    op("aten.maximum.default", of_two<true>),
    op("aten.max.other", of_two<true>),
    op("aten.minimum.default", of_two<false>),
    op("aten.min.other", of_two<false>),
    op("aten.fmax.default", of_numbers<true>),
    op("aten.fmin.default", of_numbers<false>),
    op("aten.clamp.default", clamp),
    op("aten.clamp.Tensor", clamp),
    op("aten.clamp_min.default", clamp),
    op("aten.clamp_min.Tensor", clamp),
    op("aten.clamp_max.default", clamp),
    op("aten.clamp_max.Tensor", clamp),
    op("aten.clip.default", clamp),
    op("aten.clip.Tensor", clamp),
    op("aten.where.self", where_op),
    op("aten.where.ScalarSelf", where_op),
    op("aten.where.ScalarOther", where_op),
    op("aten.where.Scalar", where_op),
    op("aten.heaviside.default", heaviside),
    op("aten.nan_to_num.default", nan_to_num),
};

}  // namespace

Ops minmax_ops() { return kOps; }

}  // namespace olivine::torch

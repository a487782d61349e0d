#include "torch/aten/contraction.h"

#include <algorithm>
#include <string>

#include "torch/aten/complex.h"
#include "torch/aten/products.h"
#include "torch/aten/shapes.h"

namespace olivine::torch {
namespace {

bool contains(const Labels& labels, int label) { return std::ranges::find(labels, label) != labels.end(); }

std::int64_t place_of(const Labels& labels, int label) { return std::ranges::find(labels, label) - labels.begin(); }

Labelled arranged(Call& c, const Labelled& operand, const Labels& order) {
  Ints permutation;
  for (const int label : order) permutation.push_back(place_of(operand.labels, label));
  return {reordered(c, operand.value, permutation), order};
}

Labelled summed(Call& c, const Labelled& operand, const Labels& kept) {
  Labelled result = operand;
  Ints axes;
  for (const int label : operand.labels) {
    if (contains(kept, label)) continue;
    axes.push_back(place_of(operand.labels, label));
    std::erase(result.labels, label);
  }
  if (!axes.empty()) result.value = c.reduce("ReduceSum", operand.value, axes, false);
  return result;
}

/// Of two axes with the same label only the elements with equal indices count.
Labelled on_diagonal(Call& c, Labelled operand) {
  for (std::size_t i = 0; i < operand.labels.size(); ++i) {
    const int label = operand.labels[i];
    const auto again =
        std::find(operand.labels.begin() + static_cast<std::ptrdiff_t>(i) + 1, operand.labels.end(), label);
    if (again == operand.labels.end()) continue;
    const std::int64_t other = again - operand.labels.begin();
    Labels labels;
    Ints order;
    for (std::int64_t axis = 0; axis < static_cast<std::int64_t>(operand.labels.size()); ++axis) {
      if (axis == static_cast<std::int64_t>(i) || axis == other) continue;
      order.push_back(axis);
      labels.push_back(operand.labels[static_cast<std::size_t>(axis)]);
    }
    const auto rest = static_cast<std::int64_t>(order.size());
    ir::Value* length = c.size(operand.value, static_cast<std::int64_t>(i));
    ir::Value* others = sizes_of(c, operand.value, order);
    order.insert(order.begin(), {static_cast<std::int64_t>(i), other});
    // The diagonal of a matrix that is laid out as one row is every (n + 1)-th element.
    ir::Value* area = c.emit("Mul", {length, length});
    ir::Value* flat = c.reshape_to(reordered(c, operand.value, order), rest == 0 ? area : c.concat({area, others}, 0));
    ir::Value* step = c.emit("Add", {length, c.ints({1})});
    ir::Value* diagonal = c.emit("Slice", {flat, c.ints({0}), area, c.ints({0}), step});
    labels.insert(labels.begin(), label);
    return on_diagonal(c, {diagonal, labels});
  }
  return operand;
}

/// An axis of size 1 beside a longer one of the same label stands for itself, repeated: it goes.
void drop_repeated(Call& c, std::vector<Labelled>& operands) {
  const auto size_in = [&](const Labelled& operand, int label) {
    return c.find_dim(operand.value, place_of(operand.labels, label));
  };
  for (Labelled& operand : operands) {
    Ints axes;
    Labels labels;
    for (const int label : operand.labels) {
      const bool is_repeated =
          size_in(operand, label) == 1 && std::ranges::any_of(operands, [&](const Labelled& other) {
            return contains(other.labels, label) && size_in(other, label) != 1;
          });
      if (is_repeated) {
        axes.push_back(place_of(operand.labels, label));
      } else {
        labels.push_back(label);
      }
    }
    if (axes.empty()) continue;
    operand = {c.squeeze(operand.value, axes), labels};
  }
}

// ---- Two operands

/// The product of two operands, with axes in the order of `order`.
Labelled multiplied(Call& c, const Labelled& a, const Labelled& b, const Labels& order) {
  Labels labels;
  for (const int label : order) {
    if (contains(a.labels, label) || contains(b.labels, label)) labels.push_back(label);
  }
  const auto spread = [&](const Labelled& operand) {
    Labels own;
    Ints missing;
    for (const int label : labels) {
      if (contains(operand.labels, label)) {
        own.push_back(label);
      } else if (!own.empty()) {  // leading axes come by themselves
        missing.push_back(place_of(labels, label) - place_of(labels, own.front()));
      }
    }
    ir::Value* value = arranged(c, operand, own).value;
    return missing.empty() ? value : c.unsqueeze(value, missing);
  };
  return {times(c, spread(a), spread(b)), labels};
}

/// How the labels of two operands go into their product.
struct Roles {
  Labels batch, summed, left, right;
};

Roles roles_of(const Labelled& a, const Labelled& b, const Labels& order, const Labels& kept) {
  Roles roles;
  for (const int label : order) {
    const bool in_a = contains(a.labels, label);
    const bool in_b = contains(b.labels, label);
    if (in_a && in_b) (contains(kept, label) ? roles.batch : roles.summed).push_back(label);
    if (in_a && !in_b) roles.left.push_back(label);
    if (!in_a && in_b) roles.right.push_back(label);
  }
  return roles;
}

Labels joined(std::initializer_list<Labels> lists) {
  Labels all;
  for (const Labels& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

/// One product of (batches of) matrices or vectors: at most one label is summed over, and one in each alone.
Labelled matrix_product(Call& c, const Labelled& a, const Labelled& b, const Roles& roles) {
  ir::Value* left = arranged(c, a, joined({roles.batch, roles.left, roles.summed})).value;
  ir::Value* right = arranged(c, b, joined({roles.batch, roles.summed, roles.right})).value;
  Ints dropped;
  if (!roles.batch.empty() && roles.left.empty()) {
    left = c.unsqueeze(left, {-2});
    dropped.push_back(-2);
  }
  if (!roles.batch.empty() && roles.right.empty()) {
    right = c.unsqueeze(right, {-1});
    dropped.push_back(-1);
  }
  ir::Value* product = matmul(c, left, right);
  return {dropped.empty() ? product : c.squeeze(product, dropped), joined({roles.batch, roles.left, roles.right})};
}

std::string letters(const Labels& labels, const Labels& order) {
  std::string text;
  for (const int label : labels) {
    const auto place = static_cast<int>(place_of(order, label));
    text.push_back(static_cast<char>(place < 26 ? 'a' + place : 'A' + place - 26));
  }
  return text;
}

constexpr std::size_t kLetters = 52;

/// Sums over what is in neither `kept`: labels of both operands that nobody else has.
Labelled real_product(Call& c, const Labelled& first, const Labelled& second, const Labels& order, const Labels& kept) {
  Labelled a = summed(c, first, joined({kept, second.labels}));
  Labelled b = summed(c, second, joined({kept, first.labels}));
  Roles roles = roles_of(a, b, order, kept);
  if (roles.summed.empty()) return multiplied(c, a, b, order);
  if (roles.summed.size() == 1 && roles.left.size() <= 1 && roles.right.size() <= 1) {
    const bool is_turned = !roles.left.empty() && !roles.right.empty() &&
                           place_of(order, roles.right.front()) < place_of(order, roles.left.front());
    if (!is_turned) return matrix_product(c, a, b, roles);
    std::swap(roles.left, roles.right);
    return matrix_product(c, b, a, roles);
  }
  if (order.size() > kLetters) c.refuse("it has more axes than Einsum has letters");
  Labels labels;
  for (const int label : order) {
    if (contains(kept, label) && (contains(a.labels, label) || contains(b.labels, label))) labels.push_back(label);
  }
  const std::string equation =
      letters(a.labels, order) + "," + letters(b.labels, order) + "->" + letters(labels, order);
  const DataType dtype = c.dtype(a.value);
  const DataType carrier = product_carrier(dtype);
  ir::Value* product = c.emit("Einsum", {c.cast(a.value, carrier), c.cast(b.value, carrier)}, {{"equation", equation}});
  return {c.cast(product, dtype), labels};
}

Labelled product_of(Call& c, const Labelled& a, const Labelled& b, const Labels& order, const Labels& kept) {
  if (!contains(a.labels, kPairLabel)) return real_product(c, a, b, order, kept);
  Labels first = a.labels;
  Labels second = b.labels;
  std::erase(first, kPairLabel);
  std::erase(second, kPairLabel);
  Labels labels;
  ir::Value* value = bilinear(c, a.value, b.value, [&](ir::Value* x, ir::Value* y) {
    const Labelled product = real_product(c, {x, first}, {y, second}, order, kept);
    labels = product.labels;
    return product.value;
  });
  labels.push_back(kPairLabel);
  return {value, labels};
}

}  // namespace

ir::Value* contract(Call& c, std::vector<Labelled> operands, const Labels& output, const Ints& path) {
  Labels order = output;
  for (Labelled& operand : operands) {
    operand = on_diagonal(c, operand);
    for (const int label : operand.labels) {
      if (!contains(order, label)) order.push_back(label);
    }
  }
  std::erase(order, kPairLabel);
  drop_repeated(c, operands);
  for (std::size_t step = 0; operands.size() > 1; ++step) {
    std::size_t i = 0;
    std::size_t j = 1;
    const bool is_planned = 2 * step + 1 < path.size();
    if (is_planned) {
      std::tie(i, j) =
          std::minmax(static_cast<std::size_t>(path[2 * step]), static_cast<std::size_t>(path[2 * step + 1]));
      if (i == j || j >= operands.size()) c.refuse("its path names no operands");
    }
    const Labelled a = operands[i];
    const Labelled b = operands[j];
    operands.erase(operands.begin() + static_cast<std::ptrdiff_t>(j));
    operands.erase(operands.begin() + static_cast<std::ptrdiff_t>(i));
    Labels kept = output;
    for (const Labelled& other : operands) kept.insert(kept.end(), other.labels.begin(), other.labels.end());
    operands.insert(is_planned ? operands.end() : operands.begin(), product_of(c, a, b, order, kept));
  }
  return arranged(c, summed(c, operands.front(), output), output).value;
}

}  // namespace olivine::torch

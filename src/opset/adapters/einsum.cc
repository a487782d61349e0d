#include <algorithm>
#include <numeric>

#include "opset/adapters/families.h"

/// Einsum by transpositions, sums and products of matrices.
namespace olivine::opset {
namespace {

/// One character an axis: letters, and 'digits' from '\1' on for the axes of an ellipsis, the last one first.
using Labels = std::string;

/// A value with a label for each axis. What an ellipsis covers broadcasts: it may be of size 1.
struct Operand {
  ir::Value* value;
  Labels labels;
};

bool has(const Labels& labels, char label) { return labels.find(label) != Labels::npos; }

struct Equation {
  std::vector<Operand> operands;
  Labels result;
};

/// "..." of `covered` axes becomes as many labels.
Labels with_ellipsis(const std::string& term, std::int64_t covered) {
  const auto dots = term.find("...");
  if (dots == std::string::npos) return term;
  Labels ellipsis;
  for (std::int64_t i = covered; i > 0; --i) ellipsis += static_cast<char>(i);
  return term.substr(0, dots) + ellipsis + term.substr(dots + 3);
}

Equation parse(Step& s) {
  std::string text = s.string("equation");
  std::erase(text, ' ');
  const auto arrow = text.find("->");
  const std::string left = text.substr(0, arrow);
  Equation equation;
  std::int64_t most = 0;
  std::size_t begin = 0;
  for (ir::Value* input : s.node().inputs()) {
    const auto end = std::min(left.find(',', begin), left.size());
    const std::string term = left.substr(begin, end - begin);
    const bool dots = term.find("...") != std::string::npos;
    const std::int64_t covered = s.rank(input) - static_cast<std::int64_t>(term.size()) + (dots ? 3 : 0);
    if (covered < 0 || (!dots && covered > 0)) s.refuse("its equation does not fit its inputs");
    equation.operands.push_back({input, with_ellipsis(term, covered)});
    most = std::max(most, covered);
    begin = std::min(end + 1, left.size());
  }
  if (arrow != std::string::npos) {
    equation.result = with_ellipsis(text.substr(arrow + 2), most);
    return equation;
  }
  // Without an arrow: the ellipsis, then what occurs once, in alphabetical order.
  equation.result = with_ellipsis("...", most);
  Labels once;
  for (char label = 'A'; label <= 'z'; ++label) {
    if (std::count(left.begin(), left.end(), label) == 1) once += label;
  }
  equation.result += once;
  return equation;
}

// ---- One operand

std::int64_t axis_of(const Labels& labels, char label) { return static_cast<std::int64_t>(labels.find(label)); }

/// An axis that occurs twice is the diagonal: elements beside it become 0, and one of both axes is summed.
void take_diagonals(Step& s, Operand& operand) {
  for (std::size_t second = 0; second < operand.labels.size();) {
    const std::size_t first = operand.labels.find(operand.labels[second]);
    if (first == second) {
      ++second;
      continue;
    }
    const auto size = s.find_dim(operand.value, static_cast<std::int64_t>(first));
    const auto other = s.find_dim(operand.value, static_cast<std::int64_t>(second));
    const auto known = size ? size : other;
    if (!known) s.refuse("it takes a diagonal of unknown size");
    const auto rank = static_cast<std::int64_t>(operand.labels.size());
    Ints numbers(static_cast<std::size_t>(*known));
    std::iota(numbers.begin(), numbers.end(), 0);
    Ints row_dims(static_cast<std::size_t>(rank), 1);
    Ints column_dims = row_dims;
    row_dims[first] = *known;
    column_dims[second] = *known;
    ir::Value* index = s.ints(numbers);
    ir::Value* on = s.emit("Equal", {s.reshape(index, row_dims), s.reshape(index, column_dims)});
    ir::Value* kept = s.emit("Where", {on, operand.value, s.number_like(0, operand.value)});
    operand.value = s.reduce("ReduceSum", kept, {static_cast<std::int64_t>(second)}, false);
    operand.labels.erase(second, 1);
  }
}

/// Sums the axes that nobody needs.
void sum_out(Step& s, Operand& operand, const Labels& needed) {
  Ints axes;
  Labels kept;
  for (std::size_t i = 0; i < operand.labels.size(); ++i) {
    if (has(needed, operand.labels[i])) {
      kept += operand.labels[i];
    } else {
      axes.push_back(static_cast<std::int64_t>(i));
    }
  }
  if (axes.empty()) return;
  operand = {s.reduce("ReduceSum", operand.value, axes, false), kept};
}

/// The axes in the order of `wanted`, of which the operand has all.
void turn(Step& s, Operand& operand, const Labels& wanted) {
  if (operand.labels == wanted) return;
  Ints order;
  for (const char label : wanted) order.push_back(axis_of(operand.labels, label));
  operand = {s.transpose(operand.value, order), wanted};
}

/// The axes in the order of `wanted`; those that the operand lacks are of size 1.
ir::Value* align(Step& s, Operand operand, const Labels& wanted) {
  Labels present;
  Ints missing;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (has(operand.labels, wanted[i])) {
      present += wanted[i];
    } else {
      missing.push_back(static_cast<std::int64_t>(i));
    }
  }
  turn(s, operand, present);
  return missing.empty() ? operand.value : s.unsqueeze(operand.value, missing);
}

// ---- Two operands

/// int64[n] of the sizes of axes: numbers where they are known.
ir::Value* sizes(Step& s, const Operand& operand, const Labels& labels) {
  Values parts;
  for (const char label : labels) parts.push_back(s.size(operand.value, axis_of(operand.labels, label)));
  return parts.size() == 1 ? parts.front() : s.concat(parts, 0);
}

/// The last axes of a value as groups, each of which is one axis afterwards.
ir::Value* merge(Step& s, const Operand& from, ir::Value* aligned, const Labels& batch, const Labels& first,
                 const Labels& second) {
  if (first.size() == 1 && second.size() == 1) return aligned;
  const auto leading = static_cast<std::int64_t>(batch.size());
  Values dims;
  if (leading > 0) dims.push_back(s.ints(Ints(batch.size(), 0)));
  for (const Labels& group : {first, second}) {
    if (group.size() == 1) dims.push_back(sizes(s, from, group));
    if (group.empty()) dims.push_back(s.ints({1}));
    if (group.size() > 1) {
      ir::Value* product = s.size(from.value, axis_of(from.labels, group[0]));
      for (std::size_t i = 1; i < group.size(); ++i) {
        product = s.emit("Mul", {product, s.size(from.value, axis_of(from.labels, group[i]))});
      }
      dims.push_back(product);
    }
  }
  return s.emit("Reshape", {aligned, s.concat(dims, 0)});
}

struct Split {
  Labels batch;  ///< in both, and needed afterwards
  Labels left;
  Labels right;
  Labels summed;  ///< in both, and not needed any more
};

Split split(const Operand& a, const Operand& b, const Labels& needed) {
  Split parts;
  for (const char label : a.labels) {
    if (!has(b.labels, label) && label >= 'A') {
      parts.left += label;
    } else if (has(needed, label)) {
      parts.batch += label;
    } else {
      parts.summed += label;
    }
  }
  for (const char label : b.labels) {
    if (has(a.labels, label)) continue;
    // Axes of an ellipsis that only one has are batch axes too: the other one broadcasts.
    (label >= 'A' ? parts.right : parts.batch) += label;
  }
  return parts;
}

// Sums of products over common axes are a product of matrices; without such axes it is the product of the elements.
Operand multiply(Step& s, Operand a, Operand b, const Labels& needed) {
  sum_out(s, a, needed + b.labels);
  sum_out(s, b, needed + a.labels);
  const Split parts = split(a, b, needed);
  const Labels all = parts.batch + parts.left + parts.right;
  if (parts.summed.empty()) return {s.emit("Mul", {align(s, a, all), align(s, b, all)}), all};
  for (const char label : parts.summed) {
    if (label < 'A') s.refuse("it sums over an ellipsis");
  }
  ir::Value* rows =
      merge(s, a, align(s, a, parts.batch + parts.left + parts.summed), parts.batch, parts.left, parts.summed);
  ir::Value* columns =
      merge(s, b, align(s, b, parts.batch + parts.summed + parts.right), parts.batch, parts.summed, parts.right);
  ir::Value* product = s.emit("MatMul", {rows, columns});
  if (parts.left.size() == 1 && parts.right.size() == 1) return {product, all};
  Values dims;
  if (!parts.batch.empty()) dims.push_back(s.ints(Ints(parts.batch.size(), 0)));
  if (!parts.left.empty()) dims.push_back(sizes(s, a, parts.left));
  if (!parts.right.empty()) dims.push_back(sizes(s, b, parts.right));
  ir::Value* shape = dims.empty() ? s.ints({}) : s.concat(dims, 0);
  return {s.emit("Reshape", {product, shape}), all};
}

void by_matrices(Step& s) {
  Equation equation = parse(s);
  for (Operand& operand : equation.operands) take_diagonals(s, operand);
  Operand result = equation.operands.front();
  for (std::size_t i = 1; i < equation.operands.size(); ++i) {
    Labels needed = equation.result;
    for (std::size_t later = i + 1; later < equation.operands.size(); ++later) {
      needed += equation.operands[later].labels;
    }
    result = multiply(s, result, equation.operands[i], needed);
  }
  sum_out(s, result, equation.result);
  turn(s, result, equation.result);
  s.replace({result.value});
}

constexpr Adapter kAdapters[] = {
    down("Einsum", 12, &by_matrices, "transpositions, sums and products of matrices"),
};

}  // namespace

std::span<const Adapter> einsum_adapters() { return kAdapters; }

}  // namespace olivine::opset

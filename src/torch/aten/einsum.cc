#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "torch/aten/complex.h"
#include "torch/aten/contraction.h"
#include "torch/aten/families.h"
#include "torch/promote.h"

/// einsum and its kin.
namespace olivine::torch {
namespace {

/// Axes that an ellipsis stands for have labels from here on, counted from the last.
constexpr int kEllipsis = 1000;

struct Term {
  std::string letters;  ///< with '.' where the ellipsis stands
  bool has_ellipsis = false;
};

Term parse_term(std::string_view text) {
  Term term;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    if (text[i] == '.') {
      if (!term.has_ellipsis) term.letters.push_back('.');
      term.has_ellipsis = true;
    } else {
      term.letters.push_back(text[i]);
    }
  }
  return term;
}

struct Equation {
  std::vector<Term> operands;
  std::optional<Term> output;
};

Equation parse_equation(std::string_view text) {
  Equation equation;
  const std::size_t arrow = text.find("->");
  if (arrow != std::string_view::npos) equation.output = parse_term(text.substr(arrow + 2));
  std::string_view left = text.substr(0, arrow);
  for (std::size_t comma = left.find(','); comma != std::string_view::npos; comma = left.find(',')) {
    equation.operands.push_back(parse_term(left.substr(0, comma)));
    left.remove_prefix(comma + 1);
  }
  equation.operands.push_back(parse_term(left));
  return equation;
}

/// Labels of a term; `extent`: how many axes its ellipsis stands for.
Labels labels_of(const Term& term, std::int64_t extent) {
  Labels labels;
  for (const char letter : term.letters) {
    if (letter != '.') {
      labels.push_back(letter);
      continue;
    }
    for (std::int64_t axis = extent; axis-- > 0;) labels.push_back(kEllipsis + static_cast<int>(axis));
  }
  return labels;
}

/// Without an arrow the result has what the ellipsis stands for, then the letters that come once, in order.
Labels implied_output(const Equation& equation, std::int64_t extent) {
  std::map<char, int> counts;
  for (const Term& term : equation.operands) {
    for (const char letter : term.letters) {
      if (letter != '.') ++counts[letter];
    }
  }
  Term output{".", true};
  for (const auto& [letter, count] : counts) {
    if (count == 1) output.letters.push_back(letter);
  }
  return labels_of(output, extent);
}

ir::Value* einsum(Call& c) {
  const Equation equation = parse_equation(c.string("equation", ""));
  const bool is_complex = is_complex_type(c.result_dtype());
  Values tensors;
  if (is_complex) {
    tensors = pair_arguments(c, "tensors", real_part_type(c.result_dtype()));
  } else {
    for (ir::Value* value : c.tensors("tensors")) tensors.push_back(c.cast(value, c.result_dtype()));
  }
  if (tensors.size() != equation.operands.size()) c.refuse("its equation has another number of operands");
  std::vector<Labelled> operands;
  std::int64_t extent = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Term& term = equation.operands[i];
    const std::int64_t rank = c.rank(tensors[i]) - (is_complex ? 1 : 0);
    const auto letters = static_cast<std::int64_t>(term.letters.size()) - (term.has_ellipsis ? 1 : 0);
    if (rank < letters || (rank > letters && !term.has_ellipsis)) c.refuse("its equation has another number of axes");
    Labels labels = labels_of(term, rank - letters);
    extent = std::max(extent, rank - letters);
    if (is_complex) labels.push_back(kPairLabel);
    operands.push_back({tensors[i], labels});
  }
  Labels output = equation.output ? labels_of(*equation.output, extent) : implied_output(equation, extent);
  if (is_complex) output.push_back(kPairLabel);
  return contract(c, std::move(operands), output, c.integers("path").value_or(Ints()));
}

ir::Value* tensordot(Call& c) {
  const bool is_complex = is_complex_type(c.result_dtype());
  const auto axes = std::array{c.integers("dims_self").value_or(Ints()), c.integers("dims_other").value_or(Ints())};
  std::vector<Labelled> operands;
  Labels output;
  int fresh = static_cast<int>(axes[0].size());
  for (std::size_t i = 0; i < 2; ++i) {
    ir::Value* value = c.tensor(i == 0 ? "self" : "other");
    const std::int64_t rank = c.rank(value) - (is_complex ? 1 : 0);
    Labels labels(static_cast<std::size_t>(rank), kPairLabel);
    for (std::size_t k = 0; k < axes[i].size(); ++k) {
      labels.at(static_cast<std::size_t>(c.positive_axis(axes[i][k], rank))) = static_cast<int>(k);
    }
    for (int& label : labels) {
      if (label == kPairLabel) output.push_back(label = fresh++);
    }
    if (is_complex) labels.push_back(kPairLabel);
    operands.push_back({value, labels});
  }
  if (is_complex) output.push_back(kPairLabel);
  return contract(c, std::move(operands), output);
}

/// input1ᵀ · weight · input2 for each of the results, over all leading axes.
ir::Value* bilinear_layer(Call& c) {
  constexpr int kOut = 0;
  constexpr int kFirst = 1;
  constexpr int kSecond = 2;
  ir::Value* first = c.tensor("input1");
  Labels batch;
  for (std::int64_t axis = 0; axis + 1 < c.rank(first); ++axis) batch.push_back(kEllipsis + static_cast<int>(axis));
  const auto with = [&](int label) {
    Labels labels = batch;
    labels.push_back(label);
    return labels;
  };
  ir::Value* product = contract(
      c, {{first, with(kFirst)}, {c.tensor("weight"), {kOut, kFirst, kSecond}}, {c.tensor("input2"), with(kSecond)}},
      with(kOut));
  ir::Value* bias = c.find_tensor("bias");
  return bias != nullptr ? c.emit("Add", {product, bias}) : product;
}

constexpr std::array kOps = {
    complex_too(op("aten.einsum.default", einsum)),
    complex_too(op("aten.tensordot.default", tensordot)),
    op("aten.bilinear.default", bilinear_layer),
};

}  // namespace

Ops contraction_ops() { return kOps; }

}  // namespace olivine::torch

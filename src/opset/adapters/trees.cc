#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "opset/adapters/families.h"

/// Ensembles of trees of ai.onnx.ml: up to opset 4 leaves are nodes, of which each votes for any number of targets;
/// from 5 on leaves are listed apart, and each votes for one.
namespace olivine::opset {
namespace {

using Strings = std::vector<std::string>;
using Reals = std::vector<double>;

constexpr std::string_view kMl = "ai.onnx.ml";
constexpr std::array<std::string_view, 6> kModes = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                                    "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
constexpr std::array<std::string_view, 5> kTransforms = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
constexpr std::array<std::string_view, 4> kAggregates = {"AVERAGE", "SUM", "MIN", "MAX"};
constexpr std::int64_t kSum = 1;
constexpr const char* kUneven = "its lists of nodes and leaves have different lengths";

template <typename Names>
std::int64_t number_of(Step& s, const Names& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) s.refuse(fmt::format("'{}' is not known from opset 5 on", name));
  return found - names.begin();
}

template <typename Names>
std::string_view name_at(Step& s, const Names& names, std::string_view attribute) {
  const auto number = static_cast<std::size_t>(s.integer(attribute));
  if (number >= names.size()) s.refuse(fmt::format("its {} is not known before opset 5", attribute));
  return names.at(number);
}

/// onnx and ONNX Runtime number the two most usual transforms the other way round.
std::int64_t certain_transform(Step& s, std::int64_t number) {
  if (number == 1 || number == 2) {
    s.refuse("runtimes do not agree on the numbers of SOFTMAX and LOGISTIC in TreeEnsemble");
  }
  return number;
}

template <typename T>
T list(Step& s, std::string_view name) {
  const ir::Attribute* attribute = s.node().find(name);
  const T* value = attribute != nullptr ? std::get_if<T>(&attribute->value) : nullptr;
  return value != nullptr ? *value : T{};
}

const tensor::Tensor* find_tensor(Step& s, std::string_view name) {
  const ir::Attribute* attribute = s.node().find(name);
  const auto* value = attribute != nullptr ? std::get_if<ir::NamedTensor>(&attribute->value) : nullptr;
  return value != nullptr ? &value->tensor : nullptr;
}

Reals elements(const tensor::Tensor* tensor) {
  if (tensor == nullptr) return {};
  if (is_float(tensor->dtype())) return tensor::as_doubles(*tensor, tensor->element_count()).value_or(Reals{});
  const Ints numbers = tensor::as_int64s(*tensor, tensor->element_count()).value_or(Ints{});
  return {numbers.begin(), numbers.end()};
}

/// A list of floats, or the tensor that stands for it.
Reals reals(Step& s, const std::string& name) {
  if (const tensor::Tensor* tensor = find_tensor(s, name + "_as_tensor")) return elements(tensor);
  const auto floats = list<std::vector<float>>(s, name);
  return {floats.begin(), floats.end()};
}

ir::NamedTensor as_tensor(const Reals& values, DataType dtype) {
  const tensor::Dims dims = {static_cast<std::int64_t>(values.size())};
  const auto wide = tensor::from_values<double>(DataType::float64, dims, values);
  return {"", tensor::from_bytes(dtype, dims, tensor::evaluate(tensor::cast(wide, dtype))), {}};
}

std::vector<float> as_floats(const Reals& values) { return {values.begin(), values.end()}; }

// ---- 3 -> 1

// Thresholds and weights of 64 bits, where floats hold them.
void tensors_down(Step& s) {
  for (const char* name : {"nodes_values", "nodes_hitrates", "target_weights", "class_weights", "base_values"}) {
    const std::string given = fmt::format("{}_as_tensor", name);
    if (find_tensor(s, given) == nullptr) continue;
    const Reals values = reals(s, name);
    std::vector<float> floats = as_floats(values);
    if (!std::equal(values.begin(), values.end(), floats.begin())) {
      s.refuse(fmt::format("its '{}' have more digits than the floats of opset 2", name));
    }
    s.node().remove(given);
    s.node().set(name, std::move(floats));
  }
}

// ---- Regressor -> TreeEnsemble

/// Inner nodes and leaves as opset 5 lists them.
struct Listed {
  Ints features, on_true, on_false, true_leaves, false_leaves, missing, roots, targets;
  Reals splits, modes, weights;
};

struct Child {
  std::int64_t position;
  std::int64_t is_leaf;
};

class Lister {
 public:
  explicit Lister(Step& s) : s_(s) {
    const Ints trees = list<Ints>(s, "nodes_treeids");
    const Ints nodes = list<Ints>(s, "nodes_nodeids");
    const Ints missing = list<Ints>(s, "nodes_missing_value_tracks_true");
    const Ints features = list<Ints>(s, "nodes_featureids");
    const Strings modes = list<Strings>(s, "nodes_modes");
    const Reals values = reals(s, "nodes_values");
    for (const std::size_t size : {nodes.size(), features.size(), modes.size(), values.size()}) {
      if (size != trees.size()) s.refuse(kUneven);
    }
    std::map<std::int64_t, std::size_t> first;
    for (std::size_t i = 0; i < trees.size(); ++i) {
      if (modes[i] == "LEAF") {
        leaf_of_[{trees[i], nodes[i]}] = list_leaf({trees[i], nodes[i]});
      } else {
        inner_of_[{trees[i], nodes[i]}] = static_cast<std::int64_t>(listed.features.size());
        listed.features.push_back(features[i]);
        listed.splits.push_back(values[i]);
        listed.modes.push_back(static_cast<double>(number_of(s, kModes, modes[i])));
        listed.missing.push_back(i < missing.size() ? missing[i] : 0);
      }
      first.try_emplace(trees[i], i);
    }
    connect(trees, modes);
    for (const auto& [tree, at] : first) list_root({tree, nodes[at]});
  }

  /// Votes without a question.
  void add_constant(std::int64_t target, double weight) {
    listed.roots.push_back(static_cast<std::int64_t>(listed.features.size()));
    ask_nothing(static_cast<std::int64_t>(listed.weights.size()));
    listed.targets.push_back(target);
    listed.weights.push_back(weight);
  }

  Listed listed;

 private:
  using Place = std::pair<std::int64_t, std::int64_t>;  ///< tree and node

  std::int64_t list_leaf(const Place& place) {
    if (votes_.empty()) {
      const Ints trees = list<Ints>(s_, "target_treeids");
      const Ints nodes = list<Ints>(s_, "target_nodeids");
      ids_ = list<Ints>(s_, "target_ids");
      weights_ = reals(s_, "target_weights");
      if (nodes.size() != trees.size() || ids_.size() != trees.size() || weights_.size() != trees.size()) {
        s_.refuse(kUneven);
      }
      for (std::size_t i = 0; i < trees.size(); ++i) votes_.emplace(Place{trees[i], nodes[i]}, i);
    }
    const auto [begin, end] = votes_.equal_range(place);
    if (begin == end || std::next(begin) != end) s_.refuse("from opset 5 on a leaf votes for exactly one target");
    listed.targets.push_back(ids_[begin->second]);
    listed.weights.push_back(weights_[begin->second]);
    return static_cast<std::int64_t>(listed.weights.size()) - 1;
  }

  Child child(const Place& place) const {
    const auto leaf = leaf_of_.find(place);
    if (leaf != leaf_of_.end()) return {leaf->second, 1};
    const auto inner = inner_of_.find(place);
    if (inner == inner_of_.end()) s_.refuse("one of its nodes does not exist");
    return {inner->second, 0};
  }

  void connect(const Ints& trees, const Strings& modes) {
    const Ints on_true = list<Ints>(s_, "nodes_truenodeids");
    const Ints on_false = list<Ints>(s_, "nodes_falsenodeids");
    if (on_true.size() != trees.size() || on_false.size() != trees.size()) s_.refuse(kUneven);
    for (std::size_t i = 0; i < trees.size(); ++i) {
      if (modes[i] == "LEAF") continue;
      const Child yes = child({trees[i], on_true[i]});
      const Child no = child({trees[i], on_false[i]});
      listed.on_true.push_back(yes.position);
      listed.true_leaves.push_back(yes.is_leaf);
      listed.on_false.push_back(no.position);
      listed.false_leaves.push_back(no.is_leaf);
    }
  }

  void list_root(const Place& place) {
    const Child root = child(place);
    listed.roots.push_back(root.is_leaf != 0 ? static_cast<std::int64_t>(listed.features.size()) : root.position);
    if (root.is_leaf != 0) ask_nothing(root.position);
  }

  /// A node both of whose answers lead to one leaf.
  void ask_nothing(std::int64_t leaf) {
    listed.features.push_back(0);
    listed.splits.push_back(0);
    listed.modes.push_back(0);
    listed.missing.push_back(0);
    listed.on_true.push_back(leaf);
    listed.on_false.push_back(leaf);
    listed.true_leaves.push_back(1);
    listed.false_leaves.push_back(1);
  }

  Step& s_;
  std::map<Place, std::int64_t> inner_of_;
  std::map<Place, std::int64_t> leaf_of_;
  std::multimap<Place, std::size_t> votes_;
  Ints ids_;
  Reals weights_;
};

void regressor_up(Step& s) {
  if (s.dtype(s.input(0)) != DataType::float32) s.refuse("from opset 5 on the result has the type of X, not float");
  const std::int64_t aggregate = number_of(s, kAggregates, s.string("aggregate_function"));
  const std::int64_t transform = certain_transform(s, number_of(s, kTransforms, s.string("post_transform")));
  Lister lister(s);
  const Reals base = reals(s, "base_values");
  for (std::size_t target = 0; target < base.size(); ++target) {
    if (base[target] == 0) continue;
    // A tree that always votes is the same where it is added up, and where no target goes without a vote: runtimes do
    // not agree on the base value of such a target.
    if (aggregate != kSum || s.integer("n_targets") != 1) {
      s.refuse("from opset 5 on there are no base values, and they are a vote only in the sum of one target");
    }
    lister.add_constant(static_cast<std::int64_t>(target), base[target]);
  }
  const Listed& listed = lister.listed;
  const auto fill = [&](ir::Node& made) {
    made.set("nodes_featureids", listed.features);
    made.set("nodes_splits", as_tensor(listed.splits, DataType::float32));
    made.set("nodes_modes", as_tensor(listed.modes, DataType::uint8));
    made.set("nodes_truenodeids", listed.on_true);
    made.set("nodes_falsenodeids", listed.on_false);
    made.set("nodes_trueleafs", listed.true_leaves);
    made.set("nodes_falseleafs", listed.false_leaves);
    made.set("nodes_missing_value_tracks_true", listed.missing);
    made.set("tree_roots", listed.roots);
    made.set("leaf_targetids", listed.targets);
    made.set("leaf_weights", as_tensor(listed.weights, DataType::float32));
    made.set("n_targets", s.integer("n_targets"));
    made.set("post_transform", transform);
    made.set("aggregate_function", aggregate);
  };
  s.replace(s.emit_node("TreeEnsemble", {s.input(0)}, 1, fill));
}

// ---- TreeEnsemble -> Regressor

struct Rows {
  Ints trees, nodes, features, on_true, on_false, missing, vote_trees, vote_nodes, vote_targets;
  Reals values, vote_weights;
  Strings modes;
};

/// Trees whose leaves are nodes, each numbered from its root.
class Grower {
 public:
  explicit Grower(Step& s)
      : s_(s),
        on_true_(list<Ints>(s, "nodes_truenodeids")),
        on_false_(list<Ints>(s, "nodes_falsenodeids")),
        true_leaves_(list<Ints>(s, "nodes_trueleafs")),
        false_leaves_(list<Ints>(s, "nodes_falseleafs")),
        features_(list<Ints>(s, "nodes_featureids")),
        missing_(list<Ints>(s, "nodes_missing_value_tracks_true")),
        targets_(list<Ints>(s, "leaf_targetids")),
        splits_(elements(find_tensor(s, "nodes_splits"))),
        modes_(elements(find_tensor(s, "nodes_modes"))),
        weights_(elements(find_tensor(s, "leaf_weights"))) {
    for (const std::size_t size : {on_true_.size(), on_false_.size(), true_leaves_.size(), false_leaves_.size(),
                                   splits_.size(), modes_.size()}) {
      if (size != features_.size()) s.refuse(kUneven);
    }
    if (weights_.size() != targets_.size()) s.refuse(kUneven);
    for (const std::int64_t root : list<Ints>(s, "tree_roots")) {
      grow(root);
      ++tree_;
    }
  }

  void fill(ir::Node& made) const {
    made.set("nodes_treeids", rows_.trees);
    made.set("nodes_nodeids", rows_.nodes);
    made.set("nodes_featureids", rows_.features);
    made.set("nodes_values", as_floats(rows_.values));
    made.set("nodes_modes", rows_.modes);
    made.set("nodes_truenodeids", rows_.on_true);
    made.set("nodes_falsenodeids", rows_.on_false);
    made.set("nodes_missing_value_tracks_true", rows_.missing);
    made.set("target_treeids", rows_.vote_trees);
    made.set("target_nodeids", rows_.vote_nodes);
    made.set("target_ids", rows_.vote_targets);
    made.set("target_weights", as_floats(rows_.vote_weights));
  }

 private:
  struct Pending {
    Child child;
    std::size_t parent;  ///< row of the node that asks for it
    bool answer;
  };

  std::size_t add_row(std::int64_t feature, double value, std::string_view mode, std::int64_t tracks) {
    rows_.trees.push_back(tree_);
    rows_.nodes.push_back(node_++);
    rows_.features.push_back(feature);
    rows_.values.push_back(value);
    rows_.modes.emplace_back(mode);
    rows_.missing.push_back(tracks);
    rows_.on_true.push_back(0);
    rows_.on_false.push_back(0);
    return rows_.trees.size() - 1;
  }

  std::size_t add(const Child& child) {
    const auto at = static_cast<std::size_t>(child.position);
    if (at >= (child.is_leaf != 0 ? targets_.size() : features_.size())) s_.refuse("one of its nodes does not exist");
    if (child.is_leaf != 0) {
      const std::size_t row = add_row(0, 0, "LEAF", 0);
      rows_.vote_trees.push_back(tree_);
      rows_.vote_nodes.push_back(rows_.nodes[row]);
      rows_.vote_targets.push_back(targets_.at(at));
      rows_.vote_weights.push_back(weights_.at(at));
      return row;
    }
    // A node belongs to one tree; cycles would have no end.
    if (++asked_ > features_.size()) s_.refuse("its nodes are no trees");
    const auto mode = static_cast<std::size_t>(modes_.at(at));
    if (mode >= kModes.size()) s_.refuse("before opset 5 a node doesn't ask for members of a set");
    return add_row(features_.at(at), splits_.at(at), kModes.at(mode), at < missing_.size() ? missing_[at] : 0);
  }

  // Without recursion: trees may be deep.
  void grow(std::int64_t root) {
    node_ = 0;
    std::vector<Pending> pending;
    const auto ask = [&](const Child& child, std::size_t row) {
      const auto at = static_cast<std::size_t>(child.position);
      pending.push_back({{on_false_.at(at), false_leaves_.at(at)}, row, false});
      pending.push_back({{on_true_.at(at), true_leaves_.at(at)}, row, true});
    };
    ask({root, 0}, add({root, 0}));
    while (!pending.empty()) {
      const Pending next = pending.back();
      pending.pop_back();
      const std::size_t row = add(next.child);
      (next.answer ? rows_.on_true : rows_.on_false)[next.parent] = rows_.nodes[row];
      if (next.child.is_leaf == 0) ask(next.child, row);
    }
  }

  Step& s_;
  Ints on_true_, on_false_, true_leaves_, false_leaves_, features_, missing_, targets_;
  Reals splits_, modes_, weights_;
  std::int64_t tree_ = 0;
  std::int64_t node_ = 0;
  std::size_t asked_ = 0;
  Rows rows_;
};

void ensemble_down(Step& s) {
  if (s.dtype(s.input(0)) != DataType::float32) s.refuse("before opset 5 the result is float, whatever X is");
  certain_transform(s, s.integer("post_transform"));
  const Grower grower(s);
  s.replace(s.emit_node("TreeEnsembleRegressor", {s.input(0)}, 1, [&](ir::Node& made) {
    grower.fill(made);
    made.set("n_targets", s.integer("n_targets"));
    made.set("post_transform", std::string(name_at(s, kTransforms, "post_transform")));
    made.set("aggregate_function", std::string(name_at(s, kAggregates, "aggregate_function")));
  }));
}

constexpr Adapter kClassifierUp = {kMl,     "TreeEnsembleClassifier",
                                   5,       Direction::up,
                                   nullptr, "from opset 5 on an ensemble of trees makes scores and no labels",
                                   true};

constexpr std::string_view kTensors = "numbers of 64 bits that are floats";

constexpr Adapter kAdapters[] = {
    in_domain(kMl, down("TreeEnsembleClassifier", 3, &tensors_down, kTensors)),
    in_domain(kMl, down("TreeEnsembleRegressor", 3, &tensors_down, kTensors)),
    in_domain(kMl, up("TreeEnsembleRegressor", 5, &regressor_up, "TreeEnsemble, which lists leaves apart")),
    in_domain(kMl, down("TreeEnsemble", 5, &ensemble_down, "TreeEnsembleRegressor, whose leaves are nodes")),
    kClassifierUp,
};

}  // namespace

std::span<const Adapter> tree_adapters() { return kAdapters; }

}  // namespace olivine::opset

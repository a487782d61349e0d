#include "passes/support/mixed/mixed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "passes/support/mixed/merge.h"
#include "passes/support/mixed/ranking.h"
#include "passes/support/mixed/runs.h"
#include "passes/support/mixed/search.h"

namespace olivine::passes::mixed {
namespace {

using config::Json;
using ir::Node;
using ir::Value;

/// Graphs of so many nodes are searched node by node.
constexpr std::size_t kSmall = 64;
constexpr std::int64_t kInferencesOfSmall = 256;
constexpr std::int64_t kInferences = 12;
/// To see the result on inputs that the search didn't have: the original and the result.
constexpr double kInferencesOfCheck = 2;
/// The largest error of other inputs is larger at times: the search leaves room for that.
constexpr double kRoom = 0.8;
/// A place has strayed by itself where its error is so much larger than what came in.
constexpr double kLeap = 16;
constexpr double kStrayed = 0.01;
constexpr std::string_view kMerged = "between nodes that stay: casts would cost more than they save";

std::string name_of_node(const Node& node) { return node.name.empty() ? node.describe() : node.name; }

/// "output 'y' holds 3 values that aren't finite".
std::vector<std::string> faults_of_original(const ir::Model& model, const Outputs& truth,
                                            const Simulation& simulation) {
  std::vector<std::string> faults;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const tensor::Tensor* const tensor = truth[i].tensor();
    if (tensor == nullptr || !is_float(tensor->dtype())) continue;
    const auto values = tensor::as_doubles(*tensor, tensor->element_count());
    if (!values) continue;
    const auto bad = std::count_if(values->begin(), values->end(), [](double value) { return !std::isfinite(value); });
    if (bad == 0) continue;
    faults.push_back(fmt::format("the original itself gives NaN or infinities: {} of {} elements of its output '{}'",
                                 bad, values->size(), model.graph->outputs()[i]->name()));
  }
  if (faults.empty()) return faults;
  for (std::size_t i = 0; i < simulation.places().size(); ++i) {
    const Node* producer = simulation.places()[i].value->producer();
    if (simulation.seen()[i].not_finite == 0 || producer == nullptr) continue;
    faults.back() += fmt::format("; the first node that does is {}", producer->describe());
    break;
  }
  return faults;
}

class Finder {
 public:
  Finder(const ir::Model& model, const MixedRequest& request, Context& context, Json& report)
      : model_(model),
        request_(request),
        context_(context),
        report_(report),
        runs_(model, request.precision, request.accuracy, context.folder, context.log),
        everything_narrow_(runs_.plan({})),
        nodes_(find_candidates(model, everything_narrow_)) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) index_[nodes_[i]] = i;
  }

  NodeSet run() {
    for (std::string& fault : faults_of_original(model_, runs_.truth(), runs_.simulation()))
      context_.notices.push_back(std::move(fault));
    progress("everything narrow");
    all_narrow_ = runs_.attempt({});
    strayed_ = runs_.simulation().strayed();
    result_.met = all_narrow_.met;
    accuracy_ = all_narrow_;
    if (!result_.met && !nodes_.empty()) look_for_few();
    check_on_unseen();
    if (result_.met && !kept_.empty()) merge();
    if (!result_.met && !nodes_.empty()) {
      kept_ = NodeSet(nodes_.begin(), nodes_.end());
      result_ = {};
      result_.groups.emplace_back(nodes_.size());
      std::iota(result_.groups.front().begin(), result_.groups.front().end(), 0);
    }
    if (!nodes_.empty() && kept_.size() == nodes_.size()) explain_that_all_stay();
    report();
    return std::move(kept_);
  }

 private:
  void progress(std::string_view what) const {
    if (context_.progress) context_.progress(what);
    context_.log.write(LogLevel::debug, "{}", what);
  }

  double most_inferences() const {
    const std::int64_t usual = nodes_.size() <= kSmall ? kInferencesOfSmall : kInferences;
    return static_cast<double>(request_.accuracy.max_inferences.value_or(usual));
  }

  /// Attempts that are left, when a check is to follow.
  std::size_t attempts_left() const {
    return static_cast<std::size_t>(std::max(0.0, most_inferences() - runs_.inferences() - kInferencesOfCheck));
  }

  NodeSet nodes_of(const std::vector<bool>& kept) const {
    NodeSet nodes;
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (kept[i]) nodes.insert(nodes_[i]);
    }
    return nodes;
  }

  // ---- The search

  void look_for_few() {
    if (candidates_.empty()) {
      progress("the error of each node");
      runs_.measure(with_twin(nodes_), everything_narrow_);
      candidates_ = rank(model_, nodes_, runs_.simulation(), strayed_);
    }
    SearchProblem problem;
    for (const Candidate& candidate : candidates_) {
      problem.shares.push_back(candidate.share);
      problem.broken.push_back(candidate.broken || kept_.contains(candidate.node));
      problem.covers_others.push_back(candidate.covers_others);
      problem.start.push_back(std::find(request_.start.begin(), request_.start.end(), candidate.node->op_type) !=
                              request_.start.end());
    }
    tried_.clear();
    problem.excess = accuracy_.excess / kRoom;
    problem.neighbours = neighbours();
    problem.most_attempts = attempts_left();
    problem.attempt = [&](const std::vector<bool>& kept) { return attempt(kept); };
    result_ = search(problem);
    kept_ = nodes_of(result_.kept);
    if (!tried_.contains(result_.kept)) attempt(result_.kept);
    accuracy_ = tried_.at(result_.kept);
    result_.met = accuracy_.met;
  }

  Attempt attempt(const std::vector<bool>& kept) {
    progress(fmt::format("attempt {}: {} of {} nodes stay", tried_.size() + 1,
                         std::count(kept.begin(), kept.end(), true), nodes_.size()));
    const NodeSet nodes = nodes_of(kept);
    const Accuracy accuracy = runs_.attempt(nodes);
    tried_[kept] = accuracy;
    context_.log.write(LogLevel::debug, "excess {:.3g}", accuracy.excess);
    const bool with_room = !std::isfinite(accuracy.excess) || accuracy.excess <= kRoom;
    Attempt result{accuracy.met && with_room, accuracy.met, accuracy.excess / kRoom, {}};
    if (!result.met && runs_.simulated()) result.suspects = suspects(nodes);
    return result;
  }

  /// Nodes of the last attempt whose results strayed although what they took had not.
  std::vector<std::size_t> suspects(const NodeSet& kept) const {
    const Simulation& simulation = runs_.simulation();
    const auto error_of = [&](const Value* value) {
      const auto place = simulation.place_of(value);
      return place ? simulation.strayed()[*place].error() : 0;
    };
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      double in = 0;
      double out = 0;
      for (const Value* input : nodes_[i]->inputs()) in = std::max(in, error_of(input));
      for (const ir::Graph* body : nodes_[i]->subgraphs()) {
        for (const Value* output : body->outputs()) in = std::max(in, error_of(output));
      }
      for (const auto& output : nodes_[i]->outputs()) out = std::max(out, error_of(output.get()));
      if (out < kStrayed || out < kLeap * in) continue;
      if (!kept.contains(nodes_[i])) found.push_back(i);
      // A node that stays is fooled by what it takes: whoever rounded that is to blame.
      for (const Value* input : nodes_[i]->inputs()) {
        if (const Node* giver = computed_by(input); giver != nullptr && !kept.contains(giver))
          if (const auto at = index_.find(giver); at != index_.end()) found.push_back(at->second);
      }
    }
    return found;
  }

  /// The node that computes a value, past those that only move it.
  static const Node* computed_by(const Value* value) {
    while (value != nullptr && value->producer() != nullptr && moves_data(*value->producer()))
      value = value->producer()->input(0);
    return value == nullptr ? nullptr : value->producer();
  }

  std::vector<std::vector<std::size_t>> neighbours() const {
    std::vector<std::vector<std::size_t>> result(nodes_.size());
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      for (const Value* input : nodes_[i]->inputs()) {
        const auto giver = index_.find(computed_by(input));
        if (giver == index_.end() || giver->second == i) continue;
        result[i].push_back(giver->second);
        result[giver->second].push_back(i);
      }
    }
    return result;
  }

  // ---- After the search

  /// What holds on inputs that the search had may miss on others: then these count, too.
  void check_on_unseen() {
    // Where nothing was chosen, nothing was fitted to the inputs.
    if (candidates_.empty() && all_narrow_.excess <= kRoom) return;
    while (result_.met && runs_.inferences() + kInferencesOfCheck <= most_inferences() && runs_.add_unseen()) {
      progress("inputs that the search did not have");
      unseen_ = runs_.attempt_on_last(kept_);
      if (unseen_->met) return;
      context_.log.write(LogLevel::info, "the target is missed on unseen inputs: they join the search");
      look_for_few();
    }
  }

  void merge() {
    for (const Node* node : nodes_to_merge(model_, runs_.plan(kept_), runs_.simulation())) {
      if (index_.contains(node) && kept_.insert(node).second) merged_.push_back(node);
    }
  }

  void explain_that_all_stay() {
    if (runs_.inferences() + 1 <= most_inferences() && !runs_.original_against_itself().met) {
      context_.notices.push_back(
          "the target is below the original's own noise: ONNX Runtime's results of it, with and without graph "
          "optimizations, are further apart than that; everything stays as it is");
      return;
    }
    context_.notices.push_back(fmt::format(
        "no smaller set that was tried meets the target: all {} nodes that could move stay", nodes_.size()));
  }

  // ---- The report

  void report() {
    report_["nodes"] = nodes_.size();
    report_["met"] = result_.met;
    report_["locally_minimal"] = kept_.empty() || result_.met;
    report_["inferences"] = runs_.inferences();
    report_["simulated"] = runs_.simulated();
    report_["kept_nodes"] = kept_report();
    report_["groups"] = groups_report();
    if (!merged_.empty()) report_["merged_nodes"] = merged_report();
    report_["errors"] = {{"all_float16", all_narrow_.to_json()}, {"result", accuracy_.to_json()}};
    if (unseen_) report_["errors"]["unseen_inputs"] = unseen_->to_json();
    context_.plan = text();
  }

  Json kept_report() const {
    Json list = Json::array();
    for (std::size_t group = 0; group < result_.groups.size(); ++group) {
      for (const std::size_t i : result_.groups[group]) {
        list.push_back({{"node", name_of_node(*nodes_[i])},
                        {"op_type", nodes_[i]->op_type},
                        {"reason", candidates_[i].reason},
                        {"error_share", candidates_[i].share},
                        {"group", group}});
      }
    }
    return list;
  }

  Json groups_report() const {
    Json list = Json::array();
    for (const auto& group : result_.groups) {
      Json names = Json::array();
      for (const std::size_t i : group) names.push_back(name_of_node(*nodes_[i]));
      list.push_back(std::move(names));
    }
    return list;
  }

  Json merged_report() const {
    Json list = Json::array();
    for (const Node* node : merged_)
      list.push_back({{"node", name_of_node(*node)}, {"op_type", node->op_type}, {"reason", kMerged}});
    return list;
  }

  std::string text() const {
    std::string lines = fmt::format("  {} of {} nodes stay in float32; {} inferences\n", kept_.size(), nodes_.size(),
                                    runs_.inferences());
    for (const auto& group : result_.groups) {
      for (const std::size_t i : group)
        lines += fmt::format("  {}: {}\n", nodes_[i]->describe(), candidates_[i].reason);
    }
    for (const Node* node : merged_) lines += fmt::format("  {}: {}\n", node->describe(), kMerged);
    for (std::size_t i = 0; i < accuracy_.outputs.size(); ++i) {
      lines += fmt::format("  output '{}': largest error {:.3g}, all in the narrow type {:.3g}\n",
                           accuracy_.outputs[i].compared.name, accuracy_.outputs[i].compared.max_absolute_error,
                           all_narrow_.outputs[i].compared.max_absolute_error);
    }
    return lines;
  }

  const ir::Model& model_;
  const MixedRequest& request_;
  Context& context_;
  Json& report_;
  Runs runs_;
  const PrecisionPlan everything_narrow_;
  const std::vector<const Node*> nodes_;
  std::unordered_map<const Node*, std::size_t> index_;
  std::vector<Candidate> candidates_;
  std::vector<Strayed> strayed_;  ///< by place, with everything narrow
  std::map<std::vector<bool>, Accuracy> tried_;
  SearchResult result_;
  NodeSet kept_;
  std::vector<const Node*> merged_;
  Accuracy all_narrow_;
  Accuracy accuracy_;
  std::optional<Accuracy> unseen_;
};

}  // namespace

NodeSet find_nodes_to_keep(const ir::Model& model, const MixedRequest& request, Context& context, Json& report) {
  return Finder(model, request, context, report).run();
}

}  // namespace olivine::passes::mixed

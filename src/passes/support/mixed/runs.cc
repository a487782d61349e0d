#include "passes/support/mixed/runs.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/file.h"
#include "onnx/onnx.h"
#include "passes/support/mixed/counterparts.h"
#include "runtime/feeds.h"

namespace olivine::passes::mixed {
namespace {

ir::Model converted(const ir::Model& model, const PrecisionRequest& request) {
  Counterparts copy(model);
  convert_precision(copy.model(), copy.translated(request));
  return std::move(copy.model());
}

runtime::SessionOptions session_options(const AccuracyOptions& options, const std::filesystem::path& folder) {
  runtime::SessionOptions session;
  session.execution_provider = options.execution_provider;
  session.provider_options = options.provider_options;
  for (const auto& [name, path] : options.provider_libraries) {
    session.provider_libraries[name] = with_place("/provider_libraries", [&] { return find_path(path, folder); });
  }
  if (!options.library.empty()) {
    session.library = with_place("/library", [&] { return find_path(options.library, folder); });
  }
  return session;
}

runtime::InputOptions input_options(const AccuracyOptions& options, const std::filesystem::path& folder) {
  runtime::InputOptions inputs;
  for (const std::string& file : options.inputs) {
    inputs.files.push_back(with_place("/inputs", [&] { return find_path(file, folder); }));
  }
  inputs.dims = options.dims;
  inputs.seed = static_cast<std::uint64_t>(options.seed);
  inputs.runs = static_cast<int>(options.runs);
  inputs.long_axes = true;
  return inputs;
}

bool is_cpu(std::string provider) {
  std::transform(provider.begin(), provider.end(), provider.begin(), [](unsigned char c) { return std::tolower(c); });
  return provider.empty() || provider == "cpu" || provider == "cpuexecutionprovider";
}

}  // namespace

Runs::Runs(const ir::Model& model, const PrecisionRequest& request, const AccuracyOptions& options,
           const std::filesystem::path& folder, const Log& log)
    : model_(model),
      request_(request),
      narrowed_(converted(model, request)),
      judge_(model, narrowed_, options),
      session_(session_options(options, folder)),
      inputs_(input_options(options, folder)),
      log_(log),
      simulated_(options.simulate.value_or(is_cpu(options.execution_provider))),
      simulation_(model, request, session_, log) {
  try {
    observe_all();
  } catch (const Error& error) {
    // Axes of 16 may be more than the model has room for.
    if (error.code() != ErrorCode::verification || !inputs_.long_axes || !inputs_.files.empty()) throw;
    inputs_.long_axes = false;
    observe_all();
  }
}

void Runs::observe_all() {
  sets_.clear();
  truths_.clear();
  runs_ = 0;
  std::vector<runtime::Feed> feeds = runtime::make_feeds(model_, narrowed_, inputs_, log_).runs;
  searched_ = feeds.size();
  for (runtime::Feed& feed : feeds) observe(std::move(feed.a));
}

void Runs::observe(runtime::InputSet inputs) {
  sets_.push_back(std::move(inputs));
  truths_.push_back(simulation_.observe(sets_.back()));
  runs_ += 1;
}

PrecisionRequest Runs::with(const NodeSet& kept) const {
  PrecisionRequest request = request_;
  request.keep_node = [&kept, this](const ir::Node& node) { return kept.contains(&node) || request_.keep_node(node); };
  return request;
}

PrecisionPlan Runs::plan(const NodeSet& kept) const { return plan_without_conflicts(model_, with(kept)); }

Accuracy Runs::attempt(const NodeSet& kept) {
  const auto run = runner(kept);
  Accuracy accuracy;
  for (std::size_t i = 0; i < sets_.size(); ++i) judge_.add(truths_[i], run(sets_[i]), accuracy);
  return accuracy;
}

Accuracy Runs::attempt_on_last(const NodeSet& kept) {
  Accuracy accuracy;
  judge_.add(truths_.back(), runner(kept)(sets_.back()), accuracy);
  return accuracy;
}

std::function<Outputs(const runtime::InputSet&)> Runs::runner(const NodeSet& kept) {
  if (simulated_) {
    return [this, plan = plan(kept)](const runtime::InputSet& inputs) {
      runs_ += 1;
      return simulation_.attempt(inputs, plan);
    };
  }
  auto session = std::make_shared<runtime::Session>(converted(model_, with(kept)), session_, log_);
  return [this, session](const runtime::InputSet& inputs) {
    runs_ += 1;
    return session->run(inputs);
  };
}

void Runs::measure(const NodeSet& nodes, const PrecisionPlan& plan) {
  simulation_.measure(sets_.back(), nodes, plan);
  runs_ += 2 * static_cast<double>(searched_);  // every node twice, counted as if on all sets
}

bool Runs::add_unseen() {
  if (!inputs_.files.empty()) return false;
  runtime::InputOptions unseen = inputs_;
  unseen.seed += sets_.size();
  unseen.runs = 1;
  observe(std::move(runtime::make_feeds(model_, narrowed_, unseen, {}).runs.front().a));
  return true;
}

Accuracy Runs::original_against_itself() {
  Accuracy accuracy;
  judge_.add(truths_.front(), runtime::Session(model_, session_, log_).run(sets_.front()), accuracy);
  runs_ += 1;
  return accuracy;
}

}  // namespace olivine::passes::mixed

#include "workflow/pass_options.h"

#include <fmt/format.h>

#include "base/suggest.h"
#include "workflow/keys.h"

namespace olivine::workflow {
namespace {

using config::Field;
using config::OptionsSchema;

std::vector<std::string> names_of(const OptionsSchema& schema) {
  std::vector<std::string> names;
  for (const Field& field : schema.fields()) {
    names.push_back(field.name);
    names.insert(names.end(), field.aliases.begin(), field.aliases.end());
  }
  return names;
}

config::Problem unknown_option(const passes::Pass& pass, const std::string& key) {
  std::vector<std::string> names = names_of(pass.options());
  const std::vector<std::string> own = names;
  const std::vector<std::string> shared = names_of(external_data_keys());
  names.insert(names.end(), shared.begin(), shared.end());
  std::string remedy = did_you_mean(key, names);
  if (remedy.empty() && !own.empty()) remedy = fmt::format("the options of {} are {}", pass.name, fmt::join(own, ", "));
  return {"/" + key, "unknown option", std::move(remedy)};
}

void add_effective(const OptionsSchema& schema, const Json& given, Json& effective) {
  for (const Field& field : schema.fields()) {
    Json value = field.default_value;
    const auto take = [&](const std::string& name) {
      const auto entry = given.find(name);
      if (entry != given.end() && !entry->is_null()) value = *entry;
    };
    take(field.name);
    for (const std::string& alias : field.aliases) take(alias);
    if (!value.is_null()) effective[field.name] = std::move(value);
  }
}

}  // namespace

PassOptions read_pass_options(const passes::Pass& pass, const Json& given) {
  PassOptions result;
  const OptionsSchema& schema = pass.options();
  const OptionsSchema& shared_schema = external_data_keys();
  Json own = Json::object();
  Json shared = Json::object();
  for (const auto& [key, value] : given.items()) {
    const bool is_own = schema.find(key) != nullptr;
    if (!is_own && shared_schema.find(key) == nullptr) {
      result.problems.push_back(unknown_option(pass, key));
    } else if (value == "SEARCHABLE_VALUES") {
      result.problems.push_back({"/" + key, "SEARCHABLE_VALUES asks for a search", "give a value"});
    } else if (value != "DEFAULT_VALUE") {
      (is_own ? own : shared)[key] = value;
      if (!is_own && !value.is_null()) result.external_data_given.push_back(key);
    }
  }
  result.options = schema.read(own, result.problems);
  result.external_data = std::any_cast<writer::ExternalDataOptions>(shared_schema.read(shared, result.problems));
  add_effective(schema, own, result.effective);
  add_effective(shared_schema, shared, result.effective);
  return result;
}

const passes::Pass* find_pass(const std::string& name, config::Problem& problem) {
  if (const passes::Pass* pass = passes::find_pass(name)) return pass;
  std::vector<std::string> names;
  for (const passes::Pass* pass : passes::all_passes()) names.emplace_back(pass->name);
  problem.message = fmt::format("there is no pass '{}'", name);
  problem.remedy = did_you_mean(name, names);
  if (problem.remedy.empty()) problem.remedy = fmt::format("the passes are {}", fmt::join(names, ", "));
  return nullptr;
}

}  // namespace olivine::workflow
